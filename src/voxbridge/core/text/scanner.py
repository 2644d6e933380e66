"""The first look at a model's text: what is code, what was never meant for anyone's ears, and what is left.

    deltas --Scanner--> tokens:  text | code (`x`) | fence, fenced (a block of code) | break, cell (of HTML)

Models write more than their answer: thoughts (``<think>``), calls of tools, the special tokens of their chat template,
HTML with scripts and comments. All that is left out here, before anything else looks at the text. Three rules keep
words from being lost with it:

- Inside code nothing is a tag, so that nothing that stands there hides what comes after it.
- A tag that is talked about ("inside the <script> tag") is text: it stands in mid-sentence, and words follow it.
- Only thoughts and calls of tools may hide the rest of an answer; other things are left out when their end has come,
  and given back as text when it has not.

Every decision depends on the text alone: what cannot be told yet is held, for a bounded stretch.
"""

from __future__ import annotations

import itertools
import re

import attrs

from voxbridge.core.text.angles import step_at
from voxbridge.core.text.machine_talk import (
    BRACKET,
    BRACKET_BEGUN,
    Hidden,
    hidden_by_bracket,
    may_be_opening,
    opening,
    until,
)
from voxbridge.core.text.plain import is_plain_stretch
from voxbridge.core.text.tokens import Kind, Token

_STEP_CHARS = 2048  # taken at a time: what is held is copied with each token, so a whole book in one piece is not
_CODE_CHARS_MAX = 400  # a backtick that finds no partner within so many characters is none
_FENCED_CHARS_MAX = 2000  # of an open block of code: enough for its last paragraph
_SENTENCES = re.compile(r"[A-ZÀ-ÞА-Я\"“¿¡][^{}\[\];=<>|\\$#`]{12,}[.!?…:]")
_FENCE_LINE_CHARS_MAX = 200
_RELEASED_CHARS_MAX = 4000  # of a comment or script without an end

_POINT = re.compile(rf"`+|<|~{{3,}}|{BRACKET}|:")
_POINT_BEGUN = re.compile(rf"(?:~{{1,}}|{BRACKET_BEGUN})\Z")
# Behind the word "data", which is out by then: "data:…" is what is left of it, and is not said.
_DATA_BEFORE = re.compile(r"(?<![^\W_])data\Z")
_DATA = re.compile(r":[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*,")
_DATA_BEGUN = re.compile(r":(?:[\w.+-]{0,60}(?:/[\w.+-]{0,60}(?:;[\w=.+-]{0,60}){0,4})?)?\Z")
_DATA_LEFT = ":…"


@attrs.frozen
class _Fence:
    mark: str
    length: int
    nests: bool
    """A block of Markdown holds blocks of its own."""
    depth: int = 1


_HOLD = -1
"""What cannot be told yet."""


