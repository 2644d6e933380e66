"""What was said apart is remembered apart.

An agent's text comes in parts that nothing but a flush separates: two items of a workflow, the words before a tool call
and those behind it. The ear hears a gap between them, and so must everybody who reads the text: the report, the
memory, the next request.
"""

from __future__ import annotations

import attrs


@attrs.define
class Gaps:
    """Puts a space between two parts of a text that have none. Deltas within a part are left alone."""

    _last: str = ""
    _is_apart: bool = False

    def add(self, text: str) -> str:
        """Return the next stretch as it is to be written down, behind all that was returned before."""
        if not text:
            return ""
        is_glued = self._is_apart and self._last != "" and not self._last.isspace() and not text[0].isspace()
        self._last, self._is_apart = text[-1], False
        return f" {text}" if is_glued else text

    def part(self) -> None:
        """Note that whatever has come is complete: what comes next is another part."""
        self._is_apart = True
