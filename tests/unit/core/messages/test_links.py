"""Names of commands in texts."""

from __future__ import annotations

import pytest

from voxbridge.core.messages.links import CommandLinks

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("Type `/join` now.", "Type </join:1> now."),
        ("choose it: `/join channel:`", "choose it: </join:1>"),
        ("`/privacy hear-me` changes that", "</privacy hear-me:2> changes that"),
        ("see `/privacy`", "see </privacy show:2>"),
        ("`/unknown`, `/privacy unknown`, `/join below`", "`/unknown`, `/privacy unknown`, `/join below`"),
        ("/join without marks", "/join without marks"),
    ],
)
def test_a_command_that_discord_knows_becomes_a_link(text, linked):
    """A group becomes its "show"; what is not registered stays a name."""
    links = CommandLinks()
    assert links.linked(text, 2000) == text, "nothing is known yet"
    links.learn({"join": 1, "privacy": 2}, {"privacy": ["hear-me", "show"]})
    assert links.linked(text, 2000) == linked


def test_a_text_that_would_become_too_long_stays():
    """Discord takes no more than 2000 characters."""
    links = CommandLinks()
    links.learn({"join": 1234567890123456789}, {})
    assert links.linked("`/join`" + "x" * 1990, 2000) == "`/join`" + "x" * 1990
