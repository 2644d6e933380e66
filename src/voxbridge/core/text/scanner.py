# ruff: noqa: RUF001 - DeepSeek's tokens are written with full-width bars
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
from typing import Literal

import attrs

from voxbridge.core.text.plain import is_plain_stretch

Kind = Literal["text", "code", "fence", "fenced", "break", "cell"]

_STEP_CHARS = 2048  # taken at a time: what is held is copied with each token, so a whole book in one piece is not
_CODE_CHARS_MAX = 400  # a backtick that finds no partner within so many characters is none
_TAG_CHARS_MAX = 320
_FENCED_CHARS_MAX = 2000  # of an open block of code: enough for its last paragraph
_SENTENCES = re.compile(r"[A-ZÀ-ÞА-Я\"“¿¡][^{}\[\];=<>|\\$#`]{12,}[.!?…:]")
_FENCE_LINE_CHARS_MAX = 200
_RELEASED_CHARS_MAX = 4000  # of a comment or script without an end

_POINT = re.compile(r"`+|<|~{3,}|\[/?(?:TOOL_CALLS|INST|THINK)\]|◁/?think▷|:")
_POINT_BEGUN = re.compile(
    r"(?:~{1,}|\[/?(?:T|TO|TOO|TOOL|TOOL_|TOOL_C|TOOL_CA|TOOL_CAL|TOOL_CALL|TOOL_CALLS|I|IN|INS|INST|TH|THI|THIN|THINK)?"
    r"|◁/?(?:t|th|thi|thin|think)?)\Z"
)
# Behind the word "data", which is out by then: "data:…" is what is left of it, and is not said.
_DATA_BEFORE = re.compile(r"(?<![^\W_])data\Z")
_DATA = re.compile(r":[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*,")
_DATA_BEGUN = re.compile(r":(?:[\w.+-]{0,60}(?:/[\w.+-]{0,60}(?:;[\w=.+-]{0,60}){0,4})?)?\Z")
_DATA_LEFT = ":…"

_SPECIAL = re.compile(r"<[|｜]([^|｜<>\n]{1,60})[|｜]>")
_SPECIAL_BEGUN = re.compile(r"<[|｜][^|｜<>\n]{0,60}[|｜]?\Z")
_TOKENS = frozenset(
    {"s", "bos", "eos", "pad", "unk", "end_of_turn", "start_of_turn", "endoftext", "sep", "cls", "mask"}
)
_ROLE = re.compile(r"\s*([A-Za-z_]{1,20})\b[^\n<]{0,60}(?:\n|(?=<[|｜])|\Z)")
_ROLE_BEGUN = re.compile(r"\s*(?:[A-Za-z_]{1,20}[^\n<]{0,60})?<?\Z")
_SPEAKERS = frozenset({"assistant", "model", "ai", "bot", "gpt"})
_OPENS_MESSAGE = re.compile(r"(?=<[|｜](?:im_start|start|start_header_id)[|｜]>|<start_of_turn>)")
_MESSAGE_END = re.compile(r"<[|｜](?:end|return|call|eot_id|im_end)[|｜]>|(?=<[|｜](?:start|channel)[|｜]>)")
_CHANNEL = re.compile(r"<[|｜]channel[|｜]>((?:(?!<[|｜]message[|｜]>)[\s\S]){0,200})<[|｜]message[|｜]>")

_TAG = re.compile(
    r"<(/?)([A-Za-z][\w:-]*)(?:=[\w.:-]+|(?:\s+[\w:@.-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>=]+))?)*)?\s*(/?)>"
)
_NAME = re.compile(r"</?([A-Za-z][\w:-]*)")
_THOUGHTS = frozenset(
    {"think", "thinking", "thought", "thoughts", "reasoning", "reflection", "scratchpad", "antthinking", "seed:think"}
)
_TOOLS = frozenset(
    {"tool_call", "tool_calls", "toolcall", "tool_response", "tool_result", "tool_results", "tool_use", "tool_code"}
    | {"tool_output", "function", "function_call", "function_calls", "function_response", "function_results", "invoke"}
    | {"antml:function_calls", "antml:invoke"}
)
_UNSEEN = frozenset({"script", "style", "svg", "template", "noscript"})
_BREAKS = frozenset(
    {"br", "p", "div", "li", "ul", "ol", "dl", "dt", "dd", "tr", "table", "thead", "tbody", "tfoot", "caption", "hr"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "section", "article", "header", "footer", "main", "aside"}
    | {"nav", "details", "summary", "figure", "figcaption", "pre", "html", "head", "body", "title", "center", "form"}
)
_CELLS = frozenset({"td", "th", "option"})
_HELD_NAMES = tuple(sorted(_THOUGHTS | _TOOLS | _UNSEEN | _BREAKS | _CELLS | _TOKENS))

