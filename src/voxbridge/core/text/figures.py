# ruff: noqa: RUF001 - dashes, signs and the letters of many languages are what this module is about
"""A number by itself, in one language: how it is read as it stands written, and how it is said beside a word."""

from __future__ import annotations

import re
from decimal import Decimal

from voxbridge.core.text.number_patterns import GERMAN_SCALES, KOREAN_COUNTER, KOREAN_HOUR, NEXT_WORD, SCALES
from voxbridge.core.text.number_words import NumberWords
from voxbridge.core.text.spelling import Spelling, gender_rules


class Figures:
    """The numbers of one language, for dates, money and quantities."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling
        self.words: NumberWords = spelling.words
        self.code = spelling.code

    def parse(self, written: str) -> Decimal | None:
        """Return the number, by the language's marks of thousands and decimals, or by what it can only be."""
        text = re.sub("[\u00a0\u202f ’']", "", written)
        for mark in ",.":
            if text.count(mark) > 1:
                text = text.replace(mark, "")
        if "," in text and "." in text:
            decimal = max(",.", key=text.rfind)
            text = text.replace("," if decimal == "." else ".", "").replace(",", ".")
        elif "," in text or "." in text:
            mark = "," if "," in text else "."
            whole, _, rest = text.partition(mark)
            groups = mark == self.words.groups and len(rest) == 3 and whole != "0"
            text = whole + rest if groups else f"{whole}.{rest}"
        return Decimal(text)

    def cardinal(self, number: Decimal, match: re.Match[str]) -> str:
        """Say a number as the word behind the match wants it: by its gender, or with a Korean counter."""
        follower = NEXT_WORD.match(match.string, match.end())
        rules = ""
        counter = KOREAN_HOUR if 0 < number <= 12 else KOREAN_COUNTER
        if self.code == "ko" and 0 < number < 100 and counter.match(match.string, match.end()):
            rules = "spellout-cardinal-native-attributive"
        elif follower is not None and number == number.to_integral_value():
            rules = gender_rules(self.code, follower[1].lower(), int(abs(number)))
            if self.code == "es" and rules.endswith("masculine") and int(abs(number)) % 10 != 1:
                rules = ""
        return self.spelling.cardinal(number, rules=rules)

    def counted(self, number: int, name: str) -> str:
        """Say so many of what has this name."""
        return self.spelling.cardinal(number, rules=gender_rules(self.code, name.lower(), number))

    def signed(self, sign: str | None, said: str) -> str:
        """Say the sign before a number, if it has one."""
        word = {"-": self.words.minus, "−": self.words.minus, "+": self.words.plus}.get(sign or "")
        return f"{word} {said}" if word else said

    def scaled(self, written: str, scale: str) -> str:
        """Return "one point five million" for "1.5" and "million" or "M", in English."""
        name = {3: "thousand", 6: "million", 9: "billion", 12: "trillion", 5: "lakh", 7: "crore"}.get(
            SCALES.get(scale, 0)
        )
        number = self.parse(written)
        if self.code == "de" and number is not None and scale in GERMAN_SCALES:
            return f"{self.spelling.cardinal(number)} {GERMAN_SCALES[scale]}"
        return f"{self.spelling.cardinal(number)} {name}" if self.code == "en" and name and number is not None else ""
