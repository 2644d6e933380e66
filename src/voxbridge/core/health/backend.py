"""How one backend is: what its calls and its probes say of it, whether it may be asked, and when it is probed again.

    unknown --probe--> up --a call failed--> failing --a probe failed--> down
                       ^                        |                          |
                       |--a call came through---'--a call, or a probe------'

Whoever asks a backend tells of it here, and nobody else probes it: however many ask, the probes stay as few. A probe
alone ends nothing that calls have begun: a server that answers probes and fails at its work is ``failing`` until it has
done some. Whether it is asked before others is the circuit's to say, which takes several failures to open.

A server that takes what it is asked and never answers passes every probe. So it is ``down`` as well when several calls
in a row had no answer in time: **mute**. Only a call that comes through, or a probe that fails (it is another server
then), ends that. After a probe that it passes, the next call is given all its time again, in case it is slow by now.
"""

from __future__ import annotations

import math
from typing import Literal

import attrs

from voxbridge.core.health.breaker import Breaker, BreakerRules

StageName = Literal["stt", "agent", "tts"]
State = Literal["unknown", "up", "failing", "down"]

_TOGETHER_S = 2.0  # calls that fail within so long were made at the same time, and count once
_DOUBLINGS_MAX = 16  # any cap is reached long before; a float ends at 2 ** 1024, two nights into an outage


@attrs.frozen
class HealthRules:
    """When a backend is probed; all times in seconds.

    In trouble after ``probe_s``, then twice as late each time, up to ``probe_cap_s`` while the probes fail and up to
    ``recheck_s`` while they do not; while all is well each ``recheck_s``: often enough to be right about a night's
    outage, too rare to be seen in the server's log. One that is mute: after ``mute_recheck_s`` at the earliest.
    ``at_start``: it is probed before anybody has asked it anything.
    """

    probe_s: float = 2.0
    probe_cap_s: float = 30.0
    recheck_s: float = 300.0
    at_start: bool = True
    unanswered: int = 3
    """So many calls in a row without an answer in time, and it is mute."""
    mute_recheck_s: float = 60.0
    circuit: BreakerRules = attrs.field(factory=BreakerRules)


@attrs.frozen
class BackendStatus:
    """One backend as others see it. ``detail`` is a line for the operator, ``since`` the time of the last change.

    ``number`` 0 is the stage's first backend, the others are its backups, in their order.
    """

    stage: StageName
    kind: str
    state: State = "unknown"
    detail: str = ""
    since: float = 0.0
    number: int = 0
    is_in_use: bool = True
    profile: str = ""
    """The one who has it of its own; empty: it is everybody's."""

    @property
    def name(self) -> str:
        """Return what it is called among others: its kind, and whose it is."""
        return f"{self.kind}, {self.profile}'s" if self.profile else self.kind


