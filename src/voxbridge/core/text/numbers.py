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

from voxbridge.core.text.number_words import CURRENCIES, UNITS, NumberWords
from voxbridge.core.text.spelling import Spelling, gender_rules, spelling_of
from voxbridge.core.text.words import words_of

_UNIT_SIGNS = "|".join(re.escape(sign) for sign in sorted(UNITS, key=len, reverse=True))
_CURRENCY_SIGNS = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True))
_NUMBER = r"\d{1,3}(?:[,.\u00a0\u202f ’']\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)?"
_BEFORE = r"(?<![\w.,:/-])"
_SCALES = {
    "k": 3, "K": 3, "M": 6, "m": 6, "B": 9, "bn": 9, "T": 12,
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "Million": 6, "Millionen": 6, "Mio": 6, "Milliarden": 9,
    "millions": 6, "milliards": 9, "millones": 6, "milhões": 6, "milioni": 6, "miljoen": 6,
}  # fmt: skip
_SCALE = r"(?:\s?(?:k|K|M|B|bn|T)\b|\s(?:thousand|million|billion|trillion|Million|Millionen|Milliarden)\b)"

_PATTERNS: dict[str, str] = {
    "iso_date": r"(?<![\w-])(?P<iy>\d{4})-(?P<im>\d{2})-(?P<id>\d{2})(?:T(?P<iso_time>\d{2}:\d{2})\S*)?(?![\w-])",
    "date": (
        r"(?<![\w./-])(?P<d1>\d{1,2})(?P<sep>[./-])(?P<d2>\d{1,2})(?P=sep)"
        r"(?P<dy>\d{4}|\d{2}(?=[\s,.!?)]|$))(?![\w/])"
    ),
    "address": r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)",
    "version": r"(?<![\w.])[vV]?\d+(?:\.\d+){2,4}(?![\w]|\.\d)|(?<![\w.])[vV]\d+(?:\.\d+)?(?!\w|\.\d)",
    "phone": (
        r"(?<![\w.])(?:\+\d{1,3}[\s.-]?)?\(\d{2,4}\)[\s.-]?\d{3,4}[\s.-]?\d{3,4}(?!\w)"
        r"|(?<![\w.])\+\d[\d\s()/.-]{6,18}\d(?!\w)"
        r"|(?<![\w.-])(?:\d-)?\d{3}[-.\s]\d{3}[-.]\d{4}(?![\w-])|(?<![\w.-])\d{3}-\d{4}(?![\w-])"
        r"|(?<![\w.,-])0\d{1,4}[\s/-]\d{3,}(?:[\s-]?\d{2,}){0,3}(?![\w-])"
    ),
    "time": (
        r"(?<![\w:.])(?P<th>[01]?\d|2[0-4])[:hH](?P<tm>[0-5]\d)(?::(?P<ts>[0-5]\d))?"
        r"(?:\s?(?P<half>[AaPp])\.?[Mm]\b(?:\.(?=\s*\S))?)?(?P<uhr>\s(?:Uhr|uur)\b)?(?![\w:])"
        r"|(?<![\w:.])(?P<oh>1[0-2]|[1-9])\s?(?P<ohalf>[AaPp])\.?[Mm]\b(?:\.(?=\s*\S))?"
    ),
    "dotted_time": (
        r"(?:(?<=\balle )|(?<=\bore )|(?<=\bdalle )|(?<=\bklo )|(?<=\bkl\. ))"
        r"(?P<ih>\d{1,2})\.(?P<im2>[0-5]\d)(?![\w]|\.\d)"
        r"|(?<![\w.])(?P<ih2>\d{1,2})\.(?P<im3>[0-5]\d)\s(?:Uhr|uur)\b"
    ),
    "score": r"(?<![\w:.])(?P<s1>\d{1,3}):(?P<s2>\d{1,3})(?![\w:])",
    "money": (
        rf"(?<![A-Za-z])(?P<msign>[-−])?(?P<mc>{_CURRENCY_SIGNS})\s?(?P<mn>{_NUMBER})(?P<ms>{_SCALE})?(?!\w)"
        rf"|{_BEFORE}(?P<mn2>{_NUMBER})\s?(?P<mc2>{_CURRENCY_SIGNS})(?!\w)"
    ),
    "range": r"(?<![\w.,:/-])(?P<r1>\d{1,4})\s?[-–—]\s?(?P<r2>\d{1,4})(?P<rp>\s?%)?(?![\w-]|[.,:]\d)",
    "percent": rf"(?<![\w.,:/])(?P<psign>[-−+])?(?:(?P<pf>%)\s?)?(?P<pn>{_NUMBER})(?(pf)|\s?%)(?!\w)",
    "decade": r"(?<!\w)(?P<dc>(?:1[1-9]|20)\d0|[2-9]0)['’]?s\b",
    "unit": rf"(?<![\w.,:/])(?P<usign>[-−+])?(?P<un>{_NUMBER})[\s\u00a0]?(?P<uu>{_UNIT_SIGNS})(?![\w²³])",
    "always": r"(?<![\w./])24/7(?![\w/])",
    "fraction": r"(?<![\w./])(?P<f1>\d{1,2})/(?P<f2>\d{1,2})(?![\w/])",
    "ordinal": (
        r"(?<![\w.,])(?P<on>\d{1,3}(?:,\d{3})*)"
        r"(?P<os>st|nd|rd|th|er|re|e|ème|ste|de|º|ª|\.º|\.ª|-[йяе]|-го|-му|-м)(?!\w)"
    ),
    "dotted": r"(?<![\w.,])(?P<dn>\d{1,3})\.(?=\s[^\W\d_])",
    "hash": r"(?<![\w&])#(?P<hn>\d{1,6})(?!\w)",
    "glued": (
        r"(?<=[A-Za-z])-?(?P<gn>\d{1,4})(?!\w|[.,]\d)"
        r"|(?<![\w.,:/-])(?P<gn2>\d{1,4})(?P<gl>[A-Za-z]{1,2})(?!\w)"
    ),
    "plain": rf"(?<![\w,:/])(?<!\d\.)(?P<sign>[-−+])?(?P<n>{_NUMBER})(?P<scale>{_SCALE})?(?![\w/]|[:,.]\d)",
}
_ANY = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items()))
_HAS_DIGIT = re.compile(r"\d")
_YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|from|until|till|by|before|after|around|of|year|early|late|mid|during|and|to|circa|than in"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|spring|summer|autumn|fall|winter|copyright|©|im jahr|jahr|seit|bis|ab|im|von|um"
    r"|januar|februar|märz|mai|juni|juli|oktober|dezember)|,|-) \Z",
    re.IGNORECASE,
)
_VERSION_BEFORE = re.compile(r"(?:\bversion|\brelease|\bpython|\bv|версия|versión|versione) ?\Z", re.IGNORECASE)
_DIAL_BEFORE = re.compile(
    r"\b(?:dial|call|phone|ring|text|ruf|rufe|wähle|notruf|appelle|appelez|composez|llama|llame|marca|chiama|ligue|liga|bel"
    r"|zadzwoń|позвони|позвоните|набери|наберите|подзвони)(?: (?:the number|number|die|al|le|il|o|a|на|по))? \Z",
    re.IGNORECASE,
)
_KOREAN_COUNTER = re.compile("\u2060?\\s?(?:명|개|시간|살|마리|권|잔|번|대|달|사람|가지|병|장|그릇)")
_NEXT_WORD = re.compile(r"\s([^\W\d_]+)")
_DATIVE_BEFORE = re.compile(
    r"\b(?:am|vom|zum|im|beim|dem|den|des|einem|einen|jeden|jedem|bis|ab|seit|zur|ihren|ihrem|seinen|seinem|meinem|meinen"
    r"|unserem|montag,? den|\w+tag,? (?:dem|den))\s\Z",
    re.IGNORECASE,
)
_ARTICLE_BEFORE = re.compile(r"\b(?:der|die|das|diese|dieser|jede|jeder)\s\Z", re.IGNORECASE)
_ENGLISH_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_ENGLISH_MONTH = re.compile(
    rf"\b({_ENGLISH_MONTHS}) (\d{{1,2}})(?!\d|\s?%|:\d)|(?<![\w.,])(\d{{1,2}}) ({_ENGLISH_MONTHS})\b"
)
_SIGNS = re.compile(r"(?<=\d)\s?([×÷=+−])\s?(?=-?\d)|(?<=\d)\s(-)\s(?=\d)|√(?=\d)|(?<=[\s(])~(?=\d)|\A~(?=\d)")
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_JOINER = "\u2060"
_JOINED = re.compile(rf"(?<=[{_CJK}])(?=[-−+$€£¥₩]?\d)|(?<=[\dA-Za-z%°])(?=[{_CJK}])")
_CJK_SPACE = re.compile(rf"(?<=[{_CJK}]) (?=[{_CJK}])")
_RUSSIAN_DAY = re.compile(
    r"(?P<today>\b(?:сегодня|завтра|вчера|сейчас)\s)?(?<![\w.,])(?P<day>\d{1,2})"
    r"(?= (?:января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)\b)"
    r"(?P<month> \w+)(?: (?P<year>\d{4})(?: (?:года|г\.))?)?",
    re.IGNORECASE,
)


