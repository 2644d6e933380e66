"""The sound of one answer on its way out: sentences in order, read frame by frame, lowered, paused, closed.

    push -> | sentence | sentence | sentence (still coming) |
                   ^ the next sample; moves on by ``advance`` only, when the frame has really left

What was played is counted in samples that left, so whatever happens to the sound (a socket that refuses a frame, a
pause, a cut), what was heard is known, and the sound goes on with the very next sample.

Between two sentences there may be a pause: silence that leaves like sound, but only once the sound behind it is there.
How loud a frame is to be is said beside it (``Loudness``); to multiply is somebody else's work.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

import attrs

from voxbridge.core.sound.pcm import SPEECH_FRAME_BYTES, SPEECH_RATE_HZ

_BYTES_PER_S = SPEECH_RATE_HZ * 2
# 6 dB in a second: a sentence that began too low comes up without being heard to. Down it goes at once.
_RISE_PER_FRAME = 1.014
_WORD_S = 0.35  # the pace of speech, for a sentence whose sound has not all come


@attrs.define
class Sentence:
    """One sentence of the answer: its sound (24 kHz mono s16le) and how much of it came and was played, in bytes."""

    text: str
    came_bytes: int = 0
    played_bytes: int = 0
    is_complete: bool = False
    is_broken: bool = False
    """It ended before its end: there should have been more."""
    extra_words: int = 0
    """So many words are said before ``text`` that are no part of it: whose answer it is."""
    factor: float = 1.0
    """What its samples are to be multiplied by, so that all sentences are equally loud."""
    pause_bytes: int = 0
    """So much silence belongs between its last sound and what follows; what was played of it is taken off."""
    queued_bytes: int = attrs.field(default=0, init=False)
    _waiting: deque[bytes] = attrs.field(factory=deque, init=False, repr=False)
    _offset: int = attrs.field(default=0, init=False, repr=False)  # into the first piece: it is never copied

    @property
    def pause_left_bytes(self) -> int:
        """Return how much silence is still to be played behind it."""
        return max(0, self.pause_bytes) if self.came_bytes else 0

    @property
    def is_played(self) -> bool:
        """Tell whether it came whole and was played to its last sample. Of nothing, nothing was played."""
        return self.is_complete and not self.is_broken and 0 < self.came_bytes == self.played_bytes

    def push(self, pcm: bytes) -> None:
        """Add sound."""
        self.came_bytes += len(pcm)
        self.queued_bytes += len(pcm)
        self._waiting.append(pcm)

    def peek(self, wanted_bytes: int) -> bytes:
        """Return up to so much of what waits, and leave it there."""
        parts: list[bytes] = []
        offset = self._offset
        for piece in self._waiting:
            part = piece[offset : offset + wanted_bytes]
            parts.append(part)
            wanted_bytes -= len(part)
            offset = 0
            if not wanted_bytes:
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def take(self, wanted_bytes: int) -> int:
        """Count up to so much of what waits as played; return how much that is."""
        taken = left = min(wanted_bytes, self.queued_bytes)
        while left:
            in_piece = len(self._waiting[0]) - self._offset
            if left < in_piece:
                self._offset += left
                break
            left -= in_piece
            self._waiting.popleft()
            self._offset = 0
        self.played_bytes += taken
        self.queued_bytes -= taken
        return taken

    def take_back(self, wanted_bytes: int) -> bytes:
        """Remove up to so much from the end of what waits, and return it."""
        parts: list[bytes] = []
        left = min(wanted_bytes, self.queued_bytes)
        self.queued_bytes -= left
        self.came_bytes -= left
        while left:
            piece = self._waiting.pop()
            begin = max(self._offset if not self._waiting else 0, len(piece) - left)
            parts.append(piece[begin:])
            left -= len(piece) - begin
            if begin:
                self._waiting.append(piece[:begin])
        return b"".join(reversed(parts))

    def drop(self) -> None:
        """Throw away what waits."""
        self.queued_bytes = self._offset = 0
        self._waiting.clear()


@attrs.frozen
class Loudness:
    """What the samples of a frame are multiplied by: from ``begin`` to ``end`` on a straight line."""

    begin: float = 1.0
    end: float = 1.0


@attrs.define
class Gain:
    """How loud the sound is, from 0 to 1, on a straight line to where it is going. In steps of one frame."""

    level: float = 1.0
    target: float = 1.0
    _frames_left: int = attrs.field(default=0, init=False)

    @property
    def is_there(self) -> bool:
        """Tell whether it has arrived."""
        return not self._frames_left

    @property
    def next_level(self) -> float:
        """Return where it is when the next frame has left."""
        if self._frames_left <= 1:
            return self.target
        return self.level + (self.target - self.level) / self._frames_left

    def move(self, target: float, frames: int) -> None:
        """Go to ``target`` within the next ``frames`` frames, from wherever it is now."""
        self.target, self._frames_left = target, max(1, frames)

    def rise(self) -> None:
        """Come from silence to where it was going, within the next frame."""
        self.level, self._frames_left = 0.0, 1

    def advance(self) -> None:
        """Note that a frame has left."""
        self.level, self._frames_left = self.next_level, max(0, self._frames_left - 1)


@attrs.frozen
class _Step:
    """A part of a frame: so much sound of a sentence, and then so much of the pause behind it."""

    index: int
    sound_bytes: int
    pause_bytes: int


@attrs.define
class Track:
    """The sound of one answer, sentence by sentence. Closed tracks swallow what still arrives.

    Sound may come for several sentences at once; it is played in their order, and a sentence begins only when the
    one before is complete and played. ``frame`` shows the next 20 ms, ``advance`` says that they have left.
    """

    sentences: list[Sentence] = attrs.field(factory=list)
    _at: int = 0  # the sentence that is being played
    _queued_bytes: int = 0
    _played_bytes: int = 0
    _finished: bool = False
    _closed: bool = False
    _paused: bool = False
    _was_played: bool = False  # when it was closed
    _last_index: int | None = None  # no sound of a later sentence is taken any more
    _gain: Gain = attrs.field(factory=Gain)
    _factor: float | None = None  # of the sample that left last
    _is_fading_out: bool = False

    @property
    def queued_s(self) -> float:
        """Return the seconds of sound that wait to be played."""
        return self._queued_bytes / _BYTES_PER_S

    def queued_before_s(self, index: int) -> float:
        """Return the seconds of sound that are played before a sentence begins."""
        return sum(sentence.queued_bytes for sentence in islice(self.sentences, self._at, index)) / _BYTES_PER_S

    @property
    def played_samples(self) -> int:
        """Return how many samples have left: where in the sound we are, and where it goes on after a pause."""
        return self._played_bytes // 2

    @property
    def current_text(self) -> str:
        """Return the sentence that is being played, or the last that was."""
        return self.sentences[self._at].text if self.sentences else ""

    @property
    def is_closed(self) -> bool:
        """Tell whether the track was closed before its end."""
        return self._closed

    @property
    def is_paused(self) -> bool:
        """Tell whether it is paused."""
        return self._paused

    @property
    def is_done(self) -> bool:
        """Tell whether all sound has come and gone, or the track was closed."""
        return self._closed or (self._queued_bytes == 0 and self.is_whole)

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
        """Tell whether a frame can leave now."""
        return not self._paused and self.has_sound

    @property
    def has_sound(self) -> bool:
        """Tell whether there is a frame to play: a whole one, or the padded last one of a finished track."""
        if self._closed:
            return False
        ready_bytes = self._ready_bytes()
        return ready_bytes >= SPEECH_FRAME_BYTES or (ready_bytes > 0 and self.is_whole)

    def _ready_bytes(self) -> int:
        """Return how much could be played now, pauses included; of more than a frame only that it is more."""
        ready_bytes = pause_bytes = 0
        for sentence in islice(self.sentences, self._at, None):
            if sentence.queued_bytes:
                ready_bytes += pause_bytes + sentence.queued_bytes
                pause_bytes = 0
            if ready_bytes >= SPEECH_FRAME_BYTES or not sentence.is_complete:
                break
            pause_bytes += sentence.pause_left_bytes
        return ready_bytes

    def begin_sentence(self, text: str, pause_bytes: int = 0) -> int:
        """Announce the next sentence, and how much silence belongs before it; return its index."""
        if self.sentences:
            self.sentences[-1].pause_bytes += pause_bytes
        self.sentences.append(Sentence(text))
        return len(self.sentences) - 1

    def push(self, index: int, pcm: bytes) -> None:
        """Add sound of a sentence: 24 kHz mono s16le, any length that holds whole samples."""
        if self._closed or not pcm or (self._last_index is not None and index > self._last_index):
            return
        self.sentences[index].push(pcm)
        self._queued_bytes += len(pcm)

    def take_back(self, index: int, wanted_bytes: int) -> bytes:
        """Remove up to so much from the end of a sentence's sound that has not been played, and return it."""
        taken = self.sentences[index].take_back(wanted_bytes)
        self._queued_bytes -= len(taken)
        return taken

    def set_factor(self, index: int, factor: float) -> None:
        """Say what a sentence's samples are to be multiplied by; it is gone to slowly, or at once if it is less."""
        self.sentences[index].factor = factor

    def end_sentence(self, index: int, silent_bytes: int = 0, *, is_broken: bool = False) -> None:
        """Note that all sound of a sentence has come; so much silence at its end is a part of the pause behind it.

        ``is_broken``: there should have been more. So there should of one that is cut off by the track's end.
        """
        sentence = self.sentences[index]
        if not self._closed and not sentence.is_complete:
            sentence.is_complete, sentence.is_broken = True, is_broken
            sentence.pause_bytes -= silent_bytes

    def finish(self) -> None:
        """Note that no further sentence will come."""
        self._finished = True

    def stop_after_sentence(self) -> None:
        """Let the sentence that is being played be the last: what waits behind it is thrown away."""
        played = [index for index, sentence in enumerate(self.sentences) if sentence.played_bytes]
        self._last_index = last = played[-1] if played else -1
        self._drop_from(last + 1)

    def close(self) -> None:
        """Throw away what waits and what is still to come: no frame leaves after this."""
        if self._closed:
            return
        self._was_played = self.is_played
        self._closed = True
        self._drop_from(self._at)

    def _drop_from(self, index: int) -> None:
        for sentence in islice(self.sentences, index, None):
            self._queued_bytes -= sentence.queued_bytes
            sentence.drop()

    def lower(self, level: float, frames: int) -> None:
        """Bring the sound to ``level`` (0 to 1, of its own loudness) over the next ``frames`` frames; 1.0 undoes it."""
        if not self._is_fading_out:
            self._gain.move(level, frames)

    def pause(self) -> None:
        """Let no further frame leave until ``resume``. Nothing is lost: sound still comes, and waits."""
        self._paused = True

    def resume(self) -> None:
        """Go on with the sample that follows the last one that left: within a frame, so that it does not click."""
        if self._paused and self._played_bytes:
            self._gain.rise()
        self._paused = False

    def fade_out(self, frames: int) -> None:
        """Let the sound die away over the next ``frames`` frames, then close."""
        if not self._is_fading_out:
            self.lower(0.0, frames)
            self._is_fading_out = True

    def frame(self) -> bytes:
        """Return the next 20 ms, padded with silence at the very end, and leave them there. Only if ``has_frame``.

        They are as they came: how loud they are to be, says ``loudness``.
        """
        parts: list[bytes] = []
        for step in self._steps():
            parts.append(self.sentences[step.index].peek(step.sound_bytes))
            if step.pause_bytes:
                parts.append(bytes(step.pause_bytes))
        return (parts[0] if len(parts) == 1 else b"".join(parts)).ljust(SPEECH_FRAME_BYTES, b"\0")

    @property
    def loudness(self) -> Loudness:
        """Return how loud the next frame is to be."""
        sentence, after = self.sentences[self._at], self._factor_after()
        begins_anew = not sentence.queued_bytes or not sentence.played_bytes
        before = after if begins_anew or self._factor is None else self._factor
        return Loudness(before * self._gain.level, after * self._gain.next_level)

    def _factor_after(self) -> float:
        """Return the factor at the frame's end: of the sentence that it reaches, as far as that can be gone to."""
        index = self._steps()[-1].index
        sentence = self.sentences[index]
        if self._factor is None or index != self._at or not sentence.played_bytes:
            return sentence.factor
        return min(sentence.factor, self._factor * _RISE_PER_FRAME)

    def advance(self) -> None:
        """Note that the frame has left."""
        factor, taken = self._factor_after(), 0
        for step in self._steps():
            sentence = self.sentences[step.index]
            taken += sentence.take(step.sound_bytes) + step.pause_bytes
            sentence.pause_bytes -= step.pause_bytes
            self._queued_bytes -= step.sound_bytes
            self._at = step.index
        self._factor = factor
        self._played_bytes += taken
        self._gain.advance()
        if self._is_fading_out and self._gain.is_there:
            self.close()

    def _steps(self) -> list[_Step]:
        """Return what the next frame is made of, sentence by sentence."""
        if self.sentences[self._at].queued_bytes >= SPEECH_FRAME_BYTES:
            return [_Step(self._at, SPEECH_FRAME_BYTES, 0)]
        steps: list[_Step] = []
        wanted = SPEECH_FRAME_BYTES
        for index in range(self._at, len(self.sentences)):
            sentence = self.sentences[index]
            sound = min(wanted, sentence.queued_bytes)
            wanted -= sound
            goes_on = wanted > 0 and sentence.is_complete and self._has_sound_behind(index)
            pause = min(wanted, sentence.pause_left_bytes) if goes_on else 0
            wanted -= pause
            steps.append(_Step(index, sound, pause))
            if not goes_on or not wanted:
                break
        return steps

    def _has_sound_behind(self, index: int) -> bool:
        for sentence in islice(self.sentences, index + 1, None):
            if sentence.queued_bytes:
                return True
            if not sentence.is_complete:
                return False
        return False

    def waited(self, seconds: float) -> None:
        """Note that for so long nothing has left: that much of a pause is over."""
        if not self.sentences or self.sentences[self._at].queued_bytes:
            return
        spare = self._ready_bytes() - (0 if self.is_whole else SPEECH_FRAME_BYTES)
        sentence = self.sentences[self._at]
        gone = min(sentence.pause_left_bytes, max(0, spare), round(seconds * SPEECH_RATE_HZ) * 2)
        sentence.pause_bytes -= gone

    @property
    def unheard(self) -> list[str]:
        """Return the sentences that were not played to their end, the one that broke off included."""
        return [each.text for each in self.sentences if not each.is_played]

    @property
    def heard_text(self) -> str:
        """Return the words that were really played, as whole words, by the share of each sentence's sound.

        The sound of a sentence is not aligned to its words, so an interrupted sentence is cut in proportion.
        """
        heard: list[str] = []
        for sentence in self.sentences:
            if sentence.played_bytes == 0:
                continue  # the voice made no sound of it; those behind it may have been heard
            if sentence.is_played:
                heard.append(sentence.text)
                continue
            words = sentence.text.split()
            # A sentence still being synthesised has more sound to come; of one that broke off more should have come.
            is_all = sentence.is_complete and not sentence.is_broken
            total_bytes = max(sentence.came_bytes, 0 if is_all else int(len(words) * _WORD_S * _BYTES_PER_S))
            said = int((sentence.extra_words + len(words)) * sentence.played_bytes / total_bytes)
            heard.append(" ".join(words[: max(0, said - sentence.extra_words)]))
        return " ".join(part for part in heard if part)
