# ruff: noqa: RUF001, SIM905 - typographic marks are what this module is about; a list of words reads as text
"""From what an agent writes to what a voice can say.

Agents write Markdown, links, code, mentions and emoji; a voice reads all of it aloud, mark by mark. Two filters take
it out, in front of and behind the sentence splitter:

    agent's text --SpeakableStream--> text --SentenceSplitter--> piece --speakable--> what is said
                   what spans pieces:          see sentences.py    what stands inside one piece:
                   code, links, *actions*,                         list marks, emphasis, addresses,
                   tags, reasoning                                 mentions, emoji, stray marks

``SpokenPieces`` is the three in a row. Plain text passes all of them unchanged, whitespace apart.

Brackets never pass: some engines take ``[name](/sounds/)`` for phonemes (hibari-tts does), which an agent's text
must not reach.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

import attrs

from voxbridge.core.sentences import SentenceSplitter

_OPENER = re.compile(r"[`*~\[<]|!(?=\[|$)")
_SPAN_CHARS_MAX = 200  # an opener without its closer within a line and so many characters is a mere mark
_TARGET_CHARS_MAX = 2048  # the address of a link
_TAIL_CHARS = 32  # kept of what is hidden, so that its end is found across chunks

_TAG = re.compile(
    r"</?([A-Za-z][\w-]*)(?:\s+[A-Za-z_:][\w:.]*(?:-\w+)*(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=]+))?)*\s*/?>"
    r"|<!--.*?-->|<[!?][^<>]*>",
    re.DOTALL,
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
"""How many characters of the held text are dealt with, and what is said instead."""


@attrs.define
class SpeakableStream:
    """Takes marks out of a stream that span sentences: code, links, stage directions, tags, reasoning.

    Text passes at once but for the stretch from an opening mark to its closing one, which is bounded by the line and
    a length. What comes out depends on the text alone, never on how it was cut on its way.
    """

    rules: SpeakableRules = SpeakableRules()
    _held: str = attrs.field(default="", init=False)
    _hidden_until: re.Pattern[str] | None = attrs.field(default=None, init=False)
    _last: str = attrs.field(default="", init=False)
    """The last character that passed."""
    _left: str = attrs.field(default="", init=False)
    """The last one that was no blank; a line break counts."""

    def feed(self, text: str) -> str:
        """Take the next stretch of text, cut anywhere; return what can be passed on."""
        self._held += text
        return self._drain(final=False)

    def flush(self) -> str:
        """Return what is left: whatever has come is complete. Hidden text stays hidden."""
        return self._drain(final=True)

    def _drain(self, *, final: bool) -> str:
        passed: list[str] = []
        while self._held:
            if self._hidden_until is not None:
                end = self._hidden_until.search(self._held)
                if end is None:
                    self._held = "" if final else self._held[-_TAIL_CHARS:]
                    break
                self._hidden_until, self._held = None, self._held[end.end() :]
                continue
            opener = _OPENER.search(self._held)
            if opener is None or opener.start() > 0:
                step: _Step | None = (opener.start(), self._held[: opener.start()]) if opener else (-1, self._held)
            else:
                step = self._resolve(self._held, final=final)
            if step is None:
                break
            consumed, said = step
            self._held = "" if consumed < 0 else self._held[consumed:]
            self._note(said)
            passed.append(said)
        return "".join(passed)

    def _note(self, said: str) -> None:
        if said:
            self._last = said[-1]
            self._left = said.rstrip(" \t")[-1:] or self._left

    def _resolve(self, held: str, *, final: bool) -> _Step | None:
        """Deal with the mark at the beginning of ``held``; None if more text is needed to tell."""
        if len(held) == 1:
            # A mark at the very end stands alone.
            return (1, held if held == "!" else "") if final else None
        match held[0]:
            case "`" | "~":
                return self._code(held, final=final)
            case "*":
                return self._star(held, final=final)
            case "[":
                return self._bracket(held, final=final)
            case "<":
                return self._tag(held, final=final)
            case _:
                step = self._bracket(held[1:], final=final)  # an image: "![what it shows](address)"
                return None if step is None else (step[0] + 1, step[1])

    def _code(self, held: str, *, final: bool) -> _Step | None:
        mark = held[0]
        run = len(held) - len(held.lstrip(mark))
        if run == len(held) and not final:
            return None
        if run >= 3:
            self._hidden_until = re.compile(re.escape(mark * run))
            return run, f"\n{self.rules.code_placeholder}\n"
        if mark == "~":
            return run, held[:run]
        close = _find_close(held, mark * run, run, final=final)
        if close is None:
            return None
        return (run, "") if close < 0 else (close + run, held[run:close])

    def _star(self, held: str, *, final: bool) -> _Step | None:
        run = len(held) - len(held.lstrip("*"))
        if run == len(held) and not final:
            return None
        after = held[run : run + 1]
        if run > 1:
            return run, held[:run] if self._last.isdigit() and after.isdigit() else ""
        if self._last.isalnum() or not after or after.isspace():
            return 1, "*"  # 2*3, 2 * 3, or the mark of a list
        close = _find_close(held, "*", 1, final=final)
        if close is None:
            return None
        if close < 0:
            return 1, ""
        right = held[close + 1 :].lstrip(" \t")[:1]
        if not right and not final:
            return None
        inner = held[1:close]
        is_dropped = self.rules.drop_actions and _is_stage_direction(inner, self._left, right)
        return close + 1, "" if is_dropped else inner

    def _bracket(self, held: str, *, final: bool) -> _Step | None:
        close = _find_close(held, "]", 1, final=final)
        if close is None:
            return None
        if close < 0:
            return 1, ""
        inner = held[1:close]
        said = "" if _NOTE.fullmatch(inner) else inner
        follower = held[close + 1 : close + 2]
        if not follower and not final:
            return None
        if not follower or follower not in "([":
            return close + 1, said
        end = _find_target(held, close + 1, final=final)
        if end is None:
            return None
        return (close + 1, said) if end < 0 else (end, inner)

    def _tag(self, held: str, *, final: bool) -> _Step | None:
        if not (held[1].isalpha() or held[1] in "@#:/!?"):
            return 1, "<"
        close = _find_close(held, ">", 1, final=final, is_bound_to_line=False)
        if close is None:
            return None
        whole = held[: close + 1]
        if close < 0:
            return 1, "<"
        if _DISCORD.fullmatch(whole):
            return close + 1, ""
        if autolink := _AUTOLINK.fullmatch(whole):
            return close + 1, autolink[1]
        tag = _TAG.fullmatch(whole)
        if tag is None:
            return 1, "<"
        name = (tag[1] or "").lower()
        if name in _HIDDEN_TAGS and not whole.startswith("</") and not whole.endswith("/>"):
            self._hidden_until = re.compile(rf"</{name}\s*>", re.IGNORECASE)
        return close + 1, "\n" if name in _BREAKING_TAGS else ""


def _find_close(held: str, mark: str, start: int, *, final: bool, is_bound_to_line: bool = True) -> int | None:
    """Return where the closing mark stands, -1 if there is none, None if it may still come."""
    area = held[start : start + _SPAN_CHARS_MAX]
    line_end = area.find("\n") if is_bound_to_line else -1
    close = area.find(mark, 0, line_end) if line_end >= 0 else area.find(mark)
    if close >= 0:
        return start + close
    return -1 if final or line_end >= 0 or len(area) == _SPAN_CHARS_MAX else None


def _find_target(held: str, start: int, *, final: bool) -> int | None:
    """Return where the target of a link that opens at ``start`` is over; -1 and None as in ``_find_close``."""
    opening = held[start]
    closing = {"(": ")", "[": "]"}[opening]
    depth = 0
    area = held[start : start + _TARGET_CHARS_MAX]
    for place, char in enumerate(area):
        if char == "\n":
            return -1
        depth += (char == opening) - (char == closing)
        if depth == 0:
            return start + place + 1
    return -1 if final or len(area) == _TARGET_CHARS_MAX else None


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


def _pass_over(text: str, rules: SpeakableRules) -> str:
    text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    stream = SpeakableStream(rules)
    text = stream.feed(text) + stream.flush()
    text = " ".join(
        _clean_line("".join(map(_say_character, line)), rules) for line in text.splitlines() if line.strip()
    )
    for pattern, replacement in _PUNCTUATION:
        text = pattern.sub(replacement, text)
    return text


def speakable(text: str, rules: SpeakableRules = SpeakableRules()) -> str:
    """Return what a voice can say of ``text``: one line without marks, or "" if there is nothing to say.

    Never raises. Given its own result it returns it unchanged: marks that only come to light when others are
    gone are taken out as well.
    """
    for _ in range(_PASSES_MAX):
        text, before = _pass_over(text, rules), text
        if text == before:
            break
    return text if any(map(str.isalnum, text)) else ""


@attrs.define
class SpokenPieces:
    """Takes one answer as it streams and gives what to say, piece by piece; never a blank one."""

    rules: SpeakableRules = SpeakableRules()
    splitter: SentenceSplitter = attrs.field(factory=SentenceSplitter)
    _stream: SpeakableStream = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._stream = SpeakableStream(self.rules)

    def feed(self, text: str) -> list[str]:
        """Take the next stretch of the answer, cut anywhere; return the pieces that are complete."""
        return self._speakable(self.splitter.feed(self._stream.feed(text)))

    def flush(self) -> list[str]:
        """Return what is left: whatever has come is complete."""
        rest = self.splitter.feed(self._stream.flush())
        return self._speakable([*rest, *self.splitter.flush()])

    def _speakable(self, pieces: list[str]) -> list[str]:
        return [said for piece in pieces if (said := speakable(piece, self.rules))]
