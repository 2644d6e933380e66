"""The way of packets and events from the connection to the room: a call, in the step in which the datagram came.

    datagram -> receiver -> port -- tell --> room -> speaker -> ear -> endpointing
                                     '--> kept, while the room has not begun, or is started again after a crash

What is kept is bounded: the oldest packets go first, a change of who is there never does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from voxbridge.core.call.events import SpeakingChanged, Unheard, VoiceEvent
from voxbridge.core.sound.pcm import OpusPacket

# One second of ten people speaking at once. A room that is a second behind will not catch up by working through it.
CAPACITY = 512
_SHED = CAPACITY // 4

Listener = Callable[[VoiceEvent], None]
"""Takes one event; must not raise."""


class Relay:
    """Hands each event on, in order of arrival. ``count_dropped`` is told how many packets nobody took in time."""

    def __init__(self, count_dropped: Callable[[int], None]) -> None:
        self._count_dropped = count_dropped
        self._listener: Listener | None = None
        self._kept: deque[VoiceEvent] = deque()

    def tell(self, event: VoiceEvent) -> None:
        """Hand an event to who listens, or keep it for who will."""
        if self._listener is not None:
            self._listener(event)
            return
        if len(self._kept) >= CAPACITY:
            self._shed()
        self._kept.append(event)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Call ``listener`` with what was kept, and with all that comes, until the end of the block."""
        assert self._listener is None, "a port has one room"
        while self._kept:
            listener(self._kept.popleft())
        self._listener = listener
        try:
            yield
        finally:
            self._listener = None

    def _shed(self) -> None:
        """Drop the oldest quarter of the packets. That is rare, and costs 0.3 ms."""
        dropped, waiting = 0, self._kept
        self._kept = deque()
        for event in waiting:
            if dropped < _SHED and isinstance(event, OpusPacket | SpeakingChanged | Unheard):
                dropped += 1
            else:
                self._kept.append(event)
        self._count_dropped(dropped)