@attrs.define
class BackendHealth:
    """One backend's health. ``now`` is seconds on any one clock that never goes back.

    Each call that is begun ends with exactly one of ``succeeded``, ``failed`` and ``abandoned``.
    """

    rules: HealthRules = attrs.field(factory=HealthRules)
    state: State = attrs.field(default="unknown", init=False)
    detail: str = attrs.field(default="", init=False)
    since: float = attrs.field(default=0.0, init=False)
    circuit: Breaker = attrs.field(init=False)
    probe_at: float = attrs.field(init=False)
    """When the next probe is due."""
    _probes: int = attrs.field(default=0, init=False)  # planned in this trouble
    _worked_at: float = attrs.field(default=-math.inf, init=False)
    _unanswered: int = attrs.field(default=0, init=False)  # in a row
    _unanswered_at: float = attrs.field(default=-math.inf, init=False)
    _is_mute: bool = attrs.field(default=False, init=False)
    _is_given_time: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.circuit = Breaker(self.rules.circuit)
        self.probe_at = -math.inf if self.rules.at_start else math.inf

    @property
    def allows(self) -> bool:
        """Tell whether it may be asked before others are."""
        return self.circuit.allows

    @property
    def is_in_trouble(self) -> bool:
        """Tell whether it failed, and has not done any work or recovered since."""
        return self.state in ("failing", "down")

    @property
    def is_absent(self) -> bool:
        """Tell whether a probe has found it down."""
        return self.state == "down" and not self._is_mute

    @property
    def is_mute(self) -> bool:
        """Tell whether it takes what it is asked and never answers, so that it is not worth a long wait."""
        return self._is_mute and not self._is_given_time

    def begin(self) -> bool:
        """Note that a call begins; return whether it is a trial, which its end must be told."""
        return self.circuit.begin()

    def succeeded(self, now: float, *, is_trial: bool = False) -> None:
        """Note that a call brought what was asked for: whatever was before, the backend works."""
        self._worked_at = now
        self._unanswered = 0
        self.circuit.succeeded(now, is_trial=is_trial)
        if self.state != "up":
            self._recovered(now)

    def failed(self, now: float, why: str, *, is_trial: bool = False, is_unanswered: bool = False) -> None:
        """Note that a call failed; ``is_unanswered``: nothing at all came in time."""
        was = self.circuit.state
        self.circuit.failed(now, is_trial=is_trial)
        self.suspected(now, why, is_unanswered=is_unanswered)
        if self.circuit.state == "open" and was != "open" and self.state == "failing":
            # Only a probe lets it try again, and the probes of who answers them may have become rare.
            self._plan(now, self.rules.probe_cap_s)

    def abandoned(self, *, is_trial: bool = False) -> None:
        """Note that a call was cancelled, or brought nothing at all, which proves nothing."""
        self.circuit.abandoned(is_trial=is_trial)

    def suspected(self, now: float, why: str, *, is_unanswered: bool = False) -> None:
        """Note that something failed that may be this backend's fault; its circuit does not count it."""
        if not self.is_in_trouble:
            self._change("failing", now)
            self._probes, self.probe_at = 0, math.inf
            self._plan(now, self.rules.probe_cap_s)
        if self.state == "failing":
            self.detail = why
            self._count_unanswered(now, is_unanswered=is_unanswered)
        self._is_given_time = False

    def _count_unanswered(self, now: float, *, is_unanswered: bool) -> None:
        if is_unanswered and now - self._unanswered_at < _TOGETHER_S:
            return
        self._unanswered = self._unanswered + 1 if is_unanswered else 0
        self._unanswered_at = now
        if self._unanswered >= self.rules.unanswered:
            self._is_mute = True
            self._change("down", now)
            times = f"{self._unanswered} times in a row"
            self.detail = f"it lets us connect, and has given no answer {times}: it hangs, or is far too slow"
            self.probe_at = math.inf
            self._plan(now, self.rules.recheck_s, at_least_s=self.rules.mute_recheck_s)

    def probed(self, began: float, now: float, detail: str, *, is_well: bool) -> None:
        """Note what a probe found that began at ``began``: what a call has brought since then is the newer proof."""
        is_well = is_well or self._worked_at >= began
        self.circuit.probed(is_well=is_well)
        self.probe_at = math.inf
        if not is_well:
            self._forget_muteness()
            self._change("down", now)
            self.detail = detail
            self._plan(now, self.rules.probe_cap_s)
        elif self._is_mute and self._worked_at < began:
            self._is_given_time = True
            self._plan(now, self.rules.recheck_s, at_least_s=self.rules.mute_recheck_s)
        elif self.state == "failing":
            self._plan(now, self.rules.recheck_s)
        else:
            self._recovered(now)
            self.detail = detail

    def _forget_muteness(self) -> None:
        self._unanswered, self._is_mute, self._is_given_time = 0, False, False

    def _recovered(self, now: float) -> None:
        self._forget_muteness()
        self._change("up", now)
        self.detail = ""
        self._probes, self.probe_at = 0, now + self.rules.recheck_s

    def _change(self, state: State, now: float) -> None:
        if state != self.state:
            self.state, self.since = state, now

    def _plan(self, now: float, cap_s: float, *, at_least_s: float = 0.0) -> None:
        """Probe after the next wait, unless one is due before."""
        wait_s = min(cap_s, max(at_least_s, self.rules.probe_s * 2.0 ** min(self._probes, _DOUBLINGS_MAX)))
        if now + wait_s < self.probe_at:
            self.probe_at = now + wait_s
            self._probes += 1
