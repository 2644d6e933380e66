"""Speech from a Wyoming server (Piper and its kin), sentence by sentence.

    slot -> synthesize -> audio-start | audio-chunk ... | audio-stop

Piper keeps the connection after a sentence, has one model behind a lock, and sends nothing before a whole sentence is
made (rhasspy/wyoming-piper fd78db7, handler.py, read). After an ``error`` it leaves the connection open and never
answers on it again, so that one is closed here. Leaving is noticed by it at its next write: barge-in closes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Self

import attrs
import structlog
import trio

from voxbridge.config.kinds import Kind
from voxbridge.config.rules import own_kind
from voxbridge.config.stages import TtsSettings, server_url, voice
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.quote import Hidden
from voxbridge.core.wire.wav import WavFormat, to_s16_mono
from voxbridge.core.wire.wyoming import AudioFormat, WyomingEvent, entries
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.stages.contracts import SoundSink, TtsRequest
from voxbridge.stages.deadline import StageDeadline
from voxbridge.stages.tts.probing import PROBE_LIMIT_S, VoiceJudge, voice_names
from voxbridge.stages.tts.sentence import Sentence, SentenceSpeaker
from voxbridge.stages.wyoming import WyomingAddress, WyomingLine

log = structlog.get_logger(__name__)

TEXT_CHARS_MAX = 4096  # the protocol has no limit; a longer sentence is no sentence
CONNECT_LIMIT_S = 5.0
WARM_LIMIT_S = 2.0
_WIDTHS = (1, 2, 3, 4)
_RATE_HZ_MIN, _RATE_HZ_MAX = 4_000, 192_000
_INFO_EVENTS_MAX = 8
_STEP_FRAMES = 8192  # a chunk may hold minutes, and stereo is mixed at 0.1 us a sample


@attrs.frozen(kw_only=True)
class WyomingTtsSettings(TtsSettings):
    """The settings of this kind."""

    kind: str = own_kind("wyoming")
    url: str = server_url("The server.", "tcp", example="tcp://localhost:10200")
    voice: str = voice()


class WyomingSpeechStage:
    """A TtsStage on the Wyoming server at ``settings.url`` (``tcp://host:port``). Raises: ConfigError."""

    name = "wyoming"

    def __init__(self, settings: WyomingTtsSettings, *, rng: Callable[[], float] = random.random) -> None:
        self._settings = settings
        self._address = WyomingAddress.parse("tts", settings.url)
        self._judge = VoiceJudge(settings.voice, otherwise="may refuse it")
        self._kept: list[WyomingLine] = []
        self._is_warming = False
        self._speaker = SentenceSpeaker(settings, backend=self.name, chars_max=TEXT_CHARS_MAX, rng=rng)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        while self._kept:
            await self._kept.pop().close()

    @property
    def free_slots(self) -> int:
        """Return how many further requests would be sent at once."""
        return self._speaker.free_slots

    @property
    def retry_count(self) -> int:
        """Return the number of repeated attempts of all turns."""
        return self._speaker.retry_count

    async def warm(self) -> None:
        """Connect for the sentence that will be asked for soon, unless a connection is there."""
        if self._is_warming or not self._speaker.is_idle or any(line.is_quiet() for line in self._kept):
            return
        self._is_warming = True
        try:
            with trio.move_on_after(WARM_LIMIT_S):
                self._kept.append(await WyomingLine.connect(self._address, "tts", backend=self.name))
        except StageError as error:
            log.debug("no connection in advance", stage="tts", error=type(error).__name__)
        finally:
            self._is_warming = False

    @property
    def voices(self) -> tuple[str, ...]:
        """Return which voices the server has listed."""
        return self._judge.voices

    async def probe(self) -> str:
        """Ask who is there, and look for the voice. Raises: StageError."""
        with StageDeadline("tts", first_s=PROBE_LIMIT_S, backend=self.name):
            line = await self._connect()
            try:
                await line.send(WyomingEvent("describe"))
                info = await _info(line, self.name)
            finally:
                await line.close()
        programs = info.data.get("tts")
        if not isinstance(programs, list) or not programs:
            detail = "the server there is a Wyoming server, but not one that speaks: check tts.url (Piper: port 10200)"
            raise StageRefused("tts", 0, detail, backend=self.name)
        names = voice_names(entries(programs, "voices"))
        self._judge.saw(names)
        return "ready; the server's default voice" if not self._settings.voice else self._judge.line("ready", names)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        """Speak one sentence; see ``TtsStage`` and ``SentenceSpeaker.speak``.

        Raises: StageUnavailable, StageProtocolError, StageTimeout. Those raised after sound was passed on have
        ``retryable`` False.
        """
        await self._speaker.speak(request, out, self._attempt)

    async def _attempt(self, sentence: Sentence) -> None:
        wished = None if sentence.request.options is None else sentence.request.options.voice
        voice = sentence.request.voice or wished or self._settings.voice
        data: dict[str, object] = {"text": sentence.text}
        if voice:
            data["voice"] = {"name": voice}
        asked = WyomingEvent("synthesize", data)
        line = self._take_kept()
        if line is not None:
            try:
                await self._exchange(line, asked, sentence)
            except StageProtocolError:
                # The server closed the kept connection while the request was on its way: that is no failed attempt.
                if line.has_answered:
                    raise
            else:
                return
        await self._exchange(await self._connect(), asked, sentence)

    async def _exchange(self, line: WyomingLine, asked: WyomingEvent, sentence: Sentence) -> None:
        """Ask and take the answer; the connection is kept if the answer came to its end, else closed."""
        is_whole = False
        try:
            line.expect_answer()
            await line.send(asked)
            await self._receive(line, sentence)
            is_whole = True
        finally:
            if is_whole and len(self._kept) < self._settings.concurrency:
                self._kept.append(line)
            else:
                await line.close()

    async def _receive(self, line: WyomingLine, sentence: Sentence) -> None:
        sound = _Sound(self.name)
        while True:
            event = await line.receive()
            sentence.byte_came()
            match event.kind:
                case "audio-start":
                    sound.begin(AudioFormat.of(event))
                case "audio-chunk":
                    for step, pcm in enumerate(sound.add(event)):
                        if step:
                            await trio.lowlevel.checkpoint()  # others have their turn in a chunk of minutes
                        sentence.pass_on(pcm)
                case "audio-stop":
                    return
                case "error":
                    raise _failure(event, sentence.text, self.name)
                case _:
                    pass  # of a newer protocol

    def _take_kept(self) -> WyomingLine | None:
        """Take a connection on which nothing has come meanwhile; a closed one has an end of file waiting."""
        while self._kept:
            line = self._kept.pop()
            if line.is_quiet():
                return line
            line.drop()
        return None

    async def _connect(self) -> WyomingLine:
        with trio.move_on_after(CONNECT_LIMIT_S):
            return await WyomingLine.connect(self._address, "tts", backend=self.name)
        detail = f"no connection within {CONNECT_LIMIT_S:.0f} s: is the host up, and does a firewall drop packets?"
        raise StageUnavailable("tts", detail, backend=self.name)


class _Sound:
    """The sound of one answer: each chunk names its format; those that do not have the one of ``audio-start``."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._format: AudioFormat | None = None
        self._rest = b""

    def begin(self, form: AudioFormat | None) -> None:
        self._check(form)
        self._format, self._rest = form, b""

    def add(self, event: WyomingEvent) -> Iterator[Pcm]:
        form = AudioFormat.of(event) or self._format
        if form is None:
            raise self._broken("the server sends sound without saying in which format")
        if form != self._format:
            self.begin(form)
        stored = WavFormat("int", form.rate_hz, form.channels, 8 * form.width)
        data = self._rest + event.payload
        whole = len(data) - len(data) % stored.frame_bytes
        self._rest = data[whole:]
        step = _STEP_FRAMES * stored.frame_bytes
        for at in range(0, whole, step):
            yield Pcm(to_s16_mono(data[at : min(at + step, whole)], stored), form.rate_hz)

    def _check(self, form: AudioFormat | None) -> None:
        if form is not None and not (
            form.width in _WIDTHS and form.channels in (1, 2) and _RATE_HZ_MIN <= form.rate_hz <= _RATE_HZ_MAX
        ):
            found = f"{form.rate_hz} Hz, {form.width} bytes, {form.channels} channels"
            raise self._broken(f"the server sends sound that is not read: {found}")

    def _broken(self, detail: str) -> StageProtocolError:
        return StageProtocolError("tts", detail, backend=self._backend)


async def _info(line: WyomingLine, backend: str) -> WyomingEvent:
    for _ in range(_INFO_EVENTS_MAX):
        event = await line.receive()
        if event.kind == "info":
            return event
    raise StageProtocolError("tts", "the server does not say who it is", backend=backend)


def _failure(event: WyomingEvent, speech: str, backend: str) -> StageUnavailable | StageRefused:
    """Return the error that an ``error`` event stands for. Its text may repeat what we sent."""
    said = Hidden(speech=speech).clean(" ".join(event.text("text").split()))[:300]
    if event.text("code") == "VoiceNotFoundError":  # Piper's; its text is the name and nothing else
        return StageRefused("tts", 0, "the server has no such voice: check tts.voice", backend=backend)
    return StageUnavailable("tts", f"the server failed{f': {said}' if said else ''}", backend=backend)


KIND = Kind(WyomingTtsSettings, WyomingSpeechStage)
