"""Calls in a text without spaces between its words: Japanese and Chinese.

    "アイリス、今何時"        before a mark            "アイリスは便利だね。"      a particle: spoken about
    "アイリスさん今何時"      with a title             "昨日アイリスに会った。"    in the middle
    "今何時、アイリス"        behind a mark            "うちのアイリス。"          somebody's
    "ねえアイリース、今何時"  as it was heard          "アイスが食べたい。"        another word
    "Iris现在几点"            no mark                  "问一下Iris。"              a verb's object

A name in Latin letters is looked for in the katakana in which a speech server writes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from voxbridge.core.turns.calling_words import ABOUT_AFTER, OPENING, TITLES, UNSPACED_BEFORE
from voxbridge.core.turns.kana import is_kana, sounds_like_in_kana
from voxbridge.core.turns.sounds import folded

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_SENTENCE_END = re.compile(r"[\u3002.!?\uff01\uff1f\u2026]+")
_CLAUSE_END = re.compile(r"[\s\u3001,\uff0c]+")
_KATAKANA_FIRST = re.compile("[\u30a1-\u30fa\u30fc]+")
_KATAKANA_LAST = re.compile("[\u30a1-\u30fa\u30fc]+$")
_ABOUT_BEFORE = re.compile(
    f"(?:[はがをにともへ]|(?<![なるたいだ])の|(?<!好)的|(?<![还還就不])(?:{'|'.join(UNSPACED_BEFORE)})(?:一下|一问|过|過|了)?)$"
)
_TOLD_AFTER = (*ABOUT_AFTER["ja"], *ABOUT_AFTER["zh"])
_TITLES = re.compile(f"^(?:{'|'.join(TITLES)})")
_OPENINGS = re.compile(f"^(?:{'|'.join(sorted(OPENING['ja'] | OPENING['zh'], key=len, reverse=True))})")


def calls_unspaced(text: str, name: str, *, is_exact: bool = False) -> bool:
    """Tell whether a name (see ``calling.spoken_names``) is called in a text without spaces."""
    name = name.replace(" ", "")
    if not _UNSPACED.search(text) or (is_exact and not _UNSPACED.search(name)):
        return False
    sentences = [clauses for sentence in _SENTENCE_END.split(text) if (clauses := _clauses(sentence))]
    while len(sentences) > 1 and not sentences[0][0]:  # "ねえ。アイリス。"
        del sentences[0]
    if not sentences:
        return False
    first, last = sentences[0][0], sentences[-1][-1]
    return (
        any(_is_called_after(rest) for rest in _behind(first, name, is_exact=is_exact))
        or any(not _ABOUT_BEFORE.search(before) for before in _before(last, name, is_exact=is_exact))
        or any(_is_all(clauses, name, is_exact=is_exact) for clauses in sentences[1:])
    )


def _clauses(sentence: str) -> list[str]:
    """Return the clauses of a sentence without those that only open it; one that is empty if there are no others."""
    clauses = [clause for clause in _CLAUSE_END.split(unicodedata.normalize("NFKC", sentence)) if clause]
    while len(clauses) > 1 and not _opened(clauses[0]):
        del clauses[0]
    return [_opened(clauses[0]), *clauses[1:]] if clauses else []


def _is_all(clauses: list[str], name: str, *, is_exact: bool) -> bool:
    """Tell whether a sentence begins with the name, and a mark behind it."""
    return len(clauses) > 1 and any(not _TITLES.sub("", rest) for rest in _behind(clauses[0], name, is_exact=is_exact))


def _opened(clause: str) -> str:
    """Return a clause without the words that open it."""
    while (opened := _OPENINGS.sub("", clause)) != clause:
        clause = opened
    return clause


def _is_called_after(rest: str) -> bool:
    """Tell whether what follows a name lets it be a call."""
    rest = _TITLES.sub("", rest)
    return not rest.startswith(_TOLD_AFTER)


def _behind(clause: str, name: str, *, is_exact: bool) -> Iterator[str]:
    """Yield what stands behind the name, where a clause begins with it."""
    if folded(clause).startswith(name):
        yield clause[len(name) :]
    katakana = _KATAKANA_FIRST.match(clause)
    if katakana and not is_exact and _is_nearly(katakana[0], name):
        yield clause[katakana.end() :]


def _before(clause: str, name: str, *, is_exact: bool) -> Iterator[str]:
    """Yield what stands before the name, where a clause ends with it, or with it and a title."""
    endings = {clause, *(clause.removesuffix(title) for title in TITLES)}
    for ending in endings:
        if folded(ending).endswith(name) and len(folded(ending)) == len(ending):
            yield ending[: len(ending) - len(name)]
        katakana = _KATAKANA_LAST.search(ending)
        if katakana and not is_exact and _is_nearly(katakana[0], name):
            yield ending[: katakana.start()]


def _is_nearly(heard: str, name: str) -> bool:
    return (name.isascii() or is_kana(name)) and sounds_like_in_kana(heard, name)
