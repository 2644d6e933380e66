# ruff: noqa: RUF001 - the marks of many languages
"""Can a phrase be complete, judging by its words? Rules, by language; no model.

The words come from a speech server while the speaker is silent. What they end with says most: no question ends in
"the", "because" or "um", whatever its melody was. A full stop says little, since speech servers put one behind
whatever they heard; a question mark says more. One word that is a whole answer ("yes", "stop", a number) is complete.
"""

from __future__ import annotations

import re
from typing import Literal

from voxbridge.core.turns.unfinished_words import UNSPACED, WordTable, words_of

Completeness = Literal["unfinished", "doubtful", "unknown", "likely", "complete"]
"""unfinished: it cannot end there. doubtful: it seldom does. unknown: the words do not tell. likely: nothing speaks
against it. complete: it is whole by itself."""

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*['’]?")
_OPEN_ENDS = (",", ";", ":", "-", "–", "—", "…", "...", "、", "，", "،", "；")
_QUESTION_ENDS = ("?", "？", "؟")
_SENTENCE_ENDS = (".", "!", "。", "！", "｡", "।", "۔", *_QUESTION_ENDS)
_CLOSING = '"»”)]』」'
_QUESTION_WORDS_MIN = 3
_SENTENCE_WORDS_MIN = 4
_ANSWER_WORDS_MAX = 3
_ANSWERED_WORDS_MAX = 5
_CLAUSE_WORDS_MAX = 8
_COMMAS = (",", "、", "，")


def is_punctuated(text: str) -> bool:
    """Tell whether a transcript ends with a mark: its server puts one behind what it takes for a sentence."""
    return text.rstrip().endswith(_SENTENCE_ENDS)


def completeness_of(
    text: str, language: str, *, is_reply: bool = False, server_punctuates: bool = False
) -> Completeness:
    """Judge the words so far.

    ``is_reply``: the speaker was asked something just now, and a few words can be whole. ``server_punctuates``: this
    server ends its sentences with a mark, so a text without one is to it no sentence.
    """
    text = text.strip().rstrip(_CLOSING).rstrip()
    words = _WORD.findall(text.lower())
    if not words:
        return "unknown"
    if text.endswith(_OPEN_ENDS):
        return "unfinished"
    table = words_of(language)
    if table is None:
        return "likely" if text.endswith(_QUESTION_ENDS) else "unknown"
    if _is_answer(words, table):
        return "complete"
    ending = _ending(words, text, table, language)
    is_short_reply = is_reply and len(words) <= _ANSWER_WORDS_MAX
    if ending == "doubtful" and (is_short_reply or (words[0] in table.answers and len(words) <= _ANSWERED_WORDS_MAX)):
        return "complete" if is_short_reply else "unknown"  # "yes I can"
    if ending is None and _is_open(words, text, table, is_reply=is_reply):
        ending = "doubtful"
    if ending is not None:
        # "Where are you from?" The server has heard a question, and the word may end one.
        return "unknown" if ending == "doubtful" and text.endswith(_QUESTION_ENDS) else ending
    if server_punctuates and not is_punctuated(text) and len(words) > _ANSWER_WORDS_MAX:
        return "doubtful"
    if is_short_reply:
        return "complete"
    if text.endswith(_QUESTION_ENDS) and len(words) >= _QUESTION_WORDS_MIN:
        return "complete"
    is_sentence = text.endswith(_SENTENCE_ENDS) and (len(words) >= _SENTENCE_WORDS_MIN or language in UNSPACED)
    return "likely" if is_sentence else "unknown"


def _ending(words: list[str], text: str, table: WordTable, language: str) -> Literal["unfinished", "doubtful"] | None:
    """Return what the last word says, if it says anything."""
    if language.lower().partition("-")[0] in UNSPACED:
        bare = text.rstrip("".join(_SENTENCE_ENDS)).rstrip()
        if bare.endswith(tuple(table.never)):
            return "unfinished"
        return "doubtful" if bare.endswith(tuple(table.seldom)) else None
    last = words[-1].replace("’", "'")
    if last in table.never or (last.endswith("'") and len(last) > 1):
        return "unfinished"
    return "doubtful" if last in table.seldom else None


def _is_open(words: list[str], text: str, table: WordTable, *, is_reply: bool) -> bool:
    """Tell whether something must follow though the last word could be one: an object, or the main clause."""
    if f" {' '.join(words)}".replace("’", "'").endswith(table.phrases):
        return True
    is_clause = words[0] in table.openers and not text.endswith(_QUESTION_ENDS) and not is_reply
    return is_clause and not any(mark in text for mark in _COMMAS) and len(words) <= _CLAUSE_WORDS_MAX


def _is_answer(words: list[str], table: WordTable) -> bool:
    """Tell whether it is one short answer or several ("no, thank you"), or a number."""
    at = 0
    while at < len(words):
        length = next(
            (length for length in (3, 2, 1) if " ".join(words[at : at + length]).replace("’", "'") in table.answers), 0
        )
        if not length and not words[at].isdecimal():
            return False
        at += length or 1
    return True
