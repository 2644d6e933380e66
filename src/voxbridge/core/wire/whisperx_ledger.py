"""The ledger of one speaker's utterances on a ``whisperx`` connection: what to send next, and whose final it was.

The plain protocol has no ids and cannot forget, so order is all there is to go by. The rules:

- Audio that follows a ``finalize`` belongs to the next utterance, so it may be sent at once; but only one
  ``finalize`` is outstanding at a time, so that finals are matched by order.
- An utterance stays here, packets included, until its final is in. A lost connection starts over with the oldest:
  the new session of the server has heard nothing.
- An abandoned utterance (barge-in, deadline, a cough) of which nothing was sent is simply dropped. Otherwise the
  server has to lose its audio: by ``discard`` if it knows the extension, else by a ``finalize`` whose final is ignored.
- A failed ``finalize`` (``error``, then the connection closes) is replayed once.

Pull, not push: the one writer of a connection takes what is due, so an utterance that is given up leaves nothing
behind in a queue.
"""

from __future__ import annotations

from collections import deque
from itertools import count

import attrs

from voxbridge.core.wire import whisperx

PACKETS_MAX = 6000  # 120 s: the longest utterance that endpointing allows
TAKE_MAX = 32  # messages per write: a replay is not thousands of system calls, a live packet still leaves alone


@attrs.define(eq=False)
class Utterance:
    """One utterance. ``ended_at`` None: still open."""

    id: int
    packets: deque[bytes] = attrs.field(factory=lambda: deque(maxlen=PACKETS_MAX))
    fed: int = 0
    """Packets fed in all; those before the last ``PACKETS_MAX`` are gone."""
    ended_at: float | None = None
    is_abandoned: bool = False
    failures: int = 0
    sent: int = 0
    """Packets sent on this connection, counted as ``fed`` is."""
    finalized_at: float | None = None
    """When ``finalize`` was sent on this connection."""
    has_failed: bool = False
    """An ``error`` came after ``finalize`` on this connection."""

    @property
    def first(self) -> int:
        """Return the number of the oldest packet kept."""
        return self.fed - len(self.packets)


@attrs.frozen
class PartialHeard:
    """Words of the utterance in progress."""

    text: str


@attrs.frozen
class FinalHeard:
    """The final of an utterance that somebody waits for."""

    utterance: Utterance
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
class UtteranceFailed:
    """The server failed twice to transcribe an utterance."""

    utterance: Utterance


@attrs.frozen
class ServerFailed:
    """The server reported an error that costs nothing: of a partial, or the first of a final."""


@attrs.frozen
class Stray:
    """A final or an early transcript that nobody waits for: late, doubled, or of something given up."""


LedgerEvent = PartialHeard | FinalHeard | PeekHeard | PeekLost | UtteranceFailed | ServerFailed | Stray