def in_words(text: str, language: str) -> str:
    """Return the text with its numbers in words; as it is in a language whose words are not known."""
    if not _HAS_DIGIT.search(text):
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
        self._spelling = spelling
        self._words: NumberWords = spelling.words
        self._code = spelling.code
        self._day_first = self._words.day_first or language.lower() in {"en-gb", "en-au", "en-nz", "en-ie", "en-in"}
        self._sayers: dict[str, Callable[[re.Match[str]], str | None]] = {
            name: getattr(self, f"_{name}") for name in _PATTERNS
        }

    def say(self, text: str) -> str:
        # Chinese, Japanese and Korean put no space before a number: a mark that is none parts them meanwhile.
        text = _JOINED.sub(_JOINER, text)
        text = _SIGNS.sub(self._sign, text)
        if self._code == "en":
            text = _ENGLISH_MONTH.sub(self._english_day, text)
        elif self._code == "ru":
            text = _RUSSIAN_DAY.sub(self._russian_day, text)
        said = _ANY.sub(self._one, text).replace(_JOINER, "")
        if self._code in {"ja", "zh"}:
            said = _CJK_SPACE.sub("", said)
        return re.sub(r"[ \u00a0]{2,}", " ", said)

    def _one(self, match: re.Match[str]) -> str:
        name = next(name for name in _PATTERNS if match[name] is not None)
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
        follower = _NEXT_WORD.match(match.string, match.end())
        rules = ""
        if self._code == "ko" and 0 < number < 100 and _KOREAN_COUNTER.match(match.string, match.end()):
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
            is_dative = match is not None and _DATIVE_BEFORE.search(match.string[: match.start()])
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
        scale = (match["ms"] or "").strip()
        if not names[0] or scale:
            amount *= Decimal(10) ** _SCALES.get(scale, 0)
            whole = amount == amount.to_integral_value()
            amount = amount.quantize(Decimal(1)) if whole else amount
            if names[0]:
                said = self._scaled(written, scale) or self._spelling.cardinal(amount)
                return self._signed(match["msign"], f"{said} {names[1]}")
            return self._signed(match["msign"], self._spelling.currency(amount, CURRENCIES[sign]))
        return self._signed(match["msign"], self._amount(amount, names, is_pound=sign in {"£", "GBP"}))

    def _scaled(self, written: str, scale: str) -> str:
        """Return "one point five million" for "1.5" and "million" or "M", in English."""
        name = {3: "thousand", 6: "million", 9: "billion", 12: "trillion"}.get(_SCALES.get(scale, 0))
        number = self._parse(written)
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
        say = self._spelling.year if is_year else self._spelling.cardinal
        end = f" {self._words.percent}" if match["rp"] else ""
        return f"{say(first)} {self._words.to} {say(second)}{end}"

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
        upper, lower = int(match["f1"]), int(match["f2"])
        if self._code != "en" or not 0 < upper < lower <= 20:
            return None
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

    def _ordinal(self, match: re.Match[str]) -> str | None:
        number, suffix = int(match["on"].replace(",", "")), match["os"]
        rules = _ORDINALS.get(self._code, {}).get(suffix)
        return None if rules is None else self._spelling.ordinal(number, rules)

    def _dotted(self, match: re.Match[str]) -> str | None:
        """Say a German ordinal, by the word before it; elsewhere a number with a full stop is its own word."""
        number, before = int(match["dn"]), match.string[: match.start()]
        if self._code != "de" or not before.strip() or before.rstrip()[-1:] in ".!?:;":
            return f"{self._spelling.cardinal(number)}." if self._code != "de" or not before.strip() else None
        if _DATIVE_BEFORE.search(before):
            return self._spelling.ordinal(number, "spellout-ordinal-n")
        if _ARTICLE_BEFORE.search(before):
            return self._spelling.ordinal(number)
        return self._spelling.ordinal(number, "spellout-ordinal-r")

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
        if written.isdecimal() and len(written) == 3 and _DIAL_BEFORE.search(before):
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
        if is_year and (self._code == "de" or _YEAR_BEFORE.search(before)):
            return self._spelling.year(int(number))
        if "." in written and _VERSION_BEFORE.search(before):
            return self._version_of(written)
        return self._signed(match["sign"], self._cardinal(number, match)) + (match["scale"] or "")

    def _version_of(self, written: str) -> str:
        dot = "point" if self._code == "en" else self._words.dot
        return f" {dot} ".join(self._spelling.cardinal(int(part)) for part in written.split("."))


