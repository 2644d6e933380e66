"""What moderators do to us, and which of it is said."""

from __future__ import annotations

import pytest

from voxbridge.core.call.moderated import AUDIENCE, DEAFENED, MUTED, PLAIN, facts, is_silenced
from voxbridge.core.call.said import VoiceState
from voxbridge.core.ids import ChannelId, GuildId, UserId

pytestmark = pytest.mark.unit


def own(*, muted: bool = False, deafened: bool = False, suppressed: bool = False) -> VoiceState:
    return VoiceState(GuildId(1), UserId(2), ChannelId(3), "s", muted, deafened, suppressed)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [(None, False), (own(), False), (own(deafened=True), False), (own(muted=True), True), (own(suppressed=True), True)],
)
def test_who_is_muted_or_in_the_audience_is_silenced(state, wanted):
    """What we send goes to nobody if we are muted or in the audience; being deafened does not matter for that."""
    assert is_silenced(state) is wanted


@pytest.mark.parametrize(
    ("state", "is_plain", "wanted"),
    [
        (own(), False, []),
        (own(muted=True), False, [MUTED]),
        (own(deafened=True), False, [DEAFENED]),
        (own(suppressed=True), False, [AUDIENCE]),
        (own(muted=True, suppressed=True), False, [MUTED]),
        (own(suppressed=True), True, [PLAIN]),
        (own(), True, [PLAIN]),
        (own(muted=True, deafened=True), True, [PLAIN, MUTED, DEAFENED]),
    ],
)
def test_what_is_to_be_said_of_it(state, is_plain, wanted):
    """Each thing that is so is told once; that we are in the audience only if nothing else silences us."""
    assert [line for line, is_so in facts(state, is_plain=is_plain) if is_so] == wanted
