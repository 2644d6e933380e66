"""What a model thinks aloud, taken out of what it says.

Reasoning models write their thoughts into the answer itself, between ``<think>`` and ``</think>``, when the server in
front of them does not put them into a field of their own (documentation of DeepSeek-R1 and Qwen3). A template that
opens the thoughts in the prompt leaves only the closing tag in the answer; then nobody can know while it streams, and
the server's own reasoning parser must be switched on.
"""

from __future__ import annotations

import re

_NAMES = ("think", "thinking", "thought", "reasoning")
_OPEN = re.compile(rf"<({'|'.join(_NAMES)})>", re.IGNORECASE | re.ASCII)
_CLOSE = {name: re.compile(f"</{name}>", re.IGNORECASE | re.ASCII) for name in _NAMES}
_OPEN_TAGS = tuple(f"<{name}>" for name in _NAMES)


class ThinkingFilter:
    """Takes text cut anywhere, gives it without the thoughts; the beginning of a tag is held until it is known."""

    def __init__(self) -> None:
        self._held = ""
        self._inside: str | None = None

    def feed(self, text: str) -> str:
        """Add a piece; return what can be said by now."""
        text = self._held + text
        self._held = ""
        said: list[str] = []
        at = 0
        while at < len(text):
            if self._inside is None:
                found = _OPEN.search(text, at)
                if found is None:
                    rest = text[at:]
                    cut = len(rest) - _begun(rest, _OPEN_TAGS)
                    said.append(rest[:cut])
                    self._held = rest[cut:]
                    break
                said.append(text[at : found.start()])
                self._inside, at = found[1].lower(), found.end()
            else:
                found = _CLOSE[self._inside].search(text, at)
                if found is None:
                    rest = text[at:]
                    self._held = rest[len(rest) - _begun(rest, (f"</{self._inside}>",)) :]
                    break
                self._inside, at = None, found.end()
        return "".join(said)

    def end(self) -> str:
        """Return what was held and turned out to be no tag. Thoughts that never end are not said."""
        held, self._held = self._held, ""
        return held if self._inside is None else ""


def _begun(text: str, tags: tuple[str, ...]) -> int:
    """Return how many characters at the end of ``text`` may be the beginning of one of ``tags``."""
    longest = max(map(len, tags)) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(tag.startswith(text[-length:].lower()) for tag in tags):
            return length
    return 0
