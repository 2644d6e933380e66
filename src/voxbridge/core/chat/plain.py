"""What people say and are called, as text that can do nothing in a chat: no mention, no link preview, no markup."""

from __future__ import annotations

import re

_NAME_CHARS_MAX = 60
_APART = "\u200b"  # a space without width: what it parts is no mention any more, and reads the same
_MENTION = re.compile(r"@(?=\S)|<(?=[@#:/a-zA-Z])")
_MARKUP = re.compile(r"([\\*_~`|\[\]])|^(\s*)([#>-]|\d+\.)(?=\s)", re.MULTILINE)
_LINK = re.compile(r"(?i)\bhttps?://[^\s<>]*[^\s<>.,;:!?)]")


def disarmed(text: str) -> str:
    """Return text of an agent: it keeps its markup, and calls nobody; links show no preview."""
    return _LINK.sub(lambda found: f"<{found[0]}>", _MENTION.sub(lambda found: f"{found[0]}{_APART}", text))


def plain(text: str) -> str:
    """Return what somebody said, on one line, without any effect."""
    one_line = " ".join(text.split())
    escaped = _MARKUP.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", one_line)
    return _MENTION.sub(lambda found: f"{found[0]}{_APART}", escaped)


def plain_name(name: str) -> str:
    """Return a name as it can stand before a colon."""
    return plain(name)[:_NAME_CHARS_MAX].rstrip("\\") or "?"
