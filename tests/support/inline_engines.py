"""The built-in engines within a test in virtual time: the real models, called in the test's own thread.

An autojump clock would jump while a child process or a thread works. So each call blocks, and takes the virtual time
that it takes on two idle cores.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import trio

from tests.support.stages import Stage
from voxbridge.audio.turn_model import TurnModel
from voxbridge.audio.vad import VoiceActivity
from voxbridge.core.sound.pcm import HeardSound
from voxbridge.engines.transcript import PIECE_MAX_S
from voxbridge.engines.weights import whisper_dir
from voxbridge.engines.whisper import Whisper
from voxbridge.session.context import Tools
from voxbridge.session.utterance import Verdict
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.stt.phantoms import FilteredStage

HEARING_S = 0.2
JUDGING_S = 0.1


@functools.cache
def _whisper() -> Whisper:
    return Whisper(whisper_dir(), workers=1)


@functools.cache
def _turn_model() -> TurnModel:
    return TurnModel()


@attrs.define
class InlineStt(Stage):
    """The built-in Whisper."""

    delay_s: float = HEARING_S

    @asynccontextmanager
    async def open(
        self,
        speaker: Speaker,  # noqa: ARG002
        on_partial: Callable[[str], None] | None = None,  # noqa: ARG002
    ) -> AsyncIterator[InlineLine]:
        yield InlineLine(self.delay_s)


@attrs.define
class InlineLine:
    """One speaker's line."""

    delay_s: float
    sound: list[bytes] = attrs.field(factory=list)
    reconnect_count: int = 0
    is_connected: bool = True
    can_peek: bool = True

    def feed(self, sound: HeardSound) -> None:
        self.sound.append(sound.pcm)

    async def peek(self) -> Transcript:
        return await InlineFinal(b"".join(self.sound), self.delay_s, is_final=False).wait()

    def end(self, voiced_s: float = 0.0) -> InlineFinal:  # noqa: ARG002
        sound, self.sound = b"".join(self.sound), []
        return InlineFinal(sound, self.delay_s)

    async def finish(self) -> Transcript:
        return await self.end().wait()

    def discard(self) -> None:
        self.sound = []


@attrs.frozen
class InlineFinal:
    """A transcript that is made when it is waited for."""

    sound: bytes = attrs.field(repr=False)
    delay_s: float
    is_final: bool = True

    async def wait(self) -> Transcript:
        heard = _whisper().transcribe(self.sound[: int(PIECE_MAX_S * 16_000) * 2])
        await trio.sleep(self.delay_s)
        return Transcript(
            heard.text,
            is_final=self.is_final,
            confidence=heard.confidence,
            duration_s=heard.duration_s,
            no_speech=heard.no_speech,
        )


async def inline_judge(pcm: bytes) -> Verdict:
    """Ask the turn model."""
    verdict = _turn_model().completion(pcm)
    await trio.sleep(JUDGING_S)
    return verdict


def with_real_ears(tools: Tools) -> Tools:
    """Put the real voice detector, the built-in Whisper and the turn model into a room's tools."""
    return attrs.evolve(tools, stt=FilteredStage(InlineStt()), new_detector=VoiceActivity, judge=inline_judge)
