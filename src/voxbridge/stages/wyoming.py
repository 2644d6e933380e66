"""A client's end of a Wyoming connection: TCP, one event after the other, failures told in words.

It has no task of its own: one task sends and receives. A cancelled send leaves half an event on the wire, so a
connection whose last send did not return carries nothing more; whoever is cancelled closes it.
"""

from __future__ import annotations

import urllib.parse
from collections import deque
from typing import Self

import attrs
import trio

from voxbridge.core.wire.json_text import Malformed
from voxbridge.core.wire.wyoming import WyomingEvent, WyomingReader, encode_event
from voxbridge.errors import ConfigError, StageName, StageProtocolError, StageUnavailable
from voxbridge.stages.reasons import why_unreachable

_READ_BYTES = 65_536


@attrs.frozen
class WyomingAddress:
    """Where a Wyoming server is."""

    host: str
    port: int

    @classmethod
    def parse(cls, stage: StageName, url: str) -> Self:
        """Take a ``tcp://host:port`` URL apart. Raises: ConfigError."""
        parts = urllib.parse.urlsplit(url.strip())
        try:
            port = parts.port or 0
        except ValueError:
            port = 0
        if parts.scheme != "tcp" or not parts.hostname or not port:
            raise ConfigError("is not a usable address", key=f"{stage}.url", allowed="tcp://host:port")
        return cls(parts.hostname, port)


class WyomingLine:
    """An open connection, made by ``connect``."""

    def __init__(self, stream: trio.SocketStream, stage: StageName, backend: str) -> None:
        self._stream, self._stage, self._backend = stream, stage, backend
        self._reader = WyomingReader()
        self._events: deque[WyomingEvent | Malformed] = deque()
        self.has_answered = False
        """Some byte has come since ``expect_answer`` (or since the connection was made)."""

    @classmethod
    async def connect(cls, address: WyomingAddress, stage: StageName, *, backend: str = "") -> Self:
        """Connect; the caller limits the time. Raises: StageUnavailable."""
        try:
            stream = await trio.open_tcp_stream(address.host, address.port)
        except OSError as error:
            raise StageUnavailable(stage, why_unreachable(error), backend=backend) from error
        return cls(stream, stage, backend)

    def is_quiet(self) -> bool:
        """Tell whether nothing has come that nobody asked for; an end of the stream counts as something."""
        return not self._events and not self._stream.socket.is_readable()

    def expect_answer(self) -> None:
        """Begin a new exchange on a kept connection."""
        self.has_answered = False

    async def send(self, *events: WyomingEvent) -> None:
        """Send events in one write. Raises: StageProtocolError when the connection is gone."""
        try:
            await self._stream.send_all(b"".join(map(encode_event, events)))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise self._broken("the connection was lost before the request was sent") from error

    async def receive(self) -> WyomingEvent:
        """Return the next event. Raises: StageProtocolError: the end, a loss, or bytes that are no events."""
        while not self._events:
            try:
                data = await self._stream.receive_some(_READ_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise self._broken("the connection was lost before the answer was complete") from error
            if not data:
                where = "in the middle of its answer" if self.has_answered else "without an answer"
                raise self._broken(f"the server closed the connection {where}")
            self.has_answered = True
            self._events += self._reader.feed(bytes(data))
        event = self._events.popleft()
        if isinstance(event, Malformed):
            self._events.appendleft(event)  # for ever: nothing can follow it
            raise self._broken(f"the server there does not speak the Wyoming protocol ({event.reason})")
        return event

    def _broken(self, detail: str) -> StageProtocolError:
        return StageProtocolError(self._stage, detail, backend=self._backend)

    def drop(self) -> None:
        """Close a connection that is closed at the other end; nothing is waited for."""
        self._stream.socket.close()

    async def close(self) -> None:
        """Close at once. (The protocol has no farewell.)"""
        await trio.aclose_forcefully(self._stream)
