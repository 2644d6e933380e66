"""Who is in a room, for the agent: who came and who left since it was last asked, and names fit to be told.

Names are untrusted text, and go into prompts: what could end a line or a quotation in one, or hide, is taken out.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Iterable

import attrs

from voxbridge.core.ids import UserId

NAME_CHARS_MAX = 32  # as Discord has it
NAMES_MAX = 25
_NEWS_MAX = 100
# what quotes, what is markup, and what templates of prompts are made of
_TAKEN_OUT = frozenset("\"'`«»„“”\u2018\u2019<>{}[]|\\*_~#")


def plain_name(name: str) -> str:
    """Return a name that can stand in a prompt: one line of 32 letters, nothing invisible, no quotes, no markup."""
    shown = "".join(
        " " if letter.isspace() else letter
        for letter in unicodedata.normalize("NFC", name)
        if letter not in _TAKEN_OUT and (letter.isspace() or not unicodedata.category(letter).startswith("C"))
    )
    return " ".join(shown.split())[:NAME_CHARS_MAX].rstrip() or "(no name)"


def plain_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names that can stand in a prompt, and no more of them than a prompt may hold."""
    return tuple(plain_name(name) for name, _ in zip(names, range(NAMES_MAX), strict=False))


@attrs.frozen
class _News:
    number: int
    user_id: UserId
    name: str
    came: bool


@attrs.frozen
class Changes:
    """Who came and who left, by name. ``number`` is the last piece of news among them."""

    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    number: int = 0


class Company:
    """The comings and goings in one room. Each member's own conversation with the agent is told of them."""

    def __init__(self) -> None:
        self._news: deque[_News] = deque(maxlen=_NEWS_MAX)
        self._here: dict[UserId, str] = {}
        self._number = 0
        self._told: dict[UserId, int] = {}

    def came(self, user_id: UserId, name: str) -> None:
        """Note somebody who is heard here from now on, or has another name."""
        if user_id not in self._here:
            self._add(user_id, name, came=True)
        self._here[user_id] = name

    def went(self, user_id: UserId) -> None:
        """Note somebody who has left, or is not heard any more."""
        name = self._here.pop(user_id, None)
        if name is not None:
            self._add(user_id, name, came=False)

    def _add(self, user_id: UserId, name: str, *, came: bool) -> None:
        self._number += 1
        self._news.append(_News(self._number, user_id, name, came))

    def changes_for(self, user_id: UserId) -> Changes:
        """Return what has changed since a member's last question, all in all: who came and left again is no news.

        Nothing is news to a member who asks for the first time.
        """
        told = self._told.get(user_id, self._number)
        first: dict[UserId, _News] = {}
        for news in self._news:
            if news.number > told and news.user_id != user_id:
                first.setdefault(news.user_id, news)
        joined = [self._here[who] for who, news in first.items() if news.came and who in self._here]
        left = [news.name for who, news in first.items() if not news.came and who not in self._here]
        return Changes(plain_names(joined), plain_names(left), self._number)

    def told(self, user_id: UserId, changes: Changes) -> None:
        """Note that a member's question has told the agent of changes."""
        self._told[user_id] = changes.number
