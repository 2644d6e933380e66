# ruff: noqa: RUF001, SIM905 - lists of words read as text; the endings of Russian and Ukrainian words
"""Numbers as words: Unicode's own rules for spelling them out (unicode-rbnf) and its locale data (Babel).

Both read tables of their own package at their first use in a language, some ten milliseconds; ``warm`` does it ahead.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import Any

from voxbridge.core.text.number_words import UNITS, WORDS, NumberWords
from voxbridge.core.text.own_numerals import OWN

_DIGITS = re.compile("[-\u2212\u200e\u200f]*[\\d.,\u00a0\u202f\u066b\u066c]*\\d")
# The rules of some languages have no default set of their own; the first that is there is taken.
_CARDINALS = ("spellout-numbering", "spellout-cardinal", "spellout-cardinal-masculine")
_DIGITS_MAX = 15  # what is longer is no amount that anybody says


def _engine_of(code: str) -> Any:
    from unicode_rbnf import RbnfEngine  # 20 ms, which a voice that reads digits need not pay

    return RbnfEngine.for_language("no" if code == "nb" else code)


class Spelling:
    """Spells the numbers of one language."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.words: NumberWords = WORDS[code]
        self._own = OWN.get(code)
        self._engine: Any = None if self._own else _engine_of(code)

    @property
    def rules(self) -> frozenset[str]:
        """Return the names of the language's sets of rules."""
        return frozenset() if self._engine is None else frozenset(self._engine.rulesets)

    def cardinal(self, number: Decimal | int, *, rules: str = "") -> str:
        """Return a number in words; ``rules`` is another set of the language's, if it has it."""
        value = Decimal(number)
        whole, _, decimals = f"{abs(value):f}".partition(".")
        said = self._spell(int(whole), (rules, *_CARDINALS))
        if decimals:
            digits = " ".join(self._spell(int(digit), _CARDINALS) for digit in decimals)
            said = f"{said} {self.words.point} {digits}"
            if self.code in {"ja", "zh", "ko"}:
                said = said.replace(" ", "")
        return f"{self.words.minus} {said}" if value < 0 else said

    def ordinal(self, number: int, rules: str = "") -> str:
        """Return "first" for 1; ``rules`` is the set for gender or case."""
        return self._spell(number, (rules, "spellout-ordinal", "spellout-ordinal-masculine", *_CARDINALS))

    def year(self, number: int) -> str:
        """Return a year as it is said."""
        if self.code == "zh":
            return self.digits(str(number)).replace(" ", "").replace("零", "〇")
        if self.code == "en" or (self.code == "de" and 1100 <= number < 2000):
            return self._spell(number, ("spellout-numbering-year",))
        return self.cardinal(number)

    def digits(self, text: str) -> str:
        """Return digits one by one."""
        return " ".join(self._spell(int(digit), _CARDINALS) for digit in text if digit.isdecimal())

    def unit(self, number: Decimal, sign: str) -> str:
        """Return a number with its unit: "twenty-five kilometers per hour"."""
        from babel.units import format_compound_unit, format_unit

        unit, _, per = UNITS[sign].partition("/")
        named: str | None = None
        if per:
            per = per if "-" in per else f"duration-{per}"
            named = format_compound_unit(number, unit, denominator_unit=per, length="long", locale=self.code)
        named = named or format_unit(number, unit, "long", locale=self.code)
        return self._worded(named, number)

    def currency(self, number: Decimal, currency: str) -> str:
        """Return an amount with its currency's full name."""
        from babel.numbers import get_currency_name

        return f"{self.cardinal(number)} {get_currency_name(currency, count=number, locale=self.code)}"

    def date(self, year: int, month: int, day: int) -> str | None:
        """Return a date in words, or None if there is none such."""
        import datetime as dt

        from babel.dates import format_date

        try:
            written = format_date(dt.date(year, month, day), "long", locale=self.code)
        except ValueError:
            return None
        written = re.sub(r"\s?[гр]\.$", "", written)
        return written if self.code in {"de", "hu"} else re.sub(rf"\b{day}\.(?= )", str(day), written, count=1)

    def _worded(self, named: str, number: Decimal) -> str:
        """Put the words of a number where its digits stand."""
        said = self.cardinal(number, rules=_gender(self.code, named, int(abs(number))))
        return _DIGITS.sub(lambda _match: said, named, count=1).replace("\u00a0", " ").replace("/", " ")

    def _spell(self, number: int, rules: tuple[str, ...]) -> str:
        if len(str(number)) > _DIGITS_MAX:
            return self.digits(str(number))
        if self._own is not None:
            return self._own(number)
        known = self._engine.rulesets
        name = next((each for each in rules if each in known), None)
        said = self._engine.format_number(number, ruleset_names=[name]).text if name else str(number)
        return re.sub(r"\s+", " ", str(said)).replace("\u00ad", "").replace("\u200b", "").strip()


