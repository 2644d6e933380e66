"""Signs that stand for words in running text: stars and carets that are arithmetic, "<" and its like, "about"."""

from __future__ import annotations

import re

from voxbridge.core.text.words import relations_of, words_of

# Languages that say "less than" behind the number.
_BEHIND = frozenset({"ja", "ko", "hi", "ur", "tr", "am"})
_NUMBER = r"[$€£¥₹]?\s?-?\d[\d.,]*\s?(?:%|‰|[a-zA-Zµ°]{1,4}\b)?"
_COMPARED = re.compile(rf"(?<![-=<])(?P<left>[\w)%°]\s?)?(?P<sign><=|>=|=<|<|>|≤|≥)\s?(?P<number>{_NUMBER})")
_COMPARES = re.compile(r"(?<=[\w)])(?:\s(?P<sign><=|>=|!=|<|>|≤|≥|≠)\s|(?P<close><=|>=|!=|≤|≥|≠))(?=[\w(-])")
_ABOUT = re.compile(r"(?<![\w~/.])~\s?(?=[$€£¥]?\d)")
_LEADING = re.compile(r"(?<![\w)\s=!])(?P<lead>\s*)(?P<sign>!=|==|≠)\s?(?=[\w(-])")
_COMPARES_CLOSE = re.compile(r"(?:(?<=\d)|(?<=\b[A-Za-z]))(?P<sign>[<>])(?=\d|[A-Za-z]\b)")


class Signs:
    """Says them, in one language."""

    def __init__(self, language: str) -> None:
        self._words, self._relations = words_of(language), relations_of(language)
        self._code = language.lower().partition("-")[0]

    def say(self, text: str) -> str:
        """Return the text with its signs in words, where they stand for words."""
        if "~" in text:
            text = _ABOUT.sub(self._about, text)
        if "*" in text:
            text = re.sub(r"(?<=[\w)])\*\*(?=[\w(])", f" {self._words.power} ", text)
            times = f" {self._words.times} "
            text = re.sub(
                r"(?<=[\d)])\*(?=[\w(])|(?<=[\w)])\*(?=[\d(])|(?<=[\w)]) \* (?=[\w(])|\b(?<=[A-Za-z])\*(?=[A-Za-z]\b)",
                times,
                text,
            )
            text = text.replace("*", "")
        if "^" in text:
            text = re.sub(r"(?<=[\w)])\^2(?!\d)", f" {self._words.squared}", text)
            text = re.sub(r"(?<=[\w)])\^3(?!\d)", f" {self._words.cubed}", text)
            text = re.sub(r"(?<=[\w)])\^\(?(-?\w+)\)?", rf" {self._words.power} \1", text)
        text = re.sub(r"\$(?=[A-Za-z{ ]|$)(?!\s\d)", "", text) if "$" in text else text
        for sign, said in (("≈", self._words.about), ("±", self._words.plus_minus), ("∓", self._words.plus_minus)):
            text = text.replace(sign, f" {said} ")
        if any(sign in text for sign in "<>≤≥≠!="):
            text = _COMPARED.sub(self._compared, text)
            text = _LEADING.sub(self._leading, text)
            if self._code not in _BEHIND:
                text = _COMPARES_CLOSE.sub(lambda match: f" {self._relation(match['sign'])} ", text)
                text = _COMPARES.sub(lambda match: f" {self._relation(match['sign'] or match['close'])} ", text)
        return text

    def _sign(self, sign: str) -> str:
        words = self._words
        match sign:
            case "<":
                return words.less
            case ">":
                return words.more
            case "<=" | "=<" | "≤":
                return words.at_most
            case ">=" | "≥":
                return words.at_least
            case _:
                return words.unequal

    def _compared(self, match: re.Match[str]) -> str:
        left, sign, number = match["left"] or "", match["sign"], match["number"]
        is_between = bool(re.search(r"(?:[\d)%°]|\b[A-Za-z])\s?\Z", match.string[: match.start()] + left))
        said = self._relation(sign) if is_between else self._sign(sign)
        if match.string[: match.start()].rstrip().lower().endswith(said):
            return f"{left}{number}"  # "less than <5 minutes"
        space = "" if not left or left.endswith(" ") else " "
        if self._code in _BEHIND:
            if is_between:
                return match[0]
            return f"{left}{number.rstrip()}{'' if self._code == 'ja' else ' '}{said}"
        return f"{left}{space}{said} {number}"

    def _about(self, match: re.Match[str]) -> str:
        is_said = match.string[: match.start()].rstrip().lower().endswith(self._words.about)
        return "" if is_said else f"{self._words.about} "

    def _leading(self, match: re.Match[str]) -> str:
        said = self._words.equals if match["sign"] == "==" else self._words.unequal
        return f"{match['lead']}{said} "

    def _relation(self, sign: str) -> str:
        """Return what is said of a sign between two things."""
        less, greater = self._relations
        return less if sign == "<" else greater if sign == ">" else self._sign(sign)
