"""What is offered while somebody types a setting, and in which order."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from babel import Locale, UnknownLocaleError

from voxbridge.core.messages.catalogue import Line
from voxbridge.core.turns.sounds import folded

OFFERS_MAX = 25
"""Discord documentation, "Receiving and Responding": so many choices may be offered."""
_CHARS_MAX = 100
MODES = ("addressed", "everyone", "lock", "queue")
AUTO = "auto"
_CODES = """
en de fr es ja pt it nl pl ru uk tr sv da nb fi cs sk hu ro bg el hr sr sl et lv lt ca gl eu is cy ga ar he
fa ur hi bn ta te mr gu kn ml pa ne si th vi id ms fil ko zh yue mn kk uz az hy ka sq mk bs sw af am so ha
yo la eo
"""
LANGUAGE_CODES = tuple(_CODES.split())
"""Languages that speech servers know, those first that most users of Discord speak."""


@attrs.frozen
class Offer:
    """A value, and how it is shown."""

    value: str
    shown: str | Line


def language_name(code: str, locale: str) -> str:
    """Return what a language is called in the language of a locale; the code itself if nobody knows."""
    try:
        there = Locale.parse(locale.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        there = Locale("en")
    try:
        name = Locale.parse(code.replace("-", "_")).get_display_name(there)
    except (ValueError, UnknownLocaleError):
        return code
    return name or code


def matching(offers: Iterable[Offer], typed: str) -> list[Offer]:
    """Return the offers that fit what was typed: those that begin with it, then those that have it within."""
    wanted = folded(typed.strip())
    ranked: list[tuple[int, int, Offer]] = []
    for number, offer in enumerate(offers):
        texts = [folded(text) for text in (offer.value, offer.shown) if isinstance(text, str)]
        if not (0 < len(offer.value) <= _CHARS_MAX) or not any(wanted in text for text in texts):
            continue
        ranked.append((not any(text.startswith(wanted) for text in texts), number, offer))
    return [offer for *_, offer in sorted(ranked, key=lambda each: each[:2])[:OFFERS_MAX]]