_ORDINALS = {
    "en": dict.fromkeys(("st", "nd", "rd", "th"), ""),
    "fr": {"er": "spellout-ordinal-masculine", "re": "spellout-ordinal-feminine", "e": "spellout-ordinal-masculine"}
    | {"ème": "spellout-ordinal-masculine"},
    "nl": dict.fromkeys(("e", "ste", "de"), ""),
    "es": {"º": "spellout-ordinal-masculine", ".º": "spellout-ordinal-masculine"}
    | {
        "ª": "spellout-ordinal-feminine",
        ".ª": "spellout-ordinal-feminine",
        "er": "spellout-ordinal-masculine-adjective",
    },
    "it": {"º": "spellout-ordinal-masculine", "ª": "spellout-ordinal-feminine"},
    "pt": {"º": "spellout-ordinal-masculine", "ª": "spellout-ordinal-feminine"},
    "ru": {"-й": "spellout-ordinal-masculine", "-я": "spellout-ordinal-feminine", "-е": "spellout-ordinal-neuter"}
    | {"-го": "spellout-ordinal-masculine-genitive", "-му": "spellout-ordinal-masculine-dative"}
    | {"-м": "spellout-ordinal-masculine-locative"},
}
"""The sets of rules for the endings that ordinals are written with."""
