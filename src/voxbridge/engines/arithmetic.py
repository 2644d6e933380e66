"""Spoken arithmetic: "what is seven times eight", "12.5 plus 3", "20 percent of fifty", computed exactly.

sum     = product (("plus" | "minus") product)*
product = power (("times" | "divided by" | "percent of") power)*
power   = unary ("to the power of" power)? | unary "squared" | unary "cubed"
unary   = "minus" unary | "the square root of" unary | number
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_DECADES = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL: Final = {word: value for value, word in enumerate(_UNITS)}
_TENS: Final = {word: 10 * value for value, word in enumerate(_DECADES, start=2)}
_SCALES: Final = {"dozen": 12, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ALIASES: Final = {"oh": "zero", "fourty": "forty", "a": "one", "an": "one"}

# Longest first: "multiplied by" is one sign, "to the power of" too.
_SIGNS: Final = (
    (r"to the power of|raised to|\^", "^"),
    (r"the square root of|square root of|\u221a", "root"),
    (r"per ?cent of|% of", "%"),
    (r"multiplied by|times|x(?=\s*-?[\d.])|[*\u00d7\u00b7]", "*"),
    (r"divided by|over|[/\u00f7]", "/"),
    (r"plus|added to|\+", "+"),
    (r"minus|take away|less|negative|[-\u2212\u2013]", "-"),
    (r"squared|\u00b2", "squared"),
    (r"cubed|\u00b3", "cubed"),
)
_SPLIT = re.compile(
    "|".join(f"(?P<s{at}>(?<![a-z])(?:{words})(?![a-z]))" for at, (words, _) in enumerate(_SIGNS))
    + r"|(?P<number>\d+(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+)|(?P<word>[a-z]+)|(?P<other>\S)"
)

_EXPONENT_MAX = 64
_DIGITS_MAX = 15  # nobody can follow more by ear


class NotArithmetic(ValueError):
    """The text is no arithmetic; somebody else may know what it means."""


class TooBig(ArithmeticError):
    """The result has more digits than anybody can follow by ear."""


def _number_from_words(words: list[str]) -> Fraction:
    """Return the value of number words: "two hundred and five", "three point one four", "a million"."""
    if "point" in words:
        at = words.index("point")
        decimals = "".join(str(_SMALL[word]) if word in _SMALL else word for word in words[at + 1 :])
        if not decimals.isdecimal():
            raise NotArithmetic
        whole = _number_from_words(words[:at]) if at else Fraction(0)
        return whole + Fraction(int(decimals), 10 ** len(decimals))
    total, group, known, last_tens = Fraction(0), Fraction(0), False, False
    for word in words:
        if word == "and" and known:
            continue
        if word in _SCALES:
            total, group, last_tens = total + (group if known else 1) * _SCALES[word], Fraction(0), False
        elif word == "hundred":
            group, last_tens = (group if known and group else Fraction(1)) * 100, False
        elif word in _TENS and group % 100 == 0:
            group, last_tens = group + _TENS[word], True
        elif word in _SMALL and (group % 100 == 0 or (last_tens and _SMALL[word] < 10)):
            group, last_tens = group + _SMALL[word], False
        elif word[0].isdigit() and group % 100 == 0:
            group, last_tens = group + Fraction(word), False
        else:
            raise NotArithmetic
        known = True
    if not known:
        raise NotArithmetic
    return total + group


def number(text: str) -> Fraction:
    """Return the value of one number in words or digits. Raises: NotArithmetic."""
    match _tokens(text):
        case [Fraction() as value]:
            return value
        case ["-", Fraction() as value]:
            return -value
        case _:
            raise NotArithmetic


def _tokens(text: str) -> list[Fraction | str]:
    """Cut a text into numbers and signs. Raises: NotArithmetic for any other word."""
    tokens: list[Fraction | str] = []
    words: list[str] = []

    def flush() -> None:
        if words:
            tokens.append(_number_from_words(words))
            words.clear()

    for found in _SPLIT.finditer(text.casefold()):
        kind = found.lastgroup or "other"
        if kind == "other":
            raise NotArithmetic
        if kind == "number":
            words.append(found[0].replace(",", ""))
        elif kind == "word":
            words.append(_ALIASES.get(found[0], found[0]))
        else:
            flush()
            tokens.append(_SIGNS[int(kind[1:])][1])
    flush()
    return tokens


class _Parser:
    def __init__(self, tokens: list[Fraction | str]) -> None:
        self._tokens = tokens
        self.signs = 0

    def _next_is(self, *signs: str) -> bool:
        return bool(self._tokens) and self._tokens[0] in signs

    def _take(self) -> Fraction | str:
        self.signs += isinstance(self._tokens[0], str)
        return self._tokens.pop(0)

    def whole(self) -> Fraction:
        value = self._sum()
        if self._tokens:
            raise NotArithmetic
        return value

    def _sum(self) -> Fraction:
        value = self._product()
        while self._next_is("+", "-"):
            value = value + self._product() if self._take() == "+" else value - self._product()
        return value

    def _product(self) -> Fraction:
        value = self._power()
        while self._next_is("*", "/", "%"):
            sign = self._take()
            other = self._power()
            match sign:
                case "*":
                    value *= other
                case "/":
                    value /= other
                case _:
                    value = value / 100 * other
        return value

    def _power(self) -> Fraction:
        value = self._unary()
        while self._next_is("squared", "cubed"):
            value **= 2 if self._take() == "squared" else 3
        if self._next_is("^"):
            self._take()
            exponent = self._power()
            if exponent.denominator != 1 or abs(exponent) > _EXPONENT_MAX or _digits(value) > _DIGITS_MAX:
                raise TooBig
            value = value ** int(exponent)
        return value

    def _unary(self) -> Fraction:
        if self._next_is("-"):
            self._take()
            return -self._unary()
        if self._next_is("root"):
            self._take()
            return _root(self._unary())
        if not self._tokens or isinstance(self._tokens[0], str):
            raise NotArithmetic
        value = self._take()
        assert isinstance(value, Fraction)
        return value


def _digits(value: Fraction) -> int:
    return len(str(abs(int(value))))


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise NotArithmetic
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return Fraction(math.sqrt(value))


def compute(text: str) -> Fraction:
    """Return the value of an arithmetic expression in words or signs.

    Raises: NotArithmetic when it is none (a single number is none either), ZeroDivisionError, TooBig.
    """
    parser = _Parser(_tokens(text))
    value = parser.whole()
    if not parser.signs:
        raise NotArithmetic
    if _digits(value) > _DIGITS_MAX:
        raise TooBig
    return value


def spoken(value: Fraction) -> str:
    """Return a number as it should be read out: whole, or with at most four decimals and a word of caution."""
    if value.denominator == 1:
        return _signed(f"{abs(int(value))}", value)
    rounded = round(value, 4)
    decimals = f"{abs(float(rounded)):.4f}".rstrip("0").rstrip(".")
    return ("" if rounded == value else "about ") + _signed(decimals, rounded)


def _signed(digits: str, value: Fraction) -> str:
    return f"minus {digits}" if value < 0 else digits
