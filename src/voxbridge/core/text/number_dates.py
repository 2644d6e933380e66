"""Dates, times of day and decades as people say them. Each method is what is said of the pattern of its name."""

from __future__ import annotations

import re
from collections.abc import Callable

from voxbridge.core.text.figures import Figures
from voxbridge.core.text.number_patterns import ARTICLE_BEFORE, DATIVE_BEFORE


class Dates:
    """Those of one language. ``say`` says the numbers of a text; ``day_first``: 3/4 is the third of April."""

    def __init__(self, figures: Figures, say: Callable[[str], str], *, day_first: bool) -> None:
        self._spelling, self._words, self._code = figures.spelling, figures.words, figures.code
        self._say, self._day_first = say, day_first

    def iso_date(self, match: re.Match[str]) -> str | None:
        said = self._say_date(int(match["iy"]), int(match["im"]), int(match["id"]))
        if said is None or match["iso_time"] is None:
            return said
        return f"{said}, {self._say(match['iso_time'])}"

    def date(self, match: re.Match[str]) -> str | None:
        first, second, year = int(match["d1"]), int(match["d2"]), int(match["dy"])
        year += 2000 if year < 50 else 1900 if year < 100 else 0
        is_day_first = self._day_first or match["sep"] == "." or first > 12
        day, month = (first, second) if is_day_first else (second, first)
        return self._say_date(year, month, day, match)

    def _say_date(self, year: int, month: int, day: int, match: re.Match[str] | None = None) -> str | None:
        written = self._spelling.date(year, month, day)
        if written is None:
            return None
        said_day = self._spelling.cardinal(day)
        if self._code == "en":
            said_day = self._spelling.ordinal(day)
        elif self._code == "de":
            said_day = self._german_day(day, match)
            written = written.replace(f"{day}.", f"{day}", 1)
        elif self._code == "fr" and day == 1:
            said_day, written = "premier", written.replace("1er", "1", 1)
        elif self._code == "ru":
            said_day = self._spelling.ordinal(day, "spellout-ordinal-masculine-genitive")
        said = re.sub(rf"(?<!\d){day}(?!\d)", said_day, written, count=1)
        said_year = self._russian_year(year) if self._code == "ru" else self._spelling.year(year)
        said = re.sub(rf"(?<!\d){year}(?!\d)", said_year, said, count=1)
        if self._code in {"ja", "zh", "ko"}:
            return re.sub(r"\d+", lambda each: self._spelling.cardinal(int(each[0])), said)
        return said

    def _german_day(self, day: int, match: re.Match[str] | None) -> str:
        """Return the day with the ending that the word before it wants: am fünften, der fünfte, fünfter."""
        before = "" if match is None else match.string[: match.start()]
        if DATIVE_BEFORE.search(before):
            return self._spelling.ordinal(day, "spellout-ordinal-n")
        return self._spelling.ordinal(day, "" if ARTICLE_BEFORE.search(before) else "spellout-ordinal-r")

    def day_month(self, match: re.Match[str]) -> str | None:
        """Say a German date without its year; elsewhere it is none for sure."""
        date = self._spelling.date(2024, int(match["mm"]), int(match["md"])) if self._code == "de" else None
        if date is None:
            return None
        is_end = match.string[match.end() :].strip(" \"'»“”)") == ""
        return f"{self._german_day(int(match['md']), match)} {date.split()[1]}{'.' if is_end else ''}"

    def english_day(self, match: re.Match[str]) -> str:
        day = int(match[2] or match[3])
        if not 1 <= day <= 31:
            return match[0]
        said = self._spelling.ordinal(day)
        return f"{match[1]} {said}" if match[1] else f"{said} of {match[4]}"

    def russian_day(self, match: re.Match[str]) -> str:
        case = "spellout-ordinal-neuter" if match["today"] else "spellout-ordinal-masculine-genitive"
        year = f" {self._russian_year(int(match['year']))}" if match["year"] else ""
        return f"{match['today'] or ''}{self._spelling.ordinal(int(match['day']), case)}{match['month']}{year}"

    def _russian_year(self, year: int) -> str:
        return f"{self.year_in(year, 'spellout-ordinal-masculine-genitive')} года"

    def year_in(self, year: int, rules: str) -> str:
        """Return a Russian year in a case: nobody says the "one" of one thousand."""
        return self._spelling.ordinal(year, rules).removeprefix("одна ")

    def time(self, match: re.Match[str]) -> str | None:
        half = match["half"] or match["ohalf"]
        suffix = f" {half.upper()}M" if half else ""
        if match["oh"] is not None:
            return f"{self._spelling.cardinal(int(match['oh']))}{suffix}"
        hour, minute = int(match["th"]), int(match["tm"])
        if self._code == "en":
            return self._english_time(hour, minute, suffix)
        rules = "spellout-cardinal-feminine" if self._code in {"es", "pt", "fr"} else ""
        said_hour = self._spelling.cardinal(hour, rules=rules)
        if self._code == "de" and hour == 1:
            said_hour = "ein"
        if minute == 0:
            return self._words.full.format(h=said_hour) + suffix
        said = self._spelling.cardinal(minute)
        if minute < 10 and self._code in {"ru", "uk", "pl"}:
            said = f"{self._spelling.cardinal(0)} {said}"
        return self._words.hour.format(h=said_hour, m=said) + suffix

    def dotted_time(self, match: re.Match[str]) -> str | None:
        hour, minute = match["ih"] or match["ih2"], match["im2"] or match["im3"]
        return self._say(f"{hour}:{minute}") if int(hour) <= 24 else None

    def _english_time(self, hour: int, minute: int, suffix: str) -> str:
        said = self._spelling.cardinal(hour)
        if minute == 0:
            return f"{said}{suffix}" if suffix else f"{said} o'clock" if 1 <= hour <= 12 else f"{said} hundred"
        oh = "oh " if minute < 10 else ""
        return f"{said} {oh}{self._spelling.cardinal(minute)}{suffix}"

    def decade(self, match: re.Match[str]) -> str | None:
        if self._code != "en":
            return None
        said = (
            self._spelling.year(int(match["dc"]))
            if len(match["dc"]) == 4
            else self._spelling.cardinal(int(match["dc"]))
        )
        return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"

    def decade_er(self, match: re.Match[str]) -> str | None:
        if self._code != "de":
            return None
        number = int(match["dd"])
        said = self._spelling.year(number) if number > 100 else self._spelling.cardinal(number)
        return f"{said}{match['de']}"
