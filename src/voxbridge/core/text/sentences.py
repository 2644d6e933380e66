# ruff: noqa: RUF001 - quotes and full-width stops are what this module is about
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
told yet (None). A line break always ends a piece. What Markdown wants whole is stepped over: code, a link, an address,
a formula, a stage direction; one that is open waits for its end, for a bounded stretch. What stands before a full stop
that ends no sentence is a matter of the language: see ``abbreviations``.
"""

from __future__ import annotations

import re
import unicodedata

import attrs

from voxbridge.core.text.abbreviations import Abbreviations, abbreviations_of
from voxbridge.core.text.addresses import ADDRESS

_STOPS = "。！？｡।॥۔؟።፧፨։\u0f0d\u0f0e\u104b\u17d4\u17d5"  # of many scripts
_CLOSERS = r"[\"'”’»)\]}」』）】*_`~]*"
_WHOLE = (
    r"(?P<ticks>`+)(?!`)[^\n]{0,400}?[^`\n](?P=ticks)(?!`)"
    r"|!?\[[^\[\]\n]{0,160}\](?:\((?:[^()\s]|\([^()\s]*\)){0,2000}(?: \"[^\"\n]{0,200}\")?\))?"
    rf"|{ADDRESS}"
    r"|\$\$[^$\n]{1,400}\$\$|\$(?=[A-Za-z\\({-])[^$\n]{0,120}(?<!\s)\$(?!\d)"
    r"|\\\([^\n]{0,200}?\\\)|\\\[[^\n]{0,400}?\\\]"
    r"|<[A-Za-z/!@#:][^<>\n]{0,200}>"
    r"|\{ ?\"[^{}\n]{0,300}(?:\{[^{}\n]{0,200}\}[^{}\n]{0,200})?\}"
    r"|(?<![\w*])\*(?![\s*])[^*\n]{0,120}(?<!\s)\*(?![\w*])"
)
# The beginnings of those, at the end of what has come.
_OPEN = (
    r"(?:`+(?!`)[^`\n]{0,400}"
    r"|!?\[[^\[\]\n]{0,160}(?:\]\([^()\n]{0,2000}(?:\([^()\n]{0,200}\)?[^()\n]{0,200})?)?"
    rf"|{ADDRESS}"
    r"|\$\$[^$\n]{0,400}\$?|\$(?:(?=[A-Za-z\\({-])[^$\n]{0,120})?"
    r"|\\(?:\([^\n]{0,200}|\[[^\n]{0,400})?"
    r"|<(?:[A-Za-z/!@#:][^<>\n]{0,200})?"
    r"|\{(?: ?\"[^\n]{0,300})?"
    r"|(?<![\w*])\*(?:(?![\s*])[^*\n]{0,120})?)\Z"
)
_BOUNDARY = re.compile(
    rf"(?P<open>{_OPEN})"
    rf"|(?P<whole>{_WHOLE})"
    rf"|(?P<line>\n)"
    rf"|(?P<stop>[.!?…{_STOPS}]+|፡፡){_CLOSERS}(?:[ \u00a0\u202f]»)?"
    rf"|(?P<clause>[,;:，、；：،؛፣፤፥]{_CLOSERS}|—|(?<=\s)[–-](?=\s))",
)
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Chinese and Japanese have no spaces: two characters take about as long to say as an English word.
_WORD = re.compile(rf"[{_CJK}]{{1,2}}|[^\s{_CJK}]+")
_WIDE = re.compile(rf"[{_CJK}]")
_CONJUNCTION = re.compile(r"\s(?=(?:and|but|or|so|because|which|that|while|when|if|although)\s)")
_SPACE = re.compile(r"\s+")
_OPENERS = "\"'“‘«([{*_`~¿¡„»"
_SPACES = " \u00a0\u202f"
_QUOTES = frozenset("\"'”’»」』")
_WIDE_MARKS = frozenset("—，、；：")  # no space is written behind these
_SURE_STOPS = frozenset(_STOPS.replace("։", "") + "፡")  # an end whatever follows
_INITIALISM = re.compile(r"[^\W\d_]{1,2}(?:\.-?[^\W\d_]{1,2})+")  # U.S, a.m, Ph.D: the last dot is the stop
_DAY_AND_MONTH = re.compile(r"\d{1,2}\.\d{1,2}")
_ROMAN = re.compile(r"(?=[IVXLCDM])M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_NEXT_WORD = re.compile(r"[^\W\d_]{1,14}(?:'[^\W\d_]{1,3})?")
_NEXT_WORD_CHARS_MAX = 14
_LETTERS = frozenset("CDLM")  # more often an initial than a number


def count_words(text: str) -> int:
    """Count what is to be spoken, in English words or their like; marks alone are none."""
    return sum(1 for word in _WORD.findall(text) if any(map(str.isalnum, word)))


_JOINED_FIRST_WORDS_MAX = 8  # more would make the first sound late where a server answers whole sentences


def joined(piece: str, follower: str, *, is_first: bool) -> str | None:
    """Return two pieces as one if the first is a single word, else None: some voices babble behind so short a text.

    For pieces that are both there: nobody waits for the second one. ``is_first``: nothing has sounded yet.
    """
    if count_words(piece) != 1 or (is_first and count_words(follower) > _JOINED_FIRST_WORDS_MAX):
        return None
    gap = "" if piece[-1] in "。！？" else " "
    return f"{piece}{gap}{follower}"


@attrs.define
class SentenceSplitter:
    """Takes one answer as it streams and gives the pieces to speak, in order and without loss.

    The first piece ends at the first clause of ``first_min_words`` to ``first_max_words`` if there is one, so that
    its sound is there early (0 for ``first_max_words``: whole sentences only). A sentence over ``max_words`` or
    ``max_chars`` is cut at a clause, else before a conjunction, else between words.
    """

    language: str = "en"
    first_max_words: int = 8
    first_min_words: int = 3
    max_words: int = 25
    max_chars: int = 280
    _abbreviations: Abbreviations = attrs.field(init=False)
    _text: str = attrs.field(default="", init=False)
    _is_first: bool = attrs.field(default=True, init=False)
    _waits: bool = attrs.field(default=False, init=False)
    """A boundary cannot be judged before the next character is there."""

    def __attrs_post_init__(self) -> None:
        self._abbreviations = abbreviations_of(self.language)

    def feed(self, text: str) -> list[str]:
        """Take the next stretch of the answer, cut anywhere; return the pieces that are complete."""
        self._text = (self._text + text).lstrip()
        pieces: list[str] = []
        while text and self._text:
            cut = self._find_cut(self._text)
            if cut is None:
                return pieces
            pieces.append(self._text[:cut].rstrip())
            self._text = self._text[cut:].lstrip()
            self._is_first = False
        return pieces

    @property
    def is_first(self) -> bool:
        """Tell whether no piece has been given: the first one may end at a comma."""
        return self._is_first

    @property
    def is_idle(self) -> bool:
        """Tell whether no boundary waits for what comes next."""
        return not self._waits and not self._text.endswith(("-", "–"))

    @property
    def words_left(self) -> int:
        """Return how many further words make the piece not too long; 0 if it has no room for many characters either."""
        if len(self._text) > self.max_chars // 2:
            return 0
        return max(0, self.max_words - 1 - count_words(self._text))

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
        self._waits = False
        for match in _BOUNDARY.finditer(text, 0, self.max_chars + _WHOLE_CHARS_MAX + 1):
            if limit is not None and match.start() >= limit:
                break
            if match["open"] is not None:
                self._waits = True
                return None
            if match["whole"]:
                continue
            end = match.start() if match["line"] else match.end()
            if limit is not None and end > limit:
                break
            verdict = self._judge(text, match)
            if verdict:
                return end
            if verdict is None:
                self._waits = True
                return None
        return None if limit is None else self._cut_to_size(text, limit)

    def _limit(self, text: str) -> int | None:
        """Return where the text grows too long for one piece, or None if it is not."""
        if len(text) <= self.max_chars and len(text.split()) <= self.max_words and _WIDE.search(text) is None:
            return None
        words = 0
        for match in _WORD.finditer(text, 0, self.max_chars + 1):
            words += any(map(str.isalnum, match[0]))
            if words > self.max_words:
                return match.start()
        return self.max_chars if len(text) > self.max_chars else None

    def _cut_to_size(self, text: str, limit: int) -> int:
        matches = list(_BOUNDARY.finditer(text, 0, _WHOLE_CHARS_MAX))
        wholes = [(match.start(), match.end()) for match in matches if match["whole"]]

        def is_free(place: int) -> bool:
            return not any(start < place < end for start, end in wholes)

        clauses = [m.end() for m in matches if m["clause"] and m.end() <= limit and _is_parted(text, m)]
        conjunctions = [match.start() for match in _CONJUNCTION.finditer(text, 0, limit + 1) if is_free(match.start())]
        long_enough = self.max_words // 3
        for places, words_min in ((clauses, long_enough), (conjunctions, long_enough), (clauses, 3)):
            if places and count_words(text[: places[-1]]) >= words_min:
                return places[-1]
        spaces = [match.start() for match in _SPACE.finditer(text, 0, limit + 1) if is_free(match.start())]
        if spaces:
            return spaces[-1]
        # One word, or one thing that Markdown wants whole: it is cut behind it, in a text without spaces before it.
        start, end = next(((start, end) for start, end in wholes if start <= limit < end), (0, 0))
        return limit if end == 0 else start or end

    def _judge(self, text: str, match: re.Match[str]) -> bool | None:
        if match["line"]:
            return True
        if match.end() == len(text):
            return None  # more stops, quotes or letters may follow
        if match["clause"]:
            if self.language == "el" and match[0][0] == ";":
                return text[match.end()].isspace()
            return self._judge_clause(text, match)
        return self._judge_stop(text, match)

    def _judge_clause(self, text: str, match: re.Match[str]) -> bool | None:
        if not self._is_first:
            return False
        if not _is_parted(text, match):
            return False
        if not self.first_min_words <= count_words(text[: match.end()]) <= self.first_max_words:
            return False
        follower = _follower(text, match.end())
        return None if not follower else not follower.isdigit()  # "Jan. 5th, 2024" is one breath

    def _judge_stop(self, text: str, match: re.Match[str]) -> bool | None:
        """Tell whether a stop ends the sentence. There is at least one character behind it."""
        stop, end = match["stop"], match.end()
        if _SURE_STOPS.intersection(stop):
            return not (match[0][-1] in "」』" and text[end] in "とっ")  # "...。」と言った"
        if not text[end].isspace():
            return unicodedata.category(text[end]) == "So"  # an emoji sits right behind its sentence
        if text[end] in _SPACES and end + 1 == len(text) and text.count("«", 0, end) > text.count("»", 0, end):
            return None  # « Oui ! »
        is_quoted = bool(_QUOTES.intersection(match[0][len(stop) :]))
        if is_quoted or (len(stop) > 1 and not {"!", "?"}.intersection(stop)) or stop == "…":
            return _negate(_goes_on(text, end))  # "stop it." he said; well... maybe
        if stop != ".":
            return True
        before = text[: match.start()].rsplit(maxsplit=2)
        word = before[-1].lstrip(_OPENERS) if before and not text[match.start() - 1].isspace() else ""
        last = before[-2] if len(before) > 1 else ""
        return self._judge_word(text, word, end, last)

    def _judge_word(self, text: str, word: str, end: int, last: str) -> bool | None:
        """Tell whether ``word`` with a full stop, which ends at ``end``, ends the sentence; ``last`` stands"
        " before it."""
        known, small = self._abbreviations, re.split("['’]", word.lower())[-1]  # l'ing.
        if last.endswith(".") and len(last) <= 3:  # "p. ej." is one abbreviation
            joined = f"{last.lstrip(_OPENERS).lower()}{small}"
            if joined in known.never or joined in known.may_end:
                small = joined
        if small not in known.never and "-" in small:
            small = small.rpartition("-")[2]  # Dipl.-Ing.
        if small == "م" and last.isdigit():
            return True  # behind a year
        if small in known.never or (small in known.titles and word[0].isupper()):
            return False
        if small in {"г", "р", "м"} and not last[-1:].isdigit() and last:  # a town, not the year before it
            return False
        if _DAY_AND_MONTH.fullmatch(word) and known.dotted_ordinals:
            return self._may_end(text, end)
        if word.isdigit():
            return self._judge_number(text, word, end, last)
        if word not in _LETTERS and _ROMAN.fullmatch(word) and (word != "I" or not last):
            return self._judge_roman(text, word, end, last)
        follower = _follower(text, end)
        is_number_of = small in known.number or (small.endswith(("str", "platz", "pl")) and self.language == "de")
        if is_number_of and (not follower or (follower in "IVX" and _next_word(text, end) is None)):
            return None
        if is_number_of and (follower.isdigit() or _is_roman_next(text, end)):
            return False
        is_unit = small != "in" or last[:1].isdigit()
        if len(word) == 1 and word.isupper() and word != "I" and last:
            return self._judge_initial(text, word, end)
        if (small in known.may_end and is_unit) or is_number_of or (small in known.dates and word[0].isupper()):
            return self._may_end(text, end)
        if not last and len(word) == 1 and word.isalpha() and word != "I":
            return False  # the mark of a list: "a."
        if (len(word) == 1 and word.isalpha() and word != "I") or word in _SUFFIXES or _INITIALISM.fullmatch(word):
            return self._judge_initial(text, word, end)
        return True

    def _judge_number(self, text: str, word: str, end: int, last: str) -> bool | None:
        if not last and len(word) <= 3:
            return False  # the mark of a numbered list
        if len(word) <= 2 and ((word == "1" and last[-1:] in ":;") or last[-1:] == ";"):
            return False  # "Do this: 1. Open it."
        is_year = len(word) > 3 and not self.language.startswith("hu")
        if is_year or not self._abbreviations.dotted_ordinals:
            return True
        follower = _follower(text, end)
        if not follower:
            return None
        if follower.islower():
            return False  # "w 3. klasie", "am 19. wurde"
        known = self._abbreviations
        if not (known.articles or known.ordinals_before_capitals) or not follower.isupper():
            return True
        if last.lower().rstrip(",") in known.articles:
            return False
        may_be_ordinal = known.ordinals_before_capitals and len(word) <= 2
        if not may_be_ordinal and not _may_become(text, end, known.months):
            return True
        next_word = _next_word(text, end)
        if next_word is None:
            return None
        if next_word in known.months:
            return False
        return next_word in known.starters or not may_be_ordinal

    def _judge_roman(self, text: str, word: str, end: int, last: str) -> bool | None:
        if not last:
            return False  # the mark of a list
        follower = _follower(text, end)
        if not follower:
            return None
        if not follower.isupper():
            return not (follower.islower() or follower.isdigit())
        known = self._abbreviations
        if last.lower() in known.articles:
            return False
        may_go_on = last[-1:] == "." and (known.dotted_ordinals or len(word) == 1)  # "Mr. V. Smith", not "séc. XX."
        return self._starts(text, end) if known.ordinals_before_capitals or may_go_on else True

    def _judge_initial(self, text: str, word: str, end: int) -> bool | None:
        """Tell "J. Smith" and "the U.S. Army" from "vitamin C. It helps"."""
        follower = _follower(text, end)
        if not follower:
            return None
        if follower == "\n":
            return True
        if len(word) == 1 and not word.isupper() and follower.isupper():
            start = text.index(follower, end)
            behind = text[start + 1 : start + 2]
            if not behind:
                return None
            return behind != "."  # "a. C.", "z. B."
        return self._starts(text, end)

    def _may_end(self, text: str, end: int) -> bool | None:
        follower = _follower(text, end)
        if not follower:
            return None
        if follower == "\n":
            return True
        if follower.islower() or follower.isdigit() or follower in ",;:-)–":
            return False
        if self._abbreviations.has_capital_nouns:
            return self._starts(text, end)
        return True

    def _starts(self, text: str, end: int) -> bool | None:
        """Tell whether the next word is one that opens sentences."""
        follower = _follower(text, end)
        if not follower:
            return None
        if follower == "\n":
            return True
        if not follower.isupper():
            return False
        word = _next_word(text, end)
        if word is None:
            return None
        is_initial = len(word) == 1 and text.startswith(".", text.index(follower, end) + 1)  # of a name
        return not is_initial and word in self._abbreviations.starters


