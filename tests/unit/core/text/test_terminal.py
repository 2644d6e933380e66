"""What strangers write, on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.text.terminal import visible, visible_json, visible_lines, visible_value

pytestmark = pytest.mark.unit

NASTY = "a\x1b[2Jb\x07c\x9b31md\u202ee\u2066f\x7fg\u2028h\udc80i\U000e0041j\rk"


def obeyed(text: str, *, kept: str = "") -> list[str]:
    """Return the characters that a terminal would do something with, by their Unicode category or direction."""
    return [
        letter
        for letter in text
        if letter not in kept
        and (
            unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(letter) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
            or letter in "\u200e\u200f\u061c\ufeff"
        )
    ]


def test_what_a_terminal_would_obey_is_written_out() -> None:
    """The reader sees that it was there, and nothing happens."""
    assert visible(NASTY) == (r"a\x1b[2Jb\x07c\x9b31md\u202ee\u2066f\x7fg\u2028h\udc80i\U000e0041j\rk")
    assert visible("line\nline\ttab") == r"line\nline\ttab"
    assert visible_lines("line\nline\ttab\x1b") == "line\nline\ttab\\x1b"


@pytest.mark.parametrize("text", ["Zoë", "日本語", "עברית", "👩‍👩‍👧", "naïve — “quoted”", "नमस्ते", ""])
def test_what_people_write_stays(text: str) -> None:
    """Names in any script, and emoji joined of several, are themselves."""
    assert visible(text) == text


@given(st.text(st.characters()))
def test_nothing_is_obeyed(text: str) -> None:
    """Whatever comes, nothing of it is left that a terminal would obey."""
    assert not obeyed(visible(text))
    assert not obeyed(visible_lines(text), kept="\n\t")


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_json_means_the_same(value: dict[str, object]) -> None:
    """JSON on a terminal is JSON for a program."""
    text = visible_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert not obeyed(text, kept="\n\t")
    assert json.loads(text) == value


def test_values_are_gone_through() -> None:
    """Names and texts stand anywhere in an answer."""
    assert visible_value({"\x1b": ["\x07", {"a": ("\x1b", 1, None)}]}) == {
        r"\x1b": [r"\x07", {"a": [r"\x1b", 1, None]}]
    }
