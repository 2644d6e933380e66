# ruff: noqa: RUF001 - marks of lists and full-width stops are what this module is about
"""From a scanner's tokens to lines to speak: one for each paragraph, entry of a list, line of a verse, row of a table.

    "# Title\nA sentence that was wrapped\nby the model.\n- eggs\n- milk"
        ->  "Title\n"  "A sentence that was wrapped by the model.\n"  "eggs\n"  "milk\n"

A paragraph passes on as it streams; only the beginning of a line is held, until its kind is known. A wrapped line is
joined to the next one: it is long, it ends without a mark, and the next goes on with a small letter. The lines of a
poem are short, or begin with capitals.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Literal

import attrs

from voxbridge.core.text.machine_talk import answer_within, end_of_brackets, is_call
from voxbridge.core.text.tokens import Token
from voxbridge.core.text.words import callout_of

_WRAPPED_CHARS_MIN = 25  # nobody wraps prose at less
_WRAPPED_WIDE_CHARS_MIN = 20  # of Chinese and Japanese
_WRAPPED_SURELY_CHARS_MIN = 60  # no verse is longer, so the next line may begin with a capital or a number
_LINE_CHARS_MAX = 2000  # a line that is needed whole; what is longer is taken as text
_JSON_CHARS_MAX = 4000
# Brackets of an answer that are closed nowhere near. Each is looked for through 4,000 letters; after so many it is no
# JSON that comes, and what looks like it is text.
_UNCLOSED_MAX = 20

_QUOTE = re.compile(r"[ \t]*(?:>[ \t]?)*[ \t]*")
_HEADING = re.compile(r"(?:#{1,6}|-#)[ \t]+(?=\S|\Z)")
_ITEM = re.compile(r"[-*+•‣◦▪▸►–—●○■□✓✔☑][ \t]+(?:\[[ xX]\][ \t]+)?(?=\S|\Z)")
_NUMBERED = re.compile(r"(?:\(?(?:\d{1,9}|[A-Za-z]|[ivxlIVXL]{1,6})[.)]|\d{1,2}️?⃣)[ \t]+(?=\S|\Z)")
_ITEM_BEGUN = re.compile(
    r"(?:#{1,6}|-#?|[*+•‣◦▪▸►–—●○■□✓✔☑]|\(?(?:\d{1,9}|[A-Za-z]|[ivxlIVXL]{1,6})[.)]?|\d{1,2}️?⃣)[ \t]*\Z"
)
_TASK_BEGUN = re.compile(r"[-*+][ \t]+\[(?:[ xX](?:\][ \t]*)?)?\Z")
# Lines whose meaning shows at their end only.
_WHOLE = re.compile(
    r":::|[!?]{3}\+? |\$\$|\\\[|\\begin\{|\||([-*_=])(?:[ \t]*\1)+[ \t]*(?=\n|\Z)|\[[!^]|\[[^\]\n]{1,60}\]:"
)
_WHOLE_BEGUN = re.compile(r"(?::{1,2}|[!?]{1,3}\+?|\$|\\[a-z]{0,5}|[-*_=](?: [-*_=]?)?|\[[^\]\n]{0,60}\]?)\Z")
_RULE = re.compile(r"(?:[-*_=][ \t]*){2,}\Z|[|:+ \t-]*-[|:+ \t-]*\Z")
_ADMONITION = re.compile(r"(?::{3,}|[!?]{3}\+?(?= ))[ \t]*\{?[\w-]*\}?(?:[\[{][^\]}]*[\]}])?[ \t]*")
_CALLOUT = re.compile(r"\[!(\w+)\][+-]?[ \t]*")
_DEFINITION = re.compile(r"\[(?!\^)[^\]\n]+\]:[ \t]*(?:<[^>]*>|[a-z][a-z0-9+.-]*:\S*|\S*[./]\S*)(?:[ \t]+[\"'(].*)?\Z")
_FOOTNOTE = re.compile(r"\[\^[^\]\n]+\]:[ \t]*")
_MATH_ENDS = {"$$": "$$", "\\[": "\\]"}
_JSON_WITHIN = re.compile(r"\{\s{0,8}\"|\[\s{0,8}\{\s{0,8}\"|(?:\{|\[\s{0,8}\{?)\s{0,8}\Z")
_JSON = re.compile(r"\{\s*[\"'}]|\[\s*\{|[\[{]\s*\Z")
_JSON_LANGUAGES = frozenset({"", "json", "jsonc", "json5"})
_FORMULA_LANGUAGES = frozenset({"math", "latex", "tex", "katex"})
_TOOL_CODE = re.compile(r"tool|function_?call", re.IGNORECASE)

_ENDS = frozenset('.!?…:;。！？；：।॥۔؟؛።፧፨։"”»」』)）]}|*_`')
_ESCAPED = re.compile(r"\\(?:r\\n|[nrt])")
_ESCAPED_BEGUN = re.compile(r"\\(?:r\\?|[nrt][A-Za-z]{0,8})?\Z")
# Commands of LaTeX that begin with these letters.
_COMMAND = re.compile(
    r"\\(?:n(?:abla|atural|e|eq|exists|eg|i|leq|geq|less|gtr|mid|ot|otin|parallel|u|ewline|ormalsize|warrow|earrow)"
    r"|r(?:angle|ight|ightarrow|ho|m|floor|ceil|Vert|vert|brace)"
    r"|t(?:an|anh|au|ext|extbf|extit|extrm|exttt|frac|heta|hinspace|imes|o|op|riangle|ilde|ag))(?![A-Za-z])"
)


@attrs.frozen
class _Line:
    """The line before the current one."""

    chars: int
    last: str
    kind: Literal["plain", "own"]


_NO_LINE = _Line(0, "", "own")


@attrs.define
class _Fenced:
    """A block of code whose inside decides what is said of it."""

    language: str
    _text: str = ""

    def add(self, text: str) -> bool:
        """Take more of it; tell whether enough is known."""
        self._text += text
        return len(self._text) > _JSON_CHARS_MAX or not (self.is_formula or self.may_be_call)

    @property
    def is_formula(self) -> bool:
        """Tell whether it is mathematics."""
        return self.language in _FORMULA_LANGUAGES

    @property
    def may_be_call(self) -> bool:
        """Tell whether it may be a call of a tool, as far as it has come."""
        return self.language in _JSON_LANGUAGES and self._text.lstrip()[:1] in ("", "{", "[")

    @property
    def body(self) -> str:
        """Return what stands in it, on one line."""
        return " ".join(self._text.rstrip().rstrip("`~").split())


class Blocks:
    """Takes tokens in order and gives text in which each line break is the end of a piece."""

    def __init__(self, code_placeholder: str, language: str = "en") -> None:
        self._code, self._language = code_placeholder, language
        self._held = ""
        self._is_line_start = True
        self._line = _NO_LINE
        """The line before, and a break that is not given out yet if it is a plain one."""
        self._chars = 0
        self._last = ""
        self._ending = ""  # its last two characters: two spaces are a break
        self._kind: Literal["plain", "own"] = "plain"
        self._math_end: str | None = None
        self._fenced: _Fenced | None = None
        """The block of code of which nothing was said yet."""
        self._word = ""  # the current word, for the backslashes of a path
        self._unclosed = 0  # brackets so far that were closed nowhere
        self._is_end = False
        self._out: list[str] = []

    @property
    def is_idle(self) -> bool:
        """Tell whether a line has begun and nothing of it is held: plain prose passes as it is."""
        return not self._held and not self._is_line_start and self._math_end is None

    def feed(self, tokens: list[Token]) -> str:
        """Return what can be told by now."""
        for token in tokens:
            self._take(token)
        return self._taken()

    def flush(self) -> str:
        """Return what is left: whatever has come is complete."""
        self._say_fenced()
        self._is_end = True
        self._run()
        self._is_end = False
        self._end_line()
        self._math_end = None
        return self._taken()

    def _taken(self) -> str:
        out, self._out = "".join(self._out), []
        return out

    def _take(self, token: Token) -> None:
        if token.kind != "fenced":
            self._say_fenced()
        match token.kind:
            case "text":
                self._held += token.text
                self._run()
            case "code":
                self._finish_held()
                if self._is_line_start:
                    self._begin_line("`", "plain")
                self._pass_on(" ".join(token.text.split("\n")))
            case "fence":
                self._finish_held()
                self._break()
                self._fenced = None if _TOOL_CODE.search(token.text) else _Fenced(token.text.strip("`~ \t").lower())
            case "fenced":
                if self._fenced is not None and self._fenced.add(token.text):
                    self._say_fenced()
            case "break":
                self._finish_held()
                self._break()
            case "cell":
                self._finish_held()
                if not self._is_line_start:
                    self._pass_on(", ")

    def _say_fenced(self) -> None:
        """Say what stands for a block of code: nothing for a call of a tool, a formula for mathematics."""
        fenced, self._fenced = self._fenced, None
        if fenced is None:
            return
        body = fenced.body
        value = _parsed(body) if fenced.may_be_call else None
        answer = answer_within(value)
        if isinstance(answer, str):
            self._out.append(f"{answer}\n")
        elif fenced.is_formula:
            self._out.append(f"$${body}$$\n" if body else "")
        elif self._code and not is_call(value):
            self._out.append(f"{self._code}\n")

    def _finish_held(self) -> None:
        """Let nothing of the text before a token of another kind wait."""
        self._is_end = True
        self._run()
        self._is_end = False

    def _break(self) -> None:
        self._end_line()
        self._is_line_start = True

    def _end_line(self) -> None:
        """End the piece, whatever follows."""
        if not self._is_line_start or self._line is not _NO_LINE:
            self._out.append("\n")
        self._is_line_start, self._line = True, _NO_LINE
        self._chars, self._last, self._ending, self._word = 0, "", "", ""

    def _pass_on(self, text: str) -> None:
        if not text:
            return
        self._out.append(text)
        self._chars += len(text)
        self._last = text.rstrip(" \t")[-1:] or self._last
        self._ending = (self._ending + text)[-2:]
        self._word = re.split(r"\s", self._word + text)[-1][-80:]

    def _run(self) -> None:
        while self._held:
            if self._math_end is not None:
                if not self._skip_math(self._math_end):
                    return
            elif self._is_line_start:
                if not self._classify():
                    return
            elif not self._go_on():
                return

    # -- within a line

    def _go_on(self) -> bool:
        text = self._held
        newline = text.find("\n")
        end = len(text) if newline < 0 else newline
        escaped = _ESCAPED.search(text, 0, end + 1 if newline >= 0 else end)
        inner = _JSON_WITHIN.search(text) if self._unclosed < _UNCLOSED_MAX else None
        if inner is not None and inner.start() <= min(end, len(text) if escaped is None else escaped.start()):
            return self._json_within(inner.start())
        if escaped is not None:
            if not self._is_end and newline < 0 and _ESCAPED_BEGUN.match(text, escaped.start()):
                self._split(escaped.start())
                return False
            self._split(escaped.start())
            self._take_escaped(escaped[0])
            return True
        if newline < 0:
            begun = None if self._is_end else _ESCAPED_BEGUN.search(text)
            self._split(len(text) if begun is None else begun.start())
            return False
        is_hard = text.startswith("\\", newline - 1) if newline else False
        self._split(newline)
        is_hard = is_hard or self._ending == "  "
        self._held = self._held[1:]
        self._newline(is_hard=is_hard)
        return True

    def _json_within(self, start: int) -> bool:
        """Take a line as far as its JSON, and that if it is all there: a call of a tool is not said, code is code."""
        if start:
            self._pass_on(self._held[:start])
            self._held = self._held[start:]
        text = self._held
        end = end_of_brackets(text[:_JSON_CHARS_MAX])
        if end is None:
            if not self._is_end and len(text) < _JSON_CHARS_MAX:
                return False
            self._unclosed += 1
            self._split(1)
            return True
        value = _parsed(text[:end])
        if is_call(value):
            self._held = text[end:]
        elif isinstance(value, dict | list) and "\n" in text[:end].strip():
            self._held = text[end:]
            self._break()
            if self._code:
                self._out.append(f"{self._code}\n")
        else:
            self._split(end)
        return True

    def _split(self, count: int) -> None:
        self._pass_on(
            self._held[:count].removesuffix("\\") if self._held[count : count + 1] == "\n" else self._held[:count]
        )
        self._held = self._held[count:]

    def _take_escaped(self, mark: str) -> None:
        """Deal with a line break that was escaped once too often; paths and LaTeX keep their backslashes."""
        is_path = re.search(r"[A-Za-z]:\\|^\\\\|\\[A-Za-z]|^[A-Za-z]:$", self._word) is not None
        if is_path or _COMMAND.match(self._held):
            self._split(len(mark))
            return
        self._held = self._held[len(mark) :]
        if mark == "\\t":
            self._pass_on(" ")
        else:
            self._newline(is_hard=True)

    def _newline(self, *, is_hard: bool) -> None:
        self._line = _Line(self._chars, self._last, self._kind)
        self._is_line_start = True
        self._chars, self._last, self._ending, self._word = 0, "", "", ""
        if is_hard or self._kind == "own" or self._line.last in _ENDS or self._line.chars < _WRAPPED_WIDE_CHARS_MIN:
            self._end_line()

    # -- the beginning of a line

    def _classify(self) -> bool:
        """Find out what kind of line begins; False if that cannot be told yet."""
        mark = _QUOTE.match(self._held)
        assert mark is not None
        text = self._held[mark.end() :]
        if not text:
            self._held = "" if self._is_end else text
            return False
        if not self._is_end and _ESCAPED_BEGUN.match(text):
            self._held = text
            return False
        escaped = _ESCAPED.match(text)
        is_break = escaped is not None and not _COMMAND.match(text) and escaped[0] != "\\t"
        if text[0] == "\n" or is_break:
            self._held = text[escaped.end() if escaped else 1 :]
            self._end_line()
            return True
        if self._line is not _NO_LINE and text[0] != "\\" and _glue(self._line, text[0]) is None:
            self._end_line()  # whatever this line is, the one before ends here
        if not self._is_end and (_ITEM_BEGUN.match(text) or _WHOLE_BEGUN.match(text) or _TASK_BEGUN.match(text)):
            return False
        if self._unclosed < _UNCLOSED_MAX and _JSON.match(text):
            return self._json(text)
        if _WHOLE.match(text):
            return self._whole_line(text)
        heading, item = _HEADING.match(text), _ITEM.match(text)
        if heading or item or _NUMBERED.match(text):
            self._end_line()
            found = heading or item
            self._held = text[found.end() if found else 0 :]
            self._begin_line("", "own" if heading else "plain")
            return True
        self._held = text
        self._begin_line(text[0], "plain")
        return True

    def _begin_line(self, first: str, kind: Literal["plain", "own"]) -> None:
        if self._line is not _NO_LINE:
            glue = _glue(self._line, first)
            if glue is None:
                self._out.append("\n")
            else:
                self._out.append(glue)
        self._line, self._is_line_start, self._kind = _NO_LINE, False, kind

    def _whole_line(self, text: str) -> bool:
        line, newline, rest = text.partition("\n")
        if not newline and not self._is_end and len(line) <= _LINE_CHARS_MAX:
            return False
        line = line.rstrip()
        math = line[:2] if line[:2] in _MATH_ENDS else "\\begin" if line.startswith("\\begin{") else None
        if math is not None and not line.startswith("$$$"):
            self._end_line()
            self._held = text
            self._math_end = _MATH_ENDS.get(math) or "\\end{" + line[7:].partition("}")[0] + "}"
            return True
        self._held = rest
        if _RULE.match(line) or _DEFINITION.match(line):
            self._end_line()
            return True
        admonition, callout, footnote = _ADMONITION.match(line), _CALLOUT.match(line), _FOOTNOTE.match(line)
        is_row = line.startswith("|") and not line.startswith("||")
        if admonition:
            line = line[admonition.end() :]
        elif callout:
            line = f"{callout_of(callout[1], self._language)} {line[callout.end() :]}".strip()
        elif footnote:
            line = line[footnote.end() :]
        elif is_row:
            line = ", ".join(cell.strip() for cell in re.split(r"(?<!\\)\|", line) if cell.strip())
        else:
            return self._plain_line(line, newline, rest)
        self._end_line()
        if line.strip():
            self._begin_line("", "own")
            self._pass_on(line)
            self._end_line()
        return True

    def _plain_line(self, line: str, newline: str, rest: str) -> bool:
        """Take a line that only looked like more: text, or an entry of a list ("**bold** text", "[x] done")."""
        self._held = line + newline + rest
        found = _ITEM.match(line)
        if found:
            self._end_line()
            self._held = self._held[found.end() :]
        self._begin_line("" if found else line[0], "plain")
        return True

    def _skip_math(self, end: str) -> bool:
        """Take a formula that stands by itself: one piece, whatever lines it has."""
        start = 2 if end in {"$$", "\\]"} else 0
        close = self._held.find(end, start)
        if close < 0 and not self._is_end and len(self._held) <= _LINE_CHARS_MAX:
            return False
        self._math_end = None
        stop = len(self._held) if close < 0 else close + len(end)
        formula, self._held = self._held[:stop], self._held[stop:]
        self._begin_line("", "own")
        self._pass_on(formula.replace("\n", " "))
        if close < 0:
            self._end_line()
        return True

    def _json(self, text: str) -> bool:
        """Take what looks like JSON: a call of a tool is not said, a line is said like prose, more is code."""
        end = end_of_brackets(text[:_JSON_CHARS_MAX])
        if end is None and not self._is_end and len(text) < _JSON_CHARS_MAX:
            return False
        if end is None:
            self._unclosed += 1
            self._held = text
            self._begin_line(text[0], "plain")
            return True
        value = _parsed(text[:end])
        if is_call(value):
            self._held = text[end:]
            return True
        if isinstance(value, dict | list) and "\n" in text[:end].strip():
            self._held = text[end:]
            self._break()
            if self._code:
                self._out.append(f"{self._code}\n")
            return True
        self._held = text
        self._begin_line(text[0], "plain")
        self._split(end)
        return True


def _glue(line: _Line, first: str) -> str | None:
    """Return what joins the next line to this one, or None if they are two."""
    if line.kind == "own" or not first or line.last in _ENDS:
        return None
    if _is_wide(line.last) and _is_wide(first):
        return "" if line.chars >= _WRAPPED_WIDE_CHARS_MIN else None
    is_small = first.islower() or first in ",;)]}" or (first.isalpha() and not first.isupper())
    is_long = line.chars >= (_WRAPPED_CHARS_MIN if is_small else _WRAPPED_SURELY_CHARS_MIN)
    return " " if is_long else None


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF" and not "가" <= char <= "힣"


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