class Scanner:
    """Takes one answer as it streams, cut anywhere; gives its tokens in order."""

    def __init__(self) -> None:
        self._held = ""
        self._hidden: Hidden | None = None
        self._fence: _Fence | None = None
        self._line = ""  # the beginning of the current line
        self._before = ""  # the last characters that came out
        self._is_end = False
        self._is_fresh = True  # nothing of the answer has come out
        self._tokens: list[Token] = []
        self._fenced = ""  # the end of what stands in an open block of code

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is held, hidden or code: plain prose passes as it is."""
        return not self._held and self._hidden is None and self._fence is None

    def feed(self, text: str) -> list[Token]:
        """Take the next stretch; return what can be told by now."""
        if self.is_idle and not self._is_fresh and is_plain_stretch(text):
            self._emit("text", text)
            return self._taken()
        for at in range(0, len(text), _STEP_CHARS):
            self._held += text[at : at + _STEP_CHARS]
            self._run()
        return self._taken()

    def flush(self) -> list[Token]:
        """Return what is left: whatever has come is complete. What was hidden or code is so no longer."""
        self._is_end = True
        self._run()
        forgotten = self._prose_behind_code()
        hidden, self._hidden, self._fence = self._hidden, None, None
        self._emit("text", forgotten)
        if hidden is not None and hidden.is_kept:
            self._run()
        held, self._held, self._is_end = self._held, "", False
        if hidden is None or hidden.is_kept:
            self._emit("text", held)
        self._line, self._before, self._is_fresh = "", "", True
        return self._taken()

    def _prose_behind_code(self) -> str:
        """Return what an unclosed block of code ends with, if it is sentences: the mark of its end was forgotten."""
        last = self._fenced.rpartition("\n\n")[2] if self._fence is not None else ""
        lines = [line.strip() for line in last.strip().splitlines()]
        is_prose = bool(lines) and all(_SENTENCES.fullmatch(line) for line in lines)
        return "\n" + "\n".join(lines) if is_prose else ""

    def _taken(self) -> list[Token]:
        tokens, self._tokens = self._tokens, []
        if len(tokens) <= 1:
            return tokens
        return [
            token
            for kind, run in itertools.groupby(tokens, key=lambda token: token.kind)
            for token in ([Token("text", "".join(each.text for each in run))] if kind == "text" else run)
        ]

    def _emit(self, kind: Kind, text: str) -> None:
        if not text:
            return
        self._tokens.append(Token(kind, text))
        if kind == "fenced":
            self._fenced = (self._fenced + text)[-_FENCED_CHARS_MAX:]
        _, newline, after = text.rpartition("\n")
        self._line = (after if newline else self._line + after)[:24]
        self._before = (self._before + text)[-24:]

    def _run(self) -> None:
        while self._held:
            if self._is_fresh:
                goes_on = self._begin()
            elif self._hidden is not None:
                goes_on = self._skip_hidden(self._hidden)
            elif self._fence is not None:
                goes_on = self._take_fenced(self._fence)
            else:
                goes_on = self._take_prose()
            if not goes_on:
                return

    def _take(self, kind: Kind, count: int) -> None:
        self._emit(kind, self._held[:count])
        self._held = self._held[count:]

    def _drop(self, count: int, hidden: Hidden | None = None) -> None:
        self._held = self._held[count:]
        self._hidden = hidden

    def _begin(self) -> bool:
        """Look at how the answer begins; False if that cannot be told yet."""
        found = opening(self._held)
        if found is None and not self._is_end and may_be_opening(self._held):
            return False
        self._is_fresh = False
        if found is not None:
            self._drop(*found)
        return True

    # -- what is hidden

    def _skip_hidden(self, hidden: Hidden) -> bool:
        end = hidden.find_end(self._held)
        if end is not None:
            self._drop(end)
            return True
        if hidden.is_kept and len(self._held) > _RELEASED_CHARS_MAX:
            self._hidden = None
            self._take("text", 1)
            return True
        if not hidden.is_kept:
            self._held = self._held[-hidden.end_chars_max :]
        return False

    # -- blocks of code

    def _take_fenced(self, fence: _Fence) -> bool:
        for run in re.finditer(f"{re.escape(fence.mark)}{{{fence.length},}}", self._held):
            rest = self._held[run.end() :]
            if not rest and not self._is_end:
                self._take("fenced", run.start())
                return False
            line = (self._line + self._held[: run.start()]).rpartition("\n")[2]
            is_at_start = not line.strip(" >\t")
            if is_at_start and rest[:1].isalnum():
                if fence.nests:
                    self._fence = attrs.evolve(fence, depth=fence.depth + 1)
                    self._take("fenced", run.end())
                    return True
                continue
            if not is_at_start:  # print(1)```
                behind = rest.lstrip(" \t")
                if behind and not behind.startswith("\n"):
                    continue
                if not behind and not self._is_end:
                    self._take("fenced", run.start())
                    return False
            self._fence = None if fence.depth == 1 else attrs.evolve(fence, depth=fence.depth - 1)
            self._take("fenced", run.end())
            return True
        marks = len(self._held) - len(self._held.rstrip(fence.mark))
        self._take("fenced", len(self._held) - marks)
        return False

    # -- prose

    def _take_prose(self) -> bool:
        point = _POINT.search(self._held)
        if point is None:
            begun = None if self._is_end else _POINT_BEGUN.search(self._held)
            self._take("text", len(self._held) if begun is None else begun.start())
            return False
        self._take("text", point.start())
        before = len(self._held)
        taken = self._judge(point[0])
        if taken == _HOLD:
            return False
        self._take("text", taken)
        return len(self._held) < before

    def _judge(self, mark: str) -> int:
        """Deal with what stands at the beginning; return how many characters of it are text, or ``_HOLD``."""
        match mark[0]:
            case "`":
                return self._backticks(len(mark))
            case "~":
                return self._tildes(len(mark))
            case "<":
                return self._angle()
            case ":":
                return self._data()
            case _:
                return self._bracket(mark)

    def _backticks(self, run: int) -> int:
        if run == len(self._held) and not self._is_end:
            return _HOLD
        if run >= 3:
            return self._triple(run)
        if run == 1 and _is_latin(self._before[-1:]):
            return run  # it`s
        blank = re.compile(r"\n[ \t]*\n").search(self._held)
        end = min(blank.start() if blank else len(self._held), _CODE_CHARS_MAX)
        close = re.compile(rf"(?<!`)`{{{run}}}(?!`)").search(self._held, run, end)
        if close is None:
            is_open = end == len(self._held) and not self._is_end
            return _HOLD if is_open else run
        if close.end() == len(self._held) and not self._is_end:
            return _HOLD
        self._take("code", close.end())
        return 0

    def _triple(self, run: int) -> int:
        line, newline, _ = self._held[run:].partition("\n")
        close = line.find("`" * 3)
        if close >= 0:
            length = len(line[close:]) - len(line[close:].lstrip("`"))
            if run + close + length == len(self._held) and not self._is_end:
                return _HOLD
            self._take("code", run + close + length)
            return 0
        if not newline and not self._is_end:
            return _HOLD if len(line) <= _FENCE_LINE_CHARS_MAX else run
        is_at_start = not self._line.strip(" >\t-*+0123456789.)")
        if not is_at_start and len(line.split()) > 1:
            return run
        return self._open_fence("`", run, line)

    def _tildes(self, run: int) -> int:
        if self._line.strip(" >\t"):
            return run
        line, newline, _ = self._held[run:].partition("\n")
        if not newline and not self._is_end:
            return _HOLD if len(line) <= _FENCE_LINE_CHARS_MAX else run
        if "~" in line or len(line.split()) > 1:
            return run
        return self._open_fence("~", run, line)

    def _open_fence(self, mark: str, run: int, info: str) -> int:
        self._fenced = ""
        self._fence = _Fence(mark, run, nests=info.strip().lower() in {"md", "markdown"})
        self._take("fence", run + len(info))
        return 0

    def _angle(self) -> int:
        step = step_at(self._held, self._before, is_end=self._is_end)
        if step is None:
            return _HOLD
        if step.drops:
            self._drop(step.drops, step.hides)
        if step.gives is not None:
            self._emit(step.gives.kind, step.gives.text)
        return step.passes

    def _bracket(self, mark: str) -> int:
        self._drop(len(mark), hidden_by_bracket(mark))
        return 0

    def _data(self) -> int:
        if _DATA_BEFORE.search(self._before) is None:
            return 1
        found = _DATA.match(self._held)
        if found is None:
            return _HOLD if _DATA_BEGUN.match(self._held) and not self._is_end else 1
        if "base64" not in found[0] and not found[0].startswith(":image/"):
            return 1
        self._emit("text", _DATA_LEFT)
        self._drop(found.end(), Hidden(until(r"(?=[^\w+/=%-])"), 1))
        return 0


def _is_latin(char: str) -> bool:
    """Tell whether words are written with spaces and apostrophes here: a letter that has a case, or a digit."""
    return char.isdecimal() or char.lower() != char.upper()
