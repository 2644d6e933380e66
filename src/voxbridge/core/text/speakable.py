# ruff: noqa: RUF001, SIM905 - typographic marks are what this module is about; a list of words reads as text
"""From what an agent writes to what a voice can say.

Agents write Markdown, links, code, mentions and emoji; a voice reads all of it aloud, mark by mark. The filter stands
behind the sentence splitter and takes one piece at a time; what it remembers from piece to piece is only that it is
inside something that is not to be said, a block of code or a model's reasoning.

    agent's text --SentenceSplitter--> piece --SpeakableStream--> what is said, or ""      (SpokenPieces: both)

Plain text passes unchanged, whitespace apart. Brackets never pass: some engines take ``[name](/sounds/)`` for
phonemes (hibari-tts does), which an agent's text must not reach.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

import attrs

from voxbridge.core.text.sentences import SentenceSplitter

_OPENER = re.compile(r"[`*~\[<]|!(?=\[)")

_TAG = re.compile(
    r"</?([A-Za-z][\w-]*)(?:\s+[A-Za-z_:][\w:.]*(?:-\w+)*(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=]+))?)*\s*/?>"
    r"|<[!?][^<>]*>"
)
_DISCORD = re.compile(r"<(?:@[!&]?\d+|#\d+|a?:\w+:\d+|/[^<>\n]+:\d+|t:-?\d+(?::\w)?|id:\w+)>")
_AUTOLINK = re.compile(r"<((?:[a-z][a-z0-9+.-]*:|[^\s<>@]+@)[^\s<>]+)>", re.IGNORECASE)
_HIDDEN_TAGS = frozenset({"think", "thinking", "reasoning", "thought", "script", "style"})
_BREAKING_TAGS = frozenset(
    {"br", "p", "div", "li", "ul", "ol", "tr", "table", "hr", "h1", "h2", "h3", "h4", "h5", "h6"}
)
_NOTE = re.compile(r"\^?\d+|[ xX]?")  # a footnote, a source's number, a tick box

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_LINE_MARK = re.compile(r"^\s*(?:>\s*)*(?:(?:#{1,6}|-#)\s+|[-*+•‣◦▪–]\s+(?:\[[ xX]\]\s+)?)?")
_RULE = re.compile(r"^\s*(?:(?:[-*_=]\s*){3,}|[|:\s-]*-[|:\s-]*\|[|:\s-]*)$")
_URL = re.compile(r"\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s<>\"|\\^`{}\[\]]+", re.IGNORECASE)
_URL_END = re.compile(r"[.,;:!?'*_~)]+$")
_SHORTCODE = re.compile(r"(?<![\w:]):[A-Za-z][\w+-]*:(?![\w:])")
_AT = re.compile(r"(?<![\w.+-])@(?=\w)")

# (what, by what), in order; each may count on the ones before
_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\\(?=\W)"), ""),
    (re.compile(r"[\\`]"), " "),
    # 2*3, 2 * 3 and 2**3 are arithmetic: between words, with a space on both sides or on neither
    (re.compile(r"((?<=\w)\*(?=\w)|(?<=[\w)] )\*(?= [\w(])|(?<=\d)\*\*(?=\d))|\*+"), r"\1"),
    (re.compile(r"(?<=\w)_+(?=\w)"), " "),
    (re.compile(r"_+|~~+|~(?!\d)|\|\|+|\${2,}|={3,}"), ""),
    (re.compile(r"\s*\|\s*"), ", "),
    (re.compile(r"[\[\]{}]"), " "),
    (re.compile(r"<?[-=]+>|<[-=]{2,}|<-(?!\d)"), " "),
    (re.compile(r"(?<!\w)(?<!\w )[<>]=?|[<>](?!=?\s?[\w$(-])"), " "),
    (re.compile(r"(?<![A-Za-z])#(?!\d)"), ""),
    (re.compile(r"://"), " "),
)
_PUNCTUATION: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:(?=[!?]*\?)(?=[!?]*!))[!?]{3,}"), "?!"),
    (re.compile(r"([!?,;:…])\1+"), r"\1"),
    (re.compile(r"\.{4,}"), "..."),
    (re.compile(r"[—–]{2,}|-{3,}|(?<=\s)--(?=\s)"), "—"),
    (re.compile(r"\(\s*[,;]*\s*\)"), ""),
    (re.compile(r"\s+"), " "),
    (re.compile(r" +(?=[,.;:!?]+(?:\s|$))"), ""),
    (re.compile(r"^[\s,;:)]+"), ""),
    (re.compile(r"(?:, ?){2,}"), ", "),
    (re.compile(r"\s+$"), ""),
)

# A stage direction begins with what somebody does: "smiles", "clears throat", "laughing". These only look like it.
_NO_DEEDS = frozenset(
    "always this is was yes its his as us has does perhaps sometimes nothing everything anything something thing things"
    " during thanks less news these those besides across towards afterwards others ours yours theirs hers bring being"
    " evening morning king ring sing spring string bus plus gas lens series species".split()
)


@attrs.frozen
class SpeakableRules:
    """What is said of that which cannot be said.

    ``code_placeholder`` stands for a block of code ("" for silence); ``drop_actions`` leaves out stage directions
    such as ``*smiles*``; ``say_hosts`` says "example.com" for an address instead of nothing.
    """

    code_placeholder: str = "Code omitted."
    drop_actions: bool = True
    say_hosts: bool = True


_PASSES_MAX = 10  # each pass takes a layer of marks off; nobody nests ten

_Step = tuple[int, str]
"""How many characters are dealt with, and what is said instead."""


class _Spans:
    """Deals with marks that come in pairs: code, links, stage directions, tags. Works through one text."""

    def __init__(self, rules: SpeakableRules, hidden_until: re.Pattern[str] | None) -> None:
        self._rules = rules
        self.hidden_until = hidden_until
        """What ends the stretch that is not said, or None outside of one; outlives the text."""
        self._last = ""
        """The last character that passed."""
        self._left = ""
        """The last one that was no blank; a line break counts."""

    def resolve(self, text: str) -> str:
        """Return ``text`` without what is hidden and without the marks of what is not."""
        passed: list[str] = []
        while text:
            if self.hidden_until is not None:
                end = self.hidden_until.search(text)
                if end is None:
                    break
                self.hidden_until, text = None, text[end.end() :]
                continue
            opener = _OPENER.search(text)
            start = opener.start() if opener else len(text)
            consumed, said = (start, text[:start]) if start else self._span(text)
            if said:
                self._last = said[-1]
                self._left = said.rstrip(" \t")[-1:] or self._left
            passed.append(said)
            text = text[consumed:]
        return "".join(passed)

    def _span(self, text: str) -> _Step:
        match text[0]:
            case "`" | "~":
                return self._code(text)
            case "*":
                return self._star(text)
            case "[":
                return self._bracket(text)
            case "<":
                return self._tag(text)
            case _:
                consumed, said = self._bracket(text[1:])  # an image: "![what it shows](address)"
                return consumed + 1, said

    def _code(self, text: str) -> _Step:
        mark = text[0]
        run = len(text) - len(text.lstrip(mark))
        if run >= 3:
            self.hidden_until = re.compile(re.escape(mark * run))
            return run, f"\n{self._rules.code_placeholder}\n"
        if mark == "~":
            return run, text[:run]
        close = text.find(mark * run, run)
        return (run, "") if close < 0 else (close + run, text[run:close])

    def _star(self, text: str) -> _Step:
        run = len(text) - len(text.lstrip("*"))
        after = text[run : run + 1]
        if run > 1:
            return run, text[:run] if self._last.isdigit() and after.isdigit() else ""
        if self._last.isalnum() or not after or after.isspace():
            return 1, "*"  # 2*3, 2 * 3, or the mark of a list
        close = text.find("*", 1)
        if close < 0:
            return 1, ""
        inner, right = text[1:close], text[close + 1 :].lstrip(" \t")[:1]
        is_dropped = self._rules.drop_actions and _is_stage_direction(inner, self._left, right)
        return close + 1, "" if is_dropped else inner

    def _bracket(self, text: str) -> _Step:
        close = text.find("]")
        if close < 0:
            return 1, ""
        inner = text[1:close]
        if text[close + 1 : close + 2] in {"(", "["} and (end := _target_end(text, close + 1)) is not None:
            return end, inner
        return close + 1, "" if _NOTE.fullmatch(inner) else inner

    def _tag(self, text: str) -> _Step:
        if text.startswith("<!--"):
            self.hidden_until = re.compile("-->")
            return 4, ""
        if discord := _DISCORD.match(text):
            return discord.end(), ""
        if autolink := _AUTOLINK.match(text):
            return autolink.end(), autolink[1]
        tag = _TAG.match(text)
        if tag is None:
            return 1, "<"
        name = (tag[1] or "").lower()
        if name in _HIDDEN_TAGS and not tag[0].startswith("</") and not tag[0].endswith("/>"):
            self.hidden_until = re.compile(rf"</{name}\s*>", re.IGNORECASE)
        return tag.end(), "\n" if name in _BREAKING_TAGS else ""


def _target_end(text: str, start: int) -> int | None:
    """Return where the target of a link that opens at ``start`` is over, brackets within it counted; None if never."""
    opening = text[start]
    closing = {"(": ")", "[": "]"}[opening]
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == opening) - (text[place] == closing)
        if depth == 0:
            return place + 1
    return None


def _is_stage_direction(inner: str, left: str, right: str) -> bool:
    """Tell ``*smiles*`` from an emphasis, between the nearest letters on its left and right ("" for none).

    Leaving out a stressed word can turn the sense round ("I *never* said so"), so what does not begin with a deed
    at the beginning of a sentence or clause is kept.
    """
    words = inner.split()
    if not words or (left and left not in "\n.!?…,;:—–-)\"”'’"):
        return False
    deed = words[0].lower().strip(".,!?…")
    if deed in _NO_DEEDS or len(deed) < 4 or not (deed.endswith("ing") or (deed[-1] == "s" and deed[-2] != "s")):
        return False
    return not inner[0].isupper() or not right or right == "\n" or right.isupper()


def _say_url(rules: SpeakableRules) -> Callable[[re.Match[str]], str]:
    def say(match: re.Match[str]) -> str:
        url = match[0]
        end = _URL_END.search(url)
        tail = end[0] if end else ""
        if not rules.say_hosts:
            return f" {tail}"
        rest = url[: len(url) - len(tail)].rpartition("://")[2] if "://" in url else url[: len(url) - len(tail)]
        host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
        return host.removeprefix("www.") + tail

    return say


def _say_character(char: str) -> str:
    """Return what is left of a character: itself, a space for an arrow, nothing for emoji and what is not seen."""
    if char.isascii():
        return char if char.isprintable() else " " if char in "\t\n\v\f\r" else ""
    kind, code = unicodedata.category(char), ord(char)
    if kind[0] == "Z":
        return " "
    is_unseen = kind[0] == "C" or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
    is_emoji = (kind == "So" and code >= 0x2190 and not 0x3200 <= code <= 0x33FF) or 0x1F3FB <= code <= 0x1F3FF
    is_arrow = 0x2190 <= code <= 0x21FF or 0x27F0 <= code <= 0x27FF or 0x2900 <= code <= 0x297F
    if is_arrow:
        return " "
    return "" if is_unseen or is_emoji or code == 0x20E3 else char


def _clean_line(line: str, rules: SpeakableRules) -> str:
    if _RULE.match(line):
        return ""
    line = _LINE_MARK.sub("", line, count=1).strip(" |")
    line = _URL.sub(_say_url(rules), line)
    line = _SHORTCODE.sub(" ", _AT.sub("", line))
    for pattern, replacement in _MARKS:
        line = pattern.sub(replacement, line)
    return line


def _without_marks(text: str, rules: SpeakableRules) -> str:
    text = " ".join(
        _clean_line("".join(map(_say_character, line)), rules) for line in text.splitlines() if line.strip()
    )
    for pattern, replacement in _PUNCTUATION:
        text = pattern.sub(replacement, text)
    return text


class SpeakableStream:
    """Takes the pieces of one answer in order and says what a voice can say of each."""

    def __init__(self, rules: SpeakableRules = SpeakableRules()) -> None:
        self._rules = rules
        self._hidden_until: re.Pattern[str] | None = None

    def feed(self, piece: str) -> str:
        """Return what can be said of the next piece: one line without marks, or "" if there is nothing to say.

        Never raises. Marks that only come to light when others are gone are taken out as well, so the filter
        changes nothing about its own result.
        """
        text, hidden_until = piece, self._hidden_until
        for number in range(_PASSES_MAX):
            spans = _Spans(self._rules, hidden_until)
            before = text
            text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
            text = _without_marks(spans.resolve(text), self._rules)
            if number == 0:
                self._hidden_until, hidden_until = spans.hidden_until, None
            if text == before:
                break
        return text if any(map(str.isalnum, text)) else ""


def speakable(text: str, rules: SpeakableRules = SpeakableRules()) -> str:
    """Return what a voice can say of a text that stands alone; see ``SpeakableStream.feed``."""
    return SpeakableStream(rules).feed(text)


class SpokenPieces:
    """Splitter and filter in a row: takes one answer as it streams and gives what to say, piece by piece."""

    def __init__(self, rules: SpeakableRules = SpeakableRules(), splitter: SentenceSplitter | None = None) -> None:
        self._splitter = splitter or SentenceSplitter()
        self._filter = SpeakableStream(rules)

    def feed(self, text: str) -> list[str]:
        """Take the next stretch of the answer, cut anywhere; return the pieces that are complete, none blank."""
        return self._speakable(self._splitter.feed(text))

    def flush(self) -> list[str]:
        """Return what is left: whatever has come is complete."""
        return self._speakable(self._splitter.flush())

    def settle(self) -> list[str]:
        """Return the sentence at the end if it is one whatever follows; see ``SentenceSplitter.settle``."""
        return self._speakable(self._splitter.settle())

    def _speakable(self, pieces: list[str]) -> list[str]:
        return [said for piece in pieces if (said := self._filter.feed(piece))]
