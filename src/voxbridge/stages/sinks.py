"""Sinks that lead somewhere plain: an answer into a channel, sound into a function, and the instants to a timeline.

What is measured is named here and nowhere else; nothing is decided by a name.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from voxbridge.core.sound.pcm import Pcm
from voxbridge.stages.contracts import AgentEvent, TextDelta

Mark = Callable[[str, float], None]
"""Takes the name of an instant of the turn, such as ``tts_first_byte``, and its Trio time."""


def no_mark(_name: str, _at: float) -> None:
    """Ignore an instant (for calls outside a turn)."""


def is_visible(event: AgentEvent) -> bool:
    """Tell whether an event holds text that could be spoken: the first such one claims the turn."""
    return isinstance(event, TextDelta) and not event.text.isspace() and event.text != ""


class _Asked:
    """When a backend was asked: when it says so, else when it was called."""

    def __init__(self, mark: Mark, name: str) -> None:
        self._mark, self._name = mark, name
        self._called_at = trio.current_time()
        self._is_known = False

    def now(self) -> None:
        if not self._is_known:
            self._is_known = True
            self._mark(self._name, trio.current_time())

    def at_the_latest(self) -> None:
        """Note the call's begin: the answer is here, and nobody said when it was asked for."""
        if not self._is_known:
            self._is_known = True
            self._mark(self._name, self._called_at)


class AnswerInto:
    """An AnswerSink that fills a channel, which its maker closes. Made when the backend is called."""

    def __init__(self, channel: trio.MemorySendChannel[AgentEvent], mark: Mark = no_mark) -> None:
        self._channel, self._mark = channel, mark
        self._asked = _Asked(mark, "agent_request")
        self._has_text = False

    def asked(self) -> None:
        """See AnswerSink."""
        self._asked.now()

    def send_nowait(self, event: AgentEvent) -> None:
        """See AnswerSink. Raises: trio.WouldBlock."""
        self._note(event)
        self._channel.send_nowait(event)

    async def send(self, event: AgentEvent) -> None:
        """See AnswerSink."""
        self._note(event)
        await self._channel.send(event)

    def _note(self, event: AgentEvent) -> None:
        if self._has_text or not is_visible(event):
            return
        self._has_text = True
        self._asked.at_the_latest()
        self._mark("agent_first_text", trio.current_time())


class SoundInto:
    """A SoundSink that calls a function with each piece. Made when the backend is called."""

    def __init__(self, take: Callable[[Pcm], None], mark: Mark = no_mark) -> None:
        self._take, self._mark = take, mark
        self._asked = _Asked(mark, "tts_request")
        self._has_byte = self._has_sound = False

    def asked(self) -> None:
        """See SoundSink."""
        self._asked.now()

    def first_byte(self) -> None:
        """See SoundSink."""
        if not self._has_byte:
            self._has_byte = True
            self._asked.at_the_latest()
            self._mark("tts_first_byte", trio.current_time())

    def push(self, pcm: Pcm) -> None:
        """See SoundSink. Nobody knows which piece is the last: ``tts_last_pcm`` moves on with each."""
        if not pcm.data:
            return
        now = trio.current_time()
        if not self._has_sound:
            self._has_sound = True
            self.first_byte()
            self._mark("tts_first_pcm", now)
        self._mark("tts_last_pcm", now)
        self._take(pcm)
