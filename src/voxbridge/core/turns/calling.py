"""Is it called? Whether a name stands in what was said so that it is a call: at the start or the end, and not as a
thing that is spoken about.

    "Iris, what time is it?"          start                      "I saw Iris yesterday."        middle: no call
    "Okay hey Iris stop that"         after opening words        "Iris said she would come."    spoken about: no call
    "What do you think, Iris?"        end                        "I went there with Iris."      spoken about: no call
    "Irish, what time is it?"         nearly, with a comma       "Irish coffee is fine."        nearly, without: no call
    "Ohto, wie spät ist es?"          sounds like Otto   "Auto, das wäre schön."         an everyday word: no call

A name that is heard exactly, or that sounds the same, calls at either end. One that differs by a letter calls only
where it is set off (by a comma, or by a word such as "hey"). An everyday word of the language is never taken for a name
that it resembles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import attrs

from voxbridge.core.turns.calling_words import ABOUT_AFTER, ABOUT_BEFORE, ASKING, CLOSING, OPENING, SUBJECTS, TITLES
from voxbridge.core.turns.common_words import is_common
from voxbridge.core.turns.sounds import folded, looks_like, sounds_like

_APOSTROPHE = "\u2019"
_WORD = re.compile(rf"[^\W_]+(?:['{_APOSTROPHE}][^\W_]+)*")
_OPENING_WORDS_MAX = 4
_SPOKEN_LETTERS = re.compile(r"[^\W\d_]")
_NAME_LETTERS_MIN = 2
# Scripts without spaces between words: a name is looked for in the letters themselves.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


@attrs.frozen
class _Word:
    """A word of what was said, folded; ``is_set_off_*``: there is a mark between it and the word beside it."""

    text: str
    is_set_off_before: bool
    is_set_off_after: bool


_IsName = Callable[[Sequence[_Word], str, str, bool], bool]
"""Tells whether words are a name, in a language, set off from the rest or not."""


def spoken_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return what may be called: each name without what nobody says, and the first of several words.

    "VoxBridge (AI) ✨" is "voxbridge" and "voxbridge ai".
    """
    found: dict[str, None] = {}
    for name in names:
        words = [folded(word) for word in _WORD.findall(name)]
        words = [word for word in words if _SPOKEN_LETTERS.search(word)]
        for spoken in (" ".join(words), words[0] if words else ""):
            if len(spoken) >= _NAME_LETTERS_MIN:
                found[spoken] = None
    return tuple(found)


def is_called(text: str, names: Sequence[str], language: str, *, is_exact: bool = False) -> bool:
    """Tell whether one of these names (see ``spoken_names``) is called in ``text``; ``is_exact``: as it is written."""
    words = _words_of(text)
    language = language.partition("-")[0]
    is_name = _is_exactly if is_exact else _is_name
    return any(_calls(words, name, language, is_name) or _calls_unspaced(text, name) for name in names)


def _words_of(text: str) -> list[_Word]:
    found = list(_WORD.finditer(text))
    words: list[_Word] = []
    end = 0
    for number, match in enumerate(found):
        following = found[number + 1].start() if number + 1 < len(found) else len(text)
        before, after = text[end : match.start()], text[match.end() : following]
        words.append(_Word(folded(match[0]).replace(_APOSTROPHE, "'"), bool(before.strip()), bool(after.strip())))
        end = match.end()
    return words


def _calls(words: list[_Word], name: str, language: str, is_name: _IsName) -> bool:
    sizes = range(1, name.count(" ") + 3)
    plain = name.replace(" ", "")
    return any(_calls_at_start(words, plain, size, language, is_name) for size in sizes) or any(
        _calls_at_end(words, plain, size, language, is_name) for size in sizes
    )


def _calls_at_start(words: list[_Word], name: str, size: int, language: str, is_name: _IsName) -> bool:
    opening = OPENING.get(language, OPENING["en"])
    for start in range(_OPENING_WORDS_MAX + 1):
        if start + size > len(words) or any(word.text not in opening for word in words[:start]):
            return False
        rest = words[start + size :]
        is_set_off = words[start + size - 1].is_set_off_after or start > 0 or not rest
        if is_name(words[start : start + size], name, language, is_set_off) and (
            words[start + size - 1].is_set_off_after or not _is_told_of(rest, language)
        ):
            return True
    return False


def _calls_at_end(words: list[_Word], name: str, size: int, language: str, is_name: _IsName) -> bool:
    closing = CLOSING.get(language, CLOSING["en"])
    end = len(words)
    while end > size and words[end - 1].text in closing:
        end -= 1
    for at in {end, len(words)}:
        if at < size:
            continue
        called, before = words[at - size : at], words[: at - size]
        is_set_off = called[0].is_set_off_before or not before
        if not is_name(called, name, language, is_set_off):
            continue
        if is_set_off or before[-1].text not in ABOUT_BEFORE.get(language, ABOUT_BEFORE["en"]):
            return True
    return False


def _is_exactly(words: Sequence[_Word], name: str, _language: str, _is_set_off: bool) -> bool:
    return "".join(word.text for word in words) == name


def _is_name(words: Sequence[_Word], name: str, language: str, is_set_off: bool) -> bool:
    if any("'" in word.text for word in words):
        return False  # somebody's
    heard = "".join(word.text for word in words)
    is_nearly = sounds_like(heard, name, language) or (is_set_off and looks_like(heard, name))
    return heard == name or (is_nearly and not is_common(heard, language))


def _is_told_of(rest: Sequence[_Word], language: str) -> bool:
    """Tell whether what follows a name says something of its bearer: "said she would come", "is funny"."""
    if not rest:
        return False
    if rest[0].text in ASKING.get(language, ()):  # "is it raining?" asks, "is funny" tells
        return len(rest) < 2 or rest[1].text not in SUBJECTS.get(language, ())
    return rest[0].text in ABOUT_AFTER.get(language, ())


def _calls_unspaced(text: str, name: str) -> bool:
    if not _UNSPACED.search(name):
        return False
    letters = "".join(_WORD.findall(folded(text)))
    for opening in OPENING["ja"]:
        letters = letters.removeprefix(opening)
    for title in ("", *TITLES):
        if letters.endswith(name + title):
            return True
    rest = letters.removeprefix(name)
    return rest != letters and not any(rest.startswith(particle) for particle in ABOUT_AFTER["ja"])
