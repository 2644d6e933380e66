"""The calls: who sits in which, and what each of them is told.

Nothing here awaits. Whatever a participant says is queued and handled one at a time, since an answer (an in-process
member commits while the proposals are still being handed round) must not overtake what is being said.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from functools import partial
from typing import Protocol

import attrs

from voxbridge.clock import monotonic_s
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.sound.pcm import SILENCE_OPUS
from voxbridge.rehearsal.discord import dave
from voxbridge.rehearsal.discord.knobs import Knobs
from voxbridge.rehearsal.discord.mls import ExternalSender
from voxbridge.rehearsal.discord.record import Packet, Record
from voxbridge.rehearsal.discord.rtp import RtpPacket, is_dave_frame
from voxbridge.rehearsal.discord.timers import Timers

SPEAKING, CLIENTS_CONNECT, CLIENT_CONNECT, CLIENT_DISCONNECT, CLIENT_FLAGS = 5, 11, 12, 13, 18


class Line(Protocol):
    """How a participant is reached: a client by websocket and UDP, an in-process member by a call."""

    def deliver(self, op: int, data: object) -> None:
        """Hand over a JSON operation."""

    def deliver_binary(self, op: int, payload: bytes) -> None:
        """Hand over a binary operation, without sequence number."""

    def deliver_rtp(self, sender: UserId, packet: RtpPacket) -> bool:
        """Hand over a packet; False if it cannot reach him (no address yet, silent by UDP for too long)."""
        ...

    def dismiss(self, code: int, reason: str) -> None:
        """Hang up."""


@attrs.define(eq=False)
class Seat:
    """One user's place in one call."""

    user_id: UserId
    guild_id: GuildId
    ssrc: int
    line: Line
    speaks_dave: bool
    speaking: int | None = None  # None: op 5 has never been sent
    is_announced: bool = False  # op 5 has been relayed
    is_muted: bool = False  # by the server, or in a stage's audience: not heard
    is_deaf: bool = False  # by the server: does not hear


