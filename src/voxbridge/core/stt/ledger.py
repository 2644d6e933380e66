"""The ledger of one speaker's line: what is owed, who serves it, and when the server is called again.

Two tables say it all; the rest of the module looks up in them. A **call** is a series of connections for one purpose:
the line's only one that serves everything in order (``Manners.is_lasting``), or one per utterance, of which the next
may be made ahead. What is **owed** is one utterance: its packets are kept until its transcript is in, since a
connection that is made anew has heard nothing.

    call   RESTING --dial--> DIALLING --up--> UP           any --done--> OVER (a call for one utterance)
              ^----------------lost-----------|

    owed   OPEN --end--> ENDED --answer--> OVER            any --drop--> OVER (barge-in, a cough, the limit)
             |             '--refused, exhausted, too late--> FAILED: told now
             |--refused----> REFUSED --end--> FAILED       no try is made for it again, unless one is taken meanwhile
             |--exhausted--> DOOMED  --end--> FAILED       the server had it in hand too often
             '--end in an outage--> LAST_TRY --lost--> FAILED, --up--> ENDED

When to call again:

- Where nothing listens (ABSENT), a try costs nobody anything: every 250 ms while somebody speaks or waits, so that a
  server that returns is used within 300 ms.
- A server that is there and fails (BROKEN, LATE) is given growing pauses with full jitter, up to 2 s while somebody
  waits; not so where the tries are counted. Nobody waits: up to 10 s in both cases.
- REFUSED stands until somebody mends it: each utterance is asked for once, and beside that a look is taken every 5 s.
- Who names a time (Retry-After) is left alone until then, and what cannot wait so long fails at once.
- Nothing is connected ahead while a call that somebody waits for is trying.
- When an utterance was lost to a server that is not there, or others have found that it is down, the outage is known:
  the next ones get one try each after their end, and the apology does not wait for the limit again. The same for a
  server that is known to be mute, whether it is connected or not: half of the limit has to do.
- A final that is overdue makes the server's other promises doubtful: connections made meanwhile are not used.

Times are seconds on any one clock.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count

import attrs

from voxbridge.core.health.backoff import Backoff
from voxbridge.core.sound.pcm import HEARING_RATE_HZ

KEPT_S = 602.0
"""The longest utterance that may be configured, and its preroll: all of an utterance can be told again."""
KEPT_BYTES = round(KEPT_S * 2 * HEARING_RATE_HZ)

PENDING_WAIT_S = 0.25
BROKEN_WAIT_S_MAX = 2.0
IDLE_WAIT_S_MAX = 10.0
REFUSED_WAIT_S = 5.0
LAST_TRY_S = 1.0
CLEARLY_VOICED_S = 0.5  # a word takes no longer; a cough or a chair is shorter, or no voice to the detector
_FIRST_WAIT_S = 0.25
_HEALTHY_S = 5.0  # a connection that held for so long was well, and the pauses begin anew
# One wrong header must not deafen us for a day.
_RETRY_AFTER_S_MAX = 60.0


class OwedState(enum.Enum):
    """What an utterance waits for."""

    OPEN = enum.auto()
    REFUSED = enum.auto()
    DOOMED = enum.auto()
    ENDED = enum.auto()
    LAST_TRY = enum.auto()
    FAILED = enum.auto()
    OVER = enum.auto()


class OwedEvent(enum.Enum):
    """What happens to an utterance."""

    END = enum.auto()
    END_IN_OUTAGE = enum.auto()
    UP = enum.auto()
    LOST = enum.auto()
    REFUSED = enum.auto()
    EXHAUSTED = enum.auto()
    TOO_LATE = enum.auto()
    ANSWER = enum.auto()
    DROP = enum.auto()


_S, _E = OwedState, OwedEvent
_ENDS = {_S.FAILED: dict.fromkeys(_E, _S.FAILED), _S.OVER: dict.fromkeys(_E, _S.OVER)}
OWED: Mapping[OwedState, Mapping[OwedEvent, OwedState]] = {
    _S.OPEN: {
        _E.END: _S.ENDED,
        _E.END_IN_OUTAGE: _S.LAST_TRY,
        _E.UP: _S.OPEN,
        _E.LOST: _S.OPEN,
        _E.REFUSED: _S.REFUSED,
        _E.EXHAUSTED: _S.DOOMED,
        _E.TOO_LATE: _S.OPEN,
        _E.DROP: _S.OVER,
    },
    _S.REFUSED: {
        _E.END: _S.FAILED,
        _E.END_IN_OUTAGE: _S.FAILED,
        _E.UP: _S.OPEN,
        _E.LOST: _S.OPEN,
        _E.REFUSED: _S.REFUSED,
        _E.EXHAUSTED: _S.DOOMED,
        _E.TOO_LATE: _S.REFUSED,
        _E.DROP: _S.OVER,
    },
    _S.DOOMED: {
        **dict.fromkeys((_E.UP, _E.LOST, _E.REFUSED, _E.EXHAUSTED, _E.TOO_LATE), _S.DOOMED),
        _E.END: _S.FAILED,
        _E.END_IN_OUTAGE: _S.FAILED,
        _E.DROP: _S.OVER,
    },
    _S.ENDED: {
        _E.UP: _S.ENDED,
        _E.LOST: _S.ENDED,
        _E.REFUSED: _S.FAILED,
        _E.EXHAUSTED: _S.FAILED,
        _E.TOO_LATE: _S.FAILED,
        _E.ANSWER: _S.OVER,
        _E.DROP: _S.OVER,
    },
    _S.LAST_TRY: {
        _E.UP: _S.ENDED,
        _E.LOST: _S.FAILED,
        _E.REFUSED: _S.FAILED,
        _E.EXHAUSTED: _S.FAILED,
        _E.TOO_LATE: _S.FAILED,
        _E.ANSWER: _S.OVER,
        _E.DROP: _S.OVER,
    },
    **_ENDS,
}


class CallState(enum.Enum):
    """What a call does."""

    RESTING = enum.auto()
    DIALLING = enum.auto()
    UP = enum.auto()
    OVER = enum.auto()


class CallEvent(enum.Enum):
    """What happens to a call."""

    DIAL = enum.auto()
    UP = enum.auto()
    LOST = enum.auto()
    DONE = enum.auto()


_C, _D = CallState, CallEvent
CALL: Mapping[CallState, Mapping[CallEvent, CallState]] = {
    _C.RESTING: {_D.DIAL: _C.DIALLING, _D.LOST: _C.RESTING, _D.DONE: _C.OVER},
    _C.DIALLING: {_D.UP: _C.UP, _D.LOST: _C.RESTING, _D.DONE: _C.OVER},
    _C.UP: {_D.LOST: _C.RESTING, _D.DONE: _C.OVER},
    _C.OVER: {_D.UP: _C.OVER, _D.LOST: _C.OVER, _D.DONE: _C.OVER},
}


@attrs.frozen
class Manners:
    """What a protocol wants of its line."""

    is_lasting: bool
    """One connection serves everything; else each utterance has its own."""
    connects_ahead: bool
    """A connection that waits costs the server nothing, so it is made before it is needed."""
    tries_max: int
    """So often a server gets an utterance with which it failed by itself, or answered nonsense."""
    has_connection: bool = True
    """Connecting reaches the server. Without that, only an answer shows that it is there."""
    is_greeted: bool = True
    """The server itself answers when it is connected to. Without that, one that hangs takes connections as well."""


class FailureKind(enum.Enum):
    """How a call failed, as far as it matters for the next one."""

    ABSENT = "nothing listens there"
    BROKEN = "the server fails, or the connection was lost"
    LATE = "no answer in time"
    REFUSED = "the server understood, and said no"


@attrs.frozen
class Failure:
    """Why a call failed. ``error`` is what is told of it; None: that the time is over."""

    kind: FailureKind
    error: Exception | None = None
    retry_after_s: float | None = None


@attrs.define(eq=False)
class Call:
    """See the head of this module. ``owed`` None: it waits for the next utterance (or serves all of them)."""

    owed: Owed | None = None
    state: CallState = CallState.RESTING
    since: float = -math.inf
    """When it was dialled, or was up."""
    answer_due: float = math.inf
    """When an answer is overdue for which nobody waits any more; after that the connection is not to be trusted."""

    def move(self, event: CallEvent) -> None:
        """Take a step in the table."""
        self.state = CALL[self.state][event]


@attrs.define(eq=False, weakref_slot=True)
class Owed:
    """One utterance that is owed a transcript."""

    id: int
    call: Call
    packets: deque[bytes] = attrs.field(factory=deque)
    fed: int = 0
    """Packets fed in all; those before the last ``KEPT_BYTES`` are gone."""
    fed_bytes: int = 0
    kept_bytes: int = 0
    due: float = math.inf
    """When its final is due; infinite until it has ended."""
    voiced_s: float = 0.0
    """So much of it the speaker's voice was heard, as far as somebody has told us."""
    state: OwedState = OwedState.OPEN
    failures: int = 0
    """Those that are the server's own."""
    is_told: bool = False
    """The server has all of it, and knows it, on this connection."""
    failure: Failure | None = None
    """Why there is no connection for it, if there is none."""

    @property
    def has_ended(self) -> bool:
        """Tell whether its last packet is in."""
        return self.due < math.inf

    @property
    def is_clearly_voiced(self) -> bool:
        """Tell whether a server that says nothing about it has failed: somebody did speak."""
        return self.voiced_s >= CLEARLY_VOICED_S

    @property
    def is_over(self) -> bool:
        """Tell whether nobody waits for it any more."""
        return self.state in _ENDS

    def add(self, packet: bytes) -> None:
        """Keep a packet; the oldest go when there are too many."""
        self.packets.append(packet)
        self.fed += 1
        self.fed_bytes += len(packet)
        self.kept_bytes += len(packet)
        while self.kept_bytes > KEPT_BYTES:
            self.kept_bytes -= len(self.packets.popleft())

    def after(self, number: int, at_most: int) -> tuple[list[bytes], int]:
        """Return the packets from the ``number``-th on, of those that are kept, and the number behind them."""
        first = self.fed - len(self.packets)
        number = max(number, first)
        end = min(self.fed, number + max(0, at_most))
        return [self.packets[n - first] for n in range(number, end)], end


