# ruff: noqa: RUF001 - dashes, signs and the letters of many languages are what this module is about
"""Shares, ranges, units and scores as people say them. Each method is what is said of the pattern of its name."""

from __future__ import annotations

import re
from decimal import Decimal

from voxbridge.core.text.figures import Figures
from voxbridge.core.text.number_patterns import MIXED, RANGE_FROM
from voxbridge.core.text.number_words import FRACTION_KEYS, FRACTIONS, MANY_TIMES


class Quantities:
    """Those in one language."""

    def __init__(self, figures: Figures) -> None:
        self._figures, self._spelling, self._words, self._code = figures, figures.spelling, figures.words, figures.code

    def feet(self, match: re.Match[str]) -> str | None:
        if self._code != "en":
            return None
        if match["ft"] is None:
            long = self._spelling.unit(Decimal(match["ft2"]), "ft")
            return f"{long} {self._spelling.cardinal(int(match['inch2']))} inch{'es' * (match['inch2'] != '1')}"
        return f"{self._spelling.cardinal(int(match['ft']))} foot {self._spelling.cardinal(int(match['inch']))}"

    def duration(self, match: re.Match[str]) -> str:
        parts = ((match["uh"], "h"), (match["um"] or match["um2"], "min"), (match["us"] or match["us2"], "s"))
        return " ".join(self._spelling.unit(Decimal(count), unit) for count, unit in parts if count)

    def more(self, match: re.Match[str]) -> str | None:
        number = self._figures.parse(match["more_than"])
        return None if number is None else f"{self._spelling.cardinal(number)} {self._words.plus}"

    def times(self, match: re.Match[str]) -> str | None:
        word, number = MANY_TIMES.get(self._code), self._figures.parse(match["tn"])
        return None if word is None or number is None else f"{self._spelling.cardinal(number)} {word}"

    def score(self, match: re.Match[str]) -> str:
        to = {"de": "zu"}.get(self._code, self._words.to)
        return f"{self._spelling.cardinal(int(match['s1']))} {to} {self._spelling.cardinal(int(match['s2']))}"

    def range(self, match: re.Match[str]) -> str | None:
        first, second = int(match["r1"]), int(match["r2"])
        if match["r1"].startswith("0") or (first >= second and len(match["r1"]) != len(match["r2"])):
            return None
        is_year = first >= 1100 and second >= 1100 and len(match["r1"]) == 4
        if self._code in RANGE_FROM and not is_year:
            rules = "spellout-cardinal-masculine-genitive"
            if rules in self._spelling.rules:
                ends = f" {self._words.percent}" if match["rp"] else ""
                low, high = self._spelling.cardinal(first, rules=rules), self._spelling.cardinal(second, rules=rules)
                return f"{RANGE_FROM[self._code]} {low} {self._words.to} {high}{ends}"
            return f"{self._spelling.cardinal(first)}, {self._spelling.cardinal(second)}"
        say = self._spelling.year if is_year else self._spelling.cardinal
        end = f" {self._words.percent}" if match["rp"] else ""
        return f"{say(first)} {self._words.to} {say(second)}{end}"

    def percents(self, match: re.Match[str]) -> str | None:
        first, second = self._figures.parse(match["q1"]), self._figures.parse(match["q2"])
        if first is None or second is None:
            return None
        said = f"{self._spelling.cardinal(first)} {self._words.to} {self._spelling.cardinal(second)}"
        return f"{self._words.percent} {said}" if self._words.percent_first else f"{said} {self._words.percent}"

    def percent(self, match: re.Match[str]) -> str | None:
        number = self._figures.parse(match["pn"])
        if number is None:
            return None
        said = self._figures.signed(match["psign"], self._spelling.cardinal(number))
        if self._code in {"ru", "uk"}:
            return f"{said} {self._slavic_percent(number)}"
        if self._words.percent_first:
            return f"{self._words.percent}{'' if self._code == 'zh' else ' '}{said}"
        return f"{said}{'' if self._code in {'ja', 'ko'} else ' '}{self._words.percent}"

    def _slavic_percent(self, number: Decimal) -> str:
        one, few, many = (
            ("процент", "процента", "процентов") if self._code == "ru" else ("відсоток", "відсотка", "відсотків")
        )
        if number != number.to_integral_value():
            return few
        last, two = int(number) % 10, int(number) % 100
        return one if last == 1 and two != 11 else few if 2 <= last <= 4 and not 12 <= two <= 14 else many

    def unit(self, match: re.Match[str]) -> str | None:
        number = self._figures.parse(match["un"])
        if number is None or (
            match["uu"] in {"m", "s", "h", "g", "l", "L", "V", "W", "min"} and self._is_no_unit(match)
        ):
            return None
        return self._figures.signed(match["usign"], self._spelling.unit(number, match["uu"]))

    def _is_no_unit(self, match: re.Match[str]) -> bool:
        """Tell "5s" and "10m" of other things from seconds and meters: a letter stands apart from its number."""
        return match["un"] + match["uu"] == match[0].lstrip("-−+") and match["uu"] in {"s", "V", "W", "L"}

    def fraction(self, match: re.Match[str]) -> str | None:
        return self._said_fraction(int(match["f1"]), int(match["f2"]))

    def mixed(self, match: re.Match[str]) -> str | None:
        part = self._said_fraction(int(match["x1"]), int(match["x2"]))
        if part is None or self._code not in MIXED:
            return None
        if self._code == "de":
            whole = self._spelling.cardinal(int(match["xn"]))
            return f"{whole}einhalb" if (match["x1"], match["x2"]) == ("1", "2") else f"{whole} {part}"
        joint = {"en": "and", "es": "y", "fr": "et", "it": "e", "pt": "e"}[self._code]
        part = {"one half": "a half", "one quarter": "a quarter"}.get(part, part)
        return f"{self._spelling.cardinal(int(match['xn']))} {joint} {part}"

    def _said_fraction(self, upper: int, lower: int) -> str | None:
        if not 0 < upper < lower <= 20:
            return None
        if self._code in {"ja", "zh", "ko"}:
            word = {"ja": "分の", "zh": "分之", "ko": "분의 "}[self._code]
            return f"{self._spelling.cardinal(lower)}{word}{self._spelling.cardinal(upper)}"
        if self._code != "en":
            known = dict(zip(FRACTION_KEYS, FRACTIONS.get(self._code, "").split(", "), strict=False))
            return known.get((upper, lower)) or None
        name = {2: "half", 4: "quarter"}.get(lower) or self._spelling.ordinal(lower)
        many = {2: "halves", 4: "quarters"}.get(lower) or f"{name}s"
        return f"{self._spelling.cardinal(upper)} {name if upper == 1 else many}"
