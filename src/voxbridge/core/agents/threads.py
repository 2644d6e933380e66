"""The ids under which an agent's own server keeps its conversations, by session: what is needed to go on with one.

The server has what was said; here is only which of its conversations is whose.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import attrs

_MAX = 1000


@attrs.frozen
class Thread:
    """A conversation on the server; ``guild`` and ``user`` are those of its last question."""

    id: str
    guild: str
    user: str


OnThread = Callable[[str, Thread | None], None]
"""Told of each session whose conversation is another one now, or none any more. Must not raise."""


class Threads:
    """The conversations of one server, called ``name``; of too many the one that was silent longest goes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._threads: OrderedDict[str, Thread] = OrderedDict()
        self._on_change: OnThread = lambda _session, _thread: None

    def when_changed(self, listener: OnThread) -> None:
        """Call ``listener`` with each change."""
        self._on_change = listener

    def get(self, session: str) -> str:
        """Return the id of a session's conversation; empty if there is none."""
        thread = self._threads.get(session)
        return "" if thread is None else thread.id

    def keep(self, session: str, thread: Thread) -> None:
        """Keep the conversation of a session."""
        is_new = self._threads.get(session) != thread
        self._threads[session] = thread
        self._threads.move_to_end(session)
        if is_new:
            self._on_change(session, thread)
        if len(self._threads) > _MAX:
            self.forget(next(iter(self._threads)))

    def forget(self, session: str) -> None:
        """Begin a new conversation with the next question of a session."""
        if self._threads.pop(session, None) is not None:
            self._on_change(session, None)

    def restore(self, session: str, thread: Thread) -> None:
        """Take a conversation that was kept over a restart, unless there is a newer one."""
        self._threads.setdefault(session, thread)

    def of(self, guild: str, user: str) -> list[str]:
        """Return the sessions in which a member asked last."""
        return [name for name, thread in self._threads.items() if (thread.guild, thread.user) == (guild, user)]
