# ruff: noqa: RUF001, SIM905 - typographic marks are what this module is about; lists of words read as text
"""What no Markdown parser knows: what is left over in a text, mark by mark, before and after it was parsed.

Sources of an answer, stage directions in brackets, JSON in a sentence, hashes, emoticons, comparisons, marks without a
partner. The rules stand in the order in which they are applied; each may count on the ones before.
"""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Callable

from voxbridge.core.text.addresses import say_addresses
from voxbridge.core.text.emoji_words import say_emoji
from voxbridge.core.text.machine_talk import answer_within, is_call
from voxbridge.core.text.noises import deeds_of, moods_of, sounds_of
from voxbridge.core.text.oddments import (
    RAISED,
    with_letters,
    with_levels,
    without_calls,
    without_faces,
    without_latex,
)
from voxbridge.core.text.signs import Signs
from voxbridge.core.text.words import relations_of, words_of

HTML = frozenset(
    "a abbr acronym address applet area article aside audio b base bdi bdo big blink blockquote body br button canvas"
    " caption center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset"
    " figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html i iframe img input"
    " ins kbd"
    " label legend li link main map mark marquee math menu meta meter nav noscript object ol optgroup option output p"
    " param picture pre progress q rp rt ruby s samp script search section select small source span strike strong style"
    " sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video"
    " wbr".split()
)

# -- sources
_NUMBERS = r"\^?\d{1,3}\^?(?:\s?[-–,;]\s?\^?\d{1,3}\^?){0,12}"
_NAMED_SOURCE = (
    r"(?:(?:[Cc]itation|[Cc]ite|[Ss]ource|[Rr]ef(?:erence)?|[Dd]oc(?:ument)?|oaicite|[Qq]uelle|[Ff]uente|[Ff]onte|[Ss]ource|[Bb]ron"
    r"|Источник|источник|来源|來源|出典|출처)s?[:_ -]{0,2}\d[\d:,.\w-]*|citation needed|needs citation)"
)
_SOURCES = re.compile(
    rf"[ \t]?(?:(?<![\s(]\w)(?<!^\w)\[(?:{_NUMBERS}|\^[\w-]{{1,20}}|{_NAMED_SOURCE})\]"
    rf"(?!\(\w*[A-Za-z]|\[(?!{_NAMED_SOURCE}\])\w*[A-Za-z]))+"
)
_WIDE_SOURCES = re.compile(r"\s?【[^【】]{0,80}(?:†|:|\d)[^【】]{0,80}】")
_PRIVATE = re.compile("\ue200[^\ue200\ue201]{0,200}\ue201|[\ue000-\uf8ff]")
_DATA = re.compile(r"(?<!\w)data:…")  # what the scanner leaves of a picture in the text
_TURN_SOURCES = re.compile(r"\s?\bcite(?:turn\d+[a-z]+\d+)+\b")
_MATH_BEGINS = re.compile(r"\$|\\[(\[]|\\begin")
_LISTS_BEFORE = frozenset(
    "list array set vector tuple sequence numbers range interval matrix coordinates point points values liste menge"
    " vektor zahlen lista vettore liste ensemble vecteur nombres conjunto números numeri".split()
)
_OAI = re.compile(r"\s?:(?:contentReference|oaicite|cite)\[[^\]]{0,80}\](?:\{[^}]{0,80}\})?")
_OAI_LINK = re.compile(r"\s?\[oai_citation[^\[\]\n]{0,120}\](?:\([^()\s]{0,2000}\))?")
_LOWERED = re.compile(r"(?<=[A-Za-z)])~(\d{1,2}|[a-z]{1,2})~(?!~)")  # H~2~O
_ESCAPED_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,9})(?:\s[^<>]{0,200})?/?>")
_BEFORE_SOURCES = frozenset("see siehe vgl voir véase ver vedi zie zob см див bkz reference ref".split())
_SHORT_FORM = re.compile(r"(?:s|t|m|d|re|ll|ve)\b")
_TICK = re.compile(r"\[[ xX]?\]")
_REFERENCE = re.compile(r"(?<!\!)\[([^\[\]\n]{1,160})\]\s?\[[^\[\]\n]{0,60}\]")
# -- what is done
_SQUARE = re.compile(r"\[(/?[^\[\]\n]{1,60})\](?!\()")
_ROUND = re.compile(r"[(（]([^()（）\n]{1,60})[)）]|（([^（）]{1,20})）")
# -- machines
_JSON = re.compile(r"\{\s*\"[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\[\s*\{[^\[\]]*\}\s*\]")
_SIGNED = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]{4,}){1,4}")  # a JSON web token
_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_HEX = re.compile(
    r"\b(?:0x)?(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{16,}\b|\b(?=[0-9A-F]*\d)(?=[0-9A-F]*[A-F])[0-9A-F]{16,}\b"
)
_BLOB = re.compile(
    r"(?<![\w/+=])(?=[\w+/=-]*[a-z])(?=[\w+/=-]*[A-Z])(?=[\w+/=-]*\d)[A-Za-z0-9+/=_-]{32,}|\beyJ[\w-]{8,}(?:\.[\w-]+){0,2}"
)
_LONG = re.compile(r"[A-Za-z0-9+/=_-]{120,}")
# -- signs
_SHORTCODE = re.compile(r"(?<![\w:])(?::(?:[A-Za-z][\w+-]*|[+-]1|100|1234):)+(?![\w:])")
_FACES = (
    r"\\o/|<3+(?:\s?<3+)*|</3|[:;][-o'^]?[()\[\]DPpOo3/\\|*cC]{1,3}|=[()D]|[xX]D+|\^[_.-]*\^|¯\\?\\_\(ツ\)_/¯"
    r"|T[_.]T|>[_.]<|-[_.]-|[oO][_.][oO]|:'-?\("
)
_EMOTICON = re.compile(rf"(?<![\w:;])(?:{_FACES})(?=[\s.,!?;:)]|$)")
_AT = re.compile(r"(?<![\w.+-])@(?=\w)")
_GENDER = re.compile(r"(?<=[a-zäöüß])[*_:·](?=in(?:nen)?\b)|(?<=[a-zäöüß])\*(?=(?:r|n|e|s|er|en)\b)")
_GENDER_DOT = re.compile(r"(?<=[a-zéè])·(?=e?s?\b)")