_WHOLE_CHARS_MAX = 3000  # an address or a link is one word and must reach the speakable filter in one piece
_SUFFIXES = frozenset({"Inc", "Ltd", "Co", "Corp", "Bros", "Jr", "Sr", "Esq"})


def _is_parted(text: str, match: re.Match[str]) -> bool:
    """Tell whether a clause mark parts words: not in "1,000" or "9:30"."""
    return match[0][0] in _WIDE_MARKS or text[match.end() : match.end() + 1].isspace()


def _follower(text: str, end: int) -> str:
    """Return the first character of the next word ("" if it is not there yet); a line break counts as one."""
    for char in text[end:]:
        if char == "\n":
            return char
        if not char.isspace() and char not in _OPENERS:
            return char
    return ""


def _may_become(text: str, end: int, words: frozenset[str]) -> bool:
    """Tell whether the next word, as far as it is there, may be one of these."""
    follower = _follower(text, end)
    if not follower:
        return True
    begun = _NEXT_WORD.match(text, text.index(follower, end))
    return begun is not None and any(word.startswith(begun[0].lower()) for word in words)


def _next_word(text: str, end: int) -> str | None:
    """Return the next word in small letters, "" if it is none, None if it has not come to its end yet."""
    follower = _follower(text, end)
    if not follower:
        return None
    word = _NEXT_WORD.match(text, text.index(follower, end))
    if word is None:
        return ""
    if word.end() >= len(text) - 1 and len(word[0]) < _NEXT_WORD_CHARS_MAX:
        return None if word.end() == len(text) or text[word.end()] == "'" else word[0].lower()
    return word[0].lower()


def _is_roman_next(text: str, end: int) -> bool:
    follower = _follower(text, end)
    return (
        follower in "IVX"
        and len(_next_word(text, end) or "") > 1
        and bool(_ROMAN.fullmatch((_next_word(text, end) or "").upper()))
    )


def _goes_on(text: str, end: int) -> bool | None:
    """Tell whether the sentence seems to go on behind its stop: with a small letter."""
    follower = _follower(text, end)
    return None if not follower else follower.islower()


def _negate(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict
