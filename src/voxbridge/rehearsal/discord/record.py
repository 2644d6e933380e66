"""What happened: every packet, operation, message and fault, stamped in CLOCK_MONOTONIC seconds.

The record grows for as long as nobody calls ``clear``: about 200 bytes for a packet, 100 packets a second for
two people who talk. Heartbeats are counted, not kept.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any, Literal

import attrs
import trio

from voxbridge.clock import monotonic_s
from voxbridge.core.ids import ChannelId, UserId
from voxbridge.rehearsal.discord.hearing import Heard

# A condition may look at things outside this server (a client's state), whose changes nobody announces here.
_RECHECK_S = 0.02


@attrs.frozen
class Packet:
    """One RTP packet after transport decryption. ``encrypted``: the payload is a DAVE frame, by its bytes.

    ``receiver`` is None in ``Record.packets`` (arrived at the SFU) and set in ``Record.deliveries``.
    """

    arrived_at: float
    sender: UserId
    ssrc: int
    sequence: int
    timestamp: int
    payload_bytes: int
    encrypted: bool
    is_silence: bool
    receiver: UserId | None = None


@attrs.frozen
class Event:
    """One operation of a websocket, or one REST request (``name`` is then method and path, without query)."""

    at: float
    source: Literal["gateway", "voice", "rest"]
    direction: Literal["in", "out"]
    user_id: UserId | None
    op: int
    name: str = ""
    data: Any = None


@attrs.define
class PostedMessage:
    """A message in a text channel, a voice channel's chat or a thread. ``content`` follows later edits."""

    at: float
    id: int
    channel_id: ChannelId
    author_id: UserId
    content: str
    is_deleted: bool = False
    files: dict[str, bytes] = attrs.field(factory=dict)
    mentions: Any = None
    """Who may be called by it (``allowed_mentions``), as it was sent or edited last."""
    edits: int = 0
    embeds: list[Any] = attrs.field(factory=list)
    reply_to: int | None = None
    reactions: dict[str, list[UserId]] = attrs.field(factory=dict)  # who reacted with which emoji


class Record:
    """All that was seen, and the means to wait for more."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []  # as they arrived at the SFU, from clients and members alike
        self.deliveries: list[Packet] = []  # as they went out, one for each receiver
        self.events: list[Event] = []
        self.messages: list[PostedMessage] = []
        self.faults: collections.Counter[str] = collections.Counter()  # what a peer did wrong, or what we dropped
        self.counts: collections.Counter[str] = collections.Counter()  # heartbeats, keepalives and the like
        self._heard: dict[UserId, list[Heard]] = {}
        self._changed = trio.Event()

    def heard_by(self, user_id: UserId) -> list[Heard]:
        """Return the list of what a member heard: always the same one, emptied by ``clear``."""
        return self._heard.setdefault(user_id, [])

    def clear(self) -> None:
        """Forget everything; conditions that are being waited for look again."""
        self.packets.clear()
        self.deliveries.clear()
        self.events.clear()
        self.messages.clear()
        for heard in self._heard.values():
            heard.clear()
        self.faults.clear()
        self.counts.clear()
        self.touch()

    def touch(self) -> None:
        """Wake everybody in ``wait_until``."""
        self._changed.set()
        self._changed = trio.Event()

    def note(
        self,
        source: Literal["gateway", "voice", "rest"],
        direction: Literal["in", "out"],
        user_id: UserId | None,
        op: int,
        name: str = "",
        data: object = None,
    ) -> None:
        """Add an event that happened now."""
        self.events.append(Event(monotonic_s(), source, direction, user_id, op, name, data))
        self.touch()

    def fault(self, name: str) -> None:
        """Count something that should not have happened."""
        self.faults[name] += 1
        self.touch()

    def voice_ops(self, user_id: UserId | None = None, *, direction: Literal["in", "out"] = "in") -> list[int]:
        """Return the voice operations of one user (or all) in order."""
        return [
            event.op
            for event in self.events
            if event.source == "voice" and event.direction == direction and user_id in (None, event.user_id)
        ]

    async def wait_until(self, condition: Callable[[], bool], *, timeout_s: float) -> None:
        """Return as soon as the condition holds. Raises: trio.TooSlowError with a summary of what was seen."""
        with trio.move_on_after(timeout_s):
            while not condition():
                with trio.move_on_after(_RECHECK_S):
                    await self._changed.wait()
        if not condition():
            raise trio.TooSlowError(f"not within {timeout_s} s; {self.summary()}")

    def summary(self) -> str:
        """Describe the last of what was seen, in one line."""
        last = [f"{e.source} {e.direction} {e.name or e.op}" for e in self.events[-12:]]
        return (
            f"{len(self.packets)} packets in, {len(self.deliveries)} out, {len(self.messages)} messages,"
            f" faults {dict(self.faults)}, last events {last}"
        )
