"""The few words of roff that a manual page is made of. Everything in, legal roff out."""

from __future__ import annotations

from collections.abc import Iterable

_SPECIAL = {
    "\\": r"\e",
    "-": r"\-",  # else a hyphen, which nobody can copy into a shell
    "'": r"\(aq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
    '"': r"\(dq",
}


def escaped(text: str) -> str:
    """Return a line of text that roff takes as it stands, in ASCII; what breaks a line becomes a space."""
    line = "".join(_character(one) for one in " ".join(text.split()))
    return rf"\&{line}" if line.startswith(".") else line


def _character(one: str) -> str:
    if one in _SPECIAL:
        return _SPECIAL[one]
    if one.isascii():
        return one if one.isprintable() else " "
    return rf"\[u{ord(one):04X}]"


def bold(text: str) -> str:
    """Return text in bold, escaped."""
    return rf"\fB{escaped(text)}\fR"


def header(name: str, section: int, version: str, manual: str) -> list[str]:
    """Return the page's first line. It bears no date, so that the same version makes the same page."""
    return [f'.TH "{escaped(name.upper())}" "{section}" "" "{escaped(version)}" "{escaped(manual)}"']


def heading(title: str) -> list[str]:
    """Return the start of a section."""
    return [f".SH {escaped(title.upper())}"]


def subheading(title: str) -> list[str]:
    """Return the start of a part of a section."""
    return [f'.SS "{escaped(title)}"']


def paragraphs(texts: Iterable[str]) -> list[str]:
    """Return paragraphs; an empty one is left out."""
    return [line for text in texts if text.strip() for line in (".PP", escaped(text))]


def entry(term: str, text: str) -> list[str]:
    """Return one entry of a list: the term in bold, its text indented below."""
    return [".TP", bold(term), escaped(text) or r"\&"]
