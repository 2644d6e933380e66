"""How a name sounds in Japanese, roughly, and where in a text without spaces one may stand.

A speech server writes a foreign name in katakana, as it heard it: Iris is アイリス, イリス or アイリース.
So both sides are written as consonants by the sounds that Japanese has (l is r, v is b; an r that no vowel follows is
not heard), with the vowel that a name begins with in front of them. Long vowels and doubled consonants do not count.
"""

from __future__ import annotations

import re
import unicodedata

_ROWS = (
    ("", "アイウエオ"),
    ("k", "カキクケコ"),
    ("g", "ガギグゲゴ"),
    ("s", "サシスセソ"),
    ("z", "ザジズゼゾ"),
    ("t", "タチツテト"),
    ("d", "ダヂヅデド"),
    ("n", "ナニヌネノ"),
    ("h", "ハヒフヘホ"),
    ("b", "バビブベボ"),
    ("p", "パピプペポ"),
    ("m", "マミムメモ"),
    ("r", "ラリルレロ"),
)
_SYLLABLES = {kana: row + vowel for row, kanas in _ROWS for kana, vowel in zip(kanas, "aiueo", strict=True)}
_SYLLABLES |= {"ヤ": "ya", "ユ": "yu", "ヨ": "yo", "ワ": "wa", "ヲ": "o", "ン": "n", "ヴ": "bu"}
_SYLLABLES |= {"シ": "shi", "チ": "chi", "ツ": "tsu", "フ": "fu", "ジ": "ji", "ヂ": "ji"}
_SMALL = {"ァ": "a", "ィ": "i", "ゥ": "u", "ェ": "e", "ォ": "o", "ャ": "a", "ュ": "u", "ョ": "o"}
_UNHEARD = frozenset("ッー")
# In order. What is left of a Latin word is read as Japanese says it.
_LATIN = (("sch", "sh"), ("ph", "f"), ("th", "s"), ("ck", "k"), ("ce", "se"), ("ci", "si"), ("ge", "je"), ("gi", "ji"),
          ("qu", "k"), ("c", "k"), ("q", "k"), ("x", "ks"), ("l", "r"), ("v", "b"))  # fmt: skip
_SH_OF_S = re.compile(r"sh?(?=i)")
_UNHEARD_R = re.compile(r"(?<=[aeiou])r(?![aeiouy])")
_VOWELS = re.compile(r"[aeiou]+")
_BEGINNINGS = {"a": "ae", "e": "ei", "i": "ia", "o": "o", "u": "ua"}
"""With which vowels a Latin name that begins with one may begin in Japanese: Iris with i or with ai."""
_KATAKANA_FROM, _HIRAGANA = 0x60, re.compile("[\u3041-\u3096]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]+")


def is_kana(text: str) -> bool:
    """Tell whether a text is all in hiragana and katakana."""
    return _KANA.fullmatch(text) is not None


def sounds_like_in_kana(heard: str, name: str) -> bool:
    """Tell whether what was heard may be this name, where one of the two is in kana."""
    heard_sound, name_sound = _sound(heard), _sound(name)
    if len(name_sound) < 2 or len(heard_sound) < 2:
        return False
    begins, should_begin = heard_sound[0], name_sound[0]
    if begins not in _BEGINNINGS or should_begin not in _BEGINNINGS:
        return heard_sound == name_sound
    if is_kana(heard) and is_kana(name):
        begins_alike = begins == should_begin
    else:  # the one in Latin letters may begin in several ways
        begins_alike = begins in _BEGINNINGS[should_begin] or should_begin in _BEGINNINGS[begins]
    return heard_sound[1:] == name_sound[1:] and begins_alike


def _sound(word: str) -> str:
    """Return the consonants of a word, behind the vowel with which it begins."""
    spoken = _romanised(word) if is_kana(word) else _latin(word)
    first = spoken[:1] if spoken[:1] in set("aeiou") else ""
    consonants = re.sub(r"(.)\1+", r"\1", _VOWELS.sub("", spoken))
    return first + consonants


def _latin(word: str) -> str:
    plain = "".join(letter for letter in unicodedata.normalize("NFD", word.casefold()) if letter.isascii())
    plain = re.sub("[^a-z]", "", plain)
    for spelling, sound in _LATIN:
        plain = plain.replace(spelling, sound)
    return _SH_OF_S.sub("sh", _UNHEARD_R.sub("", plain))


def _romanised(word: str) -> str:
    spoken = ""
    for kana in _HIRAGANA.sub(lambda match: chr(ord(match[0]) + _KATAKANA_FROM), word):
        if kana in _SMALL:  # ヴァ is ba, ジャ is ja
            spoken = spoken[:-1] + _SMALL[kana]
        elif kana not in _UNHEARD:
            spoken += _SYLLABLES.get(kana, "")
    return spoken
