# ruff: noqa: RUF001, SIM905 - a list of words reads as text
"""Emoji: left out, but for one that stands for a word ("I love 🍕 and 🍺")."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from voxbridge.core.text.words import Words

_PICTURE = (
    "[\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f19a\U0001f1e6-\U0001f1ff\U0001f200-\U0001f2ff\U0001f300-\U0001faff]"
)
RUN = re.compile(rf"(?:{_PICTURE}[\ufe0e\ufe0f\u20e3\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*[ ]?)+")
_ARROW = re.compile("[\u2190-\u21ff\u27f0-\u27ff\u2900-\u297f]")
# What things look like: food, animals, places, vehicles, sports, tools, flags. A face is no noun.
_THING = re.compile(
    "[\U0001f32d-\U0001f37f\U0001f380-\U0001f393\U0001f3a0-\U0001f3fa\U0001f400-\U0001f43f\U0001f4a1\U0001f4b0-\U0001f4ff"
    "\U0001f680-\U0001f6fc\U0001f950-\U0001f96f\U0001f980-\U0001f9af\U0001f9c0-\U0001f9cb\U0001fad0-\U0001fadb"
    "\U0001f1e6-\U0001f1ff☕⚽⚾⛵✈]"
)
_NOT_THINGS = frozenset("🎉🎊🎈🎁🔥💯")
_WORD_BEFORE = re.compile(r"([^\s\d_.,;:!?()\"'“”«»、。！？]+)\s*\Z")
_WORD_AFTER = re.compile(r"\s*([^\s\d_.,;:!?()\"'“”«»、。！？]+)")
_FACE = re.compile("[\U0001f600-\U0001f64f\U0001f910-\U0001f92f\U0001f970-\U0001f976\U0001f978-\U0001f97a☺☹]")
_PARTICLES = frozenset("がをはにもでへ")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


def say_emoji(text: str, language: str, words: Words) -> str:
    """Return the text without emoji; one that a conjunction or an article waits for is said by its name."""
    said: list[str] = []
    place = 0
    was_named = False
    for run in RUN.finditer(text):
        between = text[place : run.start()]
        said.append(between)
        place = run.end()
        after = text[run.end() :]
        is_listed = (was_named and between.strip() in _LISTS) or _LISTED.match(after) is not None
        name = _say(run[0], "".join(said), after, language, words, is_listed=is_listed)
        was_named = any(map(str.isalpha, name))
        said.append(name)
    said.append(text[place:])
    return "".join(said)


def _say(run: str, before: str, after: str, language: str, words: Words, *, is_listed: bool) -> str:
    space = " " if run.endswith(" ") else ""
    if _ARROW.match(run):
        return " "
    things = [char for char in run if _THING.match(char) and char not in _NOT_THINGS]
    left = _WORD_BEFORE.search(before)
    is_missed = left is not None and left[1].lower() in words.dangling and _FACE.search(run) is None
    if not is_missed and (not things or not (is_listed or _is_word(before, after, words))):
        return _plain(run)
    name = name_of(run.strip(), language)
    if language[:2].lower() == "de":
        name = name.title()
    return f"{name}{space}" if name else _plain(run)


def _plain(run: str) -> str:
    """Return what is left of a run: letters in circles and the like are said as they are."""
    kept = "".join(char for char in run if unicodedata.category(char) not in {"So", "Sk", "Mn", "Me", "Cf", "Cn", "Sm"})
    return kept if kept.strip() else " " if run.endswith(" ") else ""


def _is_word(before: str, after: str, words: Words) -> bool:
    left, right = _WORD_BEFORE.search(before), _WORD_AFTER.match(after)
    if left and (left[1].lower() in words.dangling or (right and left[1].lower() in _DOERS)):
        return True
    if left and _CJK.match(left[1][-1]) and (left[1][-1] in words.dangling or (right and right[1][0] in _PARTICLES)):
        return True
    return bool(left and right and (right[1].lower() in _JOINING or right[1][:1] in _JOINING))


_LISTS = frozenset({",", "、", "，", "،", "/", "+", "&"})
_LISTED = re.compile(rf"\s*[,、，،/+&]\s*{_PICTURE}")
_JOINING = frozenset(
    "and or with und oder mit y o con et ou avec e com en of met i z и или с і або з ve veya ile"
    " と や 和 与 या और اور و أو እና".split()
)
_DOERS = frozenset("i we you they ich wir je yo io eu ik".split())


@cache
def name_of(emoji: str, language: str) -> str:
    """Return what an emoji is called ("" if that is not known); several are named one after the other."""
    import emoji as library  # 30 ms and some megabytes, which an answer without such a word need not pay

    code = language.lower().partition("-")[0]
    code = code if code in library.LANGUAGES else "en"
    names = []
    for found in library.emoji_list(emoji):
        name = library.demojize(found["emoji"], language=code, delimiters=("", ""))
        if name != found["emoji"]:
            names.append(name.replace("_", " ").strip().removesuffix(" face"))
    return " ".join(dict.fromkeys(names))
