"""The file of what was said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.chat.minutes import Minute, Minutes, as_text, as_webvtt
from voxbridge.core.ids import UserId

pytestmark = pytest.mark.unit


def minutes(*lines: Minute) -> Minutes:
    made = Minutes()
    for line in lines:
        made.put(line)
    return made


ADA = Minute("1", 1.0, 2.5, UserId(1), "Ada", "Hello <b>there</b>")
OTTO = Minute("2", 3725.25, 3726.0, None, "Otto", "It is\nsunny.")


def test_text_has_a_line_for_each_turn():
    """Time, speaker, words."""
    assert as_text(minutes(OTTO, ADA)) == "[00:00:01] Ada: Hello <b>there</b>\n[01:02:05] Otto: It is sunny.\n"


def test_webvtt_has_a_cue_for_each_turn():
    """With its speaker as a voice; nothing in it is taken for markup."""
    assert as_webvtt(minutes(ADA, OTTO)) == (
        "WEBVTT\n\n"
        "00:00:01.000 --> 00:00:02.500\n<v Ada>Hello &lt;b&gt;there&lt;/b&gt;\n\n"
        "01:02:05.250 --> 01:02:06.000\n<v Otto>It is sunny.\n"
    )


def test_a_line_may_change_and_go():
    """By its key."""
    made = minutes(ADA, OTTO)
    made.put(Minute("1", 1.0, 3.0, UserId(1), "Ada", "Hello"))
    made.drop("2")
    assert as_text(made) == "[00:00:01] Ada: Hello\n"


def test_a_member_may_have_theirs_erased():
    """And nobody else's."""
    made = minutes(ADA, OTTO, Minute("3", 5.0, 6.0, UserId(1), "Ada", "Bye"))
    assert made.count(UserId(1)) == 2
    assert made.erase(UserId(1)) == 2
    assert [line.name for line in made.lines] == ["Otto"]


@given(st.text(), st.text(), st.floats(0, 1e6), st.floats(0, 1e6))
def test_any_words_make_a_whole_file(name, text, began_s, ended_s):
    """A name or a word never looks like the begin of a cue."""
    shown = as_webvtt(minutes(Minute("1", began_s, ended_s, UserId(1), name, text)))
    assert shown.count("-->") == 1
    assert len(shown.split("\n\n")) == 2
