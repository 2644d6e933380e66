# ruff: noqa: RUF001 - the words of many languages
"""What somebody means who says something over an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.text.overlap_words import may_become, meaning_of

pytestmark = pytest.mark.unit

CASES = {
    "backchannel": (
        "yeah yeah yeah yeah yeah yeah",
        "Mhm.",
        "Mm-hmm.",
        "Uh-huh.",
        "Yeah.",
        "Okay.",
        "Yeah, okay.",
        "Yeah, yeah, yeah.",
        "Right.",
        "I see.",
        "Oh, wow.",
        "Got it, okay.",
        "Genau.",
        "Ja, genau.",
        "Ach so!",
        "Alles klar.",
        "Oui, d'accord.",
        "Ouais.",
        "Sí, claro.",
        "¡Vale!",
        "Va bene.",
        "Pois é.",
        "Ja hoor.",
        "Tak, jasne.",
        "Угу.",
        "Ну да.",
        "はい",
        "なるほど",
        "嗯嗯",
        "네",
        "ठीक है",
        "Hahaha.",
    ),
    "stop": (
        "Stop.",
        "Stop, stop, stop!",
        "Stop it, please.",
        "Please be quiet.",
        "Shut up!",
        "Okay, stop.",
        "Vox, stop.",
        "That's enough.",
        "Stopp!",
        "Hör auf!",
        "Sei still, bitte.",
        "Halt stopp",
        "Arrête !",
        "Tais-toi.",
        "¡Para ya!",
        "Basta!",
        "Chega.",
        "Hou op.",
        "Przestań.",
        "Хватит!",
        "Стоп",
        "停",
        "やめて",
        "그만",
        "रुको",
    ),
    "go on": ("Go on.", "Continue", "Please continue.", "Weiter!", "Mach weiter.", "Continúa.", "Vai avanti", "继续"),
    "speech": (
        "Yeah, but what about Friday?",
        "yeah yeah yeah yeah yeah yeah yeah",
        "No.",
        "No, not that one.",
        "Wait a second.",
        "What time is it?",
        "Stop at the corner.",
        "Where is the bus stop?",
        "Okay, and how far is it?",
        "Right turn here",
        "Ja, aber warum?",
        "Nein.",
        "Halt mal, wieso das?",
        "I can't stop laughing",
        "How do I continue the download?",
        "Ben",
        "para la cena quiero pan",
    ),
    "nothing": ("", " . ", "...", "♪"),
}


@pytest.mark.parametrize(("text", "meaning"), [(text, meaning) for meaning, texts in CASES.items() for text in texts])
def test_what_is_meant(text: str, meaning: str) -> None:
    """By the whole of what was said, in any language."""
    assert meaning_of(text, names=("Vox",)) == meaning


def test_a_stop_word_of_ones_own() -> None:
    """The operator may add some."""
    assert meaning_of("Banana!") == "speech"
    assert meaning_of("Banana!", own_stops=("banana",)) == "stop"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("ye", "nothing"), ("yeah o", "nothing"), ("what", "speech"), ("yeah but", "speech"), ("stop", "stop")],
)
def test_an_unfinished_text_may_still_become_a_backchannel(text: str, meaning: str) -> None:
    """Half of "okay" is not taken for speech."""
    assert may_become(text) == meaning


@given(st.text(max_size=300))
def test_any_text_has_a_meaning(text: str) -> None:
    """Whatever a speech server writes."""
    assert meaning_of(text) in {"nothing", "backchannel", "stop", "go on", "speech"}
    may_become(text)
