"""Whose answer it is: said where it could be anybody's.

    Ada asks ......... Ada's answer, 10 s ............|"Ben: ..."
            Ben asks . his is ready ... waits ........|

An answer that follows its question at once needs no name, nor does one to the only person who is there.
"""

from __future__ import annotations

import re

_NAME_WORDS_MAX, _NAME_CHARS_MAX = 3, 32
# What people put round their names: decoration, clan tags, pronouns. Said aloud, it is nobody's name.
_TAGS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\|.*")
_SPOKEN = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")


def needs_name(*, waited_s: float, must_wait: bool, people: int, name_after_s: float) -> bool:
    """Tell whether an answer says whose it is: ``waited_s`` after its question ended, behind another one or not."""
    return people > 1 and (must_wait or waited_s >= name_after_s)


def said_name(name: str) -> str:
    """Return what of a name in Discord can be said, as one would call somebody; "" if there is nothing."""
    words = _SPOKEN.findall(_TAGS.sub(" ", name)) or _SPOKEN.findall(name)
    said = ""
    for word in words[:_NAME_WORDS_MAX]:
        longer = f"{said} {word}".strip()
        if len(longer) > _NAME_CHARS_MAX:
            break
        said = longer
    return said