_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\\(?=\W)"), ""),
    (re.compile(r"(?<=[A-Za-z0-9:])\\(?=[A-Za-z])|[\\`]"), " "),
    (re.compile(r"(?<=\w)_+(?=\w)"), " "),
    (re.compile(r"_+|~~+|~(?!\d)|\|\|+|\${2,}|={3,}|:{3,}"), ""),
    (re.compile(r"&&"), "&"),
    (re.compile(r"\s*\|\s*"), ", "),
    (re.compile(r"[\[\]{}【】]"), " "),
    (re.compile(r"<?[-=]+>|<[-=]{2,}|<-(?!\d)"), " "),
    (re.compile(r"(?<!\w)(?<!\w )[<>]=?|[<>](?!=?\s?[\w$(-])"), " "),
    (re.compile(r"(?<![A-Za-z])#(?!\d)"), ""),
    (re.compile(r"://"), " "),
    (re.compile(r"</?(?=\w)|\^"), " "),
)
_PUNCTUATION: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:(?=[!?]*\?)(?=[!?]*!))[!?]{3,}"), "?!"),
    (re.compile(r"([!?,;:…。！？،؛])\1+"), r"\1"),
    (re.compile(r"\.{4,}"), "..."),
    (re.compile(r"[—–]{2,}|-{3,}|(?<=\s)--(?=\s)"), "—"),
    (re.compile(r"\(\s*[,;.]*\s*\)|（\s*）"), ""),
    (re.compile(r"\s+"), " "),
    (re.compile(r" +(?=[,.;:!?]+(?:\s|$))| +(?=[)。！？，、；：।۔؟።])"), ""),
    (re.compile(r"(?<=\() +"), ""),
    (re.compile(r"^(?:[\s,;:)]+|[.] |[-•–—]\s)+"), ""),  # also the mark of a list that goes on in its line
    (re.compile(r"(?:, ?){2,}"), ", "),
    (re.compile(r", ?(?=[.!?])"), ""),
    (re.compile(r"\s+$"), ""),
)
_TALKED_ALWAYS = re.compile(r"\s+(?:is|are|was|tags?|elements?|ist|est|es|è|é|jest)\b|-Tag")
_TALKED_AFTER = re.compile(r"[-.,;:!?)’'\"”»]|\s+(?:tags?|elements?|[a-zа-я])|\s*\Z")


