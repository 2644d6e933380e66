# ruff: noqa: RUF001 - dashes, signs and the letters of many languages are what this module is about
"""Numbers as people say them: dates, times, money, units, telephone numbers, versions.

    "It costs $1,299.99 since 2026-03-05."
        ->  "It costs one thousand two hundred ninety-nine dollars and ninety-nine cents since March fifth, ..."

For voices that don't read digits, or read them badly; others are left alone (``tts.numbers``). The patterns are tried
in one order at each place, the most special first. What no pattern knows stays as it is written: a wrong word is worse
than a digit. Languages whose rules are not there are left alone too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache

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
    GERMAN_SCALES,
    HAS_DIGIT,
    ITALIAN_FIRST,
    JOINED,
    JOINER,
    KOREAN_COUNTER,
    KOREAN_HOUR,
    NEXT_WORD,
    OCLOCK,
    ORDINALS,
    PATTERNS,
    RANGE_FROM,
    RUSSIAN_DAY,
    SCALES,
    SIGNS,
    VERSION_BEFORE,
    YEAR_BEFORE,
)
from voxbridge.core.text.number_words import (
    CURRENCIES,
    FRACTION_KEYS,
    FRACTIONS,
    LOCAL_MONEY,
    MANY_TIMES,
    NumberWords,
)
from voxbridge.core.text.spelling import Spelling, gender_rules, spelling_of
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


def _form(names: list[str], count: int) -> str:
    """Return the form of a name that fits a number, by the rules of Slavic languages where there are three."""
    if len(names) < 3:
        return names[0] if count == 1 else names[-1]
    last, two = count % 10, count % 100
    if last == 1 and two != 11:
        return names[0]
    return names[1] if 2 <= last <= 4 and not 12 <= two <= 14 else names[2]


class _Numbers:
    """The numbers of one language."""

    def __init__(self, spelling: Spelling, language: str) -> None:
        self._spelling = spelling
        self._words: NumberWords = spelling.words
        self._code = spelling.code
        self._day_first = self._words.day_first or language.lower() in {"en-gb", "en-au", "en-nz", "en-ie", "en-in"}
        self._sayers: dict[str, Callable[[re.Match[str]], str | None]] = {
            name: getattr(self, f"_{name}") for name in PATTERNS
        }

    def say(self, text: str) -> str:
        text = self._of_language(text.translate(DIGITS_OF_ALL))
        # Chinese, Japanese and Korean put no space before a number: a mark that is none parts them meanwhile.
        text = JOINED.sub(JOINER, text)
        text = SIGNS.sub(self._sign, text)
        if self._code == "en":
            text = ENGLISH_MONTH.sub(self._english_day, text)
        elif self._code == "ru":
            text = RUSSIAN_DAY.sub(self._russian_day, text)
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
            case "hi" | "ur":
                return OCLOCK.sub(r"\1", text)
            case "id" | "ms" | "sv" | "da" | "nb" | "no" | "fi":
                return DOTTED_CLOCK.sub(lambda match: f"{match[1] or match[3]}:{match[2] or match[4]}", text)
            case _:
                return text

    def _one(self, match: re.Match[str]) -> str:
        name = next(name for name in PATTERNS if match[name] is not None)
        said = self._sayers[name](match)
        return match[0] if said is None else said

    # -- the parts

    def _parse(self, written: str) -> Decimal | None:
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
            groups = mark == self._words.groups and len(rest) == 3 and whole != "0"
            text = whole + rest if groups else f"{whole}.{rest}"
        return Decimal(text)

    def _cardinal(self, number: Decimal, match: re.Match[str]) -> str:
        follower = NEXT_WORD.match(match.string, match.end())
        rules = ""
        counter = KOREAN_HOUR if 0 < number <= 12 else KOREAN_COUNTER
        if self._code == "ko" and 0 < number < 100 and counter.match(match.string, match.end()):
            rules = "spellout-cardinal-native-attributive"
        elif follower is not None and number == number.to_integral_value():
            rules = gender_rules(self._code, follower[1].lower(), int(abs(number)))
            if self._code == "es" and rules.endswith("masculine") and int(abs(number)) % 10 != 1:
                rules = ""
        return self._spelling.cardinal(number, rules=rules)

    def _signed(self, sign: str | None, said: str) -> str:
        word = {"-": self._words.minus, "−": self._words.minus, "+": self._words.plus}.get(sign or "")
        return f"{word} {said}" if word else said

    def _sign(self, match: re.Match[str]) -> str:
        words = words_of(self._code)
        sign = (match[1] or match[2] or match[0]).strip()
        said = {
            "×": words.times, "÷": words.divided, "=": words.equals, "+": words.plus, "-": words.minus,
            "−": words.minus, "√": words.root, "~": words.about,
        }[sign]  # fmt: skip
        return f" {said} "

    # -- what is said of each pattern

    def _iso_date(self, match: re.Match[str]) -> str | None:
        said = self._say_date(int(match["iy"]), int(match["im"]), int(match["id"]))
        if said is None or match["iso_time"] is None:
            return said
        return f"{said}, {self.say(match['iso_time'])}"

    def _date(self, match: re.Match[str]) -> str | None:
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
            is_dative = match is not None and DATIVE_BEFORE.search(match.string[: match.start()])
            said_day = self._spelling.ordinal(day, "spellout-ordinal-n" if is_dative else "spellout-ordinal-r")
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

    def _english_day(self, match: re.Match[str]) -> str:
        day = int(match[2] or match[3])
        if not 1 <= day <= 31:
            return match[0]
        said = self._spelling.ordinal(day)
        return f"{match[1]} {said}" if match[1] else f"{said} of {match[4]}"

    def _russian_day(self, match: re.Match[str]) -> str:
        case = "spellout-ordinal-neuter" if match["today"] else "spellout-ordinal-masculine-genitive"
        year = f" {self._russian_year(int(match['year']))}" if match["year"] else ""
        return f"{match['today'] or ''}{self._spelling.ordinal(int(match['day']), case)}{match['month']}{year}"

    def _russian_year(self, year: int) -> str:
        return f"{self._spelling.ordinal(year, 'spellout-ordinal-masculine-genitive')} года"

    def _address(self, match: re.Match[str]) -> str:
        return f" {self._words.dot} ".join(self._spelling.cardinal(int(part)) for part in match[0].split("."))

    def _version(self, match: re.Match[str]) -> str:
        parts = match[0].lstrip("vV").split(".")
        said = f" {self._words.dot if self._code != 'en' else 'point'} ".join(
            self._spelling.cardinal(int(part)) for part in parts
        )
        return f"version {said}" if match[0][0] in "vV" and self._code == "en" else said

    def _phone(self, match: re.Match[str]) -> str:
        groups = [self._spelling.digits(group) for group in re.findall(r"\d+", match[0])]
        return self._signed("+" if match[0].startswith("+") else None, ", ".join(groups))

    def _time(self, match: re.Match[str]) -> str | None:
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

    def _dotted_time(self, match: re.Match[str]) -> str | None:
        hour, minute = match["ih"] or match["ih2"], match["im2"] or match["im3"]
        return self.say(f"{hour}:{minute}") if int(hour) <= 24 else None

    def _english_time(self, hour: int, minute: int, suffix: str) -> str:
        said = self._spelling.cardinal(hour)
        if minute == 0:
            return f"{said}{suffix}" if suffix else f"{said} o'clock" if 1 <= hour <= 12 else f"{said} hundred"
        oh = "oh " if minute < 10 else ""
        return f"{said} {oh}{self._spelling.cardinal(minute)}{suffix}"

    def _feet(self, match: re.Match[str]) -> str | None:
        if self._code != "en":
            return None
        return f"{self._spelling.cardinal(int(match['ft']))} foot {self._spelling.cardinal(int(match['inch']))}"

    def _card(self, match: re.Match[str]) -> str:
        return ", ".join(self._spelling.digits(group) for group in re.findall(r"\d+", match[0]))

    def _dots(self, match: re.Match[str]) -> str:
        return self._cardinal(Decimal(match["dotted_number"].replace(".", "")), match)

    def _times(self, match: re.Match[str]) -> str | None:
        word, number = MANY_TIMES.get(self._code), self._parse(match["tn"])
        return None if word is None or number is None else f"{self._spelling.cardinal(number)} {word}"

    def _score(self, match: re.Match[str]) -> str:
        to = {"de": "zu"}.get(self._code, self._words.to)
        return f"{self._spelling.cardinal(int(match['s1']))} {to} {self._spelling.cardinal(int(match['s2']))}"

    def _money(self, match: re.Match[str]) -> str | None:
        sign, written = match["mc"] or match["mc2"], match["mn"] or match["mn2"]
        amount = self._parse(written)
        if amount is None:
            return None
        names = {"$": self._words.dollars, "€": self._words.euros, "£": self._words.pounds}.get(sign, ("", ""))
        names = {"EUR": self._words.euros, "GBP": self._words.pounds}.get(sign, names)
        scale = (match["ms"] or match["ms2"] or "").strip(" .")
        local = LOCAL_MONEY.get(self._code, {}).get(sign)
        if local is not None and not scale:
            return self._signed(match["msign"], self._local_money(amount, *local))
        if not names[0] or scale:
            amount *= Decimal(10) ** SCALES.get(scale, 0)
            whole = amount == amount.to_integral_value()
            amount = amount.quantize(Decimal(1)) if whole else amount
            if names[0]:
                said = self._scaled(written, scale) or self._spelling.cardinal(amount)
                return self._signed(match["msign"], f"{said} {names[1]}")
            return self._signed(match["msign"], self._spelling.currency(amount, CURRENCIES[sign]))
        return self._signed(match["msign"], self._amount(amount, names, is_pound=sign in {"£", "GBP"}))

    def _local_money(self, amount: Decimal, whole_name: str, part_name: str) -> str:
        """Say an amount in the language's own money; the names have up to three forms: 1, 2 to 4, 5 and more."""
        whole, parts = int(amount), int((amount - int(amount)) * 100)
        said = []
        for count, names in ((whole, whole_name), (parts, part_name)):
            if (count or (names is whole_name and not parts)) and names:
                name = _form(names.split("/"), count)
                gap = "" if self._code in {"ja", "zh", "ko"} else " "
                said.append(f"{self._counted(count, name)}{gap}{name}")
        return (self._words.joint or " ").join(said)

    def _scaled(self, written: str, scale: str) -> str:
        """Return "one point five million" for "1.5" and "million" or "M", in English."""
        name = {3: "thousand", 6: "million", 9: "billion", 12: "trillion"}.get(SCALES.get(scale, 0))
        number = self._parse(written)
        if self._code == "de" and number is not None and scale in GERMAN_SCALES:
            return f"{self._spelling.cardinal(number)} {GERMAN_SCALES[scale]}"
        return f"{self._spelling.cardinal(number)} {name}" if self._code == "en" and name and number is not None else ""

    def _amount(self, amount: Decimal, names: tuple[str, str], *, is_pound: bool) -> str:
        whole = int(amount)
        cents = int((amount - whole) * 100) if amount.as_tuple().exponent == -2 else None
        if cents is None and amount != whole:
            return f"{self._spelling.cardinal(amount)} {names[1]}"
        parts = []
        if whole or not cents:
            name = names[0] if whole == 1 else names[1]
            parts.append(f"{self._counted(whole, name)} {name}")
        if cents:
            small = ("penny", "pence") if is_pound and self._code == "en" else self._words.cents
            name = small[0] if cents == 1 else small[1]
            parts.append(f"{self._counted(cents, name)} {name}")
        return self._words.joint.join(parts)

    def _counted(self, number: int, name: str) -> str:
        return self._spelling.cardinal(number, rules=gender_rules(self._code, name.lower(), number))

    def _range(self, match: re.Match[str]) -> str | None:
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

    def _percents(self, match: re.Match[str]) -> str | None:
        first, second = self._parse(match["q1"]), self._parse(match["q2"])
        if first is None or second is None:
            return None
        said = f"{self._spelling.cardinal(first)} {self._words.to} {self._spelling.cardinal(second)}"
        return f"{self._words.percent} {said}" if self._words.percent_first else f"{said} {self._words.percent}"

    def _percent(self, match: re.Match[str]) -> str | None:
        number = self._parse(match["pn"])
        if number is None:
            return None
        said = self._signed(match["psign"], self._spelling.cardinal(number))
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

    def _unit(self, match: re.Match[str]) -> str | None:
        number = self._parse(match["un"])
        if number is None or (
            match["uu"] in {"m", "s", "h", "g", "l", "L", "V", "W", "min"} and self._is_no_unit(match)
        ):
            return None
        return self._signed(match["usign"], self._spelling.unit(number, match["uu"]))

    def _is_no_unit(self, match: re.Match[str]) -> bool:
        """Tell "5s" and "10m" of other things from seconds and meters: a letter stands apart from its number."""
        return match["un"] + match["uu"] == match[0].lstrip("-−+") and match["uu"] in {"s", "V", "W", "L"}

    def _fraction(self, match: re.Match[str]) -> str | None:
        return self._said_fraction(int(match["f1"]), int(match["f2"]))

    def _mixed(self, match: re.Match[str]) -> str | None:
        part = self._said_fraction(int(match["x1"]), int(match["x2"]))
        if part is None or self._code not in {"en", "es", "fr", "it", "pt"}:
            return None
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

    def _always(self, _match: re.Match[str]) -> str:
        return f"{self._spelling.cardinal(24)} {self._spelling.cardinal(7)}"

    def _decade(self, match: re.Match[str]) -> str | None:
        if self._code != "en":
            return None
        said = (
            self._spelling.year(int(match["dc"]))
            if len(match["dc"]) == 4
            else self._spelling.cardinal(int(match["dc"]))
        )
        return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"

    def _decade_er(self, match: re.Match[str]) -> str | None:
        if self._code != "de":
            return None
        number = int(match["dd"])
        said = self._spelling.year(number) if number > 100 else self._spelling.cardinal(number)
        return f"{said}{match['de']}"

    def _ordinal(self, match: re.Match[str]) -> str | None:
        number, suffix = int(match["on"].replace(",", "")), match["os"]
        rules = ORDINALS.get(self._code, {}).get(suffix)
        return None if rules is None else self._spelling.ordinal(number, rules)

    def _dotted(self, match: re.Match[str]) -> str | None:
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

    def _last_day(self, match: re.Match[str]) -> str:
        number = int(match["dl"])
        said = self._spelling.ordinal(number, "spellout-ordinal-n") if self._code == "de" else None
        return f"{said or self._spelling.cardinal(number)}."

    def _hash(self, match: re.Match[str]) -> str | None:
        word = {"en": "number", "de": "Nummer", "fr": "numéro", "es": "número", "it": "numero", "pt": "número"}
        name = word.get(self._code)
        return f"{name} {self._spelling.cardinal(int(match['hn']))}" if name else None

    def _glued(self, match: re.Match[str]) -> str | None:
        digits = match["gn"] or match["gn2"]
        if match["gn"] is not None and re.search(r"\d", match.string[max(0, match.start() - 3) : match.start()]):
            return None
        said = self._spelling.digits(digits) if digits.startswith("0") else self._spelling.cardinal(int(digits))
        return f" {said}" if match["gn"] is not None else f"{said} {match['gl']}"

    def _plain(self, match: re.Match[str]) -> str | None:
        written, before = match["n"], match.string[: match.start()]
        scale = (match["scale"] or "").strip()
        if written.isdecimal() and (len(written) > 6 or (written.startswith("0") and len(written) > 1)):
            return self._signed(match["sign"], self._spelling.digits(written)) + (match["scale"] or "")
        if written.isdecimal() and len(written) == 3 and DIAL_BEFORE.search(before):
            return self._spelling.digits(written)
        number = self._parse(written)
        if number is None:
            return None
        if scale and scale in {"k", "K", "M", "B", "bn", "T"}:
            said = self._scaled(written, scale)
            return self._signed(match["sign"], said) if said else None
        if self._code == "de" and number == 1 and scale.startswith(("Milli",)):
            return f"eine {scale}"
        is_year = written.isdecimal() and len(written) == 4 and 1100 <= number < 2100 and match["sign"] is None
        if is_year and (self._code == "de" or YEAR_BEFORE.search(before)):
            return self._spelling.year(int(number))
        if "." in written and VERSION_BEFORE.search(before):
            return self._version_of(written)
        return self._signed(match["sign"], self._cardinal(number, match)) + (match["scale"] or "")

    def _version_of(self, written: str) -> str:
        dot = "point" if self._code == "en" else self._words.dot
        return f" {dot} ".join(self._spelling.cardinal(int(part)) for part in written.split("."))
