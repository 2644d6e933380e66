"""What a model thinks aloud, and what it says to machines, taken out of what it says to people.

Reasoning models write their thoughts into the answer itself, between ``<think>`` and ``</think>``, when the server in
front of them does not put them into a field of their own (documentation of DeepSeek-R1 and Qwen3). A template that
opens the thoughts in the prompt leaves only the closing tag in the answer; then nobody can know while it streams, and
the server's own reasoning parser must be switched on. What else is left out: see ``scanner``.
"""

from __future__ import annotations

from voxbridge.core.text.scanner import Scanner
from voxbridge.core.text.tokens import Token


class ThinkingFilter:
    """Takes text cut anywhere, gives it without the thoughts; the beginning of a tag is held until it is known."""

    def __init__(self) -> None:
        self._scanner = Scanner()

    def feed(self, text: str) -> str:
        """Add a piece; return what can be said by now."""
        return _written(self._scanner.feed(text))

    def end(self) -> str:
        """Return what was held and turned out to be no tag. Thoughts that never end are not said."""
        return _written(self._scanner.flush())


def _written(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens)
