# ruff: noqa: RUF001 - dashes, signs and the letters of many languages are what this module is about
"""Numbers as people say them: dates, times, money, units, telephone numbers, versions.

    "It costs $1,299.99 since 2026-03-05."
        ->  "It costs one thousand two hundred ninety-nine dollars and ninety-nine cents since March fifth, ..."

For voices that don't read digits, or read them badly; others are left alone (``tts.numbers``). The patterns are tried
in one order at each place, the most special first. What no pattern knows stays as it is written: a wrong word is worse
than a digit. Languages whose rules are not there are left alone too.

Dates, money and quantities have modules of their own (``number_dates`` and so on); what is read digit by digit,
ordinals and plain numbers are here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache

from voxbridge.core.text.figures import Figures
from voxbridge.core.text.number_dates import Dates
from voxbridge.core.text.number_money import Money
from voxbridge.core.text.number_patterns import (
    ANY,
    ARTICLE_BEFORE,
    CHINESE_TWO,
    CHINESE_YEAR,
    CJK_SPACE,
    DATIVE_BEFORE,
    DIAL_BEFORE,
    DIGITS_OF_ALL,
    DOTTED_CLOCK,
    DOTTED_ORDINALS,
    ENGLISH_MONTH,
    GERMAN_ONE,
    GERMAN_SCALES,
    HALF_BEHIND,
    HALVES,
    HAS_DIGIT,
    ITALIAN_FIRST,
    JOINED,
    JOINER,
    MIXED,
    OCLOCK,
    ORDINALS,
    PATTERNS,
    RUSSIAN_DAY,
    RUSSIAN_YEAR,
    RUSSIAN_YEAR_RULES,
    SIGNS,
    VERSION_BEFORE,
    YEAR_BEFORE,
)
from voxbridge.core.text.number_quantities import Quantities
from voxbridge.core.text.spelling import Spelling, spelling_of
from voxbridge.core.text.words import words_of


def in_words(text: str, language: str) -> str:
    """Return the text with its numbers in words; as it is in a language whose words are not known."""
    if not HAS_DIGIT.search(text):
        return text
    numbers = _numbers_of(language)
    return text if numbers is None else numbers.say(text)


@cache
def _numbers_of(language: str) -> _Numbers | None:
    spelling = spelling_of(language)
    return None if spelling is None else _Numbers(spelling, language)


class _Numbers:
    """The numbers of one language."""

    def __init__(self, spelling: Spelling, language: str) -> None:
        self._figures = Figures(spelling)
        self._spelling, self._words, self._code = spelling, spelling.words, spelling.code
        day_first = self._words.day_first or language.lower() in {"en-gb", "en-au", "en-nz", "en-ie", "en-in"}
        self._dates = Dates(self._figures, self.say, day_first=day_first)
        # Each says the patterns that its methods are named after.
        parts = (self._dates, Money(self._figures), Quantities(self._figures), self)
        self._sayers: dict[str, Callable[[re.Match[str]], str | None]] = {
            name: next(getattr(part, name) for part in parts if hasattr(part, name)) for name in PATTERNS
        }

    def say(self, text: str) -> str:
        text = text.translate(DIGITS_OF_ALL)
        if self._code in MIXED:
            text = HALF_BEHIND.sub(" ", text).translate(HALVES)
        text = self._of_language(text)
        # Chinese, Japanese and Korean put no space before a number: a mark that is none parts them meanwhile.
        text = JOINED.sub(JOINER, text)
        text = SIGNS.sub(self._sign, text)
        if self._code == "en":
            text = ENGLISH_MONTH.sub(self._dates.english_day, text)
        elif self._code == "ru":
            text = RUSSIAN_DAY.sub(self._dates.russian_day, text)
        said = ANY.sub(self._one, text).replace(JOINER, "")
        if self._code in {"ja", "zh"}:
            said = CJK_SPACE.sub("", said)
        return re.sub(r"[ \u00a0]{2,}", " ", said)

    def _of_language(self, text: str) -> str:
        """Say what only one language writes so."""
        match self._code:
            case "zh":
                text = CHINESE_YEAR.sub(lambda match: self._spelling.year(int(match[1])), text)
                return CHINESE_TWO.sub("两", text)
            case "it":
                return ITALIAN_FIRST.sub("primo", text)
            case "ru":
                rules = RUSSIAN_YEAR_RULES
                return RUSSIAN_YEAR.sub(lambda match: self._dates.year_in(int(match[1]), rules[match[2]]), text)
            case "hi" | "ur":
                return OCLOCK.sub(r"\1", text)
            case "id" | "ms" | "sv" | "da" | "nb" | "no" | "fi":
                return DOTTED_CLOCK.sub(lambda match: f"{match[1] or match[3]}:{match[2] or match[4]}", text)
            case _:
                return text

    def _one(self, match: re.Match[str]) -> str:
        name = next(name for name in PATTERNS if match[name] is not None)
        try:
            said = self._sayers[name](match)
        except (ValueError, ArithmeticError):  # thousands of digits, which nobody can mean
            said = None
        return match[0] if said is None else said

    def _sign(self, match: re.Match[str]) -> str:
        words = words_of(self._code)
        sign = (match[1] or match[2] or match[0]).strip()
        said = {
            "×": words.times, "÷": words.divided, "=": words.equals, "+": words.plus, "-": words.minus,
            "−": words.minus, "√": words.root, "~": words.about,
        }[sign]  # fmt: skip
        return f" {said} "

    # -- what is said of each pattern

    def address(self, match: re.Match[str]) -> str:
        return f" {self._words.dot} ".join(self._spelling.cardinal(int(part)) for part in match[0].split("."))

    def version(self, match: re.Match[str]) -> str:
        parts = match[0].lstrip("vV").split(".")
        said = f" {self._words.dot if self._code != 'en' else 'point'} ".join(
            self._spelling.cardinal(int(part)) for part in parts
        )
        return f"version {said}" if match[0][0] in "vV" and self._code == "en" else said

    def phone(self, match: re.Match[str]) -> str:
        groups = [self._spelling.digits(group) for group in re.findall(r"\d+", match[0])]
        return self._figures.signed("+" if match[0].startswith("+") else None, ", ".join(groups))

    def card(self, match: re.Match[str]) -> str:
        return ", ".join(self._spelling.digits(group) for group in re.findall(r"\d+", match[0]))

    def dots(self, match: re.Match[str]) -> str:
        return self._figures.cardinal(Decimal(match["dotted_number"].replace(".", "")), match)

    def always(self, _match: re.Match[str]) -> str:
        return f"{self._spelling.cardinal(24)} {self._spelling.cardinal(7)}"

    def ordinal(self, match: re.Match[str]) -> str | None:
        number, suffix = int(match["on"].replace(",", "")), match["os"]
        rules = ORDINALS.get(self._code, {}).get(suffix)
        return None if rules is None else self._spelling.ordinal(number, rules)

    def dotted(self, match: re.Match[str]) -> str | None:
        """Say a German ordinal, by the word before it; elsewhere a number with a full stop is its own word."""
        number, before = int(match["dn"]), match.string[: match.start()]
        follower = match.string[match.end() : match.end() + 2].strip()
        if self._code in DOTTED_ORDINALS and follower.islower():
            rules = next((each for each in DOTTED_ORDINALS[self._code] if each in self._spelling.rules), "")
            return self._spelling.ordinal(number, rules) if rules else self._spelling.cardinal(number)
        if self._code != "de" or not before.strip() or before.rstrip()[-1:] in ".!?:;":
            return f"{self._spelling.cardinal(number)}." if self._code != "de" or not before.strip() else None
        if DATIVE_BEFORE.search(before):
            return self._spelling.ordinal(number, "spellout-ordinal-n")
        if ARTICLE_BEFORE.search(before):
            return self._spelling.ordinal(number)
        return self._spelling.ordinal(number, "spellout-ordinal-r")

    def last_day(self, match: re.Match[str]) -> str:
        number = int(match["dl"])
        said = self._spelling.ordinal(number, "spellout-ordinal-n") if self._code == "de" else None
        return f"{said or self._spelling.cardinal(number)}."

    def hash(self, match: re.Match[str]) -> str | None:
        word = {"en": "number", "de": "Nummer", "fr": "numéro", "es": "número", "it": "numero", "pt": "número"}
        name = word.get(self._code)
        return f"{name} {self._spelling.cardinal(int(match['hn']))}" if name else None

    def glued(self, match: re.Match[str]) -> str | None:
        digits = match["gn"] or match["gn2"]
        if match["gn"] is not None and re.search(r"\d", match.string[max(0, match.start() - 3) : match.start()]):
            return None
        said = self._spelling.digits(digits) if digits.startswith("0") else self._spelling.cardinal(int(digits))
        return f" {said}" if match["gn"] is not None else f"{said} {match['gl']}"

    def plain(self, match: re.Match[str]) -> str | None:
        written, before = match["n"], match.string[: match.start()]
        scale = (match["scale"] or "").strip()
        if written.isdecimal() and (len(written) > 6 or (written.startswith("0") and len(written) > 1)):
            return self._figures.signed(match["sign"], self._spelling.digits(written)) + (match["scale"] or "")
        if written.isdecimal() and len(written) == 3 and DIAL_BEFORE.search(before):
            return self._spelling.digits(written)
        number = self._figures.parse(written)
        if number is None:
            return None
        if scale and scale in {"k", "K", "M", "B", "bn", "T"}:
            said = self._figures.scaled(written, scale)
            return self._figures.signed(match["sign"], said) if said else None
        if scale.rstrip(".") in GERMAN_SCALES:
            return self._german_scale(number, scale.rstrip("."), match)
        if self._code == "de" and number == 1 and scale.startswith(("Milli",)):
            return f"eine {scale}"
        is_year = written.isdecimal() and len(written) == 4 and 1100 <= number < 2100 and match["sign"] is None
        if is_year and (self._code == "de" or YEAR_BEFORE.search(before)):
            return self._spelling.year(int(number))
        if "." in written and VERSION_BEFORE.search(before):
            return self._version_of(written)
        return self._figures.signed(match["sign"], self._figures.cardinal(number, match)) + (match["scale"] or "")

    def _german_scale(self, number: Decimal, scale: str, match: re.Match[str]) -> str | None:
        if self._code != "de":
            return None
        end = "." if match.end() == len(match.string) else ""  # the abbreviation's mark is the sentence's too
        if number == 1 and scale in GERMAN_ONE:
            return GERMAN_ONE[scale] + end
        return f"{self._spelling.cardinal(number)} {GERMAN_SCALES[scale]}{end}"

    def _version_of(self, written: str) -> str:
        dot = "point" if self._code == "en" else self._words.dot
        return f" {dot} ".join(self._spelling.cardinal(int(part)) for part in written.split("."))