_TALKED_BEFORE = re.compile(r"[^\W_][,;:]? ?\(?[\"'“„«]?\Z")
_TALKED_AFTER = re.compile(
    r"[-’'\"”»)]|[.,;:!?](?:\s|\Z)"
    r"|\s+(?:tags?|elements?|tokens?|blocks?|sections?|markers?|balises?|etiquetas?|Elemente?s?|теги?|тег|标签|標籤|タグ)\b"
)
_WORD_AFTER = re.compile(r"[ \t]+[^\W\d_]")
_DECIDING_CHARS = 12  # behind a tag: enough to see "tag" or the first word


@attrs.frozen
class Token:
    """A stretch of the text as it was written; ``fence`` is the line that opens a block of code."""

    kind: Kind
    text: str


@attrs.frozen
class _Hidden:
    """A stretch that is not said. ``is_kept``: given back as text if its end never comes."""

    end: re.Pattern[str]
    end_chars_max: int
    is_kept: bool = False


# Behind the array of calls comes text; inside of it a comma or a bracket follows.
_CALLS_END = re.compile(r"\n|</s>|\}\s{0,8}\]\s{0,8}(?=[^\s,}\]])")


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
        self._hidden: _Hidden | None = None
        self._fence: _Fence | None = None
        self._line = ""  # the beginning of the current line
        self._before = ""  # the last characters that came out
        self._is_end = False
        self._tokens: list[Token] = []
        self._fenced = ""  # the end of what stands in an open block of code

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is held, hidden or code: plain prose passes as it is."""
        return not self._held and self._hidden is None and self._fence is None

    def feed(self, text: str) -> list[Token]:
        """Take the next stretch; return what can be told by now."""
        if self.is_idle and is_plain_stretch(text):
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
        self._line, self._before = "", ""
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
            if self._hidden is not None:
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

    def _drop(self, count: int, hidden: _Hidden | None = None) -> None:
        self._held = self._held[count:]
        self._hidden = hidden

    # -- what is hidden

    def _skip_hidden(self, hidden: _Hidden) -> bool:
        found = hidden.end.search(self._held)
        if found is not None:
            self._drop(found.end())
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

    def _bracket(self, mark: str) -> int:
        match mark:
            case "[TOOL_CALLS]":
                self._drop(len(mark), _Hidden(_CALLS_END, 20))
            case "[THINK]":
                self._drop(len(mark), _Hidden(re.compile(re.escape("[/THINK]")), 8))
            case "◁think▷":
                self._drop(len(mark), _Hidden(re.compile("◁/think▷"), 8))
            case "[INST]":
                self._drop(len(mark), _Hidden(re.compile(re.escape("[/INST]")), 7, is_kept=True))
            case _:
                self._drop(len(mark))
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
        self._drop(found.end(), _Hidden(re.compile(r"(?=[^\w+/=%-])"), 1))
        return 0

    def _angle(self) -> int:
        text = self._held
        follower = text[1:2]
        if not follower:
            return 1 if self._is_end else _HOLD
        if follower in "|｜":
            return self._special_token()
        if follower == "!":
            return self._comment()
        name = _NAME.match(text)
        if name is None:
            return _HOLD if text == "</" and not self._is_end else 1
        known = name[1].lower()
        if name.end() == len(text) and not self._is_end and any(each.startswith(known) for each in _HELD_NAMES):
            return _HOLD
        if known not in _HELD_NAMES:
            return 1
        return self._known_tag(known)

    def _known_tag(self, name: str) -> int:
        text = self._held
        tag = _TAG.match(text)
        if tag is None or len(tag[0]) > _TAG_CHARS_MAX or "\n\n" in tag[0] or "<" in tag[0][1:]:
            is_begun = len(text) <= _TAG_CHARS_MAX and ">" not in text and "\n\n" not in text and text.count("<") == 1
            return _HOLD if is_begun and not self._is_end else 1
        after = text[tag.end() :]
        if len(after) < _DECIDING_CHARS and "\n" not in after and not self._is_end and self._needs_more(name, after):
            return _HOLD
        if self._is_talked_of(name, tag, after):
            return tag.end()
        if name in _TOKENS:
            return self._turn_token(name, tag.end())
        if tag[1] or tag[3]:
            return self._plain_tag(name, tag.end(), is_opening=not tag[1])
        if name == "details" and re.search(r"type\s*=\s*[\"']?reasoning", tag[0]):
            self._drop(tag.end(), _Hidden(re.compile(r"</details\s*>", re.IGNORECASE), 12))
        elif name in _THOUGHTS or name in _TOOLS:
            end = re.compile(rf"</{re.escape(name)}\s*>", re.IGNORECASE)
            self._drop(tag.end(), _Hidden(end, len(name) + 8))
        elif name in _UNSEEN:
            end = re.compile(rf"</{name}\s*>", re.IGNORECASE)
            self._drop(tag.end(), _Hidden(end, len(name) + 8, is_kept=True))
        else:
            return self._plain_tag(name, tag.end(), is_opening=not tag[1])
        return 0

    def _needs_more(self, name: str, after: str) -> bool:
        if name in _CELLS and self._before[-1:] != " ":
            return False
        stripped = after.lstrip(" \t")
        return len(stripped) < 2 or (stripped[0].isalnum() and stripped != after and stripped.isalnum())

    def _plain_tag(self, name: str, length: int, *, is_opening: bool) -> int:
        tag = self._held[:length]
        self._drop(length)
        if name in _BREAKS:
            self._emit("break", tag)
        elif name in _CELLS and is_opening:
            self._emit("cell", tag)
        return 0

    def _is_talked_of(self, name: str, tag: re.Match[str], after: str) -> bool:
        is_in_sentence = _TALKED_BEFORE.search(self._before) is not None and not self._before.endswith("\n")
        spaced = self._before[-1:] == " "
        if name in {"br", "hr"} or name in _CELLS:
            return bool(spaced and re.match(r"[ \t]+(?:tags?|elements?)\b|-Tag", after))
        if name in _TOOLS and (re.match(r"\s*[{\[<]|\n", after) or "=" in tag[0].split()[0]):
            return False
        if re.match(r"[ \t]+(?:tags?|elements?|blocks?|tokens?|is|are|was)\b|-Tag|-Element", after):
            return True
        if not (is_in_sentence and spaced):
            return False
        if not after.strip():
            return "\n" not in after
        if _TALKED_AFTER.match(after):
            return True
        follower = _WORD_AFTER.match(after)
        return follower is not None and not follower[0][-1].isupper()

    def _comment(self) -> int:
        text = self._held
        if "<!--".startswith(text) and not self._is_end:
            return _HOLD
        if not text.startswith("<!--"):
            return 1
        self._drop(4, _Hidden(re.compile("-->"), 3, is_kept=True))
        return 0

    # -- the special tokens of chat templates

    def _special_token(self) -> int:
        text = self._held
        token = _SPECIAL.match(text)
        if token is None:
            return _HOLD if _SPECIAL_BEGUN.match(text) and not self._is_end else 1
        name = token[1].lower().replace("▁", "_").strip()
        after = text[token.end() :]
        if self._before[-1:] == " " and _TALKED_BEFORE.search(self._before):
            if not self._is_end and len(after) < _DECIDING_CHARS and not after.strip():
                return _HOLD
            if _WORD_AFTER.match(after) and after.lstrip()[:1].islower():
                return token.end()
        if name == "channel":
            return self._channel(token.end())
        if name in {"im_start", "start", "start_header_id"}:
            return self._message_header(token.end())
        if name == "python_tag" or (name.startswith(("tool", "function")) and name.endswith(("begin", "start"))):
            self._drop(token.end(), _Hidden(re.compile(r"<[|｜](?:e(?:om|ot)_id|\w*calls?\w{0,3}end)[|｜]>"), 40))
        elif re.fullmatch(r"(?:begin|start)_of_(?:thought|thinking|reasoning)|thinking|think", name):
            self._drop(token.end(), _Hidden(re.compile(r"<[|｜]/?(?:end_of_)?th\w+[|｜]>"), 40))
        else:
            self._drop(token.end())
        return 0

    def _channel(self, length: int) -> int:
        header = _CHANNEL.match(self._held)
        if header is None:
            if len(self._held) < length + 220 and not self._is_end:
                return _HOLD
            self._drop(length)
            return 0
        words = header[1].split()
        is_for_ears = not words or words[0] == "final" or (words[0] == "commentary" and "to=" not in header[1])
        self._drop(header.end(), None if is_for_ears else _Hidden(_MESSAGE_END, 20))
        return 0

    def _message_header(self, length: int) -> int:
        """Leave out "assistant" behind the token that opens a message; hide what is no message of the assistant's."""
        rest = self._held[length:]
        if _ROLE_BEGUN.match(rest) and not self._is_end:
            return _HOLD
        header = _ROLE.match(rest)
        if header is None:
            self._drop(length)
        else:
            is_ours = header[1].lower() in _SPEAKERS
            if self._before:
                self._emit("break", "\n")  # what was said before was another message
            self._drop(length + header.end(), None if is_ours else _Hidden(_OPENS_MESSAGE, 24))
        return 0

    def _turn_token(self, name: str, length: int) -> int:
        if name != "start_of_turn":
            self._drop(length)
            return 0
        return self._message_header(length)


def _is_latin(char: str) -> bool:
    """Tell whether words are written with spaces and apostrophes here: a letter that has a case, or a digit."""
    return char.isdecimal() or char.lower() != char.upper()
