"""Letters that were escaped twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.text.oddments import with_letters

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"caf\u00e9", "café"),
        (r"caf\xe9", "café"),
        (r"\u{1F600}", "\U0001f600"),
        (r"a\ud83dz", "a z"),  # half of a pair
        (r"a\udfffz", "a z"),
        (r"a\u{10ffff}b", "a b"),  # the last code point shows nothing
        (r"a\u{110000}b", "a b"),  # there is none
        (r"a\u000az", "a z"),
        (r"C:\\users", r"C:\\users"),
    ],
)
def test_an_escape_is_the_letter_that_it_stands_for(text, said):
    """What stands for no letter that can be read is a gap."""
    assert with_letters(text) == said


@given(st.text(alphabet=r"\ux{}0123456789abcdefF", max_size=20))
def test_any_escape_is_taken(text):
    """No escape raises, and none leaves half a letter."""
    assert not any(0xD800 <= ord(letter) <= 0xDFFF for letter in with_letters(text))
