"""Playout: which 20 ms leave next, and when.

A ``Track`` is the sound of one answer; a ``Playout`` is the room's one mouth, which plays one track at a time:

    idle --begin--> speaking --track empty, not finished--> tail (5 silence frames) --> waiting --sound--> speaking
                        |--track played to its end--------> tail (5 silence frames) --> idle

The schedule is absolute (``t0 + n * 20 ms``). A late tick is made up at once, at most ``_CATCH_UP_FRAMES`` at a
time; after that the schedule is re-based, since a burst sounds worse than a pause. After a pause, also one that a
shut gate or a stall made within a burst, the RTP timestamp advances by the frames that were not sent.

The five silence frames at the end keep receivers from interpolating past it (Discord documentation, "Voice
Connections", speaking: "send five frames of silence (0xF8, 0xFF, 0xFE) before stopping").
"""

from __future__ import annotations

import array
from collections import deque
from typing import Literal

import attrs

from voxbridge.core.sound.pcm import FRAME_S, SPEECH_FRAME_BYTES, SPEECH_RATE_HZ

SILENCE_TAIL_FRAMES = 5
_CATCH_UP_FRAMES = 3
_EPSILON = 1e-6  # of a frame: sums of floats differ in the last bits
_BYTES_PER_S = SPEECH_RATE_HZ * 2


@attrs.define
class Sentence:
    """One sentence of the answer: its sound (24 kHz mono s16le) and how much of it came and was played, in bytes."""

    text: str
    came_bytes: int = 0
    played_bytes: int = 0
    is_complete: bool = False
    queued_bytes: int = attrs.field(default=0, init=False)
    _waiting: deque[bytes] = attrs.field(factory=deque, init=False, repr=False)

    @property
    def is_played(self) -> bool:
        """Tell whether it came whole and was played to its last sample."""
        return self.is_complete and self.played_bytes == self.came_bytes

    def push(self, pcm: bytes) -> None:
        """Add sound."""
        self.came_bytes += len(pcm)
        self.queued_bytes += len(pcm)
        self._waiting.append(pcm)

    def take(self, wanted_bytes: int) -> bytes:
        """Take up to so much of what waits."""
        parts: list[bytes] = []
        while wanted_bytes and self._waiting:
            piece = self._waiting.popleft()
            if len(piece) > wanted_bytes:
                self._waiting.appendleft(piece[wanted_bytes:])
                piece = piece[:wanted_bytes]
            wanted_bytes -= len(piece)
            parts.append(piece)
        taken = b"".join(parts)
        self.played_bytes += len(taken)
        self.queued_bytes -= len(taken)
        return taken

    def drop(self) -> None:
        """Throw away what waits."""
        self.queued_bytes = 0
        self._waiting.clear()