def is_talked_of(before: str, after: str) -> bool:
    """Tell whether a tag is a word of its sentence: "Put it inside the <b> tag"."""
    if _TALKED_ALWAYS.match(after):
        return True
    return before[-1:] == " " and before.strip()[-1:].isalnum() and _TALKED_AFTER.match(after) is not None


class Residue:
    """Says what is left, in one language."""

    def __init__(self, language: str, *, drop_actions: bool, say_hosts: bool) -> None:
        self._language, self._words = language, words_of(language)
        self._relations = relations_of(language)
        self._signs = Signs(language)
        self._code = language.lower().partition("-")[0]
        self._drop_actions, self._say_hosts = drop_actions, say_hosts
        self._deeds, self._sounds, self._moods = deeds_of(language), sounds_of(language), moods_of(language)

    def before(self, text: str) -> str:
        """Take out of a piece of Markdown what its parser would misunderstand."""
        if not text.isascii():
            text = _PRIVATE.sub("", _DATA.sub("", text))
            text = _WIDE_SOURCES.sub(self._wide_source, text)
        if "`" in text:
            text = _apostrophes(text)
        if "~" in text:
            text = _outside_code(text, lambda part: _LOWERED.sub(r"\1", part))
        if any(mark in text for mark in "[(=%{") or text == "functools":
            text = _outside_code(text, without_calls)
        if "\\" in text:
            text = _outside_code(text, self._without_backslashes)
        if "{" in text and "$" not in text and "\\" not in text:
            text = _JSON.sub(_say_json, text)
        if "cite" in text:
            text = _TURN_SOURCES.sub("", text)
        if "[" in text:
            text = _OAI_LINK.sub("", _OAI.sub("", text))
            text = _SQUARE.sub(self._square, text) if self._drop_actions else text
            text = _outside_code(text, lambda part: _SOURCES.sub(self._sources, part))
            text = _REFERENCE.sub(r"\1", text)
        if any(mark in text for mark in ":;=^<8xXT-oO>¯"):
            text = _outside_code(text, self._say_emoticons)
        return text

    def _without_backslashes(self, text: str) -> str:
        if _MATH_BEGINS.search(text) is None:
            text = without_latex(text, self._words, self._relations, is_english=self._code in {"en", ""})
        return with_letters(text)

    def after(self, text: str) -> str:
        """Return what is said of a text without Markdown."""
        text = _TICK.sub(" ", text)
        if "<" in text:
            text = _ESCAPED_TAG.sub(self._escaped_tag, text)
        if self._drop_actions and ("(" in text or "（" in text):
            text = _ROUND.sub(self._round, text)
        if "://" in text or "www." in text.lower():
            text = say_addresses(text, say_hosts=self._say_hosts)
        if "(" in text or not text.isascii():
            text = without_faces(text)
        if not text.isascii():
            if RAISED.search(text):
                text = with_levels(text, self._words)
            text = say_emoji(text, self._language, self._words)
            text = "".join(map(_say_character, text))
        text = "".join(char if char.isprintable() else " " if char in "\t\n\v\f\r" else "" for char in text)
        text = _UUID.sub(lambda match: match[0][:8], text)
        text = _HEX.sub(lambda match: match[0].removeprefix("0x")[:7], text)
        text = _LONG.sub("", _BLOB.sub("", _SIGNED.sub("", text)))
        text = _AT.sub("", _SHORTCODE.sub(" ", text))
        if self._code == "de":
            text = _GENDER.sub("-", text)
        elif self._code == "fr":
            text = _GENDER_DOT.sub("", text)
        if any(mark in text for mark in ":;=^<8xX-o>"):
            text = self._say_emoticons(text)
        text = self._signs.say(text)
        for pattern, replacement in (*_MARKS, *_PUNCTUATION):
            text = pattern.sub(replacement, text)
        return text

    def say_code(self, code: str) -> str:
        """Return what is said of code within a sentence: its words, so that no mark is misread further on."""
        code = say_addresses(code, say_hosts=self._say_hosts)
        code = re.sub(
            r"<[|｜]|[|｜]>|</?(?=[A-Za-z])|(?<=[\w\"'])/?>(?!=?\s*\d)|[\[\]{}`|\\$]|(?<=\w)_+(?=\w)|_{2,}", " ", code
        )
        code = re.sub(r"(?<![\w)\s])\*+|\*+(?![\w(\s])|^\*+|<!-*|-->", " ", code)
        return re.sub(r"[ ]{2,}", " ", code)

    def _say_emoticons(self, text: str) -> str:
        return _EMOTICON.sub(lambda match: "" if not _is_compared(match) else match[0], text)

    def _escaped_tag(self, match: re.Match[str]) -> str:
        """Say a tag that was written with entities, or that stands in HTML for people: it is left out like others."""
        text = match.string
        if match[1].lower() not in HTML:
            return "" if match[0].startswith("</") else f" {match[1]} "
        return match[1] if is_talked_of(text[: match.start()], text[match.end() :]) else ""

    def _wide_source(self, match: re.Match[str]) -> str:
        before = re.search(r"([^\W\d_]+)\Z", match.string[: match.start()])
        name = re.search(r"†\s*([^【】†]+)】", match[0])
        is_missed = before is not None and name is not None and before[1].lower() in self._words.dangling
        return (
            f" {name[1]}" if is_missed and name is not None and not re.fullmatch(r"source|L[\d-]+L?", name[1]) else ""
        )

    def _sources(self, match: re.Match[str]) -> str:
        """Leave out the numbers of sources, but for those that the sentence is about ("see [12]")."""
        before = re.search(r"([^\W\d_]+)\Z", match.string[: match.start()])
        word = "" if before is None else before[1].lower()
        is_list = word in _LISTS_BEFORE and "," in match[0]
        if not is_list and word not in self._words.dangling | _BEFORE_SOURCES:
            return ""
        return " " + re.sub(r"[\[\]^]+", " ", match[0]).strip()

    def _square(self, match: re.Match[str]) -> str:
        inner, text = match[1], match.string
        left, right = text[: match.start()].rstrip()[-1:], text[match.end() :].lstrip()[:1]
        if inner.startswith("/") and re.fullmatch(r"/[\w -]+", inner):
            return " "
        words = inner.lower().strip(" .!…").split()
        if not words or len(words) > 4 or text[match.end() : match.end() + 1] == "[":
            return match[0]
        if (
            words[0] in self._deeds
            or (len(words) <= 2 and words[-1] in self._sounds)
            or ("_" in inner and inner.isupper())
        ):
            return " " if not inner.isupper() or "_" not in inner or words[0] in self._sounds else match[0]
        is_apart = (not left or left in '.!?…。！？।۔؟።"”)]*') and (not right or right.isupper() or right in '[*"“')
        if is_apart and (" ".join(words) in self._moods or _is_unspaced_deed(inner, self._sounds)):
            return " "
        is_deed = inner.islower() and (
            words[0].endswith(("ing", "ly")) or (words[0].endswith("s") and len(words[0]) > 4)
        )
        if is_apart and is_deed and len(words) <= 3 and self._code == "en" and words[0] not in _NO_DEEDS:
            return " "
        return match[0]

    def _round(self, match: re.Match[str]) -> str:
        inner = (match[1] or match[2] or "").strip(" .!…")
        words = inner.lower().split()
        if not words or len(words) > 4:
            return match[0]
        text = match.string
        left, right = text[: match.start()].rstrip()[-1:], text[match.end() :].lstrip()[:1]
        is_apart = (not left or left in '.!?…。！？।۔؟።"”)]*') and (not right or not right.islower())
        if is_apart and (" ".join(words) in self._moods or _is_unspaced_deed(inner, self._sounds)):
            return " "
        first = words[1] if words[0] in {"se", "сам", "er", "sie", "il", "elle"} and len(words) > 1 else words[0]
        is_deed = first in self._deeds and not (first in _ALSO_NOUNS and len(words) > 1)
        if is_deed and len(words) > 1 and words[1] in {"at", "about", "if", "when", "because", "and", "it", "us", "me"}:
            is_deed = False
        return " " if is_deed or (len(words) == 1 and words[0] in self._sounds) else match[0]


