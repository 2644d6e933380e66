"""Text of strangers made safe for a terminal, and for a log that is read on one.

A name, an error message or a transcript may hold an escape sequence that clears the screen, retitles the window or
moves the cursor over another line, and marks that turn the direction of writing so that a line reads otherwise than it
is. (ECMA-48 for the control characters; Unicode TR 36 and the report "Trojan Source" for the marks.)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_CONTROLS = "\x00-\x1f\x7f-\x9f"
_LINE_ENDS = "\u2028\u2029"
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = "\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_HALVES = "\ud800-\udfff"
_UNSAFE = re.compile(f"[{_CONTROLS}{_LINE_ENDS}{_DIRECTIONS}{_INVISIBLE}{_HALVES}]")
_UNSAFE_IN_LINES = re.compile(f"[{_CONTROLS}{_LINE_ENDS}{_DIRECTIONS}{_INVISIBLE}{_HALVES}](?<![\n\t])")


def visible(text: str) -> str:
    r"""Return one line of ``text`` in which what a terminal would obey is written out, as ``\x1b`` or ``\u202e``."""
    return _UNSAFE.sub(_written_out, text)


def visible_lines(text: str) -> str:
    """Do the same to a text of several lines (a traceback), whose line ends and tabs stay."""
    return _UNSAFE_IN_LINES.sub(_written_out, text)


def visible_json(text: str) -> str:
    """Return JSON that means the same and has nothing in it that a terminal would obey."""
    return _UNSAFE_IN_LINES.sub(_escaped, text)


def visible_value(value: Any, write_out: Callable[[str], str] = visible) -> Any:
    """Return a JSON value with its texts and keys written out."""
    match value:
        case str():
            return write_out(value)
        case dict():
            return {visible_value(key, write_out): visible_value(part, write_out) for key, part in value.items()}
        case list() | tuple():
            return [visible_value(part, write_out) for part in value]
        case _:
            return value


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in "\n\r\t":
        return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}[found[0]]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escaped(found: re.Match[str]) -> str:
    """Return the escapes of JSON, which knows pairs of surrogates only."""
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
