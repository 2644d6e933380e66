"""Sound is bounded by what its text can take: a voice that does not stop is stopped, and what is over is dropped."""

from __future__ import annotations

from typing import Self

import attrs
import structlog
import trio

from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.text.pace import longest_sound_s
from voxbridge.stages.contracts import SoundSink, TtsRequest, TtsStage, voices_of, warm_up

_log = structlog.get_logger(__name__)


class SoundBound:
    """The sound that one text may have. ``enough`` is the scope of its making, cancelled when it is full.

    With ``enough`` as the outermost scope round the request, the rest is not even read; the caller has what fits.
    """

    def __init__(self, text: str, *, backend: str, speed: float = 1.0) -> None:
        self.limit_s = longest_sound_s(text, speed=speed)
        self.enough = trio.CancelScope()
        self.given_s = 0.0
        """Seconds of sound that were let through."""
        self._backend = backend

    @property
    def left_s(self) -> float:
        """Return the seconds that still fit."""
        return self.limit_s - self.given_s

    def fit(self, pcm: Pcm) -> Pcm | None:
        """Return what of a piece fits; None if nothing does. With the first that does not, it is all over."""
        if self.enough.cancel_called:
            return None
        if pcm.duration_s > self.left_s:
            pcm = attrs.evolve(pcm, data=pcm.data[: 2 * pcm.channels * round(self.left_s * pcm.rate_hz)])
            _log.warning(
                "the voice goes on after its text: the rest is dropped",
                backend=self._backend,
                limit_ms=round(self.limit_s * 1000),
            )
            self.enough.cancel(reason="deadline:tts")
        self.given_s += pcm.duration_s
        return pcm if pcm.data else None


class BoundedVoice:
    """A speech backend of somebody else's, whose sound is bounded. Ours are bounded where they read it."""

    def __init__(self, stage: TtsStage) -> None:
        self._stage = stage
        self.name = stage.name

    async def __aenter__(self) -> Self:
        await self._stage.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stage.__aexit__(*exc_info)

    @property
    def voices(self) -> tuple[str, ...]:
        """Return which voices the backend knows of."""
        return voices_of(self._stage)

    async def probe(self) -> str:
        """Let the backend look at its server. Raises: StageError."""
        return await self._stage.probe()

    async def warm(self) -> None:
        """Let the backend open its connection, if it can."""
        await warm_up(self._stage)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        """Speak one sentence; see ``TtsStage``. Raises: StageError."""
        bound = SoundBound(request.text, backend=self.name)
        with bound.enough:
            await self._stage.speak(request, _Bounded(out, bound))


class _Bounded:
    """A SoundSink in front of another, that lets through what fits."""

    def __init__(self, out: SoundSink, bound: SoundBound) -> None:
        self._out, self._bound = out, bound
        self.asked, self.first_byte = out.asked, out.first_byte

    def push(self, pcm: Pcm) -> None:
        if (fitting := self._bound.fit(pcm)) is not None:
            self._out.push(fitting)
