"""What is offered while somebody types a setting."""

from __future__ import annotations

import pytest

from voxbridge.core.profiles.choices import OFFERS_MAX, Offer, language_name, matching

pytestmark = pytest.mark.unit


def shown(typed: str, *values: str) -> list[str]:
    return [offer.value for offer in matching([Offer(value, value.title()) for value in values], typed)]


def test_languages_have_the_name_that_the_reader_calls_them_by():
    """A code is shown in the reader's language, in English to a locale that is unknown, and as itself if unknown."""
    assert language_name("de", "fr") == "allemand"
    assert language_name("de", "en-US") == "German"
    assert language_name("de", "no locale") == "German"
    assert language_name("xx-no", "en") == "xx-no"


def test_what_begins_with_the_typed_text_comes_first():
    """Then comes what has it within, each in the order of the offers; what has it nowhere is not offered."""
    assert shown("an", "german", "italian", "antique", "french") == ["antique", "german", "italian"]
    assert shown(" AN ", "german", "antique") == ["antique", "german"]
    assert shown("", "b", "a") == ["b", "a"]
    assert [offer.value for offer in matching([Offer("de", "Deutsch")], "deut")] == ["de"], "the shown name counts"


def test_discord_is_given_no_offer_that_it_refuses():
    """At most 25 offers, none empty and none over 100 characters."""
    assert len(shown("", *(f"v{number}" for number in range(40)))) == OFFERS_MAX == 25
    assert shown("", "", "x" * 101, "y" * 100, "z") == ["y" * 100, "z"]
