"""What sound a text can take at most."""

from __future__ import annotations

import pytest

from voxbridge.core.text.pace import longest_said_s, longest_sound_s

pytestmark = pytest.mark.unit

# Seconds that slow readers really take (0.1 s a Latin letter, 0.3 s a syllable, a second of pause at a full stop).
SLOWLY_READ_S = {
    "Yes.": 1.5,
    "What is the weather like in Boston today?": 5.5,
    "1,234,567.89": 9.0,
    "HTTP/2 über SSL": 6.5,
    "3 % von 5 €": 4.5,
    "\u4eca\u65e5\u306f\u3044\u3044\u5929\u6c17\u3067\u3059\u306d\u3002": 4.5,
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e": 4.0,
    "+49 170 1234567": 10.0,
}


@pytest.mark.parametrize("text", SLOWLY_READ_S)
def test_no_slow_voice_is_cut(text: str) -> None:
    """Half as long again as a slow reader takes still fits."""
    assert longest_sound_s(text) >= 1.5 * SLOWLY_READ_S[text]


def test_a_voice_that_babbles_is_stopped_soon() -> None:
    """One word has seconds, not the half minute that voices babble behind it; a voice told to be slow has more."""
    assert longest_sound_s("Yes.") < 6
    assert longest_sound_s("") < 4
    assert longest_sound_s("Yes.", speed=0.5) > longest_sound_s("Yes.") == longest_sound_s("Yes.", speed=2.0)


def test_each_character_has_its_time() -> None:
    """Latin letters 0.2 s, capitals and syllabic scripts 0.6 s, digits and signs a second, gaps none, breaths 3 s."""
    for text, seconds in (("abc", 0.6), ("AB", 1.2), ("日本", 1.2), ("7%", 2.0), ("a b", 0.4)):
        assert longest_said_s(text) == pytest.approx(seconds), text
        assert longest_sound_s(text) == pytest.approx(3.0 + seconds), text