class Call:
    """One voice channel with somebody in it."""

    def __init__(
        self,
        channel_id: ChannelId,
        sender: ExternalSender,
        record: Record,
        knobs: Knobs,
        timers: Timers,
        *,
        is_e2ee: bool,
    ) -> None:
        self.channel_id = channel_id
        self.seats: dict[UserId, Seat] = {}
        self.group = dave.DeliveryService(channel_id, sender) if is_e2ee else None
        self._record, self._knobs, self._timers = record, knobs, timers
        self._steps: collections.deque[Callable[[], None]] = collections.deque()
        self._is_stepping = False
        self._spoilt: set[UserId] = set()

    @property
    def dave_version(self) -> int:
        """Return the protocol version in force, 0 for a plain call."""
        return self.group.version if self.group is not None else 0

    def others(self, seat: Seat) -> list[Seat]:
        """Return everybody else."""
        return [other for other in self.seats.values() if other is not seat]

    def _do(self, step: Callable[[], None]) -> None:
        self._steps.append(step)
        if self._is_stepping:
            return
        self._is_stepping = True
        try:
            while self._steps:
                self._steps.popleft()()
        finally:
            self._is_stepping = False
            self._record.touch()

    def admit(self, seat: Seat) -> None:
        """Seat somebody who has got op 4, and tell everybody."""
        self._do(partial(self._admit, seat))

    def _admit(self, seat: Seat) -> None:
        old = self.seats.get(seat.user_id)
        if old is not None:
            self._leave(old)
        self.seats[seat.user_id] = seat
        others = self.others(seat)
        if others:
            seat.line.deliver(CLIENTS_CONNECT, {"user_ids": [str(other.user_id) for other in others]})
        for other in others:
            other.line.deliver(CLIENTS_CONNECT, {"user_ids": [str(seat.user_id)]})
            other.line.deliver(CLIENT_FLAGS, {"user_id": str(seat.user_id), "flags": 2})
        if self.group is not None and seat.speaks_dave:
            self._carry_out(self.group.admit(seat.user_id))

    def leave(self, seat: Seat) -> None:
        """Let somebody go; harmless if he has gone."""
        self._do(partial(self._leave, seat))

    def _leave(self, seat: Seat) -> None:
        if self.seats.get(seat.user_id) is not seat:
            return
        del self.seats[seat.user_id]
        for other in self.seats.values():
            other.line.deliver(CLIENT_DISCONNECT, {"user_id": str(seat.user_id)})
        if self.group is not None:
            self._carry_out(self.group.leave(seat.user_id))

    def speaking(self, seat: Seat, flags: int) -> None:
        """Note and relay op 5."""
        self._do(partial(self._speaking, seat, flags))

    def _speaking(self, seat: Seat, flags: int) -> None:
        if self.seats.get(seat.user_id) is not seat:
            return
        seat.speaking = flags
        if self._knobs.speaking_once and (seat.is_announced or not flags):
            return
        seat.is_announced = True
        for other in self.others(seat):
            other.line.deliver(SPEAKING, {"user_id": str(seat.user_id), "ssrc": seat.ssrc, "speaking": flags})

    def tell(self, op: int, data: object, *, besides: Seat | None = None) -> None:
        """Send one JSON operation to everybody (but one)."""
        self._do(partial(self._tell, op, data, besides))

    def _tell(self, op: int, data: object, besides: Seat | None) -> None:
        for seat in self.seats.values():
            if seat is not besides:
                seat.line.deliver(op, data)

    def receive_dave(self, seat: Seat, op: int, body: bytes | int) -> None:
        """Handle one of ops 23, 26, 28, 31; ``body`` is a transition id for 23 and 31."""
        self._do(partial(self._receive_dave, seat, op, body))

    def _receive_dave(self, seat: Seat, op: int, body: bytes | int) -> None:
        group = self.group
        if group is None or not seat.speaks_dave or self.seats.get(seat.user_id) is not seat:
            return
        if isinstance(body, int):
            if op == dave.TRANSITION_READY:
                self._carry_out(group.ready(seat.user_id, body))
            elif op == dave.INVALID_COMMIT:
                self._record.counts["invalid_commits_reported"] += 1
                self._carry_out(group.invalid(seat.user_id))
        elif op == dave.KEY_PACKAGE:
            self._carry_out(group.offer_key_package(seat.user_id, body))
        elif op == dave.COMMIT_WELCOME:
            self._carry_out(group.commit(seat.user_id, body))

    def restart_group(self) -> None:
        """Make everybody begin a new group (op 24)."""
        self._do(lambda: self._carry_out(self.group.restart() if self.group else []))

    def downgrade(self) -> None:
        """Lead the call out of encryption."""
        self._do(lambda: self._carry_out(self.group.downgrade() if self.group else []))

    def upgrade(self) -> None:
        """Lead the call back into encryption."""
        self._do(lambda: self._carry_out(self.group.upgrade() if self.group else []))

    def spoil_next_commit(self, user_id: UserId) -> None:
        """Damage the next commit or Welcome that goes to one member."""
        self._spoilt.add(user_id)

    def send_bad_commit(self, user_id: UserId, transition_id: int = 0xFFFF) -> None:
        """Announce a commit that is none to one member, out of the blue."""
        body = transition_id.to_bytes(2, "big") + b"\x00\x01\x00\x01" + bytes(60)
        self._do(partial(self._carry_out, [dave.ToMember(user_id, dave.ANNOUNCE_COMMIT, body)]))

    def _carry_out(self, commands: list[dave.Command]) -> None:
        for command in commands:
            if isinstance(command, dave.AwaitReady):
                self._timers.after(self._knobs.transition_timeout_s, partial(self._execute_late, command.transition_id))
            elif isinstance(command, dave.Refused):
                # A commit that lost the race is normal: about one an epoch with two members.
                kept = self._record.counts if command.why == "dropped_commit" else self._record.faults
                kept[command.why] += 1
            elif (seat := self.seats.get(command.user_id)) is not None:
                self._send(seat, command.op, command.body)

    def _send(self, seat: Seat, op: int, body: bytes | dict[str, int]) -> None:
        if not isinstance(body, bytes):
            seat.line.deliver(op, body)
            return
        if op in (dave.ANNOUNCE_COMMIT, dave.WELCOME) and seat.user_id in self._spoilt:
            self._spoilt.discard(seat.user_id)
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :]
        seat.line.deliver_binary(op, body)

    def _execute_late(self, transition_id: int) -> None:
        group = self.group
        if group is not None:
            self._do(lambda: self._carry_out(group.execute(transition_id)))

    def relay(self, seat: Seat, packet: RtpPacket) -> None:
        """Record a packet that arrived from somebody, and pass it on to all others."""
        self._record.packets.append(_seen(seat.user_id, packet))
        if not seat.is_muted:
            for other in self.others(seat):
                if other.is_deaf:
                    continue
                if other.line.deliver_rtp(seat.user_id, packet):
                    self._record.deliveries.append(_seen(seat.user_id, packet, other.user_id))
                else:
                    self._record.counts["undeliverable_packets"] += 1
        self._record.touch()


def _seen(sender: UserId, packet: RtpPacket, receiver: UserId | None = None) -> Packet:
    return Packet(
        arrived_at=monotonic_s(),
        sender=sender,
        ssrc=packet.ssrc,
        sequence=packet.sequence,
        timestamp=packet.timestamp,
        payload_bytes=len(packet.payload),
        encrypted=is_dave_frame(packet.payload),
        is_silence=packet.payload == SILENCE_OPUS,
        receiver=receiver,
    )
