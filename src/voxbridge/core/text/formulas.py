# ruff: noqa: RUF001 - signs of mathematics are what this module is about
r"""LaTeX as people read it out: "x squared over two", not "backslash frac".

No parser of LaTeX, and none is needed: an agent's formulas are short. Commands become words, groups are read in order,
and what is not known is left out, so that no mark of LaTeX is ever said.
"""

from __future__ import annotations

import re

from voxbridge.core.text.words import Words

_GROUPS_MAX = 40  # nobody nests deeper
_GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
_BEGIN_END = re.compile(r"\\(?:begin|end)\{[^}]*\}(?:\{[lcr| ]*\})?")
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathbb|mathcal|mathit|mathsf|operatorname|mbox|boxed)\*?\s*\{([^{}]*)\}"
)
_FRACTION = re.compile(rf"\\[dtc]?frac\s*(?:{_GROUP}|(\w))\s*(?:{_GROUP}|(\w))")
_ROOT = re.compile(rf"\\sqrt\s*(?:\[([^\]]*)\])?\s*(?:{_GROUP}|(\w))")
_UPPER = re.compile(rf"\^\s*(?:{_GROUP}|(\\[A-Za-z]+|\w|[*+'-]))")
_LOWER = re.compile(rf"_\s*(?:{_GROUP}|(\\[A-Za-z]+|\w))")
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?")
_NAMES = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi"}
    | {
        "omicron",
        "pi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "chi",
        "psi",
        "omega",
        "sin",
        "cos",
        "tan",
        "cot",
        "log",
    }
    | {"ln", "exp", "lim", "max", "min", "arg", "det", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "mod"}
)
_VARIANTS = {"varepsilon": "epsilon", "vartheta": "theta", "varphi": "phi", "varrho": "rho", "varsigma": "sigma"}
_GREEK = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
], strict=True))  # fmt: skip


def _signs(words: Words) -> dict[str, str]:
    return {
        "times": words.times, "cdot": words.times, "ast": words.times, "div": words.divided, "pm": words.plus_minus,
        "mp": words.plus_minus, "leq": words.at_most, "le": words.at_most, "geq": words.at_least, "ge": words.at_least,
        "lt": words.less, "gt": words.more, "neq": words.unequal, "ne": words.unequal, "approx": words.about,
        "sim": words.about, "equiv": words.equals, "to": "→", "infty": "∞", "ldots": "...", "dots": "...",
        "cdots": "...", "degree": "°", "circ": "°", "percent": "%", "sum": "∑", "int": "∫", "partial": "∂", "prod": "∏",
    }  # fmt: skip


_ENGLISH_SIGNS = {
    "∞": "infinity",
    "∑": "the sum of",
    "∫": "the integral of",
    "∂": "d",
    "∏": "the product of",
    "→": "to",
}


def say_formula(formula: str, words: Words, relations: tuple[str, str], *, is_english: bool) -> str:
    """Return a formula in words of the language; what has none is said as its sign, or not at all.

    ``relations`` are the words for "<" and ">".
    """
    text = _BEGIN_END.sub(" ", formula)
    if is_english:
        text = _BIG.sub(_big, text)
    text = text.replace("\\%", "%").replace("\\$", "$").replace("\\\\", " , ").replace("&", " ")
    text = re.sub(r"\\[,;:! ]|\\q?quad\b|~", " ", text)
    text = re.sub(r"\^\s*\{?\\circ\}?", "° ", text)
    for _ in range(_GROUPS_MAX):
        before = text
        text = _TEXT.sub(r" \1 ", text)
        text = _ROOT.sub(lambda match: f" {words.root} {match[2] or match[3]} ", text)
        text = _FRACTION.sub(lambda match: f" {match[1] or match[2]} {words.over} {match[3] or match[4]} ", text)
        if text == before:
            break
    for _ in range(_GROUPS_MAX):
        before = text
        text = _UPPER.sub(lambda match: _upper(match[1] or match[2], words), text, count=1)
        if text == before:
            break
    text = _LOWER.sub(lambda match: f" {match[1] or match[2]} ", text)
    signs = _signs(words)

    def command(match: re.Match[str]) -> str:
        name = _VARIANTS.get(match[1], match[1])
        said = signs.get(name) or (name if name.lower() in _NAMES else "")
        return f" {said} "

    text = _COMMAND.sub(command, text)
    text = re.sub(r"(?<=\d)\s*\*\s*(?=\d)|×|⋅|·", f" {words.times} ", text)
    for sign, said in (("=", words.equals), ("<", relations[0]), (">", relations[1]), ("≤", words.at_most)):
        text = text.replace(sign, f" {said} ")
    text = (
        text.replace("≥", f" {words.at_least} ").replace("±", f" {words.plus_minus} ").replace("+", f" {words.plus} ")
    )
    text = re.sub(r"(?<=[\w)} ])\s*[-−]\s*(?=[\w({ ])|^\s*[-−]\s*", f" {words.minus} ", text)
    text = re.sub(r"(?<=[\w)])\s*/\s*(?=[\w(])", f" {words.over} ", text)
    text = "".join(_GREEK.get(char, char) for char in text)
    if is_english:
        for sign, said in _ENGLISH_SIGNS.items():
            text = text.replace(sign, f" {said} ")
    text = re.sub(r"[\\{}$^_|&→∑∫∂∏∞]", " ", text)
    text = re.sub(r"[()]", " ", text)
    return re.sub(r"\s+", " ", text).strip()


_BIG = re.compile(rf"\\(sum|int|prod)(?:\\limits)?\s*_\s*(?:{_GROUP}|(\w))\s*\^\s*(?:{_GROUP}|(\\?\w+))")
_BIG_NAMES = {"sum": "sum", "int": "integral", "prod": "product"}


def _big(match: re.Match[str]) -> str:
    return f" the {_BIG_NAMES[match[1]]} from {match[2] or match[3]} to {match[4] or match[5]} of "


def _upper(exponent: str, words: Words) -> str:
    match exponent.strip():
        case "2":
            return f" {words.squared} "
        case "3":
            return f" {words.cubed} "
        case "'" | "*" | "+":
            return " "
        case other:
            return f" {words.power} {other} "
