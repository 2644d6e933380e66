"""Is it called? Whether a name stands in what was said so that it is a call: at the start or the end, and not as a
thing that is spoken about.

    "Iris, what time is it?"          start                      "I saw Iris yesterday."        middle: no call
    "Okay hey Iris stop that"         after opening words        "Iris said she would come."    spoken about: no call
    "What do you think, Iris?"        end                        "I went there with Iris."      spoken about: no call
    "Irish, what time is it?"         nearly, with a comma       "Irish coffee is fine."        nearly, without: no call
    "Ohto, wie spät ist es?"          sounds like Otto   "Auto, das wäre schön."         an everyday word: no call
    "No idea. Iris, who was that?"    in a later sentence: with a comma

A name that is heard exactly, or that sounds the same, calls at either end. One that differs by a letter calls only
where it is set off (by a comma, or by a word such as "hey"). An everyday word of the language is never taken for a name
that it resembles. What is told of somebody is in ``told_of``, texts without spaces are in ``calling_unspaced``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from voxbridge.core.turns.calling_text import WORD, Sentence, Word, sentences_of
from voxbridge.core.turns.calling_unspaced import calls_unspaced
from voxbridge.core.turns.calling_words import CLOSING, OPENING
from voxbridge.core.turns.common_words import is_common, is_commonest
from voxbridge.core.turns.kana import is_kana, sounds_like_in_kana
from voxbridge.core.turns.sounds import folded, looks_like, sounds_like
from voxbridge.core.turns.told_of import is_told_of, is_told_of_before

_OPENING_WORDS_MAX = 4
_SPOKEN_LETTERS = re.compile(r"[^\W\d_]")
_NAME_LETTERS_MIN = 2
# What stands in a name and is none: a tag, and what its bearer is.
_TAGS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\|.*")
_KIND = re.compile(r"(?<=[a-z])(?:Bot|BOT|AI)\b|(?<![^\W_])Bot(?=[A-Z])")
_WHAT_IT_IS = frozenset(
    ("bot", "ai", "ki", "ia", "the", "der", "die", "das", "el", "la", "le", "assistant", "asistente", "voice", "music")
)

_IsName = Callable[[Sequence[Word], str, str, bool], bool]
"""Tells whether words are a name, in a language, set off from the rest or not."""


def spoken_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return what may be called: each name without what nobody says, and the first of several words.

    "VoxBridge (AI) ✨" is "voxbridge" and "voxbridge ai"; "[BOT] Iris" and "IrisBot" are called Iris as well.
    """
    found: dict[str, None] = {}
    for name in names:
        words = _spoken_words(name)
        own = [word for word in _spoken_words(_KIND.sub(" ", _TAGS.sub(" ", name))) if word not in _WHAT_IT_IS]
        for spoken in (" ".join(words), " ".join(own), (own or words or [""])[0]):
            if len(spoken) >= _NAME_LETTERS_MIN:
                found[spoken] = None
    return tuple(found)


def _spoken_words(name: str) -> list[str]:
    return [folded(word) for word in WORD.findall(name) if _SPOKEN_LETTERS.search(word)]


def is_called(text: str, names: Sequence[str], language: str, *, is_exact: bool = False) -> bool:
    """Tell whether one of these names (see ``spoken_names``) is called in ``text``; ``is_exact``: as it is written."""
    language = language.partition("-")[0]
    is_name = _is_exactly if is_exact else _is_name
    sentences = _from_first_call(sentences_of(text), language)
    return any(
        any(_calls(sentence, name, language, is_name) for sentence in sentences)
        or calls_unspaced(text, name, is_exact=is_exact)
        for name in names
    )


def _from_first_call(sentences: list[Sentence], language: str) -> list[Sentence]:
    """Take what only opens ("Hey. Iris. What time is it?") into the sentence that follows."""
    opening = OPENING.get(language, OPENING["en"])
    while len(sentences) > 1 and all(word.text in opening for word in sentences[0].words):
        first, second, *rest = sentences
        joined = Sentence(first.words + second.words, second.ending, is_first=True, is_last=second.is_last)
        sentences = [joined, *rest]
    return sentences


def _calls(sentence: Sentence, name: str, language: str, is_name: _IsName) -> bool:
    sizes = range(1, name.count(" ") + 3)
    plain = name.replace(" ", "")
    return any(
        _calls_at_start(sentence, plain, size, language, is_name)
        or _calls_at_end(sentence, plain, size, language, is_name)
        for size in sizes
    )


def _calls_at_start(sentence: Sentence, name: str, size: int, language: str, is_name: _IsName) -> bool:
    words, opening = sentence.words, OPENING.get(language, OPENING["en"])
    for start in range(_OPENING_WORDS_MAX + 1):
        if start + size > len(words) or any(word.text not in opening for word in words[:start]):
            return False
        called, rest = words[start : start + size], words[start + size :]
        is_marked = called[-1].is_set_off_after and bool(rest)
        is_set_off = is_marked or start > 0 or not rest
        if not sentence.is_first and not is_marked and not (start > 0 and rest):
            continue
        if is_name(called, name, language, is_set_off) and (
            is_marked or not is_told_of(rest, language, sentence.ending, is_opened=start > 0)
        ):
            return True
    return False


def _calls_at_end(sentence: Sentence, name: str, size: int, language: str, is_name: _IsName) -> bool:
    words, closing = sentence.words, CLOSING.get(language, CLOSING["en"])
    end = len(words)
    while end > size and words[end - 1].text in closing:
        end -= 1
    for at in {end, len(words)}:
        if at < size:
            continue
        called, before = words[at - size : at], words[: at - size]
        is_marked = called[0].is_set_off_before and bool(before)
        is_place = is_marked or (sentence.is_last and (sentence.is_first or bool(before)))
        if not is_place or not is_name(called, name, language, is_marked or not before):
            continue
        if is_marked or not before:
            return True
        is_word = sentence.has_capitals and not called[0].is_capital  # "I like bossa nova."
        if not is_word and not is_told_of_before(sentence, before, language):
            return True
    return False


def _is_exactly(words: Sequence[Word], name: str, language: str, _is_set_off: bool) -> bool:
    return "".join(word.text for word in words) == name and not _are_everyday(words, language)


def _is_name(words: Sequence[Word], name: str, language: str, is_set_off: bool) -> bool:
    if any("'" in word.text for word in words):
        return False  # somebody's
    heard = "".join(word.text for word in words)
    if _are_everyday(words, language):
        return False
    is_nearly = sounds_like(heard, name, language) or (is_set_off and looks_like(heard, name))
    if is_set_off and is_kana(name) and heard.isascii():
        is_nearly = is_nearly or sounds_like_in_kana(heard, name)
    return heard == name or (is_nearly and not is_common(heard, language))


def _are_everyday(words: Sequence[Word], language: str) -> bool:
    """Tell whether several words are what everybody says: "no va" does not call Nova."""
    return len(words) > 1 and all(is_commonest(word.text, language) for word in words)
