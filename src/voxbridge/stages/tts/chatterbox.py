"""Speech from a Chatterbox server, sentence by sentence, while it is being made.

    slot -> POST form -> 200 | WAV header | PCM ... PCM | end
                          first byte        first PCM     last PCM

The server (travisvn/chatterbox-tts-api, default port 4123; the embedded engines speak the same) sends the WAV header
before any synthesis, so the first byte proves nothing and the first sample is what counts. Whatever fails after the
header is a cut body, never a status. It has no lock round its one model, hence the limiter here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Self

import structlog
import trio

from voxbridge.config.settings import TtsSettings
from voxbridge.core.backoff import Backoff
from voxbridge.core.quote import Hidden
from voxbridge.core.sound import Pcm
from voxbridge.core.wav import WavError, WavReader
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.stages import Mark, TtsRequest
from voxbridge.stages.http import Response, open_client, open_response, raise_for_status, read_body
from voxbridge.stages.tts.chatterbox_probe import probe
from voxbridge.stages.tts.deadline import SentenceDeadline
from voxbridge.stages.tts.fair import FairLimiter, Slot

log = structlog.get_logger(__name__)

SPEECH_PATH = "/audio/speech/stream/upload"
ENGINES_URL = "http://engines/v1"
"""Base URL of the embedded engines: over their unix socket the host is only a name."""
TEXT_CHARS_MAX = 3000  # the server's own limit; beyond it the whole text comes back in a 422
UNAVAILABLE_RETRIES_MAX = 2
CUT_RETRIES_MAX = 1
RETRY_BASE_S, RETRY_CAP_S = 0.1, 1.0
# All announced sound is in; what may follow are trailing chunks and the end, at once or (garbage collection of the
# server) a third of a second later. A connection is cheaper than that.
END_GRACE_S = 0.02
CLOSE_S = 0.25


class ChatterboxStage:
    """A TtsStage on a Chatterbox server at ``settings.url``, or on the embedded engines' unix socket ``uds``.

    The URL may end in ``/v1``, in a slash or in the speech route itself. ``rng`` gives the jitter of retries.

    Raises: ConfigError for a URL that is none. (The numbers were checked against the server's ranges when the
    configuration was read.)
    """

    name = "chatterbox"

    def __init__(self, settings: TtsSettings, *, uds: str = "", rng: Callable[[], float] = random.random) -> None:
        self._settings = settings
        self._is_ours = bool(uds)
        self._client = open_client("tts", base_url(settings.url or (ENGINES_URL if uds else "")), uds=uds)
        self._limiter = FairLimiter(settings.concurrency)
        self._rng = rng
        self.retry_count = 0
        """Repeated attempts of all turns."""

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        with trio.move_on_after(CLOSE_S, shield=True):
            await self._client.aclose()

    @property
    def free_slots(self) -> int:
        """Return how many further requests would be sent at once."""
        return self._limiter.free

    async def probe(self) -> str:
        """Ask for health, the speech route and the voices; return a line for the operator. Raises: StageError."""
        return await probe(self._client, self._settings, backend=self.name, speech_path=SPEECH_PATH)

    async def speak(self, request: TtsRequest, out: Callable[[Pcm], None], mark: Mark) -> None:
        """Speak one sentence; see ``TtsStage``.

        May be called for the next sentence before this one is over: the limiter sends it as soon as the model is
        free, which may be long before the end of this answer. ``tts_last_pcm`` is marked with each piece of sound,
        so its last mark stands.

        Tried again only while there was no sound: a server that cannot be reached or cannot serve (twice), an
        answer that broke off or is no sound (once). After a cancel the connection is closed and the slot free.

        Raises: StageRefused, StageUnavailable, StageProtocolError, StageTimeout. Those raised after sound was passed
        on have ``retryable`` False.
        """
        text = request.text.strip()
        if not text:
            return
        if len(text) > TEXT_CHARS_MAX:
            detail = f"a sentence of {len(text)} characters is too long to be spoken (at most {TEXT_CHARS_MAX})"
            raise StageRefused("tts", 0, detail, backend=self.name)
        async with self._limiter.slot(request.turn_id) as slot:
            sentence = _Sentence(text, self._form(text, request.voice), out, mark, slot)
            # A text shorter than a chunk is one call of the model, over before its first sample is sent. Ours
            # streams within a call.
            sentence.frees_slot_at_first_sound = not self._is_ours and len(text) < self._settings.streaming_chunk_size
            mark("tts_request")
            try:
                with SentenceDeadline(self._settings, backend=self.name) as deadline:
                    await self._attempts(sentence, deadline)
            except StageError as error:
                if sentence.sound_s:
                    error.retryable = False
                raise

    def _form(self, text: str, voice: str | None) -> dict[str, str]:
        settings = self._settings
        fields: dict[str, object] = {
            "input": text,
            "voice": voice or settings.voice or None,  # without one the server takes its default
            "exaggeration": settings.exaggeration,
            "cfg_weight": settings.cfg_weight,
            "temperature": settings.temperature,
            "streaming_chunk_size": settings.streaming_chunk_size,
            "streaming_strategy": "sentence",
        }
        return {name: str(value) for name, value in fields.items() if value is not None}

    async def _attempts(self, sentence: _Sentence, deadline: SentenceDeadline) -> None:
        retries = _Retries(self._rng, reserve_s=self._settings.first_byte_target_ms / 1000)
        while True:
            deadline.attempt()
            try:
                await self._attempt(sentence, deadline)
            except (StageUnavailable, StageProtocolError) as error:
                wait_s = None if sentence.sound_s else retries.wait_s(error)
                if wait_s is None:
                    raise
                log.warning("speech is asked for again", error=type(error).__name__, wait_ms=round(wait_s * 1000))
            else:
                return
            self.retry_count += 1
            await trio.sleep(wait_s)

    async def _attempt(self, sentence: _Sentence, deadline: SentenceDeadline) -> None:
        reader = WavReader()
        try:
            async with open_response(
                self._client, "tts", "POST", SPEECH_PATH, backend=self.name, data=sentence.form
            ) as response:
                await raise_for_status(response, "tts", backend=self.name, hidden=Hidden(speech=sentence.text))
                await _receive(response, reader, sentence, deadline)
            reader.finish()
        except WavError as error:
            raise StageProtocolError("tts", f"the answer is no sound: {error}", backend=self.name) from error
        except StageProtocolError:
            if not reader.is_over:
                raise
            # Cut, but behind the last sample that the header announced: nothing is missing.


class _Sentence:
    """What one call of ``speak`` knows."""

    def __init__(self, text: str, form: dict[str, str], out: Callable[[Pcm], None], mark: Mark, slot: Slot) -> None:
        self.text, self.form = text, form
        self._out, self._mark, self._slot = out, mark, slot
        self.frees_slot_at_first_sound = False
        self.sound_s = 0.0
        self._has_byte = False

    def byte_came(self) -> None:
        """Note the first body byte."""
        if not self._has_byte:
            self._has_byte = True
            self._mark("tts_first_byte")

    def pass_on(self, pcm: Pcm) -> None:
        """Hand sound to the caller."""
        if not self.sound_s:
            self._mark("tts_first_pcm")
            if self.frees_slot_at_first_sound:
                self.model_is_free()
        self.sound_s += pcm.duration_s
        self._mark("tts_last_pcm")
        self._out(pcm)

    def model_is_free(self) -> None:
        """Let the next request go out while we take the rest of this answer."""
        self._slot.release()


async def _receive(response: Response, reader: WavReader, sentence: _Sentence, deadline: SentenceDeadline) -> None:
    """Pass the sound on as it comes, to the end of the body or the last sample that was announced.

    Raises: WavError.
    """
    broken: WavError | None = None

    async def take(data: bytes) -> bool:  # read_body awaits it
        nonlocal broken
        if not sentence.sound_s:
            sentence.byte_came()
            deadline.first_byte()
        try:
            samples = reader.feed(data)
        except WavError as error:
            broken = error
            return True
        if samples:
            assert reader.format is not None
            sentence.pass_on(Pcm(samples, reader.format.rate_hz))
            deadline.sound(sentence.sound_s)
        if reader.is_over and math.isinf(patience.deadline):
            sentence.model_is_free()
            patience.deadline = trio.current_time() + END_GRACE_S
        return False

    with trio.CancelScope() as patience:
        await read_body(response, take)
    if broken is not None:
        raise broken


class _Retries:
    """Says whether an attempt that gave no sound is repeated, and after how many seconds."""

    def __init__(self, rng: Callable[[], float], *, reserve_s: float) -> None:
        self._backoff = Backoff(base_s=RETRY_BASE_S, cap_s=RETRY_CAP_S, rng=rng)
        self._reserve_s = reserve_s
        self._unavailable = self._cut = 0

    def wait_s(self, error: StageUnavailable | StageProtocolError) -> float | None:
        """Return the seconds to wait, or None if the error is to be raised."""
        now = trio.current_time()
        if isinstance(error, StageProtocolError):
            self._cut += 1
            wait_s: float | None = 0.0 if self._cut <= CUT_RETRIES_MAX else None
        else:
            self._unavailable += 1
            wait_s = self._backoff.failed(now, 0.0) if self._unavailable <= UNAVAILABLE_RETRIES_MAX else None
            if wait_s is not None and error.retry_after_s is not None:
                wait_s = max(wait_s, error.retry_after_s)
        # An attempt that could not end in time would turn the real error into a timeout.
        if wait_s is None or now + wait_s + self._reserve_s > trio.current_effective_deadline():
            return None
        return wait_s


def base_url(url: str) -> str:
    """Return the URL to which routes are added, from whatever a user may have copied into the configuration."""
    return url.strip().rstrip("/").removesuffix(SPEECH_PATH).rstrip("/")
