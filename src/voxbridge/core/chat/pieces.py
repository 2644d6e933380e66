"""A long text in messages: cut at a line, else at a word, else where it must be."""

from __future__ import annotations

MESSAGE_CHARS = 2000  # Discord's limit on one message


def split_message(text: str) -> list[str]:
    """Return ``text`` in messages of at most 2000 characters; blank text gives none.

    A text that grows keeps its first messages: only the last one changes, and once, when it becomes full.
    """
    pieces: list[str] = []
    rest = text.strip()
    while rest:
        head, rest = cut(rest, MESSAGE_CHARS)
        pieces.append(head)
    return pieces


def cut(text: str, chars: int) -> tuple[str, str]:
    """Cut at the last line or word that fits, or in the middle of a word that does not; return head and rest."""
    if len(text) <= chars:
        return text, ""
    window = text[:chars]
    at = max(window.rfind("\n"), window.rfind(" "))
    if at <= 0:
        at = chars
    return text[:at], text[at:].lstrip()
