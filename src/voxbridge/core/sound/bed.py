"""A soft sound that leaves while nothing else does: faded in, and dying away under what comes then.

begin -> | opening (a word, at full level) | loop | loop | loop ...      until ``fade`` or ``stop``
                                           ^ fades in
"""

from __future__ import annotations

import attrs

from voxbridge.core.sound.pcm import SPEECH_FRAME_BYTES
from voxbridge.core.sound.track import Gain, Loudness


@attrs.frozen
class BedSound:
    """Some sound (24 kHz mono s16le), what it is to be multiplied by, and its words if it has any."""

    pcm: bytes = attrs.field(repr=False)
    factor: float = 1.0
    text: str = ""


@attrs.frozen
class BedFrame:
    """20 ms of it."""

    pcm: bytes = attrs.field(repr=False)
    loudness: Loudness
    text: str = ""


@attrs.define
class Bed:
    """What sounds in place of an answer. Nothing of it is counted, and nothing waits for it."""

    _opening: BedSound | None = attrs.field(default=None, init=False)
    _loop: BedSound | None = attrs.field(default=None, init=False)
    _rise_frames: int = attrs.field(default=1, init=False)
    _at: int = attrs.field(default=0, init=False)  # bytes into the opening, or into the loop
    _gain: Gain = attrs.field(factory=Gain, init=False)
    _is_ending: bool = attrs.field(default=False, init=False)

    @property
    def is_sounding(self) -> bool:
        """Tell whether there is a next frame."""
        return self._opening is not None or self._loop is not None

    def begin(self, opening: BedSound | None, loop: BedSound | None, rise_frames: int) -> None:
        """Sound from the next frame on: ``opening`` once, then ``loop`` over and over, faded in."""
        self._opening, self._loop, self._rise_frames = opening, loop, rise_frames
        self._at, self._is_ending, self._gain = 0, False, Gain()
        if opening is None:
            self._rise()

    def _rise(self) -> None:
        self._at, self._gain = 0, Gain(level=0.0)
        self._gain.move(1.0, self._rise_frames)

    def fade(self, frames: int) -> None:
        """Let it die away over so many frames; one that does already goes on doing so."""
        if self.is_sounding and not self._is_ending:
            self._is_ending = True
            self._gain.move(0.0, frames)

    def stop(self) -> None:
        """End it at once."""
        self._opening = self._loop = None

    def next(self) -> BedFrame:
        """Return the next 20 ms; they are over then. Only if ``is_sounding``."""
        sound = self._opening or self._loop
        assert sound is not None, "something sounds"
        pcm = sound.pcm[self._at : self._at + SPEECH_FRAME_BYTES].ljust(SPEECH_FRAME_BYTES, b"\0")
        level, next_level = self._gain.level, self._gain.next_level
        frame = BedFrame(pcm, Loudness(level * sound.factor, next_level * sound.factor), sound.text)
        self._advance(sound)
        return frame

    def _advance(self, sound: BedSound) -> None:
        self._gain.advance()
        self._at += SPEECH_FRAME_BYTES
        if self._is_ending and self._gain.is_there:
            self.stop()
        elif self._at >= len(sound.pcm):
            self._at = 0
            if sound is self._opening:
                self._opening = None
                if not self._is_ending:
                    self._rise()