def _gender(code: str, named: str, number: int) -> str:
    """Return the rules for the gender of what is counted, told by the ending of its word; "" if it cannot be told."""
    word = re.sub(r"[-\d.,\s\u00a0]+", " ", named).split()
    last = word[0].lower().rstrip(".,!?;:") if word else ""
    return gender_rules(code, last, number)


_FEMININE = {
    "ru": ("ы", "и"),
    "uk": ("хвилини", "години", "секунди", "гривні", "тисячі", "копійки", "книги", "сторінки"),
}


_FRENCH_FEMININE = frozenset(
    "femme fois heure heures minute minutes seconde secondes personne personnes semaine semaines année années page"
    " pages question questions journée journées tonne tonnes pomme pommes fille filles voiture voitures maison maisons"
    " ville villes chose choses table tables photo photos vidéo vidéos réponse réponses étape étapes option options"
    " tasse tasses tranche tranches ligne lignes partie parties carte cartes lettre lettres pièce pièces place places"
    " note notes amie amies cuillère cuillères bouteille bouteilles idée idées livres-sterling".split()
)
_GERMAN_FEMININE = frozenset(
    "frau stadt nacht hand mutter tochter schwester person tür art zahl uhr form stimme mal bahn maus wand bank kraft"
    " last luft lust macht schuld welt wahl zeit antwort arbeit gefahr insel regel gabel kartoffel nummer feder feier"
    " mauer butter leiter".split()
) - {"uhr", "mal"}
_POLISH_FEMININE = frozenset(
    {
        "godziny",
        "minuty",
        "sekundy",
        "osoby",
        "sztuki",
        "strony",
        "kobiety",
        "książki",
        "łyżki",
        "szklanki",
        "tony",
        "doby",
    }
)


def gender_rules(code: str, word: str, number: int) -> str:
    """Return the rules that fit a number to the word behind it."""
    one, two = number % 10 == 1 and number % 100 != 11, number % 10 == 2 and number % 100 != 12
    if code in {"ru", "uk"} and ((one and word.endswith(("а", "я"))) or (two and word.endswith(_FEMININE[code]))):
        return "spellout-cardinal-feminine"
    if code in {"ru", "uk"} and one and word.endswith(("о", "е")):
        return "spellout-cardinal-neuter"
    if code == "pl" and two and word in _POLISH_FEMININE:
        return "spellout-cardinal-feminine"
    if code == "es" and word == "de":
        return ""  # el uno de enero
    if code == "fr" and number % 10 == 1 and word in _FRENCH_FEMININE:
        return "spellout-cardinal-feminine"
    if code == "es" and (one or 200 <= number % 1000 < 1000):
        return "spellout-cardinal-feminine" if word.endswith(("a", "as")) else "spellout-cardinal-masculine"
    if code == "pt" and (one or two or 200 <= number % 1000 < 1000) and word.endswith(("a", "as")):
        return "spellout-cardinal-feminine"
    if code == "it" and number == 1:
        return "spellout-cardinal-feminine" if word.endswith("a") else "spellout-cardinal-masculine"
    if code == "de" and number == 1:
        is_feminine = word in _GERMAN_FEMININE or word.endswith(
            ("e", "ung", "heit", "keit", "schaft", "tät", "ion", "in", "ei", "ik", "ur")
        )
        return "spellout-cardinal-feminine" if is_feminine else "spellout-cardinal-masculine"
    return ""


@cache
def spelling_of(language: str) -> Spelling | None:
    """Return the spelling of a language (``de`` for ``de-AT``), or None for one whose rules are not there."""
    code = language.lower().partition("-")[0]
    return Spelling(code) if code in WORDS else None


_WARM: set[str] = set()


def warm(language: str) -> None:
    """Read the tables of a language ahead. May be called from a thread."""
    spelling = spelling_of(language)
    if spelling is not None:
        spelling.cardinal(1)
        spelling.unit(Decimal(1), "km")
    _WARM.add(language)


def is_warm(language: str) -> bool:
    """Tell whether nothing has to be read any more to spell in a language."""
    return language in _WARM
