"""How a name sounds, roughly: what a speech server may write in its place sounds the same, or nearly so.

English has its well-known code (Metaphone). For the other languages a word is written as it sounds by a short table of
spellings; then vowels go, but for one at the beginning, of which only counts that it is one, and so do doubled letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import jellyfish

# In order: the longest spelling first. The right side is read no more.
_SPELLINGS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "de": (("tsch", "X"), ("sch", "X"), ("chs", "KS"), ("ch", "X"), ("ck", "K"), ("ph", "F"), ("th", "T"), ("dt", "T"),
           ("qu", "KF"), ("v", "F"), ("w", "F"), ("z", "TS"), ("c", "K"), ("y", "i"), ("h", ""), ("b", "P"), ("d", "T"),
           ("g", "K"), ("x", "KS")),
    "fr": (("tch", "X"), ("ch", "X"), ("ph", "F"), ("gn", "N"), ("qu", "K"), ("gu", "K"), ("ç", "S"), ("ce", "Se"),
           ("ci", "Si"), ("ge", "Je"), ("gi", "Ji"), ("c", "K"), ("z", "S"), ("w", "V"), ("y", "i"), ("h", ""),
           ("x", "KS")),
    "es": (("ch", "X"), ("ll", "J"), ("qu", "K"), ("gue", "Ke"), ("gui", "Ki"), ("ge", "He"), ("gi", "Hi"), ("j", "H"),
           ("ce", "Se"), ("ci", "Si"), ("z", "S"), ("v", "B"), ("c", "K"), ("y", "i"), ("h", ""), ("x", "KS")),
}  # fmt: skip
_UNHEARD_R = re.compile(r"(?<=\w{2})(?:er|ar|or|ur)$")  # "Nover" is how many say Nova
_SILENT_AT_THE_END = {"fr": re.compile(r"(?<=\w{2})(?:es|e|s|t|d|x|z|p)$")}
_VOWELS = re.compile(r"[AEIOU]+")
_SHARE_OF_LETTERS = 0.5
"""So much of a name may be spelt otherwise, if it sounds the same: "Auto" for Otto, not "it"."""
_LONG, _VERY_LONG = 4, 8  # letters; shorter names are too like other words for a letter to be wrong


def folded(word: str) -> str:
    """Return a word without capitals, accents and width: "É" is "e"; katakana is hiragana."""
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
    plain = "".join(letter for letter in letters if not ("\u0300" <= letter <= "\u036f"))
    plain = "".join(chr(ord(letter) - 0x60) if "\u30a1" <= letter <= "\u30f6" else letter for letter in plain)
    return unicodedata.normalize("NFC", plain)


def sound_of(word: str, language: str) -> str:
    """Return how a folded word sounds, as a code; empty for what is not written in Latin letters."""
    if not word.isascii() or not word.isalpha():
        return ""
    table = _SPELLINGS.get(language)
    if table is None:
        code = jellyfish.metaphone(_UNHEARD_R.sub("a", word))
        return re.sub(r"^[AEIOU]", "A", code)
    for spelling, sound in table:
        word = word.replace(spelling, sound)
    word = re.sub(r"(.)\1+", r"\1", word.upper())
    return ("A" if word[:1] in "AEIOU" else "") + _VOWELS.sub("", word)


def sounds_like(heard: str, name: str, language: str) -> bool:
    """Tell whether a folded word may be this name, misheard: it sounds the same."""
    if heard == name:
        return True
    wrong = jellyfish.damerau_levenshtein_distance(heard, name)
    if wrong > _SHARE_OF_LETTERS * len(name):
        return False
    return any(len(code) > 1 for code in _sounds_of(name, language) & _sounds_of(heard, language))


def _sounds_of(word: str, language: str) -> set[str]:
    """Return how a word may sound: in French, with what stands at its end and without."""
    silent = _SILENT_AT_THE_END.get(language)
    return {sound_of(each, language) for each in (word, silent.sub("", word) if silent else word)}


def looks_like(heard: str, name: str) -> bool:
    """Tell whether a folded word is this name but for a letter, or for two in a long one."""
    long, very_long = (_LONG, _VERY_LONG) if name.isascii() else (_LONG + 2, _VERY_LONG + 2)  # a kana is a syllable
    allowed = 0 if len(name) < long else 1 if len(name) < very_long else 2
    return jellyfish.damerau_levenshtein_distance(heard, name) <= allowed
