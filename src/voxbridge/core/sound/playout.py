"""Playout: which 20 ms leave next, and when.

A ``Playout`` is the room's one mouth, which plays one track (the sound of one answer) at a time:

    idle --begin--> speaking --track empty, not finished--> tail (5 silence frames) --> waiting --sound--> speaking
                        |--track played to its end--------> tail (5 silence frames) --> idle

The schedule is absolute (``t0 + n * 20 ms``). A late tick is made up at once, at most ``_CATCH_UP_FRAMES`` at a
time; after that the schedule is re-based, since a burst sounds worse than a pause. After a pause, also one that a
shut gate or a stall made within a burst, the RTP timestamp advances by the frames that were not sent.

A frame that could not leave (gate shut, socket full) is the next one again: sound counts as played when it left.

The five silence frames at the end keep receivers from interpolating past it (Discord documentation, "Voice
Connections", speaking: "send five frames of silence (0xF8, 0xFF, 0xFE) before stopping").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from voxbridge.core.sound.bed import Bed, BedFrame
from voxbridge.core.sound.pcm import FRAME_S
from voxbridge.core.sound.track import Loudness, Track

SILENCE_TAIL_FRAMES = 5
_CATCH_UP_FRAMES = 3
_EPSILON = 1e-6  # of a frame: sums of floats differ in the last bits
_UNDER_FRAMES = 3  # what sounded before the answer dies away below its first 60 ms


@attrs.frozen
class Begin:
    """A burst begins: announce that we speak; ``pause_frames`` went unsent since the last frame."""

    pause_frames: int


@attrs.frozen
class Pause:
    """Within the burst ``frames`` went unsent."""

    frames: int


@attrs.frozen
class Speak:
    """Encode and send these 20 ms, so loud; ``under`` is what dies away below them, if anything does."""

    pcm: bytes
    loudness: Loudness
    under: BedFrame | None = None


@attrs.frozen
class Hum:
    """Encode and send 20 ms that are no answer."""

    frame: BedFrame


@attrs.frozen
class Silence:
    """Send one silence frame."""


@attrs.frozen
class Dry:
    """The sound that there is was played (or is paused): what follows is silence, until more comes."""


@attrs.frozen
class End:
    """The burst is over: announce that we are silent."""


@attrs.frozen
class Done:
    """The track was played to its end (or closed)."""


PlayoutCommand = Begin | Pause | Speak | Hum | Dry | Silence | End | Done


@attrs.define
class Playout:
    """The schedule of one room's mouth. ``next_due`` None: nothing to do until sound comes."""

    next_due: float | None = None
    track: Track | None = None
    late_frames: int = 0
    rebased: int = 0
    held_since: float | None = None
    """Since when sound that is there has not been able to leave."""
    bed: Bed = attrs.field(factory=Bed)
    """What leaves while there is nothing of a track."""
    _has_stayed: bool = False
    _state: Literal["idle", "speaking", "humming", "tail"] = "idle"
    _tail_left: int = 0
    _last_frame_at: float | None = None
    _sounded_until: float | None = None
    _ahead_s: float = 0.0  # by so much the timestamps are before the clock, since an answer did not wait for a hum

    @property
    def is_idle(self) -> bool:
        """Tell whether no track is loaded and no tail is on its way."""
        return self.track is None and self._state == "idle"

    def load(self, track: Track) -> None:
        """Make ``track`` the one to play; the one before must be done or closed."""
        self.track = track

    def wake(self, now: float) -> None:
        """Note that sound came or the track's state changed; the first frame of a burst is due at once."""
        if self.track is None:
            return
        if self._state == "speaking":
            return
        if self.track.has_frame:
            # A tail in progress is cut short by new sound, but never two frames in the same 20 ms. Only a hum is not
            # waited for: the answer's first frame leaves as soon as it would without.
            is_free = self._last_frame_at is None or self._state == "humming"
            self.next_due = now if is_free else max(now, (self._last_frame_at or 0.0) + FRAME_S)
        elif self.track.is_done and self._state == "idle":
            self.next_due = now

    def hum(self, now: float) -> None:
        """Note that the bed has begun to sound."""
        if self._state == "idle":
            self.next_due = now

    def tick(self, now: float, *, can_send: bool) -> Iterator[PlayoutCommand]:
        """Yield what to do at ``now``, one after the other; call at ``next_due``. A closed gate holds the sound back.

        A ``Speak`` that could not leave is told by ``stayed`` before the next command is asked for.
        """
        for _ in range(_CATCH_UP_FRAMES):
            if self.next_due is None or self.next_due > now + 1e-9:
                return
            yield from self._step(now, can_send=can_send)
        if self.next_due is not None and self.next_due <= now:
            self.rebased += 1
            self.next_due = now + FRAME_S

    def stayed(self) -> None:
        """Note that the frame of the ``Speak`` just given could not leave."""
        self._has_stayed = True

    def _step(self, now: float, *, can_send: bool) -> Iterator[PlayoutCommand]:
        due = self.next_due
        assert due is not None
        track = self.track
        if track is not None and track.has_frame:
            if can_send:
                yield from self._speak(track, due, now)
            else:
                self._hold(now)
            return
        self.held_since = None
        if self._state == "speaking":
            self._state, self._tail_left = "tail", SILENCE_TAIL_FRAMES
            yield Dry()
        if self.bed.is_sounding and not can_send:
            self.bed.stop()
        if self.bed.is_sounding:
            yield from self._hum(due, now)
            return
        if self._state == "humming":
            self._state, self._tail_left = "tail", SILENCE_TAIL_FRAMES
        if self._state == "tail":
            yield from self._tail(due, can_send=can_send)
        else:
            yield from self._rest()

    def _hum(self, due: float, now: float) -> Iterator[PlayoutCommand]:
        yield from self._go_on(due, now)
        self._state = "humming"
        yield Hum(self.bed.next())
        self._last_frame_at = due
        self.next_due = due + FRAME_S

    def _go_on(self, due: float, now: float) -> Iterator[PlayoutCommand]:
        """Begin a burst, or account for what went unsent within it."""
        if self._state == "idle":
            pause_s = 0.0 if self._last_frame_at is None else due - self._last_frame_at - FRAME_S - self._ahead_s
            self._ahead_s = 0.0
            yield Begin(max(0, round(pause_s / FRAME_S)))
            return
        if now - due > FRAME_S / 2:
            self.late_frames += 1
        assert self._last_frame_at is not None, "a burst has begun"
        since_last_s = due - self._last_frame_at
        self._ahead_s += max(0.0, FRAME_S - since_last_s)
        unsent = int(since_last_s / FRAME_S + _EPSILON) - 1
        if unsent > 0:
            yield Pause(unsent)

    def _speak(self, track: Track, due: float, now: float) -> Iterator[PlayoutCommand]:
        yield from self._go_on(due, now)
        if self._state != "speaking" and self._sounded_until is not None:
            track.waited(due - self._sounded_until)
        self.bed.fade(_UNDER_FRAMES)
        under = self.bed.next() if self.bed.is_sounding else None
        self._state = "speaking"
        self._last_frame_at = due - FRAME_S  # the timestamp stands here now, whether the frame leaves or not
        yield Speak(track.frame(), track.loudness, under)
        if self._has_stayed:
            self._has_stayed = False
            self._hold(now)
            return
        if not track.is_closed:  # by who carried the command out
            track.advance()
        self.held_since = None
        self._last_frame_at = due
        self.next_due = self._sounded_until = due + FRAME_S

    def _hold(self, now: float) -> None:
        """Look again a frame later: the sound could not leave."""
        if self.held_since is None:
            self.held_since = now
        self.next_due = now + FRAME_S

    def _tail(self, due: float, *, can_send: bool) -> Iterator[PlayoutCommand]:
        if can_send:
            yield Silence()
            self._last_frame_at = due
        self._tail_left -= 1
        self.next_due = due + FRAME_S
        if self._tail_left == 0:
            self._state = "idle"
            yield End()
            yield from self._rest()

    def _rest(self) -> Iterator[PlayoutCommand]:
        self.next_due = None
        if self.track is not None and self.track.is_done:
            self.track = None
            yield Done()
