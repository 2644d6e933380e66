"""Deafness: people speak, and we hear nobody.

Nothing fails when a voice server stops forwarding to us, when our address is forgotten by a router, or when we have no
place in the group that shares the keys: there is just no sound. Two facts give it away:

    op 5 says that somebody speaks .......... SILENT_S without a frame of anybody's sound
    packets come, FAILED_PACKETS of them .... SILENT_S without one that could be opened

The remedies are tried in order: fresh keys without leaving (what DAVE can mend), then leaving and joining anew (what
is left). A frame from anybody ends the suspicion: then the way to us is open, and one speaker's failing frames are
``DaveHealth``'s to judge. Clients exist that announce speech and send none, so after joining anew nothing is tried for
``REJOIN_EVERY_S``: a person with such a client must not be able to throw us out again and again.
"""

from __future__ import annotations

import attrs

from voxbridge.core.ids import UserId
from voxbridge.core.wire.rtp import DaveAdvice


@attrs.define
class DeafnessWatch:
    """Judges one guild's hearing, over all its connections. All times in seconds on any one clock."""

    SILENT_S = 3.0  # a client's first packet comes within 0.1 s of its announcement
    FAILED_PACKETS = 50  # one second of one speaker: stray datagrams are fewer
    RELAPSE_S = 30.0
    REJOIN_EVERY_S = 300.0
    OVERTAKEN_S = 1.0  # the announcement travels by TCP and may come after the packets it announces

    silent_s: float = SILENT_S
    _announced: dict[UserId, float] = attrs.field(factory=dict, init=False)
    _heard_at: float | None = attrs.field(default=None, init=False)
    _failing_since: float | None = attrs.field(default=None, init=False)
    _failures: int = attrs.field(default=0, init=False)
    _healed_at: float | None = attrs.field(default=None, init=False)
    _rejoined_at: float | None = attrs.field(default=None, init=False)

    def new_connection(self) -> None:
        """Begin anew with another connection; what was tried before is remembered."""
        self._heard_at = None
        self._clear()

    def speaking(self, user_id: UserId, now: float, *, is_speaking: bool) -> None:
        """Take Discord's word that a member's microphone opened or closed (voice op 5)."""
        if is_speaking:
            if self._heard_at is None or now - self._heard_at > self.OVERTAKEN_S:
                self._announced.setdefault(user_id, now)
        else:
            self._announced.pop(user_id, None)

    def gone(self, user_id: UserId) -> None:
        """Note that a member left (voice op 13)."""
        self._announced.pop(user_id, None)

    def heard(self, now: float) -> None:
        """Note a frame of somebody's sound that could be opened."""
        self._heard_at = now
        self._clear()

    def _clear(self) -> None:
        self._announced.clear()
        self._failing_since, self._failures = None, 0

    def failed(self, now: float) -> None:
        """Note a packet that could not be opened."""
        self._failures += 1
        if self._failing_since is None:
            self._failing_since = now

    def check(self, now: float, *, can_heal: bool) -> DaveAdvice | None:
        """Return what to do now, if we seem deaf. ``can_heal`` False: there are no keys to be had anew."""
        if not self._is_deaf(now):
            return None
        # Each remedy gets as long to work as the fault got to show.
        self._announced = dict.fromkeys(self._announced, now)
        self._failing_since, self._failures = None, 0
        if self._rejoined_at is not None and now - self._rejoined_at < self.REJOIN_EVERY_S:
            return None
        is_healed = self._healed_at is not None and now - self._healed_at < self.RELAPSE_S
        if can_heal and not is_healed:
            self._healed_at = now
            return "heal"
        self._rejoined_at = now
        return "rejoin"

    def _is_deaf(self, now: float) -> bool:
        if any(now - at >= self.silent_s for at in self._announced.values()):
            return True
        since = self._failing_since
        return since is not None and self._failures >= self.FAILED_PACKETS and now - since >= self.silent_s
