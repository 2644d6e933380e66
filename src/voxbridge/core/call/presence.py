"""Are we in the call, connected, and for whom: the one owner of these questions for one guild. Pure.

Facts come in (a wish, what the main gateway says, what became of a link, the clock), each becomes one signal at most,
``table`` says what follows, and actions go out. Whose "you are out" it is that Discord sends is decided here:

    it is an answer to a leaving of ours ............ ours; the questions we asked are counted, answers keep their order
    nobody asked, the link was well or let go (4014)  a kick, and it holds
    nobody asked, after the connection was lost ..... Discord noticed the loss; we come back
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, assert_never

import attrs

from voxbridge.core.call.facts import (
    Action,
    Answered,
    Ask,
    CutLink,
    EndRoom,
    Fact,
    Failed,
    GatewayBack,
    GatewayLost,
    GatewayRenewed,
    GiveUp,
    Leave,
    LinkEnded,
    LinkUp,
    Look,
    MakeLink,
    OpenRoom,
    OwnPlace,
    Seen,
    VoiceServer,
    Wish,
)
from voxbridge.core.call.rejoin import DOUBTFUL, RATE_LIMITED, Drop, RejoinPolicy, StayOut
from voxbridge.core.call.table import LIMITS_S, STILL_THERE_S, TABLE, Act, Signal, State
from voxbridge.core.ids import ChannelId
from voxbridge.core.messages.catalogue import OURS, Line

_QUESTIONS_MAX = 64  # a bound on memory in an outage that nobody notices; two are asked in seven seconds
_SLOW_FAILURES = frozenset({"handshake", "unanswered", "full"})
_TRIES_OF_A_COMMAND = 2  # then whoever typed it is told
KICKED = Drop("kicked", "removed from the channel by somebody")
SUPERSEDED = Drop("superseded", "something else was asked for in the meantime")


@attrs.frozen
class _Question:
    """An op 4 of ours. ``is_owed``: Discord answers it in any case."""

    channel_id: ChannelId | None
    is_owed: bool


class Outlook(Protocol):
    """What can be seen of a channel."""

    def refusal(self, channel_id: ChannelId) -> Line | None:
        """Say what keeps us out of it, if anything does."""
        ...

    def exists(self, channel_id: ChannelId) -> bool:
        """Tell whether it is there, as far as we can see."""
        ...

    def is_full(self, channel_id: ChannelId) -> bool:
        """Tell whether it has no place left."""
        ...


_NOT_FOLLOWED = frozenset({State.OUT, State.LEAVING, State.REJOINING})  # a move that reaches us here is out of date


class Presence:
    """See the module's docstring. All times in seconds on any one clock."""

    def __init__(
        self,
        outlook: Outlook,
        *,
        rng: Callable[[], float],
        ask_limit_s: float | None = None,
    ) -> None:
        self.state = State.OUT
        self.wish: ChannelId | None = None
        self.own: ChannelId | None = None  # where Discord last said that we are
        self.deadline: float | None = None
        self._outlook, self._rng = outlook, rng
        self._limits_s = dict(LIMITS_S) | ({State.ASKING: ask_limit_s} if ask_limit_s is not None else {})
        self._policy = RejoinPolicy(rng=rng)
        self._stands = True
        self._fallback: ChannelId | None = None
        self._tries = 0
        self._waiting: list[int] = []
        self._questions: list[_Question] = []
        self._session_id = ""
        self._server: VoiceServer | None = None
        self._linked_with: VoiceServer | None = None
        self._link_number = 0
        self._is_excused = False  # the connection was lost: a null that nobody asked for is no kick
        self._is_gateway_up = True
        self._doubt: Drop | None = None
        self._wait_s = 0.0
        self._since = 0.0
        self._up_since: float | None = None
        self._held_for_s = 0.0  # the last link, until its end is answered for
        self._reason = ""
        self._actions: list[Action] = []

    def handle(self, fact: Fact, now: float) -> list[Action]:
        """Take one fact; return what is to be done, in order."""
        match fact:
            case Wish():
                self._wished(fact, now)
            case GiveUp(number, reason):
                self._give_up(number, Drop("unanswered", reason), now)
            case OwnPlace():
                self._placed(fact, now)
            case Seen():
                self._seen(fact, now)
            case VoiceServer():
                self._served(fact, now)
            case GatewayLost():
                self._is_gateway_up = False
                self._questions.clear()  # what was asked on a dead connection may never have arrived
                self._is_excused |= self.state is not State.UP
                self._signal(Signal.GATEWAY_LOST, now, "the main gateway is lost")
            case GatewayRenewed():
                self._renewed(now)
            case GatewayBack():
                self._is_gateway_up = True
                self._signal(Signal.GATEWAY_BACK, now)
            case LinkUp(number):
                if number == self._link_number and self.state is State.LINKING:
                    self._signal(Signal.LINKED, now)
            case LinkEnded(number, drop):
                if number == self._link_number and self.state in (State.LINKING, State.UP):
                    self._link_ended(drop, now)
            case _:
                assert_never(fact)
        return self._take()

    def tick(self, now: float) -> list[Action]:
        """Note that ``deadline`` has passed, if it has; return what is to be done."""
        if self.deadline is None or now < self.deadline:
            return []
        limit_s = self._limits_s[self.state] or 0.0
        match self.state:
            case State.ASKING:
                is_full = self.wish is not None and self._outlook.is_full(self.wish)
                silence = Drop("unanswered", f"Discord did not answer within {limit_s:g} s")
                self._fail(Drop("full", "the channel is full") if is_full else silence, now)
            case State.LINKING:
                self._is_excused = True
                self._fail(Drop("handshake", f"the voice server did not answer within {limit_s:g} s"), now)
            case State.MOVING:
                self._fail(Drop("handshake", f"Discord named no voice server within {limit_s:g} s"), now)
            case State.HELD:
                self._fail(self._doubt or Drop("closed", "the voice server let us go"), now)
            case _:
                self._signal(Signal.TIME_UP, now)
        return self._take()

    def _take(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions

    # Facts

    def _wished(self, wish: Wish, now: float) -> None:
        if wish.channel_id == self.wish:
            self._waiting.append(wish.number)
            self._stands |= wish.stands
            if self.state in (State.UP, State.OUT):
                self._answer(None)
            elif self.state is State.PAUSED:
                self._policy = RejoinPolicy(rng=self._rng)
                self._signal(Signal.WANTED, now)
            return
        self._answer(SUPERSEDED)
        if self._stands:
            self._fallback = self.wish
        self._want(wish.channel_id, stands=wish.stands or wish.channel_id is None)
        self._waiting = [wish.number]
        self._go(now, "something else is wanted")

    def _give_up(self, number: int, drop: Drop, now: float) -> None:
        if number not in self._waiting:
            return  # overtaken by its outcome
        if self._stands or len(self._waiting) > 1:
            self._waiting.remove(number)  # others want the same
            self._actions.append(Answered((number,), drop))
        else:
            self._retreat(drop, now, now - self._since)

    def _want(self, channel_id: ChannelId | None, *, stands: bool) -> None:
        """Change the wish; where it was, nobody is at home any more."""
        if self.wish is not None and channel_id != self.wish:
            self._actions.append(EndRoom())
        self.wish, self._stands, self._tries = channel_id, stands, 0
        self._policy = RejoinPolicy(rng=self._rng)

    def _go(self, now: float, reason: str) -> None:
        self._signal(Signal.UNWANTED if self.wish is None else Signal.WANTED, now, reason)
        if self.state is State.OUT and self.wish is None:
            self._answer(None)

    def _placed(self, place: OwnPlace, now: float) -> None:
        before, self.own = self.own, place.channel_id
        is_answer = self._note_answer(place.channel_id)
        if place.channel_id is None:
            self._server = None
        else:
            self._session_id = place.session_id
        if self._is_open(place.channel_id):
            return  # what we asked last is still to be answered
        if place.channel_id is None:
            self._out(place, now, is_answer=is_answer, was_in=before is not None)
        elif place.channel_id == self.wish:
            if is_answer or before != self.own:
                self._complete(now)
        elif is_answer or before != self.own:
            self._moved(place.channel_id, now)

    def _out(self, place: OwnPlace, now: float, *, is_answer: bool, was_in: bool) -> None:
        if is_answer:
            self._signal(Signal.CONFIRMED, now)
        elif not was_in:
            pass
        elif self._is_excused or not place.is_link_fresh:
            self._is_excused = True
            self._signal(Signal.DROPPED, now, "Discord has removed us after the connection was lost")
        else:
            self._end(KICKED, now, Signal.KICKED)

    def _moved(self, channel_id: ChannelId, now: float) -> None:
        if self.wish is not None and self.state not in _NOT_FOLLOWED:
            self._want(channel_id, stands=True)
        self._signal(Signal.MOVED, now, "moved to another channel")
        self._complete(now)

    def _seen(self, seen: Seen, now: float) -> None:
        """Wait no longer where nobody removed us. Where we are out, the main gateway knows why: a kick, or a loss."""
        is_asked = self.state is State.HELD and seen.number == self._link_number
        if is_asked and seen.channel_id == self.own and self.deadline is not None:
            self.deadline = min(self.deadline, now + STILL_THERE_S)

    def _served(self, server: VoiceServer, now: float) -> None:
        if server == self._linked_with and self.state in (State.LINKING, State.UP):
            return  # said twice
        if server.endpoint is None:
            self._server = None
            self._signal(Signal.NO_SERVER, now, "the voice server went away")
            return
        self._server = server
        self._complete(now)

    def _complete(self, now: float) -> None:
        if self.own is not None and self.own == self.wish and self._server is not None and not self._is_open(self.own):
            self._signal(Signal.COMPLETE, now, "the voice server changed")

    def _renewed(self, now: float) -> None:
        # ``own`` stays: Discord may show us there still, so that leaving has to be said before we ask anew.
        self._is_gateway_up, self._is_excused = False, True
        self._questions.clear()
        self._server = None
        self._signal(Signal.RENEWED, now, "the main gateway began a new session")

    def _link_ended(self, drop: Drop, now: float) -> None:
        if drop.code in DOUBTFUL:
            self._doubt = drop
            self._signal(Signal.DOUBT, now, drop.reason)
            return
        self._is_excused = True
        self._fail(drop, now)

    # What follows

    def _signal(self, signal: Signal, now: float, reason: str = "") -> None:
        row = TABLE[self.state].get(signal)
        if row is None:
            return
        self._reason = reason
        self.state = row.next
        limit_s = self._wait_s if row.next is State.PAUSED else self._limits_s[row.next]
        self.deadline = None if limit_s is None else now + limit_s
        if row.next is not State.UP and self._up_since is not None:
            self._held_for_s, self._up_since = now - self._up_since, None
        for act in row.acts:  # the last one may lead on to the next state
            self._do(act, now)
        if self.state is State.OUT:
            self._answer(None)

    def _do(self, act: Act, now: float) -> None:
        match act:
            case Act.LEAVE:
                self._leave(now)
            case Act.ASK:
                self._ask(now)
            case Act.LINK:
                assert self.wish is not None, "COMPLETE"
                assert self._server is not None, "COMPLETE"
                self._link_number += 1
                self._linked_with = self._server
                self._since = now
                self._actions.append(MakeLink(self._link_number, self.wish, self._session_id, self._server))
            case Act.CUT:
                self._linked_with = None
                self._actions.append(CutLink(self._reason))
            case Act.LOOK:
                self._actions.append(Look(self._link_number))
            case Act.OPEN:
                assert self.wish is not None, "LINKED"
                self._is_excused, self._stands, self._fallback = False, True, None
                self._up_since = self._since = now
                self._server = None  # used up: the next link needs another token
                self._questions.clear()  # Discord did not see a need to answer what is older than this token
                self._actions.append(OpenRoom(self.wish))
                self._answer(None)
            case _:
                assert_never(act)

    def _leave(self, now: float) -> None:
        self._server = None
        if not self._is_gateway_up:
            self._signal(Signal.GATEWAY_LOST, now)
        elif self.own is None and not self._questions:
            self._signal(Signal.CONFIRMED, now)
        else:
            self._asked(None)
            self._actions.append(Leave())

    def _ask(self, now: float) -> None:
        self._since = now
        if not self._is_gateway_up:
            self._signal(Signal.GATEWAY_LOST, now)
            return
        assert self.wish is not None, "a channel is wanted in this state"
        refusal = self._outlook.refusal(self.wish)
        if refusal is not None:
            self._fail(Drop("unreachable", OURS.text(refusal), refusal=refusal), now)
            return
        self._asked(self.wish)
        self._actions.append(Ask(self.wish))

    def _fail(self, drop: Drop, now: float) -> None:
        """Ask the policy what to do about a try that failed, or a link that ended."""
        assert self.wish is not None, "only what is wanted can fail"
        ran_for_s = now - self._up_since if self._up_since is not None else self._held_for_s
        self._held_for_s = 0.0
        after_s = now - self._since
        verdict = self._policy.after(drop, now, ran_for_s, channel_exists=self._outlook.exists(self.wish))
        self._tries += 1
        if not self._stands and (
            isinstance(verdict, StayOut)
            or drop.kind in ("unreachable", "unanswered", "full")
            or self._tries >= _TRIES_OF_A_COMMAND
        ):
            self._retreat(drop if not isinstance(verdict, StayOut) else verdict.explain(drop), now, after_s)
            return
        if isinstance(verdict, StayOut):
            final = verdict.explain(drop)
            self._actions.append(Failed(final, after_s, None, verdict.is_fault))
            self._end(final, now, Signal.NEVER)
            return
        # A try that took its time has waited already, and so has a link that held. A rate limit is no try of ours.
        taken_s = after_s if drop.kind in _SLOW_FAILURES or (ran_for_s and drop.code != RATE_LIMITED) else 0.0
        self._wait_s = max(0.0, verdict.wait_s - taken_s)
        self._actions.append(Failed(drop, after_s, self._wait_s))
        if self._stands:
            self._answer(drop)
        self._signal(Signal.LATER if self._wait_s else Signal.AGAIN, now, drop.reason)

    def _retreat(self, drop: Drop, now: float, after_s: float) -> None:
        """Give up a command: what was wanted before is wanted again."""
        self._actions.append(Failed(drop, after_s, None))
        self._answer(drop)
        self._want(self._fallback, stands=True)
        self._fallback = None
        self._go(now, drop.reason)

    def _end(self, drop: Drop, now: float, signal: Signal) -> None:
        """Stay out."""
        if signal is Signal.KICKED and self.wish is not None:
            self._actions.append(Failed(drop, now - self._since, None))
        self._answer(drop if self.wish is not None else None)
        self._want(None, stands=True)
        self._fallback = None
        self._signal(signal, now, drop.reason)

    def _answer(self, failure: Drop | None) -> None:
        if self._waiting:
            self._actions.append(Answered(tuple(self._waiting), failure))
            self._waiting = []

    # Whose word is it

    def _asked(self, channel_id: ChannelId | None) -> None:
        # Discord has us somewhere, or a word that it has not is on its way: a leaving is answered before all else.
        is_owed = channel_id is None and self.own is not None and not self._questions
        self._questions.append(_Question(channel_id, is_owed))
        del self._questions[:-_QUESTIONS_MAX]

    def _note_answer(self, channel_id: ChannelId | None) -> bool:
        """Strike out the question that this answers, and those before it, which Discord saw no need to answer.

        Where an answer is owed first, this is older news: we were moved before Discord heard that we leave.
        """
        for index, question in enumerate(self._questions):
            if question.channel_id == channel_id:
                del self._questions[: index + 1]
                return True
            if question.is_owed:
                break
        return False

    def _is_open(self, channel_id: ChannelId | None) -> bool:
        """Tell whether Discord has still to answer what we asked, if it says that we are in this channel."""
        is_owed = any(question.is_owed for question in self._questions)
        return is_owed or (bool(self._questions) and self._questions[-1].channel_id != channel_id)