@attrs.define
class Track:
    """The sound of one answer, sentence by sentence. Closed tracks swallow what still arrives.

    Sound may come for several sentences at once; it is played in their order, and a sentence begins only when the
    one before is complete and played.
    """

    sentences: list[Sentence] = attrs.field(factory=list)
    _at: int = 0  # the sentence that is being played
    _finished: bool = False
    _closed: bool = False
    _was_played: bool = False  # when it was closed
    _last_index: int | None = None  # no sound of a later sentence is taken any more
    _fade_frames: int = 0
    _fade_left: int = -1

    @property
    def _queued_bytes(self) -> int:
        return sum(sentence.queued_bytes for sentence in self.sentences[self._at :])

    @property
    def queued_s(self) -> float:
        """Return the seconds of sound that wait to be played."""
        return self._queued_bytes / _BYTES_PER_S

    @property
    def is_closed(self) -> bool:
        """Tell whether the track was closed before its end."""
        return self._closed

    @property
    def is_done(self) -> bool:
        """Tell whether all sound has come and gone, or the track was closed."""
        return self._closed or (self.is_whole and self._queued_bytes == 0)

    @property
    def is_whole(self) -> bool:
        """Tell whether all sound that will be taken has come."""
        last = self._last_index
        return self._finished or (last is not None and (last < 0 or self.sentences[last].is_complete))

    @property
    def is_played(self) -> bool:
        """Tell whether there was sound and all of it was played to its last sample, before it was closed if it was."""
        if self._closed:
            return self._was_played
        return self.is_whole and bool(self.sentences) and all(sentence.is_played for sentence in self.sentences)

    @property
    def has_frame(self) -> bool:
        """Tell whether a frame can be taken: a whole one, or the padded last one of a finished track."""
        if self._closed:
            return False
        ready_bytes = 0
        for sentence in self.sentences[self._at :]:
            ready_bytes += sentence.queued_bytes
            if ready_bytes >= SPEECH_FRAME_BYTES:
                return True
            if not sentence.is_complete:
                break
        return ready_bytes > 0 and self.is_whole

    def begin_sentence(self, text: str) -> int:
        """Announce the next sentence; return its index."""
        self.sentences.append(Sentence(text))
        return len(self.sentences) - 1

    def push(self, index: int, pcm: bytes) -> None:
        """Add sound of a sentence: 24 kHz mono s16le, any length that holds whole samples."""
        if self._closed or not pcm or (self._last_index is not None and index > self._last_index):
            return
        self.sentences[index].push(pcm)

    def end_sentence(self, index: int) -> None:
        """Note that all sound of a sentence has come."""
        self.sentences[index].is_complete = True

    def finish(self) -> None:
        """Note that no further sentence will come."""
        self._finished = True

    def stop_after_sentence(self) -> None:
        """Let the sentence that is being played be the last: what waits behind it is thrown away."""
        played = [index for index, sentence in enumerate(self.sentences) if sentence.played_bytes]
        self._last_index = last = played[-1] if played else -1
        for sentence in self.sentences[last + 1 :]:
            sentence.drop()

    def close(self) -> None:
        """Throw away what waits and what is still to come: no frame leaves after this."""
        self._was_played = self.is_played
        self._closed = True
        for sentence in self.sentences[self._at :]:
            sentence.drop()

    def fade_out(self, frames: int) -> None:
        """Let the sound die away over the next ``frames`` frames, then close."""
        if self._fade_left < 0:
            self._fade_frames = self._fade_left = max(1, frames)

    def take_frame(self) -> bytes:
        """Return the next 20 ms, padded with silence at the very end. Only if ``has_frame``."""
        frame = self.sentences[self._at].take(SPEECH_FRAME_BYTES)
        while len(frame) < SPEECH_FRAME_BYTES and self._at + 1 < len(self.sentences):
            if not self.sentences[self._at].is_complete:
                break
            self._at += 1
            frame += self.sentences[self._at].take(SPEECH_FRAME_BYTES - len(frame))
        frame = frame.ljust(SPEECH_FRAME_BYTES, b"\0")
        return frame if self._fade_left < 0 else self._faded(frame)

    def _faded(self, frame: bytes) -> bytes:
        samples = array.array("h", frame)
        step = self._fade_frames * len(samples)
        done = (self._fade_frames - self._fade_left) * len(samples)
        self._fade_left -= 1
        if self._fade_left <= 0:
            self.close()
        return array.array("h", (int(sample * (step - done - i) / step) for i, sample in enumerate(samples))).tobytes()

    @property
    def unheard_text(self) -> str:
        """Return the sentences that were not played to their end, the one that broke off included."""
        return " ".join(each.text for each in self.sentences if not each.is_played)

    @property
    def heard_text(self) -> str:
        """Return the words that were really played, as whole words, by the share of each sentence's sound.

        The sound of a sentence is not aligned to its words, so an interrupted sentence is cut in proportion.
        """
        heard: list[str] = []
        for sentence in self.sentences:
            if sentence.played_bytes == 0:
                break
            if sentence.is_played:
                heard.append(sentence.text)
                continue
            words = sentence.text.split()
            # A sentence still being synthesised has more sound to come: guess by the pace of speech, 0.35 s a word.
            total_bytes = max(sentence.came_bytes, 0 if sentence.is_complete else int(len(words) * 0.35 * _BYTES_PER_S))
            heard.append(" ".join(words[: int(len(words) * sentence.played_bytes / total_bytes)]))
            break
        return " ".join(part for part in heard if part)


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
    """Encode and send these 20 ms."""

    pcm: bytes


