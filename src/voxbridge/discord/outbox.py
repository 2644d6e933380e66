"""The way of packets and events from the connection to the room: bounded, never blocking, in order."""

from __future__ import annotations

import math
from collections.abc import Callable

import trio

from voxbridge.core.call.events import SpeakingChanged, VoiceEvent
from voxbridge.core.sound.pcm import OpusPacket

# One second of ten people speaking at once. A room that is a second behind will not catch up by working through it.
CAPACITY = 512
_SHED = CAPACITY // 4


class Outbox:
    """A channel that drops the oldest packets when the room does not keep up, and never drops a membership event.

    A memory channel cannot drop from its head, so ours has no bound of its own: when ``CAPACITY`` is reached, what
    waits is taken out and put back without the oldest quarter of the packets. That is rare, and costs 0.3 ms.
    """

    def __init__(self, count_dropped: Callable[[int], None]) -> None:
        self._send, self.receive = trio.open_memory_channel[VoiceEvent](math.inf)
        self._count_dropped = count_dropped

    def put(self, event: VoiceEvent) -> None:
        """Hand an event to the room; one that nobody reads any more is counted."""
        try:
            if self._send.statistics().current_buffer_used >= CAPACITY:
                self._shed()
            self._send.send_nowait(event)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._count_dropped(1)

    def close(self) -> None:
        """End the events; what waits is still read."""
        self._send.close()

    def _shed(self) -> None:
        waiting: list[VoiceEvent] = []
        while True:
            try:
                waiting.append(self.receive.receive_nowait())
            except trio.WouldBlock:
                break
        dropped = 0
        for event in waiting:
            if dropped < _SHED and isinstance(event, OpusPacket | SpeakingChanged):
                dropped += 1
            else:
                self._send.send_nowait(event)
        self._count_dropped(dropped)
