"""The ledger of one speaker's line: what is owed, who serves it, and what is to be done about it.

A **call** is a series of connections for one purpose: the line's only one that serves everything in order
(``Manners.is_lasting``), or one per utterance, of which the next may be made ahead. What is **owed** is one utterance:
its packets are kept until its transcript is in, since a connection that is made anew has heard nothing. What both of
them go through is in two tables (``states``), and when a server that failed is called again in ``redial``. Beside that:

- Nothing is connected ahead while a call that somebody waits for is trying.
- What cannot wait for the time that a server names (Retry-After) fails at once.
- When an utterance was lost to a server that is not there, or others have found that it is down, the outage is known:
  the next ones get one try each after their end, and the apology does not wait for the limit again. The same for a
  server that is known to be mute, whether it is connected or not: half of the limit has to do.
- A final that is overdue makes the server's other promises doubtful: connections made meanwhile are not used.

Times are seconds on any one clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count

import attrs

from voxbridge.core.stt.owed import Call, Failure, FailureKind, Manners, Owed
from voxbridge.core.stt.redial import Redial
from voxbridge.core.stt.states import OWED, CallEvent, CallState, OwedEvent, OwedState

LAST_TRY_S = 1.0

_S, _E, _C, _D = OwedState, OwedEvent, CallState, CallEvent


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
        self._redial = Redial(rng)
        self._is_doubtful = False
        """The last one that was waited for had no answer in time."""
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
        return self._redial.failure

    @property
    def reconnect_count(self) -> int:
        """Return how often the server was there again after an outage."""
        return self._redial.reconnect_count

    @property
    def is_up(self) -> bool:
        """Tell whether the server is there; of one that is only called when somebody speaks: it was the last time."""
        if self.manners.has_connection and any(call.state is _C.UP for call in self._calls):
            return True
        return not self.manners.connects_ahead and self.failure is None

    @property
    def has_new_calls(self) -> bool:
        """Tell whether there are calls that nobody makes yet."""
        return bool(self._new_calls)

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
            or (self._redial.is_outage_known and not is_reached)
            or (self._is_down() and not (is_reached and self.manners.is_greeted))
        )
        commands = self._move(owed, _E.END_IN_OUTAGE if in_outage else _E.END)
        is_hanging = owed.call.state is _C.DIALLING and now - owed.call.since > LAST_TRY_S
        if owed.state is _S.LAST_TRY and is_hanging:
            commands += self._hang_up(owed.call)
        return owed, commands + self._fail_too_late()

    def drop(self, owed: Owed, now: float) -> list[Command]:
        """Give an utterance up: nobody waits for it any more. After its limit that says something of the server."""
        if owed.is_over:
            return []
        call, is_overdue, was_told = owed.call, now >= owed.due, owed.is_told
        if is_overdue:
            self._is_doubtful = True
            self._redial.lost_one(is_reached=self._is_reached(call))
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
            self._redial.went_well()
            for owed in self._served_by(call):
                owed.failure = None
                if not (owed.state is _S.LAST_TRY and self._is_mute()):
                    self._move(owed, _E.UP)

    def answered(self, owed: Owed) -> tuple[bool, list[Command]]:
        """Note that the final of an ended utterance is in; tell whether it is waited for."""
        self._redial.answered()
        self._is_doubtful = False
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
        # Tries are counted, and so is an overdue final: one per utterance.
        is_counted = blamed is not None or (was_up and failure.kind is FailureKind.LATE)
        self._redial.failed(failure, now, ran_for_s=now - call.since if was_up else None, is_counted=is_counted)
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
        served = self._served_by(call)
        if self.failure is None:
            return self._redial.due(served)
        if served and all(owed.state is _S.DOOMED for owed in served):
            return math.inf
        if not served and any(owed.call.state is not _C.UP for owed in self._owed):
            return math.inf
        return self._redial.due(served)

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
            owed.failure = self.failure
        return owed, commands

    def _add_call(self) -> Call:
        call = Call()
        self._calls.append(call)
        self._new_calls.append(call)
        return call

    def _renew_spare(self) -> list[Command]:
        """Connect anew for the next utterance."""
        spare = (call for call in self._calls if call.owed is None and call.state is _C.UP)
        return [] if self.manners.is_lasting else [command for call in spare for command in self._hang_up(call)]

    @staticmethod
    def _hang_up(call: Call) -> list[Command]:
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
        commands: list[Command] = []
        for owed in self.owed:
            if owed.due <= self._redial.not_before and not self._is_reached(owed.call):
                owed.failure = self.failure  # it may be another call that was told so
                commands += self._move(owed, _E.TOO_LATE)
        return commands
