# ruff: noqa: RUF001, SIM905 - quotes and full-width stops are what this module is about; a hundred words read as text
"""Cutting an answer that streams in into pieces to speak: whole sentences, the first one shorter for speed.

Every decision looks at the text up to a boundary and a bounded stretch behind it, and is put off until that stretch
is there. So the pieces depend on the text alone, never on how it was cut on its way, and "3." waits to see whether
"14" follows.

    "Of course, I can. See Dr. Smith on Jan. 5th; he knows."
               ^ clause: the first piece may end here
                       ^ stop and whitespace: the sentence ends at once
                             ^ title: never an end      ^ abbreviation: an end only if a new sentence follows
                                         ^ month before a number: no end

A boundary is judged in the order of the text, each with one of three verdicts: cut (True), no end (False), not to be
told yet (None). A line break always ends a piece: agents write a list or a verse by lines, and do not wrap prose.
"""

from __future__ import annotations

import re
import unicodedata

import attrs

_CLOSERS = r"[\"'”’»)\]}」』）】*_`~]*"
_BOUNDARY = re.compile(
    rf"(?P<line>\n)"
    rf"|(?P<stop>[.!?…。！？｡]+){_CLOSERS}"
    rf"|(?P<clause>[,;:，、；：]{_CLOSERS}|—|(?<=\s)[–-](?=\s))"
)
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Chinese and Japanese have no spaces: two characters take about as long to say as an English word.
_WORD = re.compile(rf"[{_CJK}]{{1,2}}|[^\s{_CJK}]+")
_CONJUNCTION = re.compile(r"\s(?=(?:and|but|or|so|because|which|that|while|when|if|although)\s)")
_SPACE = re.compile(r"\s+")
_OPENERS = "\"'“‘«([{*_`~"
_QUOTES = frozenset("\"'”’»」』")
_WIDE_MARKS = frozenset("—，、；：")  # no space is written behind these
_CJK_STOPS = frozenset("。！？｡")
_INITIALISM = re.compile(r"[A-Za-z]{1,2}(?:\.[A-Za-z]{1,2})+")  # U.S, a.m, Ph.D: the last dot is the stop
_NEXT_WORD = re.compile(r"[A-Za-z]{1,12}")
_URL_CHARS_MAX = 2048  # an address is one word and must reach the speakable filter in one piece

# What these stand before belongs to them.
_NEVER_AN_END = frozenset({"e.g", "eg", "i.e", "ie", "cf", "viz", "vs", "approx", "dr", "mr", "mrs", "ms", "prof"})
_TITLES = frozenset(
    {"Dr", "Mr", "Mrs", "Ms", "Mx", "Prof", "St", "Mt", "Ft", "Gen", "Col", "Maj", "Capt", "Lt", "Sgt", "Cmdr", "Adm"}
    | {"Sen", "Rep", "Gov", "Pres", "Rev", "Fr", "Hon", "Messrs"}
)
# A number stands after these when they are abbreviations; without one they are words ("I said no.").
_BEFORE_NUMBER = frozenset({"no", "nos", "nr", "fig", "figs", "vol", "sec", "ch", "art", "op", "p", "pp", "ca"})
_MONTHS_AND_DAYS = frozenset(
    {"Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec"}
    | {"Mon", "Tue", "Tues", "Wed", "Thu", "Thur", "Thurs", "Fri"}
)
_SUFFIXES = frozenset({"Inc", "Ltd", "Co", "Corp", "Bros", "Jr", "Sr", "Esq"})
# After "U.S." or "vitamin C." a capital proves nothing ("U.S. Army"); a word that opens sentences does.
_STARTERS = frozenset(
    "a after all also an and another any are as at because before both but by can could did do does each even every few"
    " finally first for from he her here hers his how however i if in is it its just last let like many maybe more most"
    " my next no not now of on once one or our over perhaps please she should so some such thank thanks that the their"
    " then there these they this those though to today try was we well were what when where which while who why will"
    " with would yes yet you your".split()
)


def count_words(text: str) -> int:
    """Count what is to be spoken, in English words or their like; marks alone are none."""
    return sum(1 for word in _WORD.findall(text) if any(map(str.isalnum, word)))


