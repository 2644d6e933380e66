"""Who may be heard, as a table."""

from __future__ import annotations

import pytest

from voxbridge.core.people.consent import HEARD, Choice, ConsentRules, PrivacyMode, judge

pytestmark = pytest.mark.unit

ADA, VIP, BANNED = 1, 10, 20


@pytest.mark.parametrize(
    ("mode", "choice", "is_known", "heard"),
    [
        ("open", None, True, True),
        ("open", None, False, True),
        ("open", "ignore", True, False),
        ("opt-out", None, True, True),
        ("opt-out", None, False, False),
        ("opt-out", "ignore", True, False),
        ("opt-out", "hear", False, True),
        ("opt-in", None, True, False),
        ("opt-in", None, False, False),
        ("opt-in", "hear", True, True),
        ("opt-in", "hear", False, True),
        ("opt-in", "ignore", True, False),
    ],
)
def test_mode_and_choice(mode: PrivacyMode, choice: Choice | None, is_known: bool, heard: bool) -> None:
    """Each mode does with a choice, with none, and with an unreadable book what its row says."""
    assert (judge(ConsentRules(mode), ADA, frozenset(), choice, is_known=is_known) in HEARD) is heard


@pytest.mark.parametrize("choice", [None, "hear", "ignore"])
@pytest.mark.parametrize("mode", ["open", "opt-out", "opt-in"])
@pytest.mark.parametrize("is_known", [True, False])
def test_who_said_no_is_never_heard_and_the_lists_go_first(mode, choice, is_known) -> None:
    """Whatever else is so: a no is a no, and nobody whom the operator left out is heard."""
    for rules in (
        ConsentRules(mode, denied_users=frozenset({ADA})),
        ConsentRules(mode, denied_roles=frozenset({BANNED})),
        ConsentRules(mode, allowed_users=frozenset({2})),
        ConsentRules(mode, allowed_roles=frozenset({VIP})),
    ):
        assert judge(rules, ADA, frozenset({BANNED}), choice, is_known=is_known) not in HEARD
    assert judge(ConsentRules(mode), ADA, None, "ignore", is_known=is_known) not in HEARD


@pytest.mark.parametrize(
    ("roles", "reason"), [(frozenset({VIP}), "usual"), (frozenset({BANNED, VIP}), "denied"), (None, "unknown")]
)
def test_roles(roles, reason) -> None:
    """A role lets in, another keeps out; roles that Discord has not told let nobody in."""
    rules = ConsentRules(allowed_roles=frozenset({VIP}), denied_roles=frozenset({BANNED}))
    assert judge(rules, ADA, roles, None) == reason


def test_an_allowed_user_needs_no_role() -> None:
    """The two lists of who is allowed are one: on either is enough."""
    rules = ConsentRules(allowed_users=frozenset({ADA}), allowed_roles=frozenset({VIP}))
    assert judge(rules, ADA, None, None) == "usual"
    assert judge(rules, 2, frozenset(), None) == "not_allowed"
