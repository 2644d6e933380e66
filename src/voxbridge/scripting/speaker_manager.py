"""A whole conversation for scripts: one voice port, one speaker at a time, every step on command.

    start_transcription -> send_audio ... -> finalize_transcript -> wait_for_ai_response -> wait_for_tts_start
                                                 |
                                                 +-> a real Turn (voxbridge.session): agent, sentences, speech, playout

Where the daemon listens for the end of speech, a script says it. All the rest is the daemon's own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Self

import attrs
import trio

from voxbridge.audio.vad import VoiceActivity
from voxbridge.clock import wall_iso
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import carried
from voxbridge.core.text.gaps import Gaps
from voxbridge.core.turns.barge_in import SpeechOver
from voxbridge.core.turns.endpointing import TurnEnded
from voxbridge.core.turns.floor import Floor
from voxbridge.errors import StageError, StageProtocolError
from voxbridge.scripting.background import Background, Started
from voxbridge.scripting.whisper_client import WhisperClient, speaker_of
from voxbridge.session.context import RoomContext, Tools
from voxbridge.session.judge import no_judge
from voxbridge.session.mouth import Mouth, PlayoutClock
from voxbridge.session.report import TurnReport
from voxbridge.session.rules import rules_now
from voxbridge.session.turn import Turn
from voxbridge.session.utterance import Words
from voxbridge.session.voice import VoicePort
from voxbridge.stages.agent.n8n import N8nSettings, N8nStage
from voxbridge.stages.contracts import (
    AgentEvent,
    AgentRequest,
    AgentStage,
    AnswerSink,
    PendingFinal,
    SoundSink,
    Speaker,
    TextDelta,
    TextFlush,
    Transcript,
    TtsRequest,
    TtsStage,
)
from voxbridge.stages.stt.whisperx import WhisperXSettings, WhisperXStage
from voxbridge.stages.tts.chatterbox import ChatterboxSettings, ChatterboxStage

WHISPER_URL = "ws://localhost:4901"
"""Where a WhisperX server of the first VoxBridge listens."""
# A script's servers are next door, and somebody waits for its result: 50 and 100 ms instead of 250 and 500.
_RETRY_DELAY_MS = 50
_DEFAULTS = Settings()


@attrs.define(eq=False)
class _Exchange:
    """What a script may ask about one turn."""

    turn: Turn
    answer: str | None = None
    agent_error: StageError | None = None
    tts_error: StageError | None = None
    report: TurnReport | None = None

    @property
    def is_over(self) -> bool:
        return self.report is not None


@attrs.define(eq=False)
class _KeptFinal:
    """A final transcript on its way to the turn, whose failure the script is told as well."""

    pending: PendingFinal
    transcript: Transcript | None = None
    error: StageError | None = None

    async def wait(self) -> Transcript:
        try:
            self.transcript = await self.pending.wait()
        except StageError as error:
            self.error = error
            raise
        return self.transcript


class _OverheardAgent(N8nStage):
    """The agent stage, whose answers are overheard."""

    def __init__(self, settings: N8nSettings, on_answer: Callable[[str, str | StageError], None]) -> None:
        super().__init__(settings)
        self._on_answer = on_answer

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        overheard = _Overheard(out)
        try:
            await super().answer(request, overheard)
        except StageError as error:
            self._on_answer(request.turn_id, error)
            raise
        self._on_answer(request.turn_id, "".join(overheard.said))


class _Overheard:
    """An AnswerSink that keeps what was passed on."""

    def __init__(self, out: AnswerSink) -> None:
        self._out, self.said = out, list[str]()
        self._gaps = Gaps()

    def asked(self) -> None:
        self._out.asked()

    def send_nowait(self, event: AgentEvent) -> None:
        self._out.send_nowait(event)
        self._keep(event)

    async def send(self, event: AgentEvent) -> None:
        await self._out.send(event)
        self._keep(event)

    def _keep(self, event: AgentEvent) -> None:
        if isinstance(event, TextDelta):
            self.said.append(self._gaps.add(event.text))
        elif isinstance(event, TextFlush):
            self._gaps.part()


class _OverheardVoice(ChatterboxStage):
    """The text-to-speech stage, whose failures are overheard."""

    def __init__(self, settings: ChatterboxSettings, on_failure: Callable[[str, StageError], None]) -> None:
        super().__init__(settings)
        self._on_failure = on_failure

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        try:
            await super().speak(request, out)
        except StageError as error:
            self._on_failure(request.turn_id, error)
            raise


class _Mute:
    """Text to speech without a server: answers stay text."""

    name = "mute"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    async def probe(self) -> str:
        return "mute: answers are not spoken"

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:  # noqa: ARG002
        await trio.lowlevel.checkpoint()


class SpeakerManager:
    """Drives one voice port's conversation by hand.

    ``bot`` is the voice that speaks (a ``VoicePort``), ``n8n_url`` the agent's webhook. Without ``chatterbox_url``
    answers stay text. Nothing is opened before the first awaited call; see ``voxbridge.scripting.background`` for
    where the work lives.
    """

    def __init__(
        self,
        bot: VoicePort,
        whisper_url: str = WHISPER_URL,
        n8n_url: str = "",
        chatterbox_url: str = "",
        *,
        settings: Settings = _DEFAULTS,
    ) -> None:
        self._bot = bot
        agent = carried(
            N8nSettings,
            settings.agent,
            url=Secret(n8n_url),
            # what early workflows look for
            also_as=getattr(settings.agent, "also_as", ()) or ("transcript", "text"),
            retry_delay_ms=min(settings.agent.retry_delay_ms, _RETRY_DELAY_MS),
        )
        stt = carried(WhisperXSettings, settings.stt, url=whisper_url)
        self._settings = attrs.evolve(
            settings,
            stt=stt,
            agent=agent,
            tts=carried(ChatterboxSettings, settings.tts, url=chatterbox_url) if chatterbox_url else settings.tts,
        )
        self._stt = stt
        self._background = Background()
        self._agent = _OverheardAgent(agent, self._on_answer)
        self._context: RoomContext | None = None
        self._nursery: trio.Nursery | None = None
        self._whisper: WhisperClient | None = None
        self._speaker = speaker_of(0)
        self._speech_began_at: float | None = None
        self._exchanges: dict[str, _Exchange] = {}
        self._latest: _Exchange | None = None
        self.last_transcript: str | None = None
        self.last_ai_response: str | None = None
        self.last_report: TurnReport | None = None
        """The timeline of the last turn that has ended, its parts judged by the settings' targets."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    @property
    def retry_count(self) -> int:
        """Return how often the agent was asked again."""
        return self._agent.retry_count

    @property
    def tts_playing(self) -> bool:
        """Tell whether an answer is being played: its first frame has left and its last has not."""
        latest = self._latest
        return latest is not None and latest.turn.is_sounding and not latest.is_over

    async def start_transcription(self, user_id: str | int) -> None:
        """Connect for a user, if that was not done before. Raises: StageError."""
        speaker = self._speaker_named(user_id)
        if self._whisper is None or self._speaker != speaker:
            await self._hang_up()
            self._whisper, self._speaker = WhisperClient(self._settings.stt), speaker
            await self._whisper.connect(self._stt.url, user_id)
        self._speech_began_at = trio.current_time()
        await trio.lowlevel.checkpoint()

    async def on_speaking_start(self, user_id: str | int) -> None:
        """Take note that a user begins to speak, which cuts an answer short unless the settings say otherwise.

        Raises: StageError.
        """
        await self.start_transcription(user_id)
        context = await self._room()
        # who calls this has decided that it is speech
        context.interruptions.on_speech(self._speaker, SpeechOver(self._speaker.user_id, "confirmed", math.inf))

    async def send_audio(self, opus: bytes) -> None:
        """Send one 20 ms Opus packet of the user; does not wait for words. Raises: StageError."""
        await self._hearing().send_audio(opus)

    async def finalize_transcript(self) -> str:
        """End the utterance, wait for its words and ask the agent, whose answer is not waited for.

        Raises: StageError if there are no words.
        """
        final = _KeptFinal(self._hearing().line.end())
        exchange = await self._open_turn(Words(None, final), self._speaker)
        heard = await exchange.turn.question.all_words()
        if final.error is not None:
            raise final.error
        self.last_transcript = heard
        return heard

    async def on_silence_detected(self) -> str:
        """Take note that the user has finished; see ``finalize_transcript``."""
        return await self.finalize_transcript()

    async def send_to_n8n(self, text: str, user_id: str | int) -> str | None:
        """Ask the agent, wait for the whole answer and return it; it is spoken meanwhile. Raises: StageError."""
        speaker = self._speaker_named(user_id)
        await self._open_turn(Words(Transcript(text), None), speaker)
        return await self.wait_for_ai_response()

    async def wait_for_ai_response(self) -> str | None:
        """Wait for the whole answer of the last turn and return it; None if nothing was said that wants one.

        Raises: StageError if there is none.
        """
        exchange = self._exchange()
        await self._background.until(
            lambda: exchange.answer is not None or exchange.agent_error is not None or exchange.is_over
        )
        if exchange.agent_error is not None:
            raise exchange.agent_error
        return exchange.answer

    async def wait_for_tts_start(self) -> None:
        """Wait until the first frame of the last turn's answer has left. Raises: StageError if none will."""
        exchange = self._exchange()
        await self._background.until(lambda: exchange.turn.is_sounding or exchange.is_over)
        if not exchange.turn.is_sounding:
            silent = StageProtocolError("tts", "the turn ended without a sound: nothing to say, or no voice to say it")
            raise exchange.agent_error or exchange.tts_error or silent

    async def wait_for_turn_end(self) -> TurnReport:
        """Wait until the last turn's answer was played to its end, and return its timeline."""
        exchange = self._exchange()
        await self._background.until(lambda: exchange.is_over)
        assert exchange.report is not None
        return exchange.report

    async def aclose(self) -> None:
        """End everything; a script that does not call it is cleaned up at the end of its run."""
        await self._hang_up()
        await self._background.stop()
        self._context = self._nursery = None

    async def _hang_up(self) -> None:
        whisper, self._whisper = self._whisper, None
        if whisper is not None:
            await whisper.aclose()

    def _speaker_named(self, user_id: str | int) -> Speaker:
        return speaker_of(user_id, self._bot.guild_id, self._bot.channel_id)

    def _hearing(self) -> WhisperClient:
        if self._whisper is None:
            raise StageProtocolError("stt", "nobody is listened to: call start_transcription(user_id) first")
        return self._whisper

    def _exchange(self) -> _Exchange:
        if self._latest is None:
            raise StageProtocolError("agent", "nothing was asked: call finalize_transcript() or send_to_n8n() first")
        return self._latest

    # -- the room --

    async def _room(self) -> RoomContext:
        if self._context is None:
            nursery, context = await self._background.start(self._live)
            self._nursery, self._context = nursery, context
        return self._context

    async def _live(self, status: Started[tuple[trio.Nursery, RoomContext]]) -> None:
        settings = self._settings
        voice = settings.tts
        tts: TtsStage = _OverheardVoice(voice, self._on_mute) if isinstance(voice, ChatterboxSettings) else _Mute()
        agent: AgentStage = self._agent
        async with agent, tts, trio.open_nursery() as nursery:
            clock = PlayoutClock()
            mouth = Mouth(self._bot, clock, stereo=settings.discord.send_stereo)
            clock.add(mouth)
            nursery.start_soon(clock.run)
            nursery.start_soon(self._watch, mouth)
            status.started((nursery, self._context_of(mouth, tts)))

    def _context_of(self, mouth: Mouth, tts: TtsStage) -> RoomContext:
        numbers = itertools.count(1)
        tools = Tools(
            rules_now=rules_now(lambda: self._settings),
            stt=WhisperXStage(self._stt),
            agent=self._agent,
            tts=tts,
            new_detector=VoiceActivity,
            judge=no_judge,
            on_report=self._on_report,
            new_turn_id=lambda: f"turn-{next(numbers)}",
            wall_iso=wall_iso,
            apology=lambda _language: None,
        )
        return RoomContext(tools, self._bot, mouth, Floor(), participants=lambda: 1)

    async def _watch(self, mouth: Mouth) -> None:
        while True:
            await mouth.until_changed()
            self._background.touch()

    async def _open_turn(self, words: Words, speaker: Speaker) -> _Exchange:
        context = await self._room()
        assert self._nursery is not None
        now = trio.current_time()
        began = self._speech_began_at if self._speech_began_at is not None else now
        self._speech_began_at = None
        ended = TurnEnded(now, began, speech_end=now, voiced_s=now - began, confirmed=True, reason="silence")
        turn = Turn(context, speaker, ended, words, prior=None, before=None)
        self._latest = self._exchanges[turn.id] = _Exchange(turn)
        self._nursery.start_soon(turn.run)
        return self._latest

    def _on_answer(self, turn_id: str, outcome: str | StageError) -> None:
        exchange = self._exchanges[turn_id]
        if isinstance(outcome, StageError):
            exchange.agent_error = outcome
        else:
            self.last_ai_response = exchange.answer = outcome
        self._background.touch()

    def _on_mute(self, turn_id: str, error: StageError) -> None:
        self._exchanges[turn_id].tts_error = error

    def _on_report(self, report: TurnReport) -> None:
        self.last_report = report
        self._exchanges.pop(report.turn_id).report = report
        self._background.touch()