@attrs.define
class SentenceSplitter:
    """Takes one answer as it streams and gives the pieces to speak, in order and without loss.

    The first piece ends at the first clause of ``first_min_words`` to ``first_max_words`` if there is one, so that
    its sound is there early (0 for ``first_max_words``: whole sentences only). A sentence over ``max_words`` or
    ``max_chars`` is cut at a clause, else before a conjunction, else between words.
    """

    first_max_words: int = 8
    first_min_words: int = 3
    max_words: int = 25
    max_chars: int = 280
    _text: str = attrs.field(default="", init=False)
    _is_first: bool = attrs.field(default=True, init=False)

    def feed(self, text: str) -> list[str]:
        """Take the next stretch of the answer, cut anywhere; return the pieces that are complete."""
        self._text += text
        pieces: list[str] = []
        while True:
            self._text = self._text.lstrip()
            cut = self._find_cut(self._text)
            if cut is None:
                return pieces
            pieces.append(self._text[:cut].rstrip())
            self._text = self._text[cut:]
            self._is_first = False

    def flush(self) -> list[str]:
        """Return what is left: whatever has come is complete."""
        return self.feed("\n")

    def settle(self) -> list[str]:
        """Return the sentence at the end if it is one whatever follows; for streams whose end nobody announces.

        Unlike ``flush`` it leaves an unfinished sentence alone, and a number that may be half of one.
        """
        text = self._text
        is_number = re.search(r"\d\.$", text) is not None
        return self.flush() if not is_number and self._find_cut(f"{text} ") == len(text) > 0 else []

    def _find_cut(self, text: str) -> int | None:
        """Return where the next piece ends, or None if that cannot be told yet."""
        limit = self._limit(text)
        for match in _BOUNDARY.finditer(text):
            end = match.start() if match["line"] else match.end()
            if limit is not None and end > limit:
                break
            verdict = self._judge(text, match)
            if verdict:
                return end
            if verdict is None:
                return None
        return None if limit is None else self._cut_to_size(text, limit)

    def _limit(self, text: str) -> int | None:
        """Return where the text grows too long for one piece, or None if it is not."""
        words = 0
        for match in _WORD.finditer(text, 0, self.max_chars + 1):
            words += any(map(str.isalnum, match[0]))
            if words > self.max_words:
                return match.start()
        return self.max_chars if len(text) > self.max_chars else None

    def _cut_to_size(self, text: str, limit: int) -> int | None:
        clauses = [
            match.end()
            for match in _BOUNDARY.finditer(text, 0, limit + 1)
            if match["clause"] and match.end() <= limit and _is_parted(text, match)
        ]
        conjunctions = [match.start() for match in _CONJUNCTION.finditer(text, 0, limit + 1)]
        long_enough = self.max_words // 3
        for places, words_min in ((clauses, long_enough), (conjunctions, long_enough), (clauses, 3)):
            if places and count_words(text[: places[-1]]) >= words_min:
                return places[-1]
        spaces = [match.start() for match in _SPACE.finditer(text, 0, limit + 1)]
        if spaces:
            return spaces[-1]
        if not text.lower().startswith(("http://", "https://")):
            return limit
        end = _SPACE.search(text)
        if end is None and len(text) <= _URL_CHARS_MAX:
            return None
        return min(end.start() if end else len(text), _URL_CHARS_MAX)

    def _judge(self, text: str, match: re.Match[str]) -> bool | None:
        if match["line"]:
            return True
        if match.end() == len(text):
            return None  # more stops, quotes or letters may follow
        if match["clause"]:
            return self._judge_clause(text, match)
        return _judge_stop(text, match)

    def _judge_clause(self, text: str, match: re.Match[str]) -> bool | None:
        if not self._is_first:
            return False
        if not _is_parted(text, match):
            return False
        if _is_inside_marks(text[: match.end()]):
            return False
        if not self.first_min_words <= count_words(text[: match.end()]) <= self.first_max_words:
            return False
        follower = _follower(text, match.end())
        return None if not follower else not follower.isdigit()  # "Jan. 5th, 2024" is one breath


def _is_parted(text: str, match: re.Match[str]) -> bool:
    """Tell whether a clause mark parts words: not in "1,000" or "9:30"."""
    return match[0][0] in _WIDE_MARKS or text[match.end()].isspace()


def _is_inside_marks(text: str) -> bool:
    """Tell whether a link, code or a stage direction is open at the end: the speakable filter wants it whole."""
    return text.count("*") % 2 == 1 or text.count("`") % 2 == 1 or text.count("[") > text.count("]")


def _follower(text: str, end: int) -> str:
    """Return the first character of the next word ("" if it is not there yet); a line break counts as one."""
    for char in text[end:]:
        if char == "\n":
            return char
        if not char.isspace() and char not in _OPENERS:
            return char
    return ""


def _opens_sentence(text: str, end: int) -> bool | None:
    """Tell whether the next word is one that opens sentences."""
    follower = _follower(text, end)
    if not follower:
        return None
    if follower == "\n":
        return True
    start = text.index(follower, end)
    word = _NEXT_WORD.match(text, start)
    if word is None or not follower.isupper():
        return False
    if word.end() == len(text):
        return None if len(word[0]) < 12 else False
    return word[0].lower() in _STARTERS


def _goes_on(text: str, end: int) -> bool | None:
    """Tell whether the sentence seems to go on behind its stop: with a small letter."""
    follower = _follower(text, end)
    return None if not follower else follower.islower()


def _judge_stop(text: str, match: re.Match[str]) -> bool | None:
    """Tell whether a stop ends the sentence. There is at least one character behind it."""
    stop, end = match["stop"], match.end()
    if _CJK_STOPS.intersection(stop):
        return True
    if not text[end].isspace():
        return unicodedata.category(text[end]) == "So"  # an emoji sits right behind its sentence
    is_quoted = bool(_QUOTES.intersection(match[0][len(stop) :]))
    if is_quoted or (len(stop) > 1 and not {"!", "?"}.intersection(stop)) or stop == "…":
        return _negate(_goes_on(text, end))  # "stop it." he said; well... maybe
    if stop != ".":
        return True
    before = text[: match.start()].rsplit(maxsplit=1)
    word = before[-1].lstrip(_OPENERS) if before and not text[match.start() - 1].isspace() else ""
    return _judge_word(text, word, end, is_alone=len(before) == 1)


def _judge_word(text: str, word: str, end: int, *, is_alone: bool) -> bool | None:
    """Tell whether ``word`` with a full stop, which ends at ``end``, ends the sentence."""
    small = word.lower()
    if word in _TITLES or small in _NEVER_AN_END:
        return False
    if is_alone and word.isdigit() and len(word) <= 3:
        return False  # the mark of a numbered list
    if small in _BEFORE_NUMBER:
        follower = _follower(text, end)
        return None if not follower else not follower.isdigit()
    if word in _MONTHS_AND_DAYS or small == "etc":
        follower = _follower(text, end)
        return None if not follower else not (follower.isdigit() or follower.islower())
    is_initial = len(word) == 1 and word.isalpha() and word != "I"
    if is_initial or word in _SUFFIXES or _INITIALISM.fullmatch(word):
        return _opens_sentence(text, end)
    return True


def _negate(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict
