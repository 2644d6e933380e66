# ruff: noqa: RUF001 - raised digits and faces are what this module is about
"""Small things of many makers that no parser knows: calls written as text, letters written as escapes, raised digits.

Each function takes a piece of text and returns it with one kind of thing said or left out. They cost nothing where
their marks do not stand: whoever calls them looks for those first.
"""

from __future__ import annotations

import re

from voxbridge.core.text.formulas import say_formula
from voxbridge.core.text.words import Words

_INNER = r"(?:[^()\n]|\([^()\n]*\))*"
_CALL = rf"[A-Za-z_][\w.]*\({_INNER}\)"
_CALLS = re.compile(rf"\[\s*{_CALL}(?:\s*,\s*{_CALL})*\s*\]")
_LONE_CALL = re.compile(
    rf"\s*print\(default_api\.{_INNER}\)\s*|\s*(?:default_api\.)?[a-z_][\w.]*\(\s*\w+\s*=\s*{_INNER}\)\s*"
)
_ADDRESSED = re.compile(
    r"(?:assistant\s?)?(?:commentary\s?)?\bto=functions\.\S+(?:\s?(?:code|json))?(?:\s*\{[^{}]*\})?"
)
_CALLING = re.compile(r"Calling [^{}\n]{1,60} with (?:the )?input:?\s*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})?")
_LEFT_OF_CALL = re.compile(r"\bfunctools(?=\s|$|\[)")
_LAST = re.compile(r"\s*\[(?:END|DONE|STOP|EOF|FIN|FINISH)\]\s*")
_PARTNERS = re.compile(r"\{%[^%]{0,200}%\}|<%[^%]{0,200}%>")


def without_calls(text: str) -> str:
    """Leave out calls of tools that are written like Python, or in words for a log."""
    if _LONE_CALL.fullmatch(text) or _LAST.fullmatch(text):
        return ""
    if "to=" in text:
        text = _ADDRESSED.sub(" ", text)
    if "Calling " in text:
        text = _CALLING.sub(" ", text)
    if "functools" in text:
        text = _LEFT_OF_CALL.sub(" ", text)
    if "%}" in text or "%>" in text:
        text = _PARTNERS.sub(" ", text)
    return _CALLS.sub(" ", text) if "[" in text and "(" in text else text


_ESCAPE = re.compile(r"(?<!\\)\\u\{?([0-9a-fA-F]{4,6})\}?|(?<!\\)\\x([0-9a-fA-F]{2})")


def with_letters(text: str) -> str:
    """Put letters where their escapes stand, as in JSON that was escaped twice: ``caf\\u00e9``."""

    def letter(match: re.Match[str]) -> str:
        code = int(match[1] or match[2], 16)
        is_letter = code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF and chr(code).isprintable()
        return chr(code) if is_letter else " "

    return _ESCAPE.sub(letter, text)


_UP = {"⁰": "0", "¹": "1", "²": "2", "³": "3", "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7", "⁸": "8", "⁹": "9"}
_UP |= {"⁺": "+", "⁻": "-", "⁽": "(", "⁾": ")", "ⁿ": "n", "ⁱ": "i"}
_DOWN = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎", "0123456789+-()", strict=True))
RAISED = re.compile(f"[{''.join(_UP)}{''.join(_DOWN)}]")
_EXPONENT = re.compile(rf"(?<=[\d)a-zA-Z])(?<![a-zA-Z]{{2}})(?<!\d[kcdm]m)(?<!\d m)(?<!\dm)([{''.join(_UP)}]+)")
_NOTE = re.compile(r"(?<=[.!?,;:\"”»)])[⁰¹²³⁴-⁹]{1,3}|(?<=[^\W\d_]{3})[⁰¹⁴-⁹][⁰¹²³⁴-⁹]{0,2}|(?<!\S)[⁰¹²³⁴-⁹]+")
_INDEX = re.compile(f"[{''.join(_DOWN)}]+")
_UNIT = re.compile(r"(?:\d\s?|\b)(?:[kcdm]?m|mi|ft|in|yd|qm)\Z")


def with_levels(text: str, words: Words) -> str:
    """Say exponents, leave out the numbers of notes, and write indices on the line: x², "so it is.³", H₂O."""
    text = _NOTE.sub("", text)

    def exponent(match: re.Match[str]) -> str:
        if _UNIT.search(match.string[: match.start()]):
            return match[0]  # m²: a unit, which has a name
        value = "".join(_UP[char] for char in match[1])
        said = {"2": words.squared, "3": words.cubed}.get(value, f"{words.power} {value}")
        return f" {said}"

    text = _EXPONENT.sub(exponent, text)
    return _INDEX.sub(lambda match: "".join(_DOWN[char] for char in match[0]), text)


_ARGUMENT = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
_BARE = re.compile(
    r"(?<![\w\\:])(?:\d+(?:\.\d+)?\s?)?\\(?:[dt]?frac|sqrt|boxed|text|textbf|textit|mathrm|mathbf|mathbb|times|cdot|div|pm|mp|leq?"
    r"|geq?|neq?|approx|infty|pi|alpha|beta|gamma|delta|theta|lambda|mu|sigma|omega|sum|int|prod|lim|sin|cos|tan|log|ln"
    r"|left|right|degree|circ|in|to|rightarrow|Rightarrow|ldots|cdots|dots|quad)(?![A-Za-z])"
    rf"(?:\s?{_ARGUMENT}|\s?\[[^\]]*\])*(?:[\^_](?:{_ARGUMENT}|\w))*"
    r"|\d+\s?\^\s?\{?\\circ\}?",
)


def without_latex(text: str, words: Words, relations: tuple[str, str], *, is_english: bool) -> str:
    """Say commands of LaTeX that stand outside of any formula."""
    return _BARE.sub(lambda match: f" {say_formula(match[0], words, relations, is_english=is_english)} ", text)


_KAOMOJI = re.compile(
    r"[(（ʕ][^\w\s()（）]{0,4}[\s\w]{0,3}[^\w\s(),.;:!?'\"-][^()（）\n]{0,12}[)）ʔ](?:[︵︶]\s?[┻┳━─彡]+|[\s/ノﾉ彡♡♪☆*~︵︶┻┳━]{1,4})?"
    r"|┬─┬.{0,3}|┻━┻|[づノﾉ][^\w\s]{1,6}[づノﾉ]?"
)
_FACE_PARTS = re.compile("[°□╯╰︵┻ᴗ◕‿ᴥ•｡´`ω≧≦▽∀∇益ᵕ˘^¬﹏◡ツ╥﹃✿⌐■ʘ͜ʖ͡ಠ益ﾟДʖ]")
_PLAIN_FACE = re.compile(r"\([ ]?[\^oO0TtxX><=;._-][\s_.oO^-]{0,3}[\^oO0TtxX><=;._-][ ]?\)[/ノ]?")


def without_faces(text: str) -> str:
    """Leave out faces that are drawn with letters of many scripts."""
    text = _PLAIN_FACE.sub(" ", text)
    if not _FACE_PARTS.search(text):
        return text
    return _KAOMOJI.sub(lambda match: " " if len(_FACE_PARTS.findall(match[0])) >= 2 else match[0], text)
