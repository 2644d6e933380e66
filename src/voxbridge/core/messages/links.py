"""Names of commands in a text as Discord shows them best: a link that each reader sees in their own language.

    "`/privacy hear-me` changes that"  -->  "</privacy hear-me:123> changes that"

Discord documentation, "Message Formatting": a link needs the command's id, which is known once it is registered, and
the whole name: a group by itself is no command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_COMMAND = re.compile(r"`/(?P<name>[a-z][a-z-]*)(?: (?P<below>[a-z][a-z-]*))?(?: [a-z]+:)?`")
_SHOWN_OF_A_GROUP = "show"


class CommandLinks:
    """The commands that Discord knows. Until there are any, texts stay as they are."""

    def __init__(self) -> None:
        self._ids: Mapping[str, int] = {}
        self._below: Mapping[str, frozenset[str]] = {}

    def learn(self, ids: Mapping[str, int], groups: Mapping[str, Iterable[str]]) -> None:
        """Take the ids of the commands, and what stands below those that are groups."""
        self._ids = dict(ids)
        self._below = {name: frozenset(below) for name, below in groups.items()}

    def linked(self, text: str, chars_max: int) -> str:
        """Return the text with links, if it is not too long then."""
        linked = _COMMAND.sub(self._link, text)
        return linked if len(linked) <= chars_max else text

    def _link(self, found: re.Match[str]) -> str:
        name, below = found["name"], found["below"]
        known = self._below.get(name, frozenset())
        if name not in self._ids or (below is not None and below not in known):
            return found[0]
        if known and below is None:
            if _SHOWN_OF_A_GROUP not in known:
                return found[0]
            below = _SHOWN_OF_A_GROUP
        whole = name if below is None else f"{name} {below}"
        return f"</{whole}:{self._ids[name]}>"
