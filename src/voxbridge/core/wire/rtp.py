"""RTP as Discord speaks it: opening and building packets, and who owns which stream. No I/O, no keys.

Bytes of a packet in a ``*_rtpsize`` mode (Discord documentation, "Voice Connections", transport encryption modes)::

    0x80|P|X|CC  0x78  seq:u16  timestamp:u32  ssrc:u32  CSRC:u32*CC  [BE DE words:u16]     in clear, authenticated
    extension words | payload | padding                                                     encrypted
    tag:16  nonce:4 (big-endian counter)                                                    in clear

The order of opening is fixed: transport decryption, extension words off the front, padding off the end; only what
is left is a DAVE frame. A client that leaves the padding on sees 3 to 15 % of real packets fail to decrypt
(discordjs/discord.js#11419, Pycord-Development/pycord#3386).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Literal

import attrs

from voxbridge.core.ids import UserId

SEQUENCE_MODULUS = 1 << 16
TIMESTAMP_MODULUS = 1 << 32
HEADER_BYTES = 12
TAG_BYTES = 16
NONCE_BYTES = 4
KEEPALIVE_BYTES = 8
IP_DISCOVERY_BYTES = 74
OPUS_PAYLOAD_TYPE = 0x78

_VERSION_2 = 0x80
_PADDING = 0x20
_EXTENSION = 0x10
_RTCP_TYPES = range(200, 205)  # RFC 5761, section 4: these values of byte 1 are RTCP, whatever the marker bit
_HEADER = struct.Struct(">BBHII")

AeadOpen = Callable[[bytes, bytes, bytes], bytes]
"""``(ciphertext and tag, additional data, the 4 nonce bytes) -> plaintext``; raises ValueError if not authentic."""


class NotAudio(Enum):
    """Why a datagram is not a packet of sound. Only ``UNAUTHENTIC`` and ``MALFORMED`` are faults."""

    KEEPALIVE = "keepalive echo"
    IP_DISCOVERY = "IP discovery reply"
    RTCP = "RTCP"
    OTHER_PAYLOAD = "not Opus (video, its repair stream)"
    SHORT = "too short for RTP, or another version"
    UNAUTHENTIC = "transport decryption failed"
    MALFORMED = "extension or padding longer than the packet"


@attrs.frozen
class RtpPacket:
    """A packet whose transport encryption is off: ``payload`` is a DAVE frame, plain Opus or Discord's silence."""

    ssrc: int
    sequence: int
    timestamp: int
    payload: bytes


def build_header(sequence: int, timestamp: int, ssrc: int) -> bytes:
    """Return the 12-byte header of an Opus packet; ``sequence`` and ``timestamp`` wrap."""
    return _HEADER.pack(_VERSION_2, OPUS_PAYLOAD_TYPE, sequence % SEQUENCE_MODULUS, timestamp % TIMESTAMP_MODULUS, ssrc)


def classify(datagram: bytes) -> NotAudio | None:
    """Tell from the clear bytes what is not sound; None means that it looks like a packet of Opus."""
    size = len(datagram)
    if size == KEEPALIVE_BYTES:
        return NotAudio.KEEPALIVE
    if size == IP_DISCOVERY_BYTES and datagram[:2] == b"\x00\x02":
        return NotAudio.IP_DISCOVERY
    if size < HEADER_BYTES + TAG_BYTES + NONCE_BYTES or datagram[0] >> 6 != 2:
        return NotAudio.SHORT
    if datagram[1] in _RTCP_TYPES:
        return NotAudio.RTCP
    if datagram[1] & 0x7F != OPUS_PAYLOAD_TYPE:
        return NotAudio.OTHER_PAYLOAD
    return None


def open_packet(datagram: bytes, open_aead: AeadOpen) -> RtpPacket | NotAudio:
    """Open one datagram of the voice socket. Never raises for what a peer can send."""
    other = classify(datagram)
    if other is not None:
        return other
    first, _, sequence, timestamp, ssrc = _HEADER.unpack_from(datagram)
    clear_bytes = HEADER_BYTES + 4 * (first & 0x0F)
    extension_bytes = 0
    if first & _EXTENSION:
        clear_bytes += 4
    if len(datagram) < clear_bytes + TAG_BYTES + NONCE_BYTES:
        return NotAudio.SHORT
    if first & _EXTENSION:
        extension_bytes = 4 * int.from_bytes(datagram[clear_bytes - 2 : clear_bytes], "big")
    try:
        plain = open_aead(
            bytes(datagram[clear_bytes:-NONCE_BYTES]), bytes(datagram[:clear_bytes]), bytes(datagram[-NONCE_BYTES:])
        )
    except ValueError:
        return NotAudio.UNAUTHENTIC
    end = len(plain)
    if first & _PADDING:
        padding = plain[-1] if plain else 0
        if padding == 0:
            return NotAudio.MALFORMED
        end -= padding
    if end < extension_bytes:
        return NotAudio.MALFORMED
    return RtpPacket(ssrc, sequence, timestamp, plain[extension_bytes:end])


@attrs.frozen
class Held:
    """A packet of a stream whose owner is not known yet."""

    packet: RtpPacket
    arrived_at: float


