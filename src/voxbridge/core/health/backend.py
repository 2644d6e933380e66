"""How one backend is: what its calls and its probes say of it, whether it may be asked, and when it is probed again.

    unknown --probe--> up --a call failed--> failing --a probe failed--> down
                       ^                        |                          |
                       |--a call came through---'--a call, or a probe------'

Whoever asks a backend tells of it here, and nobody else probes it: however many ask, the probes stay as few. A probe
alone ends nothing that calls have begun: a server that answers probes and fails at its work is ``failing`` until it has
done some. Whether it is asked before others is the circuit's to say, which takes several failures to open.
"""

from __future__ import annotations

import math
from typing import Literal

import attrs

from voxbridge.core.health.breaker import Breaker, BreakerRules

StageName = Literal["stt", "agent", "tts"]
State = Literal["unknown", "up", "failing", "down"]

_DOUBLINGS_MAX = 16  # any cap is reached long before; a float ends at 2 ** 1024, two nights into an outage


@attrs.frozen
class HealthRules:
    """When a backend is probed; all times in seconds.

    In trouble after ``probe_s``, then twice as late each time, up to ``probe_cap_s`` while the probes fail and up to
    ``recheck_s`` while they do not; while all is well each ``recheck_s``: often enough to be right about a night's
    outage, too rare to be seen in the server's log. ``at_start``: it is probed before anybody has asked it anything.
    """

    probe_s: float = 2.0
    probe_cap_s: float = 30.0
    recheck_s: float = 300.0
    at_start: bool = True
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

    def begin(self) -> bool:
        """Note that a call begins; return whether it is a trial, which its end must be told."""
        return self.circuit.begin()

    def succeeded(self, now: float, *, is_trial: bool = False) -> None:
        """Note that a call brought what was asked for: whatever was before, the backend works."""
        self._worked_at = now
        self.circuit.succeeded(now, is_trial=is_trial)
        if self.state != "up":
            self._recovered(now)

    def failed(self, now: float, why: str, *, is_trial: bool = False) -> None:
        """Note that a call failed."""
        was = self.circuit.state
        self.circuit.failed(now, is_trial=is_trial)
        self.suspected(now, why)
        if self.circuit.state == "open" and was != "open" and self.state == "failing":
            # Only a probe lets it try again, and the probes of who answers them may have become rare.
            self._plan(now, self.rules.probe_cap_s)

    def abandoned(self, *, is_trial: bool = False) -> None:
        """Note that a call was cancelled, or brought nothing at all, which proves nothing."""
        self.circuit.abandoned(is_trial=is_trial)

    def suspected(self, now: float, why: str) -> None:
        """Note that something failed that may be this backend's fault; its circuit does not count it."""
        if not self.is_in_trouble:
            self._change("failing", now)
            self._probes, self.probe_at = 0, math.inf
            self._plan(now, self.rules.probe_cap_s)
        if self.state == "failing":
            self.detail = why

    def probed(self, began: float, now: float, detail: str, *, is_well: bool) -> None:
        """Note what a probe found that began at ``began``: what a call has brought since then is the newer proof."""
        is_well = is_well or self._worked_at >= began
        self.circuit.probed(is_well=is_well)
        self.probe_at = math.inf
        if not is_well:
            self._change("down", now)
            self.detail = detail
            self._plan(now, self.rules.probe_cap_s)
        elif self.state == "failing":
            self._plan(now, self.rules.recheck_s)
        else:
            self._recovered(now)
            self.detail = detail

    def _recovered(self, now: float) -> None:
        self._change("up", now)
        self.detail = ""
        self._probes, self.probe_at = 0, now + self.rules.recheck_s

    def _change(self, state: State, now: float) -> None:
        if state != self.state:
            self.state, self.since = state, now

    def _plan(self, now: float, cap_s: float) -> None:
        """Probe after the next wait, unless one is due before."""
        wait_s = min(cap_s, self.rules.probe_s * 2.0 ** min(self._probes, _DOUBLINGS_MAX))
        if now + wait_s < self.probe_at:
            self.probe_at = now + wait_s
            self._probes += 1
