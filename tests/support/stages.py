"""Stages as a plug-in would bring them: no server behind them, and a bug where the test wants one."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Self

import attrs
import trio

from tests.support.voices import tone_pcm
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, HeardSound, Pcm
from voxbridge.stages.contracts import AgentRequest, AnswerSink, SoundSink, Speaker, TextDelta, Transcript, TtsRequest

Outcome = str | Exception


def _queue(outcomes: Iterable[Outcome]) -> deque[Outcome]:
    return deque(outcomes)


@attrs.define
class Stage:
    """What all of them share. ``delay_s`` is how long an answer takes."""

    outcomes: deque[Outcome] = attrs.field(factory=deque, converter=_queue)
    delay_s: float = 0.1
    name: str = "scripted"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        pass

    async def probe(self) -> str:
        await trio.lowlevel.checkpoint()
        return "scripted"

    async def next_outcome(self, default: str) -> str:
        """Return the next scripted text after the delay, or raise the next scripted error."""
        outcome = self.outcomes.popleft() if self.outcomes else default
        await trio.sleep(self.delay_s)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@attrs.define
class ScriptedStt(Stage):
    """Hears what the script says; ``utterances`` are the packets of each utterance that was ended."""

    can_peek: bool = False
    peeks: deque[Outcome] = attrs.field(factory=deque, converter=_queue)
    feed_errors: int = 0
    utterances: list[list[bytes]] = attrs.field(factory=list)
    voiced_s: list[float] = attrs.field(factory=list)
    opened: int = 0
    open_errors: int = 0
    """How many lines break as soon as they are opened."""
    broken: trio.Event | None = None
    """When it is set, the first line breaks down, as by a bug in the task that reads it."""

    @asynccontextmanager
    async def open(
        self,
        speaker: Speaker,  # noqa: ARG002
        on_partial: Callable[[str], None] | None = None,  # noqa: ARG002
    ) -> AsyncIterator[ScriptedLine]:
        self.opened += 1
        if self.open_errors:
            self.open_errors -= 1
            raise RuntimeError("a bug in the plug-in")
        async with trio.open_nursery() as nursery:
            if self.broken is not None and self.opened == 1:
                nursery.start_soon(self._break, self.broken)
            yield ScriptedLine(self)
            nursery.cancel_scope.cancel()

    @staticmethod
    async def _break(broken: trio.Event) -> None:
        await broken.wait()
        raise RuntimeError("a bug in the plug-in")


MADE_UP = b""
"""What a scripted line has for a piece of sound that came in no packet."""


@attrs.define
class ScriptedLine:
    """One speaker's line."""

    stage: ScriptedStt
    packets: list[bytes] = attrs.field(factory=list)
    reconnect_count: int = 0
    is_connected: bool = True

    @property
    def can_peek(self) -> bool:
        return self.stage.can_peek

    def feed(self, sound: HeardSound) -> None:
        if self.stage.feed_errors:
            self.stage.feed_errors -= 1
            raise RuntimeError("a bug in the plug-in")
        self.packets.append(sound.opus or MADE_UP)

    async def peek(self) -> Transcript:
        outcome = self.stage.peeks.popleft() if self.stage.peeks else "early"
        await trio.sleep(self.stage.delay_s)
        if isinstance(outcome, Exception):
            raise outcome
        return Transcript(outcome, is_final=False)

    def end(self, voiced_s: float = 0.0) -> ScriptedFinal:
        self.stage.voiced_s.append(voiced_s)
        self.stage.utterances.append(self.packets)
        self.packets = []
        return ScriptedFinal(self.stage)

    async def finish(self) -> Transcript:
        return await self.end().wait()

    def discard(self) -> None:
        self.packets = []


@attrs.frozen
class ScriptedFinal:
    """A final that comes after the stage's delay, counted from when it is waited for."""

    stage: ScriptedStt

    async def wait(self) -> Transcript:
        return Transcript(await self.stage.next_outcome("hello"))


@attrs.define
class ScriptedAgent(Stage):
    """Says what the script says, in one piece."""

    retry_count: int = 0
    requests: list[AgentRequest] = attrs.field(factory=list)

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        self.requests.append(request)
        out.asked()
        text = await self.next_outcome("Hello there. This is the answer.")
        if text:
            await out.send(TextDelta(text))


@attrs.define
class ScriptedTts(Stage):
    """Speaks a tone of ``sound_s`` for each sentence; an outcome that is an error is raised after half of it."""

    sound_s: float = 1.0
    spoken: list[str] = attrs.field(factory=list)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        out.asked()
        outcome = self.outcomes.popleft() if self.outcomes else ""
        await trio.sleep(self.delay_s)
        if not isinstance(outcome, Exception):
            self.spoken.append(request.text)
        whole = self.sound_s if not isinstance(outcome, Exception) else self.sound_s / 2
        if whole:
            out.push(Pcm(tone_pcm(whole), SPEECH_RATE_HZ))
        if isinstance(outcome, Exception):
            raise outcome


def bugs(count: int) -> Iterable[Outcome]:
    """Make so many errors of the kind that no stage may raise."""
    return [RuntimeError("a bug in the plug-in")] * count