@attrs.define
class SsrcMap:
    """Who owns which stream, and the packets that wait for an owner. Times in seconds.

    UDP overtakes the websocket, so the first packet of a speaker often comes before the message that names him
    (voice op 5); and that message is not sent again for those who were there before us. Packets of an unknown
    stream therefore wait, ``HOLD_PACKETS`` at most and ``HOLD_S`` at most, until op 5 or a trial decryption
    names the owner. Streams of video are told apart by their payload type and never come here.
    """

    HOLD_PACKETS = 50  # one second of sound; a later answer is worth nothing to a conversation
    HOLD_S = 1.0
    HOLD_STREAMS = 64  # a bound on memory, should somebody spray stream numbers

    expired: int = 0
    _owners: dict[int, UserId] = attrs.field(factory=dict)
    _held: dict[int, list[Held]] = attrs.field(factory=dict)

    def owner(self, ssrc: int) -> UserId | None:
        """Return the owner of a stream, if known."""
        return self._owners.get(ssrc)

    @property
    def owners(self) -> frozenset[UserId]:
        """Return everybody who owns a stream."""
        return frozenset(self._owners.values())

    def assign(self, ssrc: int, user_id: UserId, now: float) -> list[Held]:
        """Note that ``user_id`` owns ``ssrc``; return the packets that waited for it, in order of arrival.

        The newest word wins: a user has one audio stream, so his older ones are forgotten, and a stream that
        belonged to somebody else changes hands.
        """
        if self._owners.get(ssrc) != user_id:
            self.drop_user(user_id)
            self._owners[ssrc] = user_id
        self._expire(ssrc, now)
        return self._held.pop(ssrc, [])

    def hold(self, packet: RtpPacket, arrived_at: float) -> None:
        """Keep a packet of an unknown stream; the oldest makes room, and what is too old is thrown away."""
        if packet.ssrc not in self._held and len(self._held) >= self.HOLD_STREAMS:
            self.expired += len(self._held.pop(next(iter(self._held))))
        self._expire(packet.ssrc, arrived_at)
        waiting = self._held.setdefault(packet.ssrc, [])
        waiting.append(Held(packet, arrived_at))
        if len(waiting) > self.HOLD_PACKETS:
            del waiting[0]
            self.expired += 1

    def waiting(self, ssrc: int) -> tuple[Held, ...]:
        """Return what waits for an owner, oldest first."""
        return tuple(self._held.get(ssrc, ()))

    def drop_user(self, user_id: UserId) -> list[int]:
        """Forget the streams of somebody who left (voice op 13); return which they were."""
        dropped = [ssrc for ssrc, owner in self._owners.items() if owner == user_id]
        for ssrc in dropped:
            del self._owners[ssrc]
        return dropped

    def _expire(self, ssrc: int, now: float) -> None:
        waiting = self._held.get(ssrc)
        if not waiting:
            return
        fresh = [held for held in waiting if now - held.arrived_at <= self.HOLD_S]
        self.expired += len(waiting) - len(fresh)
        self._held[ssrc] = fresh


def trial_order(members: Iterable[UserId], owners: frozenset[UserId], own_id: UserId) -> list[UserId]:
    """Return whose keys to try on a stream without an owner: first those without a stream, never ourselves."""
    return sorted((user for user in members if user != own_id), key=lambda user: user in owners)


DaveAdvice = Literal["heal", "rejoin"]


@attrs.define
class DaveHealth:
    """Decides when failing end-to-end decryption is a fault of our session rather than of a packet or its sender.

    ``FAILURES`` failures in a row of one known speaker, none of them within ``SETTLE_S`` of a change of keys, ask
    for a fresh place in the group; the same again within ``RELAPSE_S`` of that asks for leaving and joining anew.
    A frame of somebody else that opened with the same keys shows that ours are right: then the fault is the speaker's,
    who may be slow to change keys, or mean us harm.
    """

    FAILURES = 36  # other clients see 5 to 24 after a change of keys, and tolerate 36 (Dysnomia#228)
    SETTLE_S = 2.0  # how long Discord waits for the slowest member at a change of keys
    RELAPSE_S = 10.0

    _epoch: int | None = None
    _settled_at: float = 0.0
    _failures: dict[UserId, int] = attrs.field(factory=dict)
    _proof: set[UserId] = attrs.field(factory=set)  # whose frames have opened with the keys of now
    _healed_at: float | None = None

    def saw_epoch(self, epoch: int | None, now: float) -> None:
        """Note the group's epoch (None: no group); a new one starts a grace period."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._settled_at = now + self.SETTLE_S
            self._failures.clear()
            self._proof.clear()

    def succeeded(self, user_id: UserId) -> None:
        """Note a frame that opened."""
        self._proof.add(user_id)
        if self._failures:
            self._failures.pop(user_id, None)

    def forget(self, user_id: UserId) -> None:
        """Drop what is known of somebody who left."""
        self._failures.pop(user_id, None)
        self._proof.discard(user_id)

    def failed(self, user_id: UserId, now: float) -> DaveAdvice | None:
        """Note a frame that did not open; return what to do about it."""
        if now < self._settled_at or self._proof - {user_id}:
            return None
        self._failures[user_id] = self._failures.get(user_id, 0) + 1
        if self._failures[user_id] < self.FAILURES:
            return None
        self._failures.clear()
        relapsed = self._healed_at is not None and now - self._healed_at < self.RELAPSE_S
        self._healed_at = now
        # Until the fresh place is there every frame fails: the wait is the same as after a change of keys.
        self._settled_at = now + self.SETTLE_S
        return "rejoin" if relapsed else "heal"