@attrs.frozen
class Silence:
    """Send one silence frame."""


@attrs.frozen
class End:
    """The burst is over: announce that we are silent."""


@attrs.frozen
class Done:
    """The track was played to its end (or closed)."""


PlayoutCommand = Begin | Pause | Speak | Silence | End | Done


@attrs.define
class Playout:
    """The schedule of one room's mouth. ``next_due`` None: nothing to do until sound comes."""

    next_due: float | None = None
    track: Track | None = None
    late_frames: int = 0
    rebased: int = 0
    _state: Literal["idle", "speaking", "tail"] = "idle"
    _tail_left: int = 0
    _last_frame_at: float | None = None

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
            # A tail in progress is cut short by new sound, but never two frames in the same 20 ms.
            earliest = now if self._last_frame_at is None else max(now, self._last_frame_at + FRAME_S)
            self.next_due = earliest
        elif self.track.is_done and self._state == "idle":
            self.next_due = now

    def tick(self, now: float, *, can_send: bool) -> list[PlayoutCommand]:
        """Return what to do at ``now``; call at ``next_due``. A closed gate holds the sound back."""
        commands: list[PlayoutCommand] = []
        for _ in range(_CATCH_UP_FRAMES):
            if self.next_due is None or self.next_due > now + 1e-9:
                return commands
            commands += self._step(now, can_send=can_send)
        if self.next_due is not None and self.next_due <= now:
            self.rebased += 1
            self.next_due = now + FRAME_S
        return commands

    def _step(self, now: float, *, can_send: bool) -> list[PlayoutCommand]:
        due = self.next_due
        assert due is not None
        track = self.track
        if track is not None and track.has_frame:
            if not can_send:
                self.next_due = now + FRAME_S
                return []
            return self._speak(track, due, now)
        if self._state == "speaking":
            self._state, self._tail_left = "tail", SILENCE_TAIL_FRAMES
        if self._state == "tail":
            return self._tail(due, can_send=can_send)
        return self._rest()

    def _speak(self, track: Track, due: float, now: float) -> list[PlayoutCommand]:
        commands: list[PlayoutCommand] = []
        if self._state == "idle":
            pause_s = 0.0 if self._last_frame_at is None else due - self._last_frame_at - FRAME_S
            commands.append(Begin(max(0, round(pause_s / FRAME_S))))
        else:
            if now - due > FRAME_S / 2:
                self.late_frames += 1
            assert self._last_frame_at is not None, "a burst has begun"
            unsent = int((due - self._last_frame_at) / FRAME_S + _EPSILON) - 1
            if unsent > 0:
                commands.append(Pause(unsent))
        self._state = "speaking"
        commands.append(Speak(track.take_frame()))
        self._last_frame_at = due
        self.next_due = due + FRAME_S
        return commands

    def _tail(self, due: float, *, can_send: bool) -> list[PlayoutCommand]:
        commands: list[PlayoutCommand] = []
        if can_send:
            commands.append(Silence())
            self._last_frame_at = due
        self._tail_left -= 1
        self.next_due = due + FRAME_S
        if self._tail_left == 0:
            self._state = "idle"
            commands += [End(), *self._rest()]
        return commands

    def _rest(self) -> list[PlayoutCommand]:
        self.next_due = None
        if self.track is not None and self.track.is_done:
            self.track = None
            return [Done()]
        return []
