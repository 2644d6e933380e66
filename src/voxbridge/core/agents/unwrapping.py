"""An answer that is wrapped into JSON inside of its own text, as models write that were told to answer in JSON.

    ```json                        {"answer": "It is sunny."}
    {"answer": "It is sunny."}
    ```

What stands in it is said, if all of the answer is such a value; else it is text with code in it like any other. Nobody
can know before its end, so it is held, and nothing is lost by that: as code it would not be read aloud anyway.
"""

from __future__ import annotations

import re

from voxbridge.core.agents.reply import Reply, text_of
from voxbridge.core.wire.json_text import JsonLine, parse_json

_CHARS_MAX = 64 * 1024
_BEGUN = re.compile(r"\s*(?:`{3}[ \t]*(?:json)?[ \t]*\r?\n\s*)?(?:\{\s*\"|\[\s*\{\s*\")", re.IGNORECASE)
_MAY_BEGIN = re.compile(
    r"\s*(?:`{1,2}|`{3}[ \t]*(?:j|js|jso|json)?[ \t]*\r?|`{3}[ \t]*(?:json)?[ \t]*\r?\n\s*(?:\{\s*|\[\s*(?:\{\s*)?)?"
    r"|\{\s*|\[\s*(?:\{\s*)?)\Z",
    re.IGNORECASE,
)
_HEAD_CHARS_MAX = 64  # white space in front of JSON has its end
_FENCE = "```"
_CLOSING = re.compile(r"\n[ \t]{0,8}`{3}")
_CLOSING_CHARS_MAX = 12


class Unwrapper:
    """Takes the text of an answer cut anywhere, gives what may be said of it by now; ``end`` gives the rest."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._held_chars = 0
        self._is_open = True  # the answer may still be, or begin as, wrapped JSON
        self._has_begun = self._is_fenced = False
        self._last = ""  # of what is held, to find a fence that is cut
        self._behind_fence: str | None = None

    def feed(self, text: str) -> str:
        """Add a piece."""
        if not self._is_open or (not self._held and not text.strip()):
            return text
        self._held.append(text)
        self._held_chars += len(text)
        return "" if self._may_be_json(text) else self._all()

    def _may_be_json(self, text: str) -> bool:
        if not self._has_begun:
            head = "".join(self._held)
            begun = _BEGUN.match(head[:_HEAD_CHARS_MAX])
            if begun is None:
                return len(head) < _HEAD_CHARS_MAX and _MAY_BEGIN.match(head) is not None
            self._has_begun, self._is_fenced = True, begun[0].lstrip().startswith(_FENCE)
            text = head[begun.end() :]
        if self._held_chars > _CHARS_MAX:
            return False
        if self._is_fenced and self._behind_fence is None:
            text = self._last + text
            closing = _CLOSING.search(text)
            self._last = text[-_CLOSING_CHARS_MAX:]
            if closing is not None:
                self._behind_fence = text = text[closing.end() :]
        return not (self._is_fenced and self._behind_fence is not None and text.strip())

    def end(self) -> str:
        """Return what was held, unwrapped if all of it is JSON with a text in it."""
        text = self._all()
        if not self._has_begun:
            return text
        parsed = parse_json(_inside(text) if self._is_fenced else text)
        found = text_of(parsed.value) if isinstance(parsed, JsonLine) else None
        return found.text if isinstance(found, Reply) else text

    def _all(self) -> str:
        text = "".join(self._held)
        self._held.clear()
        self._is_open = False
        return text


def _inside(text: str) -> str:
    """Return what stands between the line that opens a fence and the one that closes it."""
    return text.strip().removesuffix(_FENCE).partition("\n")[2]
