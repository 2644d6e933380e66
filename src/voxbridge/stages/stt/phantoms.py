"""The filter of phantom transcripts round any speech-to-text stage: see ``core.text.phantoms``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import structlog

from voxbridge.core.sound.pcm import HeardSound
from voxbridge.core.text.phantoms import heard, is_phantom
from voxbridge.stages.contracts import PendingFinal, Speaker, SttSession, Transcript
from voxbridge.stages.stt.wrapped import WrappedStt

_log = structlog.get_logger(__name__)


class FilteredStage(WrappedStt):
    """Speech to text without the phantoms of ``inner``: such a transcript comes out empty, as if nothing was said."""

    @asynccontextmanager
    async def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AsyncIterator[FilteredLine]:
        """Open a line for one speaker; entering does not wait for the connection."""
        filtered: FilteredLine | None = None

        def pass_on(text: str) -> None:
            # A phantom interrupts nobody: what is no speech by now is not even a partial transcript.
            sound_s = 0.0 if filtered is None else filtered.sound_s
            if on_partial is not None and not is_phantom(text, sound_s=sound_s):
                on_partial(text)

        async with self._inner.open(speaker, None if on_partial is None else pass_on) as line:
            filtered = FilteredLine(line)
            yield filtered


@attrs.frozen
class _FilteredFinal:
    inner: PendingFinal
    sound_s: float

    async def wait(self) -> Transcript:
        """Return the final transcript. Raises: StageError."""
        return _filtered(await self.inner.wait(), self.sound_s)


class FilteredLine:
    """One speaker's line; see ``SttSession``."""

    def __init__(self, inner: SttSession) -> None:
        self._inner = inner
        self._sound_s = 0.0

    @property
    def sound_s(self) -> float:
        """Return the seconds of sound of the current utterance."""
        return self._sound_s

    @property
    def reconnect_count(self) -> int:
        """Return how often the line was lost and made anew."""
        return self._inner.reconnect_count

    @property
    def is_connected(self) -> bool:
        """Tell whether the line is up now."""
        return self._inner.is_connected

    @property
    def can_peek(self) -> bool:
        """Tell whether ``peek`` is possible."""
        return self._inner.can_peek

    def feed(self, sound: HeardSound) -> None:
        """Add a piece of sound to the current utterance."""
        self._sound_s += sound.duration_s
        self._inner.feed(sound)

    async def peek(self) -> Transcript:
        """Transcribe what was fed so far. Raises: StageError."""
        sound_s = self._sound_s
        return _filtered(await self._inner.peek(), sound_s)

    def end(self, voiced_s: float = 0.0) -> PendingFinal:
        """End the utterance now."""
        sound_s, self._sound_s = self._sound_s, 0.0
        return _FilteredFinal(self._inner.end(voiced_s), sound_s)

    async def finish(self) -> Transcript:
        """End the utterance and wait for its final transcript. Raises: StageError."""
        return await self.end().wait()

    def discard(self) -> None:
        """Forget the current utterance."""
        self._sound_s = 0.0
        self._inner.discard()


def _filtered(transcript: Transcript, sound_s: float) -> Transcript:
    text = heard(transcript.text, sound_s=sound_s, no_speech=transcript.no_speech, confidence=transcript.confidence)
    if text == transcript.text:
        return transcript
    _log.info(
        "phantom transcript dropped" if not text else "phantom cut from a transcript",
        sound_ms=round(sound_s * 1000),
        characters=len(transcript.text) - len(text),
    )
    return attrs.evolve(transcript, text=text)