_NO_DEEDS = frozenset("always this yes news things thanks perhaps sometimes series species during".split())
_ALSO_NOUNS = frozenset("ring ringing ride ri crying singing breathing shouts slams screams snores sings".split())


_UNSPACED_ENDS = frozenset(
    [
        "",
        "ながら",
        "しながら",
        "て",
        "って",
        "いて",
        "で",
        "する",
        "した",
        "着",
        "地",
        "了",
        "道",
        "说",
        "說",
        "声",
        "聲",
    ]
)


def _is_unspaced_deed(inner: str, sounds: frozenset[str]) -> bool:
    """Tell the same of what is written without spaces: 笑いながら, 轻声地."""
    if inner.isascii() or len(inner) > 10:
        return False
    return any(inner.startswith(sound) and inner[len(sound) :] in _UNSPACED_ENDS for sound in sounds)


def _is_compared(match: re.Match[str]) -> bool:
    """Tell "x <3" from "I love you <3"."""
    if not match[0].startswith("<3"):
        return False
    before = match.string[: match.start()].rstrip()
    return bool(re.search(r"(?:^|[\s(])[A-Za-z]$|\d$|\b(?:is|if|when|value|count)$", before))


def _apostrophes(text: str) -> str:
    """Return the text with "it`s" made "it's": a backtick between letters that opens no code."""
    parts = text.split("`")
    joined = parts[0]
    is_code = False
    for before, part in itertools.pairwise(parts):
        is_apostrophe = not is_code and before[-1:].isalpha() and _SHORT_FORM.match(part) is not None
        is_code = is_code if is_apostrophe else not is_code
        joined += ("'" if is_apostrophe else "`") + part
    return joined


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Apply a change to what is not code."""
    if "`" not in text:
        return change(text)
    parts = re.split(r"(`+[^`]*`+)", text)
    return "".join(part if part.startswith("`") else change(part) for part in parts)


def _say_json(match: re.Match[str]) -> str:
    try:
        value = json.loads(match[0])
    except (ValueError, RecursionError):
        return re.sub(r"[{}\[\]\"]", " ", match[0])
    answer = answer_within(value)
    if answer is not None:
        return _say_value(answer)
    if is_call(value):
        return " "
    return _say_value(value)


def _say_value(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{str(key).replace('_', ' ')}: {_say_value(each)}" for key, each in value.items())
        case list():
            return ", ".join(map(_say_value, value))
        case None:
            return ""
        case _:
            return str(value).lower() if isinstance(value, bool) else str(value)


def _say_character(char: str) -> str:
    """Return what is left of a character: itself, a space for an arrow, nothing for emoji and what is not seen."""
    if char.isascii():
        return char
    kind, code = unicodedata.category(char), ord(char)
    if kind[0] == "Z":
        return " "
    is_unseen = kind[0] == "C" or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
    if code in {0x200C, 0x200D}:  # joiners belong to the writing of Persian, Urdu and the scripts of India
        return char
    is_emoji = (kind == "So" and code >= 0x2190 and not 0x3200 <= code <= 0x33FF) or 0x1F3FB <= code <= 0x1F3FF
    is_arrow = 0x2190 <= code <= 0x21FF or 0x27F0 <= code <= 0x27FF or 0x2900 <= code <= 0x297F
    if is_arrow:
        return " "
    return "" if is_unseen or is_emoji or code == 0x20E3 else char
