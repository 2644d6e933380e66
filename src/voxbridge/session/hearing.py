"""The Trio shell round one speaker's ear.

    hear -> ear.push, ear.pull -> on_event      in the caller's step: no task is switched to for a packet
    run  -> sleeps until the ear has something to decide though nothing came

Both are synchronous but for the sleep, so an event is carried out before the next one is made. A crash in ``hear``
is raised by ``run``, which stands under the speaker's supervisor; whoever called goes on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import assert_never

import trio

from voxbridge.core.call.events import Unheard, VoiceDown
from voxbridge.core.sound.pcm import OpusPacket
from voxbridge.session.counters import SessionCounters
from voxbridge.session.ear import Ear, EarEvent
from voxbridge.supervise import Fuse

# 2 s of packets: so long an ear may take to be there (again) before the oldest sound is dropped.
_EARLY_MAX = 100
# With datagrams that wait in the socket there is nothing to decide yet; they are worked off a few at a time.
_BEHIND_S = 0.01


class Hearing:
    """Hears one speaker. ``hand_over`` is the voice port's."""

    def __init__(
        self,
        make_ear: Callable[[], Ear],
        on_event: Callable[[EarEvent, Ear], None],
        hand_over: Callable[[], float],
        counters: SessionCounters,
    ) -> None:
        self._make_ear, self._on_event, self._hand_over = make_ear, on_event, hand_over
        self._counters = counters
        self._early: deque[OpusPacket | VoiceDown | Unheard] = deque()
        self._ear: Ear | None = None
        self._fuse = Fuse()
        self._sleep = trio.CancelScope()
        self._not_before = -math.inf

    def hear(self, item: OpusPacket | VoiceDown | Unheard) -> None:
        """Take what the voice port says of this speaker. Never raises, never blocks."""
        if self._ear is not None:
            self._fuse.call(self._take, item, self._ear)
            return
        if len(self._early) >= _EARLY_MAX:
            self._drop_oldest()
        self._early.append(item)

    def _drop_oldest(self) -> None:
        """Make room: the oldest sound goes. News of a loss goes only where there is nothing else."""
        for number, item in enumerate(self._early):
            if isinstance(item, OpusPacket):
                del self._early[number]
                self._counters.dropped_packets += 1
                return
        self._early.popleft()

    def _take(self, item: OpusPacket | VoiceDown | Unheard, ear: Ear) -> None:
        match item:
            case OpusPacket():
                ear.push(item)
                self._tell(ear.pull(item.arrived_at), ear)
            case Unheard(seconds):
                ear.on_unheard(seconds)
            case VoiceDown():
                self._tell(ear.cut_off(trio.current_time()), ear)
            case _:
                assert_never(item)
        due = self._due(ear)
        if due < self._sleep.deadline:  # a later one is found out when it wakes: that is ten times a second at most
            self._sleep.deadline = due

    def reconsider(self) -> None:
        """Look again when there is something to decide: the ear has learnt something."""
        if self._ear is not None:
            self._sleep.deadline = min(self._sleep.deadline, self._due(self._ear))

    def _tell(self, events: list[EarEvent], ear: Ear) -> None:
        for event in events:
            self._on_event(event, ear)

    def _due(self, ear: Ear) -> float:
        due = ear.next_due()
        return math.inf if due is None else max(due, self._not_before)

    async def run(self) -> None:
        """Hear with a new ear, until cancelled. Raises: what a bug in it raises."""
        self._fuse, self._not_before = Fuse(), -math.inf
        ear = self._ear = self._make_ear()
        try:
            while self._early:
                self._fuse.call(self._take, self._early.popleft(), ear)
            while True:
                with trio.CancelScope(deadline=self._due(ear)) as self._sleep:
                    await self._fuse.wait()
                now = trio.current_time()
                if self._due(ear) > now:
                    continue
                heard_until = self._hand_over()
                self._not_before = -math.inf if heard_until >= now else now + _BEHIND_S
                self._tell(ear.pull(heard_until), ear)
        finally:
            self._ear = None
