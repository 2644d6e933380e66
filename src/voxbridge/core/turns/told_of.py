"""Is somebody called, or is something told of them? What stands beside a name with no mark between them.

"Iris what time is it"       asks          "Iris said she would come"      told of
"Iris is it raining"         asks          "Iris is funny."                told of
"Nova tell me a joke"        asks          "Nova speaks Spanish."          told of: a verb of the third person
"Good night Nova"            calls         "I asked Nova."                 told of
"Jarvis what's up"           asks          "Jarvis Street is closed."      a longer name
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from voxbridge.core.turns.calling_text import Ending, Sentence, Word
from voxbridge.core.turns.calling_words import (
    ABOUT_AFTER,
    ABOUT_BEFORE,
    ASKED,
    ASKING,
    CLOSING,
    OPENING,
    SUBJECTS,
    VERB_PARTICLES,
    rows,
)
from voxbridge.core.turns.common_words import is_common

# How a verb that tells of somebody ends. In German so does one that asks, but not where the sentence ends with a stop.
_THIRD_PERSON: Mapping[str, re.Pattern[str]] = {
    "en": re.compile(r"[a-z]{2,}(?:[a-df-rt-z]ed|[a-rt-z]s)"),
    "de": re.compile(r"[a-z]{2,}(?:t|te)"),
}
_NO_VERB = rows(
    en="its us this thus plus perhaps always sometimes besides focus yes guess",
    de="bitte heute nicht jetzt vielleicht gestatte ist mit seit bist halt recht heut hast",
)
_OF = frozenset(("von", "van", "de", "del", "da", "di", "du", "the"))


def is_told_of(rest: Sequence[Word], language: str, ending: Ending) -> bool:
    """Tell whether what follows a name, with no mark between, says something of its bearer."""
    if not rest:
        return False
    first, second = rest[0].text, rest[1].text if len(rest) > 1 else ""
    if first in ASKING.get(language, ()):
        return not _asks(second, language, ending)
    if first in ABOUT_AFTER.get(language, ()):
        return True
    if first in VERB_PARTICLES.get(language, ()):
        return second in ABOUT_AFTER.get(language, ()) or second in ASKING.get(language, ())
    return _is_third_person(first, language, ending) or _is_longer_name(rest, language)


def is_told_of_before(sentence: Sentence, before: Sequence[Word], language: str) -> bool:
    """Tell whether what stands before a name at the end, with no mark between, speaks about its bearer."""
    last = before[-1]
    if last.text in ABOUT_BEFORE.get(language, ABOUT_BEFORE["en"]):
        return True
    if sentence.ending == "?":
        return False
    if language != "de" and len(before) > 1 and last.is_capital and sentence.has_capitals:
        return last.text not in OPENING.get(language, ()) and not is_common(last.text, language)  # "a Chevy Nova"
    return language == "en" and last.text.endswith("ed") and _is_third_person(last.text, language, ".")


def _asks(subject: str, language: str, ending: Ending) -> bool:
    """Tell whether a verb such as "is" asks: by what follows it, and by the sentence's end."""
    if ending == "?":
        return subject != ""
    if ending == ".":
        return subject in ASKED.get(language, ())
    return subject in SUBJECTS.get(language, ())


def _is_third_person(word: str, language: str, ending: Ending) -> bool:
    pattern = _THIRD_PERSON.get(language)
    if pattern is None or (language == "de" and ending != "."):
        return False
    if any(word in words[language] for words in (_NO_VERB, OPENING, CLOSING)):
        return False
    return pattern.fullmatch(word) is not None


def _is_longer_name(rest: Sequence[Word], language: str) -> bool:
    """Tell whether the name goes on: "Nova Scotia", "Otto von Bismarck", "Otto Waalkes war ..."."""
    if len(rest) > 1 and rest[0].text in _OF and rest[1].is_capital:
        return True
    if not rest[0].is_capital or is_common(rest[0].text, language):
        return False
    if language != "de":
        return True
    second = rest[1].text if len(rest) > 1 else ""
    return second in ASKING["de"] or second in ABOUT_AFTER["de"]