@attrs.frozen
class Settle:
    """Tell who waits that there will be no transcript: ``owed.failure`` says why."""

    owed: Owed


@attrs.frozen
class HangUp:
    """Let a call's connection go, and whatever is being done about it."""

    call: Call


Command = Settle | HangUp


@attrs.frozen
class Dial:
    """Connect now."""


@attrs.frozen
class Rest:
    """Do nothing before ``until``, or before something has changed."""

    until: float


@attrs.frozen
class Finished:
    """The call has done what it was for."""


Step = Dial | Rest | Finished


class Ledger:
    """See the head of this module. ``limit_s`` is from the end of an utterance to its final, ``rng`` draws the jitter.

    ``is_down`` says whether others have found that the server is down, ``is_mute`` whether it takes everything and
    never answers: then a connection to it proves nothing.

    Facts go in, commands come out, to be carried out at once. For each of ``new_calls`` somebody asks ``next_step``
    again and again, and does it.
    """

    def __init__(
        self,
        manners: Manners,
        *,
        limit_s: float,
        rng: Callable[[], float],
        is_down: Callable[[], bool] = lambda: False,
        is_mute: Callable[[], bool] = lambda: False,
    ) -> None:
        self.manners, self.limit_s = manners, limit_s
        self._is_down, self._is_mute = is_down, is_mute
        self._owed: list[Owed] = []
        self._calls: list[Call] = []
        self._new_calls: list[Call] = []
        self._ids = count(1)
        self._backoff = Backoff(base_s=_FIRST_WAIT_S, cap_s=IDLE_WAIT_S_MAX, healthy_s=_HEALTHY_S, rng=rng)
        self._failure: Failure | None = None
        self._failed_at = -math.inf
        self._was_absent = False
        self._idle_wait_s = self._pending_wait_s = 0.0
        self._was_well = False
        self._is_doubtful = False
        """The last one that was waited for had no answer in time."""
        self._is_outage_known = False
        self.reconnect_count = 0
        if manners.connects_ahead:
            self._add_call()

    # -- what there is --

    @property
    def owed(self) -> list[Owed]:
        """Return what is owed, oldest first."""
        return list(self._owed)

    @property
    def current(self) -> Owed | None:
        """Return the utterance that is being said."""
        return self._owed[-1] if self._owed and not self._owed[-1].has_ended else None

    @property
    def failure(self) -> Failure | None:
        """Return why the server is not there, None if it is (or was when it was last called)."""
        return self._failure

    @property
    def is_up(self) -> bool:
        """Tell whether the server is there; of one that is only called when somebody speaks: it was the last time."""
        if self.manners.has_connection and any(call.state is _C.UP for call in self._calls):
            return True
        return not self.manners.connects_ahead and self._failure is None

    def new_calls(self) -> list[Call]:
        """Return the calls that nobody makes yet."""
        new, self._new_calls = self._new_calls, []
        return new

    # -- what the speaker does --

    def feed(self, packet: bytes) -> list[Command]:
        """Add a packet (of whatever the protocol sends) to the open utterance, which it opens if there is none."""
        owed = self.current
        commands: list[Command] = []
        if owed is None:
            owed, commands = self._open()
        if owed.state is not _S.DOOMED:
            owed.add(packet)
        return commands

    def end(self, now: float, voiced_s: float = 0.0) -> tuple[Owed | None, list[Command]]:
        """End the open utterance, if there is one: its limit runs from here."""
        owed = self.current
        if owed is None:
            return None, []
        owed.due, owed.voiced_s = now + self.limit_s, voiced_s
        is_reached = self._is_reached(owed.call)
        in_outage = (
            self._is_mute()
            or (self._is_outage_known and not is_reached)
            or (self._is_down() and not (is_reached and self.manners.is_greeted))
        )
        commands = self._move(owed, _E.END_IN_OUTAGE if in_outage else _E.END)
        is_hanging = owed.call.state is _C.DIALLING and now - owed.call.since > LAST_TRY_S
        if owed.state is _S.LAST_TRY and is_hanging:
            commands += self._redial(owed.call)
        return owed, commands + self._fail_too_late()

    def drop(self, owed: Owed, now: float) -> list[Command]:
        """Give an utterance up: nobody waits for it any more. After its limit that says something of the server."""
        if owed.is_over:
            return []
        call, is_overdue, was_told = owed.call, now >= owed.due, owed.is_told
        if is_overdue:
            self._is_doubtful = True
            is_slow = self._failure is None or self._failure.kind is FailureKind.LATE
            self._is_outage_known = self._is_outage_known or not (is_slow or self._is_reached(call))
        commands = self._move(owed, _E.DROP)
        if is_overdue and self.manners.is_lasting and was_told and call.state is _C.UP:
            return [*commands, *self.lost(call, Failure(FailureKind.LATE), now), HangUp(call)]
        if is_overdue:
            commands += self._renew_spare()
        return commands

    def expire(self, now: float) -> list[Command]:
        """Drop what is overdue, also if nobody looks after it."""
        return [command for owed in self.owed if owed.due <= now for command in self.drop(owed, now)]

    # -- what the server does --

    def up(self, call: Call, now: float) -> None:
        """Note that a call is connected."""
        call.move(_D.UP)
        if call.state is not _C.UP:
            return
        call.since = now
        if self.manners.has_connection:
            self._note_well()
            for owed in self._served_by(call):
                owed.failure = None
                if not (owed.state is _S.LAST_TRY and self._is_mute()):
                    self._move(owed, _E.UP)

    def answered(self, owed: Owed) -> tuple[bool, list[Command]]:
        """Note that the final of an ended utterance is in; tell whether it is waited for."""
        self._note_well()
        self._is_doubtful = False
        self._backoff.failures = 0  # connections for one utterance are short, however well
        is_awaited = not owed.is_over
        return is_awaited, self._move(owed, _E.ANSWER)

    def lost(self, call: Call, failure: Failure, now: float, *, blamed: Owed | None = None) -> list[Command]:
        """Note that a call could not be made, or that its connection is gone.

        ``blamed``: the one that the server had in hand, or answered with nonsense.
        """
        if call.state in {_C.RESTING, _C.OVER}:
            return []  # we hung up ourselves
        was_up = call.state is _C.UP
        call.move(_D.LOST)
        # What is counted elsewhere (tries, one overdue final per utterance) needs no growing pauses as well.
        is_counted = blamed is not None or (was_up and failure.kind is FailureKind.LATE)
        self._note_failure(failure, now, ran_for_s=now - call.since if was_up else 0.0, is_counted=is_counted)
        commands: list[Command] = []
        for owed in self._served_by(call):
            owed.failure, owed.is_told = failure, False
            owed.failures += owed is blamed
            if failure.kind is FailureKind.REFUSED:
                event = _E.REFUSED
            else:
                event = _E.EXHAUSTED if owed.failures >= self.manners.tries_max else _E.LOST
            commands += self._move(owed, event)
        return commands + self._fail_too_late()

    # -- what a call is to do --

    def next_step(self, call: Call, now: float) -> Step:
        """Say what is to be done about a call that has no connection. ``Dial``: it is being dialled from now on."""
        if call.state is _C.OVER:
            return Finished()
        due = self._dial_at(call)
        if now < due:
            return Rest(min(due, min((owed.due for owed in self._served_by(call)), default=math.inf)))
        call.move(_D.DIAL)
        call.since, call.answer_due = now, math.inf
        return Dial()

    def deadline(self, call: Call) -> float:
        """Return when the call's connection, or what is done for it, is to be given up."""
        due = math.inf if call.owed is None else call.owed.due
        if call.state is _C.UP:
            due = min(due, call.answer_due)
        # A connection is there within a second, or not at all; an answer takes its time, but not all of it.
        patience_s = self.limit_s / 2 if call.state is _C.UP else LAST_TRY_S
        last_tries = (owed for owed in self._served_by(call) if owed.state is _S.LAST_TRY)
        return min([due, *(max(call.since, owed.due - self.limit_s) + patience_s for owed in last_tries)])

    def _dial_at(self, call: Call) -> float:
        failure, served = self._failure, self._served_by(call)
        if failure is None:
            return -math.inf
        if served and all(owed.state is _S.DOOMED for owed in served):
            return math.inf
        if not served and any(owed.call.state is not _C.UP for owed in self._owed):
            return math.inf
        if failure.retry_after_s is not None:
            return self._failed_at + min(failure.retry_after_s, _RETRY_AFTER_S_MAX)
        if any(owed.state is _S.LAST_TRY for owed in served):
            return self._failed_at
        if failure.kind is FailureKind.REFUSED:
            is_new = any(owed.state in {_S.OPEN, _S.ENDED} for owed in served)
            return self._failed_at + (0.0 if is_new else max(self._idle_wait_s, REFUSED_WAIT_S))
        return self._failed_at + (self._pending_wait_s if served else self._idle_wait_s)

    # -- within --

    def _open(self) -> tuple[Owed, list[Command]]:
        commands: list[Command] = []
        call = next((each for each in self._calls if each.owed is None), None) or self._add_call()
        owed = Owed(next(self._ids), call)
        self._owed.append(owed)
        if not self.manners.is_lasting:
            if self._is_doubtful:
                commands = self._renew_spare()  # it was made while the server hung, which may never look at it
            call.owed = owed
            if self.manners.connects_ahead:
                self._add_call()
        if not self._is_reached(call):
            owed.failure = self._failure
        return owed, commands

    def _add_call(self) -> Call:
        call = Call()
        self._calls.append(call)
        self._new_calls.append(call)
        return call

    def _renew_spare(self) -> list[Command]:
        """Connect anew for the next utterance."""
        spare = (call for call in self._calls if call.owed is None and call.state is _C.UP)
        return [] if self.manners.is_lasting else [command for call in spare for command in self._redial(call)]

    @staticmethod
    def _redial(call: Call) -> list[Command]:
        call.move(_D.LOST)
        return [HangUp(call)]

    def _served_by(self, call: Call) -> list[Owed]:
        return [owed for owed in self._owed if owed.call is call]

    def _is_reached(self, call: Call) -> bool:
        return call.state is _C.UP and self.manners.has_connection

    def _move(self, owed: Owed, event: OwedEvent) -> list[Command]:
        was, owed.state = owed.state, OWED[owed.state][event]
        if owed.is_over or owed.state is _S.DOOMED:
            owed.packets.clear()
        if owed.state is was or not owed.is_over:
            return []
        self._owed.remove(owed)
        commands: list[Command] = [Settle(owed)] if owed.state is _S.FAILED else []
        if not self.manners.is_lasting:
            owed.call.move(_D.DONE)
            self._calls.remove(owed.call)
            commands.append(HangUp(owed.call))
        return commands

    def _fail_too_late(self) -> list[Command]:
        """Fail those at once for which no try can come in time."""
        failure = self._failure
        if failure is None or failure.retry_after_s is None:
            return []
        retry_at = self._failed_at + min(failure.retry_after_s, _RETRY_AFTER_S_MAX)
        commands: list[Command] = []
        for owed in self.owed:
            if owed.due <= retry_at and not self._is_reached(owed.call):
                owed.failure = failure  # it may be another call that was told so
                commands += self._move(owed, _E.TOO_LATE)
        return commands

    def _note_failure(self, failure: Failure, now: float, *, ran_for_s: float, is_counted: bool) -> None:
        self._failure, self._failed_at = failure, now
        if failure.kind is FailureKind.LATE:
            self._is_outage_known = False  # it is there, and may only be slow
        is_absent = failure.kind is FailureKind.ABSENT
        if self._was_absent and not is_absent:
            self._backoff.failures = 0  # tries that cost nobody anything are not held against a server that is back
        self._was_absent = is_absent
        wait_s = self._backoff.failed(now, ran_for_s)
        assert wait_s is not None, "without a circuit there is always another try"
        self._idle_wait_s = wait_s
        self._pending_wait_s = min(wait_s, PENDING_WAIT_S if is_absent or is_counted else BROKEN_WAIT_S_MAX)

    def _note_well(self) -> None:
        """Note that the server is there; after an outage that is one reconnect, whichever call is first."""
        self.reconnect_count += self._was_well and self._failure is not None
        self._was_well, self._failure, self._is_outage_known = True, None, False
