"""Deafness: people speak, and we hear nobody.

Nothing fails when a voice server stops forwarding to us, when our address is forgotten by a router, or when we have no
place in the group that shares the keys: there is just no sound. What gives it away, and who looks at it:

    keepalives that were echoed are echoed no more .... ``VoiceLink``: the way is gone, a new link is made
    no keys though there is company ................... ``Recovery``
    one member's frames do not open ................... ``DaveHealth``
    op 5 says that somebody speaks .................... here: SILENT_S without a packet of anybody's
    packets come, FAILED_PACKETS of them .............. here: SILENT_S without one that could be opened

Discord says op 5 once for each member, not for each utterance, so it is a sign of the first words only. The remedies
are tried in order: fresh keys without leaving (what DAVE can mend), then leaving and joining anew (what is left). What
was opened lately, of anybody, speaks against deafness. Clients exist that announce speech and send none, and people who
send what nobody can open; so joining anew has a price that doubles: after the first time not within ten seconds, then
twenty, up to five minutes. Nobody can throw us out again and again.
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
    OVERTAKEN_S = 1.0  # the announcement travels by TCP and may come after the packets it announces
    PROOF_S = 10.0  # so long a frame that was opened shows that we hear
    REJOIN_FIRST_S = 10.0
    REJOIN_MAX_S = 300.0
    FORGIVEN_S = 900.0  # of hearing well, and the price begins anew

    silent_s: float = SILENT_S
    is_deafened: bool = attrs.field(default=False, init=False)
    """By the server: then hearing nobody is as it should be."""
    _announced: dict[UserId, float] = attrs.field(factory=dict, init=False)
    _arrived_at: float | None = attrs.field(default=None, init=False)
    _heard_at: float | None = attrs.field(default=None, init=False)
    _failing_since: float | None = attrs.field(default=None, init=False)
    _failures: int = attrs.field(default=0, init=False)
    _healed_at: float | None = attrs.field(default=None, init=False)
    _rejoined_at: float | None = attrs.field(default=None, init=False)
    _price_s: float = attrs.field(default=REJOIN_FIRST_S, init=False)

    def new_connection(self) -> None:
        """Begin anew with another connection; what was tried before is remembered."""
        self._heard_at = self._arrived_at = None
        self._clear()

    def speaking(self, user_id: UserId, now: float, *, is_speaking: bool) -> None:
        """Take Discord's word that a member's microphone opened or closed (voice op 5)."""
        if is_speaking:
            if self._arrived_at is None or now - self._arrived_at > self.OVERTAKEN_S:
                self._announced.setdefault(user_id, now)
        else:
            self._announced.pop(user_id, None)

    def gone(self, user_id: UserId) -> None:
        """Note that a member left (voice op 13)."""
        self._announced.pop(user_id, None)

    def arrived(self, now: float) -> None:
        """Note a packet of sound, whether it can be opened or not: the way to us is open."""
        self._arrived_at = now
        if self._announced:
            self._announced.clear()

    def heard(self, now: float) -> None:
        """Note a frame of somebody's sound that could be opened."""
        self._heard_at = self._arrived_at = now
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
        if self.is_deafened or not self._is_deaf(now):
            return None
        # Each remedy gets as long to work as the fault got to show.
        self._announced = dict.fromkeys(self._announced, now)
        self._failing_since, self._failures = None, 0
        is_healed = self._healed_at is not None and now - self._healed_at < self.RELAPSE_S
        if can_heal and not is_healed:
            self._healed_at = now
            return "heal"
        return "rejoin"

    def may_rejoin(self, now: float) -> bool:
        """Pay the price of joining anew, if it can be paid now."""
        since_s = now - self._rejoined_at if self._rejoined_at is not None else self.FORGIVEN_S
        if since_s >= self.FORGIVEN_S:
            self._price_s = self.REJOIN_FIRST_S
        elif since_s < self._price_s:
            return False
        else:
            self._price_s = min(2 * self._price_s, self.REJOIN_MAX_S)
        self._rejoined_at = now
        return True

    def _is_deaf(self, now: float) -> bool:
        if any(now - at >= self.silent_s for at in self._announced.values()):
            return True
        if self._heard_at is not None and now - self._heard_at < self.PROOF_S:
            return False
        since = self._failing_since
        return since is not None and self._failures >= self.FAILED_PACKETS and now - since >= self.silent_s