class UtteranceLedger:
    """Says what to send and whose answer came. Times are seconds on any one clock; ``limit_s`` is for a final."""

    def __init__(self, *, start: str, limit_s: float) -> None:
        self._start, self._limit_s = start, limit_s
        self._utterances: deque[Utterance] = deque()
        self._peeks: dict[int, Utterance] = {}
        self._unsent_peeks: deque[int] = deque()
        self._ids = count(1)
        self._is_started = False
        self.has_extension = False

    # -- what the speaker does --

    @property
    def current(self) -> Utterance | None:
        """Return the open utterance."""
        last = self._utterances[-1] if self._utterances else None
        return last if last is not None and last.ended_at is None and not last.is_abandoned else None

    @property
    def is_pending(self) -> bool:
        """Tell whether anybody waits for a transcript, or speaks."""
        return any(not each.is_abandoned for each in self._utterances)

    @property
    def awaited(self) -> list[Utterance]:
        """Return the ended utterances whose finals somebody may wait for, oldest first."""
        return [each for each in self._utterances if each.ended_at is not None and not each.is_abandoned]

    def feed(self, packet: bytes) -> None:
        """Add a packet to the open utterance, which it opens if there is none."""
        utterance = self.current
        if utterance is None:
            utterance = Utterance(next(self._ids))
            self._utterances.append(utterance)
        utterance.packets.append(packet)
        utterance.fed += 1

    def end(self, now: float) -> Utterance | None:
        """End the open utterance and return it; None if nothing was fed."""
        utterance = self.current
        if utterance is not None:
            utterance.ended_at = now
        return utterance

    def abandon(self, utterance: Utterance) -> None:
        """Give an utterance up: nobody waits for it any more."""
        utterance.is_abandoned = True
        utterance.packets.clear()
        if utterance.sent == 0 and utterance in self._utterances:
            self._utterances.remove(utterance)

    def peek(self) -> int | None:
        """Ask for an early transcript of the open utterance; return its id, or None if nothing was fed."""
        if self.current is None:
            return None
        peek_id = next(self._ids)
        self._peeks[peek_id] = self.current
        self._unsent_peeks.append(peek_id)
        return peek_id

    def forget_peek(self, peek_id: int) -> None:
        """Give an early transcript up."""
        self._forget(peek_id)

    def _forget(self, peek_id: int) -> bool:
        return self._peeks.pop(peek_id, None) is not None

    # -- what the connection does --

    def take(self, now: float) -> list[str | bytes]:
        """Return the messages to send now, in order; empty if there is nothing to say."""
        out: list[str | bytes] = []
        if not self._is_started:
            self._is_started = True
            out.append(self._start)
        is_one_outstanding = False
        for utterance in list(self._utterances):
            if utterance.ended_at is not None and now - utterance.ended_at > self._limit_s:
                self.abandon(utterance)  # nobody took its final in time
                if utterance not in self._utterances:
                    continue
            if utterance.is_abandoned:
                self._take_abandoned(utterance, out, now, is_one_outstanding)
            else:
                self._take_live(utterance, out, now, is_one_outstanding)
            if utterance.finalized_at is not None:
                is_one_outstanding = True
            elif utterance in self._utterances:
                break  # what follows belongs to the next utterance and has to wait
        return out

    def _take_live(self, utterance: Utterance, out: list[str | bytes], now: float, outstanding: bool) -> None:
        utterance.sent = max(utterance.sent, utterance.first)
        while utterance.sent < utterance.fed:
            if len(out) >= TAKE_MAX:
                return
            out.append(utterance.packets[utterance.sent - utterance.first])
            utterance.sent += 1
        while self._unsent_peeks and self._peeks.get(self._unsent_peeks[0], utterance) is utterance:
            peek_id = self._unsent_peeks.popleft()
            if peek_id in self._peeks and utterance.ended_at is None:
                out.append(whisperx.peek(peek_id))
        if utterance.ended_at is not None and utterance.finalized_at is None and not outstanding:
            self._finalize(utterance, out, now)

    def _take_abandoned(self, utterance: Utterance, out: list[str | bytes], now: float, outstanding: bool) -> None:
        if utterance.finalized_at is not None:
            return
        if self.has_extension:
            out.append(whisperx.DISCARD)
            self._utterances.remove(utterance)
        elif not outstanding:
            self._finalize(utterance, out, now)

    def _finalize(self, utterance: Utterance, out: list[str | bytes], now: float) -> None:
        utterance.finalized_at = now
        out.append(whisperx.finalize(utterance.id if self.has_extension else None))

    def final_due(self) -> float | None:
        """Return when the outstanding final is overdue, after which the connection is not to be trusted."""
        for utterance in self._utterances:
            if utterance.finalized_at is not None:
                return utterance.finalized_at + self._limit_s
        return None

    def receive(self, message: str | bytes) -> LedgerEvent | None:
        """Take in a message of the server. Anything we do not know is ignored."""
        match whisperx.parse(message):
            case whisperx.Ready():
                self.has_extension = True
            case whisperx.Partial(text):
                # Only of an utterance in progress. While a final is due, a partial may be anybody's.
                if self.current is not None and self._utterances[0] is self.current and self.current.sent:
                    return PartialHeard(text)
            case whisperx.Final() as final:
                return self._on_final(final)
            case whisperx.Peeked() as peek:
                return PeekHeard(peek) if self._forget(peek.id) else Stray()
            case whisperx.Failed(failed_id):
                return self._on_failed(failed_id)
            case None:
                pass
        return None

    def _on_final(self, final: whisperx.Final) -> LedgerEvent:
        for utterance in self._utterances:
            if utterance.finalized_at is None or final.id not in {None, utterance.id}:
                continue
            self._utterances.remove(utterance)
            return Stray() if utterance.is_abandoned else FinalHeard(utterance, final)
        return Stray()

    def _on_failed(self, failed_id: int | None) -> LedgerEvent:
        if failed_id is not None and self._forget(failed_id):
            return PeekLost(failed_id)
        for utterance in self._utterances:
            if utterance.finalized_at is not None:
                # Perhaps of a partial that was under way; if it was of the final, the connection closes next.
                utterance.has_failed = True
                break
        return ServerFailed()

    def lost(self) -> list[LedgerEvent]:
        """Note that the connection is gone; return what will not come any more."""
        events: list[LedgerEvent] = [PeekLost(peek_id) for peek_id in self._peeks]
        self._peeks.clear()
        self._unsent_peeks.clear()
        self._is_started = self.has_extension = False
        for utterance in list(self._utterances):
            utterance.failures += utterance.has_failed
            if utterance.failures > 1 and not utterance.is_abandoned:
                events.append(UtteranceFailed(utterance))
                utterance.is_abandoned = True
            if utterance.is_abandoned:
                self._utterances.remove(utterance)
            utterance.sent, utterance.finalized_at, utterance.has_failed = 0, None, False
        return events
