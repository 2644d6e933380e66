"""Is somebody called, or is something told of them? What stands beside a name with no mark between them.

"Iris what time is it"       asks          "Iris said she would come"      told of
"Iris is it raining"         asks          "Iris is funny."                told of
"Nova tell me a joke"        asks          "Nova speaks Spanish."          told of: a verb of the third person
"Good night Nova"            calls         "I asked Nova."                 told of
"Hey Iris who won"           asks          "Iris who lives here came."     told of
"Jarvis what's up"           asks          "Jarvis Street is closed."      a longer name
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from voxbridge.core.turns.calling_objects import is_of_a_verb
from voxbridge.core.turns.calling_text import Ending, Sentence, Word
from voxbridge.core.turns.calling_words import (
    ABOUT_AFTER,
    ABOUT_BEFORE,
    ASKED,
    ASKING,
    CLOSING,
    OPENING,
    RELATIVE,
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
# A small word and a verb of the third person; "me puedes", "te quiero", "me pregunto" are said to somebody.
_AFTER_PARTICLE: Mapping[str, re.Pattern[str]] = {
    "es": re.compile(r"se (?!puede\b).*[^s]|(?:me|nos|le|les|lo|la) (?!pregunto|siento|alegro).*(?:o|aba|aron|ieron)"),
    "it": re.compile(r"(?:si|mi|ci|gli|le|lo|la) (?:e|ha|aveva|era)|si .*[aeo]"),
}
_NO_VERB = rows(
    en="its us this thus plus perhaps always sometimes besides focus yes guess",
    de="bitte heute nicht jetzt vielleicht gestatte ist mit seit bist halt recht heut hast",
)
_ASKED_FOR = frozenset(("que", "cual", "cuanto", "cuanta", "cuantos", "cuantas"))
_OF = frozenset(("von", "van", "de", "del", "da", "di", "du", "the"))


def is_told_of(rest: Sequence[Word], language: str, ending: Ending, *, is_opened: bool = False) -> bool:
    """Tell whether what follows a name, with no mark between, says something of its bearer.

    ``is_opened``: words such as "hey" stand before the name.
    """
    if not rest:
        return False
    first, second = rest[0].text, rest[1].text if len(rest) > 1 else ""
    if first in ASKING.get(language, ()):
        return not _asks(second, language, ending)
    if first in ABOUT_AFTER.get(language, ()):
        return True
    if first in RELATIVE.get(language, ()):
        return ending == "." and not is_opened
    if first in VERB_PARTICLES.get(language, ()):
        return _tells_by_particle(first, second, language, ending)
    return _is_third_person(first, language, ending) or _is_longer_name(rest, language)


def is_told_of_before(sentence: Sentence, before: Sequence[Word], language: str) -> bool:
    """Tell whether what stands before a name at the end, with no mark between, speaks about its bearer."""
    last = before[-1]
    if last.text == "es" and language == "es" and len(before) > 2 and before[0].text in _ASKED_FOR:
        return False  # "¿Qué hora es, Iris?", without the mark
    if last.text in ABOUT_BEFORE.get(language, ABOUT_BEFORE["en"]) or is_of_a_verb(before, language):
        return True
    if sentence.ending == "?":
        return False
    if language != "de" and len(before) > 1 and last.is_capital and sentence.has_capitals:
        return last.text not in OPENING.get(language, ()) and not is_common(last.text, language)  # "a Chevy Nova"
    return language == "en" and last.text.endswith("ed") and _is_third_person(last.text, language, ".")


def _tells_by_particle(particle: str, verb: str, language: str, ending: Ending) -> bool:
    """Tell whether "me", "se" or the like between a name and a verb tells of the name: "Nova se equivocó"."""
    if verb in ABOUT_AFTER.get(language, ()) or verb in ASKING.get(language, ()):
        return True
    pattern = _AFTER_PARTICLE.get(language)
    if pattern is None or ending == "?":
        return False
    return pattern.fullmatch(f"{particle} {verb}") is not None


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
