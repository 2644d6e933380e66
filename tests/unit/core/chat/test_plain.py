"""Words of people and agents, without any effect in a chat."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.chat.plain import disarmed, plain, plain_name

pytestmark = pytest.mark.unit

APART = "\u200b"
_MENTION = re.compile(r"@everyone|@here|<@|<#|<:|<a:|<t:|</")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hello @everyone", f"hello @{APART}everyone"),
        ("<@123> and <@&4>", f"<{APART}@{APART}123> and <{APART}@{APART}&4>"),
        ("<#1> </join:2>", f"<{APART}#1> <{APART}/join:2>"),
        ("**bold** _it_ `code` ~~no~~", r"\*\*bold\*\* \_it\_ \`code\` \~\~no\~\~"),
        ("[link](https://x.org)", r"\[link\](https://x.org)"),
        ("# a heading", r"\# a heading"),
        ("two\nlines", "two lines"),
        ("3 < 4 and a@b", f"3 < 4 and a@{APART}b"),
    ],
)
def test_what_people_say(text, shown):
    """One line, no mention, no markup."""
    assert plain(text) == shown


def test_what_an_agent_says_keeps_its_markup():
    """But calls nobody, and its links show no preview."""
    assert disarmed("**Look** at https://example.org/a?b=c, @here") == (
        f"**Look** at <https://example.org/a?b=c>, @{APART}here"
    )


def test_names_are_short_and_never_empty():
    """Whatever people call themselves."""
    assert plain_name("") == "?"
    assert len(plain_name("*" * 500)) <= 60
    assert not plain_name("*" * 500).endswith("\\")


@given(st.text(alphabet=st.sampled_from("@<>#/:at&!everyonehere123 \n*_`"), max_size=60))
def test_no_mention_gets_through(text):
    """In any text."""
    for shown in (plain(text), disarmed(text), plain_name(text)):
        assert not _MENTION.search(shown), shown
