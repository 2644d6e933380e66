# ruff: noqa: RUF001 - dashes, signs and the letters of many languages are what this module is about
"""How numbers are written: the patterns of ``numbers``, tried in their order at each place, the most special first."""

from __future__ import annotations

import re

from voxbridge.core.text.number_words import CURRENCIES, UNITS

UNIT_SIGNS = "|".join(re.escape(sign) for sign in sorted(UNITS, key=len, reverse=True))
CURRENCY_SIGNS = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True))
_LAKHS = r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?(?!\d)"
NUMBER = rf"{_LAKHS}|" r"\d{1,3}(?:[,.\u00a0\u202f ’']\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)?"
BEFORE = r"(?<![\w.,:/-])"
SCALES = {
    "k": 3, "K": 3, "M": 6, "m": 6, "B": 9, "bn": 9, "T": 12,
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "Million": 6, "Millionen": 6, "Mio": 6, "Milliarden": 9,
    "millions": 6, "milliards": 9, "millones": 6, "milhões": 6, "milioni": 6, "miljoen": 6, "lakh": 5,
    "lakhs": 5, "crore": 7, "crores": 7,
}  # fmt: skip
MONEY_SCALE = r"(?:\s?(?:Mio|Mrd|Tsd)\.|\s?(?:mln|mld|млн|млрд)\.?)"
SCALE = (
    r"(?:\s?(?:k|K|M|B|bn|T)\b|m\b"
    r"|\s(?:thousand|million|billion|trillion|Million|Millionen|Milliarden|lakhs?|crores?)\b)"
)

