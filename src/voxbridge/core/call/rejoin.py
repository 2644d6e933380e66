"""What to do when a voice connection ends, as a table; pure.

The meaning of the close codes is from Discord's documentation ("Voice Close Event Codes"); the remedies are ours.

    code                                    remedy
    none, 1006, 4006, 4009, 4015, others    join again at once, then with backoff
    1000, 4011                              join again with backoff
    4001 4002 4003 4005 4012 4020           we broke the protocol: join again; three in 60 s: leave it
    4004                                    join again once (a fresh token comes), then leave it
    4014                                    join again at once; a kick is told apart by the main gateway: stay out
    4016, 4017                              leave it: no encryption mode in common, our DAVE is missing or broken
    4021                                    wait a minute, doubled each time, ten minutes at most
    4022                                    channel still there: backoff; else leave it
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs

from voxbridge.core.health.backoff import Backoff
from voxbridge.core.messages.catalogue import Line, line

OUR_PROTOCOL_FAULTS = frozenset({4001, 4002, 4003, 4005, 4012, 4020})
_FATAL = {
    4016: "the voice server and we have no encryption mode in common; VoxBridge needs an update",
    4017: "the voice server demands end-to-end encryption and ours is missing or broken; is davey installed?",
}
_HEALTHY_S = 5.0  # a link that held so long is none that fails at once: its end begins a new count
RATE_LIMITED = 4021
_RATE_LIMIT_WAIT_S = 60.0
_RATE_LIMIT_MAX_S = 600.0
_RATE_LIMIT_DOUBLINGS = 4
_UNREACHABLE_WAIT_S = 0.25  # at least: nothing is asked of Discord here, so nothing else slows us down
_FAULT_WINDOW_S = 60.0
_FAULTS_ALLOWED = 3

# The voice server let us go without saying why: a kick, a move, or a mishap. The main gateway says which.
DOUBTFUL = frozenset({4014, 4022})

DropKind = Literal[
    "closed", "kicked", "gateway", "unsound", "handshake", "unanswered", "full", "unreachable", "superseded"
]
_TOLD = {"kicked": "why_kicked", "unanswered": "why_unanswered", "full": "why_full", "superseded": "why_superseded"}


@attrs.frozen
class Drop:
    """Why a connection ended or was not made. ``code`` is the voice websocket's close code, where there is one.

    ``reason`` is for the log; ``refusal`` is what a person can be told of a channel that cannot be reached.
    """

    kind: DropKind
    reason: str
    code: int | None = None
    refusal: Line | None = None

    @property
    def told(self) -> Line:
        """Return it for a person in Discord, to end a sentence with."""
        if self.refusal is not None:
            return self.refusal
        if self.code is not None:
            return line("why_closed", code=self.code)
        return line(_TOLD.get(self.kind, "why_connection"))


@attrs.frozen
class Rejoin:
    """Join again after ``wait_s`` seconds."""

    wait_s: float


@attrs.frozen
class StayOut:
    """Do not join again by yourself."""

    reason: str
    is_fault: bool

    def explain(self, drop: Drop) -> Drop:
        """Return what ended it, in the words of this verdict."""
        return attrs.evolve(drop, reason=self.reason)


@attrs.define
class RejoinPolicy:
    """The memory of one channel's failures. Times in seconds."""

    rng: Callable[[], float]
    _backoff: Backoff = attrs.field(init=False)
    _faults: list[float] = attrs.field(factory=list)
    _token_refusals: list[float] = attrs.field(factory=list)
    _rate_limits: int = 0

    def __attrs_post_init__(self) -> None:
        # The first wait is nought, the second up to twice the base: 0, 0.5, 1, 2, 4, 5, 5 s. No longer than that: a
        # call that Discord could carry again must not wait for us, and one try costs Discord two messages.
        self._backoff = Backoff(base_s=0.25, cap_s=5.0, healthy_s=_HEALTHY_S, rng=self.rng)

    def after(self, drop: Drop, now: float, ran_for_s: float, *, channel_exists: bool) -> Rejoin | StayOut:
        """Decide after ``drop``, which ended a connection that had held for ``ran_for_s``."""
        if drop.kind == "kicked":
            return StayOut("removed from the channel by somebody", is_fault=False)
        if drop.code in _FATAL:
            return StayOut(_FATAL[drop.code], is_fault=True)
        if drop.code in OUR_PROTOCOL_FAULTS:
            self._faults = [at for at in self._faults if now - at < _FAULT_WINDOW_S] + [now]
            if len(self._faults) >= _FAULTS_ALLOWED:
                return StayOut(
                    f"the voice server closed with {drop.code} three times in a minute: our bug", is_fault=True
                )
        if drop.code == 4004:
            self._token_refusals = [at for at in self._token_refusals if now - at < _FAULT_WINDOW_S] + [now]
            if len(self._token_refusals) > 1:
                return StayOut("the voice server refused two fresh tokens", is_fault=True)
        if drop.code == 4022 and not channel_exists:
            return StayOut("the channel is gone", is_fault=False)
        wait_s = self._backoff.failed(now, ran_for_s)
        assert wait_s is not None, "this backoff has no circuit"
        if drop.code == RATE_LIMITED:
            self._rate_limits += 1
            doublings = min(self._rate_limits - 1, _RATE_LIMIT_DOUBLINGS)
            return Rejoin(min(_RATE_LIMIT_WAIT_S * 2**doublings, _RATE_LIMIT_MAX_S))
        if ran_for_s >= _RATE_LIMIT_WAIT_S:
            self._rate_limits = 0
        is_first = self._backoff.failures == 1
        if drop.kind == "unreachable":
            return Rejoin(max(wait_s, _UNREACHABLE_WAIT_S))
        if is_first and drop.code not in (1000, 4011, 4022):
            return Rejoin(0.0)
        return Rejoin(wait_s)
