"""What is to stand in a chat, and the way there."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.chat.roll import Roll

pytestmark = pytest.mark.unit


class Chat:
    """A chat that does what a roll asks."""

    def __init__(self, roll: Roll) -> None:
        self.roll, self.ids = roll, itertools.count(1)
        self.messages: dict[int, str] = {}
        self.deeds: list[tuple[float, str]] = []

    def step(self, now: float) -> bool:
        """Do the next thing, if one is due."""
        deed = self.roll.next_deed(now)
        if deed is None:
            return False
        message_id = deed.message.id
        kind = "write" if message_id is None else "edit" if deed.text else "remove"
        if message_id is None:
            message_id = next(self.ids)
        assert len(deed.text) <= 2000
        if deed.text:
            self.messages[message_id] = deed.text
        else:
            del self.messages[message_id]
        self.deeds.append((now, kind))
        self.roll.done(deed, message_id, now)
        return True

    def settle(self, now: float) -> None:
        """Do all that is to be done."""
        while (due := self.roll.due_at()) < math.inf:
            now = max(now, due)
            assert self.step(now)


def test_the_first_line_is_written_at_once_and_edited_while_it_grows():
    """However often it changes, it is edited once in 1.2 s, and ends as it should."""
    roll = Roll()
    chat = Chat(roll)
    for tick in range(100):
        roll.put("a", "word " * (tick + 1), tick / 10)
        chat.step(tick / 10)
    chat.settle(10.0)
    assert chat.messages == {1: ("word " * 100).strip()}
    assert chat.deeds[0] == (0.0, "write")
    assert len(chat.deeds) <= 10
    assert all(later - earlier >= 1.2 - 1e-9 for (earlier, _), (later, _) in itertools.pairwise(chat.deeds))


def test_lines_that_follow_each_other_share_a_message():
    """Question and answer are one message; a new one begins after twelve lines."""
    roll = Roll()
    chat = Chat(roll)
    for number in range(13):
        roll.put(f"l{number}", f"line {number}", float(number))
    chat.settle(13.0)
    assert chat.messages == {1: "\n".join(f"line {number}" for number in range(12)), 2: "line 12"}


def test_a_long_line_is_split_at_words():
    """Nothing is lost of it, and no message is longer than 2000 characters."""
    roll = Roll()
    chat = Chat(roll)
    text = "word " * 1000
    roll.put("a", text.strip(), 0.0)
    chat.settle(0.0)
    assert " ".join(chat.messages.values()) == text.strip()
    assert len(chat.messages) == 3


def test_a_line_that_is_taken_away_leaves_nothing():
    """Alone in its message it takes that along; with others it is edited out."""
    roll = Roll()
    chat = Chat(roll)
    roll.put("a", "first", 0.0)
    roll.put("b", "second", 0.0)
    chat.settle(0.0)
    roll.drop("a")
    chat.settle(2.0)
    assert chat.messages == {1: "second"}
    roll.drop("b")
    chat.settle(4.0)
    assert chat.messages == {}
    roll.drop("unknown")


def test_what_was_never_written_is_not_taken_away():
    """Put and dropped before its time: Discord is asked nothing."""
    roll = Roll()
    roll.put("a", "first", 0.0)
    roll.drop("a")
    assert roll.due_at() == math.inf


def test_a_refusal_is_waited_for_and_not_repeated():
    """Nothing is asked for 30 s, and what was refused is not asked again unless it has changed."""
    roll = Roll()
    roll.put("a", "first", 0.0)
    deed = roll.next_deed(0.0)
    assert deed is not None
    roll.failed(deed, 0.0, 30.0)
    assert roll.due_at() == math.inf
    roll.put("a", "first and more", 1.0)
    assert roll.next_deed(29.0) is None
    assert roll.next_deed(30.0) is not None


def test_new_messages_come_before_edits_of_old_ones():
    """Who reads along wants to see what is said now."""
    roll = Roll()
    chat = Chat(roll)
    roll.put("a", "x" * 1500, 0.0)
    chat.settle(0.0)
    roll.put("a", "x" * 1501, 2.0)
    roll.put("b", "new", 2.0)
    deed = roll.next_deed(2.0)
    assert deed is not None
    assert deed.text == "new"


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.integers(-1, 4500), st.floats(0, 5)),
        max_size=40,
    )
)
def test_in_the_end_the_chat_shows_the_lines(changes):
    """Whatever changed when, in whichever order it was carried out."""
    roll = Roll()
    wanted: dict[str, str] = {}
    chat, now = Chat(roll), 0.0
    for key, length, gap in changes:
        now += gap
        if length < 0:
            roll.drop(key)
            wanted.pop(key, None)
        else:
            wanted[key] = f"{key}" * length
            roll.put(key, wanted[key], now)
        chat.step(now)
    chat.settle(now)
    shown = "".join(chat.messages.values())
    for key, text in wanted.items():
        assert shown.count(key) == len(text)