PATTERNS: dict[str, str] = {
    "iso_date": r"(?<![\w-])(?P<iy>\d{4})-(?P<im>\d{2})-(?P<id>\d{2})(?:T(?P<iso_time>\d{2}:\d{2})\S*)?(?![\w-])",
    "date": (
        r"(?<![\w./-])(?P<d1>\d{1,2})(?P<sep>[./-])(?P<d2>\d{1,2})(?P=sep)"
        r"(?P<dy>\d{4}|\d{2}(?=[\s,.!?)]|$))(?![\w/])"
    ),
    "feet": (
        r"(?<![\w.,])(?P<ft>\d)['′](?P<inch>\d{1,2})(?:\"|″|'')"
        r"|(?<![\w.,])(?P<ft2>\d{1,2})\s?ft\.?,?\s(?P<inch2>\d{1,2})\s?in\b\.?"
    ),
    "duration": (
        r"(?<![\w.,:/])(?P<uh>\d{1,3})\s?h(?:rs?)?\s?(?P<um>[0-5]?\d)\s?m(?:ins?)?\b(?:\s?(?P<us>[0-5]?\d)\s?s(?:ec)?\b)?"
        r"|(?<![\w.,:/])(?P<um2>\d{1,3})\s?m(?:in)?\s?(?P<us2>[0-5]?\d)\s?s(?:ec)?\b"
    ),
    "day_month": (
        r"(?:(?<=\bam )|(?<=\bvom )|(?<=\bzum )|(?<=\bbis )|(?<=\bder )|(?<=\bden )|(?<=\bdem )"
        r"|(?<=\bab )|(?<=\bseit ))"
        r"(?P<md>[0-3]?\d)\.(?P<mm>[01]?\d)\.(?!\d)"
    ),
    "card": r"(?<![\w.,-])(?:\d{4} ){2,4}\d{1,4}(?![\w-])|(?<![\w.,/-])\d{1,6}(?:-\d{1,10}){2,5}(?![\w/-])",
    "dots": r"(?<![\w.,])(?P<dotted_number>\d{1,3}(?:\.\d{3}){2,})(?![\w]|[.,]\d)",
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
        rf"(?<![A-Za-z])(?P<msign>[-−])?(?P<mc>{CURRENCY_SIGNS})\s?(?P<mn>{NUMBER})(?P<ms>{SCALE})?(?!\w)"
        rf"|{BEFORE}(?P<mn2>{NUMBER})(?P<ms2>{MONEY_SCALE})?\s?(?P<mc2>{CURRENCY_SIGNS})(?!\w)"
    ),
    "percents": r"(?<![\w.,:/-])(?P<q1>\d{1,3}(?:[.,]\d+)?)\s?%\s?[-–—]\s?(?P<q2>\d{1,3}(?:[.,]\d+)?)\s?%(?!\w)",
    "range": r"(?<![\w.,:/-])(?P<r1>\d{1,4})\s?[-–—]\s?(?P<r2>\d{1,4})(?P<rp>\s?%)?(?![\w-]|[.,:]\d)",
    "more": rf"(?<![\w.,:/-])(?P<more_than>{NUMBER})\+(?![\w+]|\s?\d)",
    "percent": rf"(?<![\w.,:/])(?P<psign>[-−+])?(?:(?P<pf>%)\s?)?(?P<pn>{NUMBER})(?(pf)|\s?%)(?!\w)",
    "decade": r"(?<!\w)['’]?(?P<dc>(?:1[1-9]|20)\d0|[2-9]0)['’]?s\b",
    "decade_er": r"(?<![\w.,])(?P<dd>(?:1[1-9]|20)\d0|[2-9]0)(?P<de>ern?)\b",
    "unit": rf"(?<![\w.,:/])(?P<usign>[-−+])?(?P<un>{NUMBER})[\s\u00a0]?(?P<uu>{UNIT_SIGNS})(?![\w²³])",
    "always": r"(?<![\w./])24/7(?![\w/])",
    "mixed": r"(?<![\w./,])(?P<xn>\d{1,3}) (?P<x1>\d)/(?P<x2>\d)(?![\w/])",
    "fraction": r"(?<![\w./])(?P<f1>\d{1,2})/(?P<f2>\d{1,2})(?![\w/])",
    "ordinal": (
        r"(?<![\w.,])(?P<on>\d{1,3}(?:,\d{3})*)"
        r"(?P<os>st|nd|rd|th|er|re|e|ème|ste|de|º|ª|\.º|\.ª|-[йяе]|-го|-му|-м)(?!\w)"
    ),
    "dotted": r"(?<![\w.,])(?P<dn>\d{1,3})\.(?=\s[^\W\d_])",
    "last_day": r"(?:(?<=\bam )|(?<=\bvom )|(?<=\bzum )|(?<=\bdem )|(?<=\bden ))(?P<dl>\d{1,2})\.(?=\s*$)",
    "times": r"(?<![\w.,:/-])(?P<tn>\d{1,4}(?:[.,]\d+)?)[x×](?![\w×])",
    "hash": r"(?<![\w&])#(?P<hn>\d{1,6})(?!\w)",
    "glued": (
        r"(?<=[A-Za-z])-?(?P<gn>\d{1,4})(?!\w|[.,]\d)"
        r"|(?<![\w.,:/-])(?P<gn2>\d{1,4})(?P<gl>[A-Za-z]{1,2})(?!\w)"
    ),
    "plain": rf"(?<![\w,:/])(?<!\d\.)(?P<sign>[-−+])?(?P<n>{NUMBER})"
    rf"(?P<scale>{SCALE}|\s?(?:Mio|Mrd|Tsd)\.(?!\w))?(?![\w/]|[:,.]\d)",
}
ANY = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in PATTERNS.items()))
DIGITS_OF_ALL = {
    first + digit: str(digit)
    for first in (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0E50, 0xFF10)
    for digit in range(10)
} | {0x066B: ".", 0x066C: ",", 0x066A: "%", 0xFF05: "%"}
MIXED = frozenset({"en", "de", "es", "fr", "it", "pt"})
"""Languages that say "two and a half" so; others keep the signs ½ and ¾."""
HALVES = str.maketrans({"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"})
HALF_BEHIND = re.compile(r"(?<=\d)(?=[½¼¾⅓⅔])")
RUSSIAN_YEAR = re.compile(r"(?<![\w.,–-])(\d{4})(?= (год|года|году|годом)\b)")
RUSSIAN_YEAR_RULES = {
    "год": "spellout-ordinal-masculine", "года": "spellout-ordinal-masculine-genitive",
    "году": "spellout-ordinal-masculine-locative", "годом": "spellout-ordinal-masculine-ablative",
}  # fmt: skip
CHINESE_YEAR = re.compile(r"(?<!\d)((?:1[1-9]|20)\d\d)(?=年)")
CHINESE_TWO = re.compile(
    r"(?<![\d.,第:/-])2(?=\s?(?:个|次|位|只|本|张|天|年|块|杯|瓶|件|条|小时|分钟|点(?!\d)|家|种|倍|米|公里|斤|周|岁|人))"
)
ITALIAN_FIRST = re.compile(r"\b1[°º](?= (?:gen|feb|mar|apr|mag|giu|lug|ago|set|ott|nov|dic))")
OCLOCK = re.compile(r"(\d{1,2}:\d{2})\s(?:बजे|بجے)")
DOTTED_CLOCK = re.compile(r"(?<=[Pp]ukul )(\d{1,2})\.(\d{2})\b|(?<=[Kk]l\. )(\d{1,2})\.(\d{2})\b")
RANGE_FROM = {"ru": "от", "uk": "від", "pl": "od"}
GERMAN_SCALES = {"Mio": "Millionen", "Mrd": "Milliarden", "Tsd": "tausend"}
GERMAN_ONE = {"Mio": "eine Million", "Mrd": "eine Milliarde"}
HAS_DIGIT = re.compile(r"[\d½¼¾⅓⅔]")
YEAR_BEFORE = re.compile(
    r"(?:\b(?:in|since|from|until|till|by|before|after|around|of|year|early|late|mid|during|and|to|circa|than in"
    r"|(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"(?: [a-z-]*(?:th|first|second|third))?"
    r"|spring|summer|autumn|fall|winter|copyright|©|im jahr|jahr|seit|bis|ab|im|von|um"
    r"|januar|februar|märz|mai|juni|juli|oktober|dezember)|,|-) \Z",
    re.IGNORECASE,
)
VERSION_BEFORE = re.compile(r"(?:\bversion|\brelease|\bpython|\bv|версия|versión|versione) ?\Z", re.IGNORECASE)
DIAL_BEFORE = re.compile(
    r"\b(?:dial|call|phone|ring|text|ruf|rufe|wähle|notruf|appelle|appelez|composez|llama|llame|marca|chiama|ligue|liga|bel"
    r"|zadzwoń|позвони|позвоните|набери|наберите|подзвони)(?: (?:the number|number|die|al|le|il|o|a|на|по))? \Z",
    re.IGNORECASE,
)
KOREAN_COUNTER = re.compile("\u2060?\\s?(?:명|개|시간|살|마리|권|잔|번|대|달|사람|가지|병|장|그릇)")
KOREAN_HOUR = re.compile("\u2060?\\s?(?:명|개|시간|살|마리|권|잔|번|대|달|사람|가지|병|장|그릇|시(?!간))")
NEXT_WORD = re.compile(r"\s([^\W\d_]+)")
DATIVE_BEFORE = re.compile(
    r"\b(?:am|vom|zum|im|beim|dem|den|des|einem|einen|jeden|jedem|bis|ab|seit|zur|ihren|ihrem|seinen|seinem|meinem|meinen"
    r"|unserem|montag,? den|\w+tag,? (?:dem|den))\s\Z",
    re.IGNORECASE,
)
ARTICLE_BEFORE = re.compile(r"\b(?:der|die|das|diese|dieser|jede|jeder)\s\Z", re.IGNORECASE)
ENGLISH_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
ENGLISH_MONTH = re.compile(
    rf"\b({ENGLISH_MONTHS}) (\d{{1,2}})(?!\d|\s?%|:\d)|(?<![\w.,])(\d{{1,2}}) ({ENGLISH_MONTHS})\b"
)
SIGNS = re.compile(r"(?<=\d)\s?([×÷=+−])\s?(?=-?\d)|(?<=\d)\s(-)\s(?=\d)|√(?=\d)|(?<=[\s(])~(?=\d)|\A~(?=\d)")
CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
JOINER = "\u2060"
JOINED = re.compile(rf"(?<=[{CJK}])(?=[-−+$€£¥₩]?\d)|(?<=[\dA-Za-z%°])(?=[{CJK}])")
CJK_SPACE = re.compile(rf"(?<=[{CJK}，。、！？：；]) (?=[{CJK}])")
RUSSIAN_DAY = re.compile(
    r"(?P<today>\b(?:сегодня|завтра|вчера|сейчас)\s)?(?<![\w.,])(?P<day>\d{1,2})"
    r"(?= (?:января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря)\b)"
    r"(?P<month> \w+)(?: (?P<year>\d{4})(?: (?:года|г\.))?)?",
    re.IGNORECASE,
)

PLAIN_ORDINAL = ("spellout-ordinal", "spellout-ordinal-common", "spellout-ordinal-masculine")
DOTTED_ORDINALS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("da", "nb", "no", "fi", "tr", "et"), PLAIN_ORDINAL),
    **dict.fromkeys(("cs", "sk", "hu", "pl", "hr", "sl", "lv"), ()),
}
"""Languages that write ordinals with a full stop, and their rules; where the case would be wrong, the plain number."""
ORDINALS = {
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
