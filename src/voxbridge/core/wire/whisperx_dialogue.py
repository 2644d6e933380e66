"""One connection in the ``whisperx`` protocol: what to send next, and whose final it was.

The plain protocol has no ids and cannot forget, so order is all there is to go by. The rules:

- Audio that follows a ``finalize`` belongs to the next utterance, so it may be sent at once; but only one
  ``finalize`` is outstanding at a time, so that finals are matched by order.
- An utterance that is given up when nothing of it was sent is simply passed over. Otherwise the server has to lose its
  audio: by ``discard`` if it knows the extension, else by a ``finalize`` whose final is ignored.
- What cannot be read is passed over, unless a final is due.
- An ``error`` may be of a partial, which costs nothing; if it was of the final, the connection closes next.

A lost connection takes its dialogue along: the next one begins with the oldest utterance that is still owed.
Pull, not push: the one writer takes what is due, so an utterance that is given up leaves nothing behind in a queue.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import count

import attrs

from voxbridge.core.stt.owed import Owed
from voxbridge.core.wire import whisperx

TAKE_MAX = 32  # messages per write: a replay is not thousands of system calls, a live packet still leaves alone


@attrs.define(eq=False)
class _Sent:
    """What of an utterance is on the wire."""

    owed: Owed
    id: int
    sent: int = 0
    """Packets, counted as ``Owed.fed`` is."""
    finalized_at: float | None = None
    has_failed: bool = False
    """An ``error`` came after ``finalize``."""


@attrs.frozen
class PartialHeard:
    """Words of the utterance in progress."""

    owed: Owed
    text: str


@attrs.frozen
class FinalHeard:
    """The final of an utterance, be it waited for or not."""

    owed: Owed
    final: whisperx.Final


@attrs.frozen
class PeekHeard:
    """An early transcript that was asked for."""

    peek: whisperx.Peeked


@attrs.frozen
class PeekLost:
    """An early transcript will not come."""

    peek_id: int


@attrs.frozen
class ServerFailed:
    """The server reported an error: of a partial, or of a final."""


@attrs.frozen
class Garbled:
    """While a final was due, a message came that cannot be read: very likely that was it."""

    message: str | bytes


@attrs.frozen
class Stray:
    """A final or an early transcript that nobody waits for: late, or doubled."""


DialogueEvent = PartialHeard | FinalHeard | PeekHeard | PeekLost | ServerFailed | Garbled | Stray


class Dialogue:
    """Says what to send and whose answer came. Times are seconds on any one clock; ``limit_s`` is for a final."""

    def __init__(self, *, start: str, limit_s: float) -> None:
        self._start, self._limit_s = start, limit_s
        self._is_started = False
        self._sent: deque[_Sent] = deque()
        self._peeks: dict[int, Owed] = {}
        self._unsent_peeks: deque[int] = deque()
        self._ids = count(1)
        self.has_extension = False

    def take(self, owed: Sequence[Owed], now: float) -> list[str | bytes]:
        """Return the messages to send now, in order; empty if there is nothing to say. ``owed``: oldest first."""
        out: list[str | bytes] = []
        if not self._is_started:
            self._is_started = True
            out.append(self._start)
        on_the_wire = {each.owed.id for each in self._sent}
        waiting = deque(each for each in owed if each.id not in on_the_wire)
        is_one_outstanding = False
        for each in list(self._sent):
            self._advance(each, out, now, is_one_outstanding)
            if each.finalized_at is not None:
                is_one_outstanding = True
            elif each in self._sent:
                return out  # what follows belongs to the next utterance and has to wait
        while waiting:
            each = _Sent(waiting.popleft(), next(self._ids))
            self._sent.append(each)
            self._advance(each, out, now, is_one_outstanding)
            if each.finalized_at is None:
                break
            is_one_outstanding = True
        return out

    def _advance(self, each: _Sent, out: list[str | bytes], now: float, is_one_outstanding: bool) -> None:
        if each.owed.is_over:
            self._lose(each, out, now, is_one_outstanding)
            return
        packets, each.sent = each.owed.after(each.sent, TAKE_MAX - len(out))
        out += packets
        if each.sent < each.owed.fed:
            return
        self._ask_early(each.owed, out)
        if each.owed.has_ended and each.finalized_at is None and not is_one_outstanding:
            self._finalize(each, out, now)

    def _ask_early(self, owed: Owed, out: list[str | bytes]) -> None:
        while self._unsent_peeks and self._peeks.get(self._unsent_peeks[0], owed) is owed:
            peek_id = self._unsent_peeks.popleft()
            if peek_id in self._peeks and not owed.has_ended:
                out.append(whisperx.peek(peek_id))

    def _lose(self, each: _Sent, out: list[str | bytes], now: float, is_one_outstanding: bool) -> None:
        """Let the server forget an utterance that was given up."""
        if each.finalized_at is not None:
            return
        if self.has_extension:
            out.append(whisperx.DISCARD)
            self._sent.remove(each)
        elif not is_one_outstanding:
            self._finalize(each, out, now)

    def _finalize(self, each: _Sent, out: list[str | bytes], now: float) -> None:
        each.finalized_at, each.owed.is_told = now, True
        out.append(whisperx.finalize(each.id if self.has_extension else None))

    def peek(self, owed: Owed) -> int:
        """Ask for an early transcript of an open utterance; return its id."""
        peek_id = next(self._ids)
        self._peeks[peek_id] = owed
        self._unsent_peeks.append(peek_id)
        return peek_id

    def forget_peek(self, peek_id: int) -> None:
        """Give an early transcript up."""
        self._peeks.pop(peek_id, None)

    @property
    def answer_due(self) -> float:
        """Return when the outstanding final is overdue, after which the connection is not to be trusted."""
        finalized = (each.finalized_at for each in self._sent if each.finalized_at is not None)
        return next(finalized, math.inf) + self._limit_s

    @property
    def due(self) -> Owed | None:
        """Return the utterance whose final is due."""
        return next((each.owed for each in self._sent if each.finalized_at is not None), None)

    @property
    def failed(self) -> Owed | None:
        """Return the utterance whose final has failed, if the connection closes now."""
        return next((each.owed for each in self._sent if each.has_failed), None)

    def receive(self, message: str | bytes) -> DialogueEvent | None:
        """Take in a message of the server. Anything we do not know is ignored."""
        match whisperx.parse(message):
            case whisperx.Ready():
                self.has_extension = True
            case whisperx.Partial(text):
                # Only of an utterance in progress. While a final is due, a partial may be anybody's.
                if self._sent and self._sent[0].sent and not self._sent[0].owed.has_ended:
                    return PartialHeard(self._sent[0].owed, text)
            case whisperx.Final() as final:
                return self._on_final(final)
            case whisperx.Peeked() as peek:
                return Stray() if self._peeks.pop(peek.id, None) is None else PeekHeard(peek)
            case whisperx.Failed(failed_id):
                return self._on_failed(failed_id)
            case whisperx.Unreadable() if self.due is not None:
                return Garbled(message)
            case whisperx.Unreadable():
                pass
            case None:
                pass
        return None

    def _on_final(self, final: whisperx.Final) -> FinalHeard | Stray:
        for each in self._sent:
            if each.finalized_at is not None and final.id in {None, each.id}:
                self._sent.remove(each)
                return FinalHeard(each.owed, final)
        return Stray()

    def _on_failed(self, failed_id: int | None) -> PeekLost | ServerFailed:
        if failed_id is not None and self._peeks.pop(failed_id, None) is not None:
            return PeekLost(failed_id)
        for each in self._sent:
            if each.finalized_at is not None:
                each.has_failed = True
                break
        return ServerFailed()
