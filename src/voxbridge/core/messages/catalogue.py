"""The catalogue: a message is asked for by its key, and given in a language.

    line("joined", channel="<#1>")  --Messages.text(..., "de")-->  "Ich bin in <#1>. Sprich einfach."

English is complete and is what stands in for a language that we do not have. A new message is a key in ``en.py`` and
in each of its sisters; a test holds them together, and the code to them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

import attrs

from voxbridge.core.messages import de, en, es, fr, ja

AUTO = "auto"
"""In place of a language: the one that Discord says the server has."""

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": en.TEXTS,
    "de": de.TEXTS,
    "fr": fr.TEXTS,
    "es": es.TEXTS,
    "ja": ja.TEXTS,
}


_UNSPACED = frozenset({"ja"})
# Discord documentation, "Application Commands": the length of a description, and what a name may be
_ABOUT_CHARS_MAX = 100
_NAME = re.compile(r"[-_'\w]{1,32}")


@attrs.frozen
class Line:
    """One message: its key, and what stands in its gaps: texts, numbers, another line, a row of lines
    (a tuple), or lines below each other (a list)."""

    key: str
    values: Mapping[str, object] = attrs.field(factory=dict)


def line(key: str, /, **values: object) -> Line:
    """Return a message, to be put into words later, where the reader's language is known."""
    return Line(key, values)


def known_language(locale: str) -> str | None:
    """Return ``de`` for ``de-AT``, or None for a language that the catalogue does not have."""
    code = locale.lower().replace("_", "-").partition("-")[0]
    return code if code in LANGUAGES else None


def gaps_of(text: str) -> frozenset[str]:
    """Return the names of a text's gaps. Raises: ValueError for braces that do not match."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@attrs.frozen
class Messages:
    """The catalogue as an operator has it. ``own`` are texts in place of ours, by ``key`` or ``language.key``."""

    language: str = AUTO
    own: Mapping[str, str] = attrs.field(factory=dict)

    def language_for(self, locale: str) -> str:
        """Return the language of the catalogue for somebody with this locale (Discord's, or a bare language)."""
        return known_language(locale if self.language == AUTO else self.language) or "en"

    def text(self, message: Line, locale: str = "") -> str:
        """Return the message in words."""
        return self._in(message, self.language_for(locale))

    def spoken(self, message: Line, language: str) -> str:
        """Return the message for the ear: in the language that is spoken, whatever is written."""
        return self._in(message, known_language(language) or "en")

    def _in(self, message: Line, language: str) -> str:
        own = self.own.get(f"{language}.{message.key}") or self.own.get(message.key)
        values = {name: self._value(value, language) for name, value in message.values.items()}
        return (own or LANGUAGES[language][message.key]).format_map(values)

    def _value(self, value: object, language: str) -> object:
        match value:
            case Line():
                return self._in(value, language)
            case tuple():
                return ("" if language in _UNSPACED else " ").join(str(self._value(each, language)) for each in value)
            case list():
                return "\n".join(str(self._value(each, language)) for each in value)
            case _:
                return value


OURS = Messages()
"""The catalogue as it comes."""


def own_text_fault(key: str, text: str) -> str:
    """Return what is wrong with an operator's own text; empty if nothing is."""
    language, dot, name = key.rpartition(".")
    if (dot and language not in LANGUAGES) or name not in en.TEXTS:
        return "is no message of ours"
    if name.startswith("about_") and len(text) > _ABOUT_CHARS_MAX:
        return f"is longer than the {_ABOUT_CHARS_MAX} characters that Discord takes"
    if name.startswith("name_") and (text != text.lower() or not _NAME.fullmatch(text)):
        return "is no name for a command: 1 to 32 small letters, digits, hyphens"
    try:
        gaps = gaps_of(text)
    except ValueError:
        return "has a brace without its partner"
    if unknown := sorted(gaps - gaps_of(en.TEXTS[name])):
        return f"has a gap that this message cannot fill: {{{unknown[0]}}}"
    return ""
