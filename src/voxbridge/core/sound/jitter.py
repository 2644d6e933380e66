"""The jitter buffer of one speaker: packets as the network brought them in, sound in playout order out.

    sequence    10   11   13   12        14   ...   [15, 16 lost]  17
    arrives     |    |    |    |         |                         |
    comes out   10   11   .    12 13     14                        . (depth_s) Lost(2) 17

A packet that is next in line passes at once, so an orderly stream is not delayed. Behind a hole the packets wait
for the missing one, at most ``depth_s`` from the arrival of the first that waits; then the hole is declared lost.
The first packet of a stream opens it: one that was overtaken by it comes too late, since waiting for it would
delay every beginning.

Discord's clients send nothing in silence. The sequence stays continuous over it and the timestamp advances (RFC
3550, section 5.1), which comes out as a ``Gap`` in front of the next frame; a sender whose timestamp stands still
is measured by the clock. How long a packet lasts stands in the packet, so that one of 60 ms is followed by nothing.

A packet that fits the stream neither in sequence nor in time is put aside. The next one that follows it, or
``depth_s`` without one of the old stream, proves a restart (RFC 3550, appendix A.1, wants two in sequence);
one more of the old stream proves it a stray. So one wild packet cannot throw the stream off its track.

No input raises and memory is bounded: what is wrong is dropped and counted.
"""

from __future__ import annotations

import math
from collections import deque

import attrs

from voxbridge.core.sound.opus_length import LONGEST_TICKS, TICKS_PER_S
from voxbridge.core.sound.pcm import OpusPacket

DEPTH_S = 0.06
"""How long a hole waits for its packet: who listens to silence by the clock must wait as long."""
_AHEAD_MAX = 3000  # packets, a minute: a longer loss is a new stream (MAX_DROPOUT of RFC 3550, appendix A.1)
_BEHIND_MAX = 100  # packets, two seconds: what is older is no straggler (MAX_MISORDER, there)
_WAITING_MAX = 64  # packets behind a hole; 1.3 s of sound is far more than any depth lets wait
_READY_MAX = 512  # events nobody pulled; 10 s of sound, after which the oldest go
_CLOCK_SLACK_S = 10.0  # how far a timestamp may be from the clock: drift and stalls, but no random new start
_CLOCK_GAP_S = 1.0  # silence by the clock alone; a stalled network looks the same, but rarely lasts so long
_CLOCK_GAP_MAX_S = 86_400.0  # a timestamp wraps in 25 hours; nothing longer is a time
_PAUSE_TICKS_MIN = 480  # 10 ms: a sender whose timestamps come from a clock may be off by less
_EPSILON_S = 1e-9  # sums of floats differ in the last bits


@attrs.frozen
class Frame:
    """The next packet of sound."""

    packet: OpusPacket


@attrs.frozen
class Lost:
    """Sound of ``ticks`` was sent and did not come. ``next_packet`` follows at once: its FEC data may hold the last."""

    ticks: int
    next_packet: OpusPacket | None


@attrs.frozen
class Gap:
    """Nothing was sent for ``ticks``: silence."""

    ticks: int


@attrs.frozen
class StreamReset:
    """The sender began a new stream: the decoder starts anew, and how long nothing came is not known."""


JitterEvent = Frame | Lost | Gap | StreamReset


@attrs.define
class JitterCounters:
    """What became of the packets. ``received`` counts every push; ``lost`` those that never came, or too late."""

    received: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    resets: int = 0
    strays: int = 0
    overflowed: int = 0


def _signed(value: int, bits: int) -> int:
    """Read the low bits of a difference as a signed number: the shorter way round the circle."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


@attrs.define
class _Stream:
    """Where the stream stands. Sequences are extended: counted on past the u16, so that they can be compared."""

    next_sequence: int
    next_timestamp: int
    last_arrived_at: float
    packet_ticks: int
    """The length of the packet that was played last: the best guess at what a lost one's was."""
    is_begun: bool = False
    taken: int = 0
    """One bit for each of the last ``_BEHIND_MAX`` positions: set if it was played, clear if declared lost."""

    def ahead(self, packet: OpusPacket) -> int:
        """Return how many packets lie between the next in line and this one; negative is behind."""
        return _signed(packet.sequence - self.next_sequence, 16)

    def ticks_ahead(self, packet: OpusPacket) -> int:
        """Return how far the packet's timestamp is past the one expected next."""
        return _signed(packet.timestamp - self.next_timestamp, 32)

    def claims(self, packet: OpusPacket) -> bool:
        """Tell whether the packet belongs to this stream, by its sequence and by its time."""
        ahead, ticks = self.ahead(packet), self.ticks_ahead(packet)
        if not -_BEHIND_MAX <= ahead <= _AHEAD_MAX:
            return False
        if ahead < 0:
            return -_CLOCK_SLACK_S * TICKS_PER_S <= ticks < 0
        elapsed_s = max(0.0, packet.arrived_at - self.last_arrived_at)
        return -LONGEST_TICKS <= ticks <= (elapsed_s + _CLOCK_SLACK_S) * TICKS_PER_S

    def has_taken(self, ahead: int) -> bool:
        """Tell whether the packet at this (negative) position was played."""
        return bool(self.taken >> (-ahead - 1) & 1)

    def pass_over(self, count: int) -> None:
        """Move on over ``count`` packets that did not come."""
        self.next_sequence += count
        self.taken = (self.taken << min(count, _BEHIND_MAX)) & ((1 << _BEHIND_MAX) - 1)

    def take(self, packet: OpusPacket) -> None:
        """Move on over the packet that is next in line."""
        self.pass_over(1)
        self.taken |= 1
        self.packet_ticks = packet.ticks
        self.next_timestamp = packet.timestamp + self.packet_ticks
        self.last_arrived_at = packet.arrived_at
        self.is_begun = True


@attrs.define
class JitterBuffer:
    """Puts one speaker's packets in order. Push each packet as it comes, pull after it and at ``next_due``.

    ``depth_s`` is the longest wait for a missing packet, in seconds.
    """

    depth_s: float = DEPTH_S
    counters: JitterCounters = attrs.field(factory=JitterCounters, init=False)
    _stream: _Stream | None = attrs.field(default=None, init=False)
    _waiting: dict[int, OpusPacket] = attrs.field(factory=dict, init=False)
    _aside: OpusPacket | None = attrs.field(default=None, init=False)
    _ready: deque[JitterEvent] = attrs.field(factory=deque, init=False)

    def push(self, packet: OpusPacket) -> None:
        """Take a packet off the network, in any order. Never raises: a packet of no use is counted."""
        self.counters.received += 1
        stream = self._stream
        if stream is None:
            self._begin(packet)
        elif stream.claims(packet):
            self._drop_aside()
            self._sort_in(stream, packet)
        elif self._aside is None:
            self._aside = packet
        else:
            self._judge(self._aside, packet)
        self._advance()

    def pull(self, now: float) -> list[JitterEvent]:
        """Return what can be played at ``now``, in playout order."""
        while self._waiting and (len(self._waiting) >= _WAITING_MAX or self._hole_due() <= now + _EPSILON_S):
            self._give_up_hole()
        if self._aside is not None and self._aside.arrived_at + self.depth_s <= now + _EPSILON_S:
            self._restart(self._aside)
            self._advance()
        events = list(self._ready)
        self._ready.clear()
        return events

    def next_due(self) -> float | None:
        """Return when ``pull`` has something to give, or None if nothing waits. ``-inf``: now."""
        if self._ready or len(self._waiting) >= _WAITING_MAX:
            return -math.inf
        due = [self._hole_due()] if self._waiting else []
        if self._aside is not None:
            due.append(self._aside.arrived_at + self.depth_s)
        return min(due, default=None)

    @property
    def is_waiting(self) -> bool:
        """Tell whether packets wait behind a hole: so much is sure, that the speaker was sending."""
        return bool(self._waiting)

    def restart(self) -> None:
        """Forget the stream, such as after a new voice connection: the next packet opens a new one.

        What waits is given out first, its holes given up.
        """
        self._drop_aside()
        if self._stream is None:
            return
        self._drain()
        self._stream = None
        self._emit(StreamReset())
        self.counters.resets += 1

    def _begin(self, packet: OpusPacket) -> None:
        self._stream = _Stream(packet.sequence, packet.timestamp, packet.arrived_at, packet.ticks)
        self._waiting[packet.sequence] = packet

    def _restart(self, packet: OpusPacket) -> None:
        self._aside = None
        self.restart()
        self._begin(packet)

    def _judge(self, aside: OpusPacket, packet: OpusPacket) -> None:
        """Decide on two packets that do not fit the stream: the beginning of a new one, or two strays."""
        candidate = _Stream(aside.sequence, aside.timestamp, aside.arrived_at, aside.ticks)
        if aside.sequence == packet.sequence and aside.timestamp == packet.timestamp:
            self.counters.duplicates += 1
        elif candidate.claims(packet):
            # The new stream's first two may have changed places.
            first, second = (packet, aside) if candidate.ahead(packet) < 0 else (aside, packet)
            self._restart(first)
            stream = self._stream
            assert stream is not None
            self._sort_in(stream, second)
        else:
            self._drop_aside()
            self._aside = packet

    def _drop_aside(self) -> None:
        if self._aside is not None:
            self._aside = None
            self.counters.strays += 1

    def _sort_in(self, stream: _Stream, packet: OpusPacket) -> None:
        ahead = stream.ahead(packet)
        place = stream.next_sequence + ahead
        if ahead < 0:
            if stream.has_taken(ahead):
                self.counters.duplicates += 1
            else:
                self.counters.late += 1
        elif place in self._waiting:
            self.counters.duplicates += 1
        elif len(self._waiting) >= _WAITING_MAX:
            self._give_up_hole()
            self._sort_in(stream, packet)
        else:
            self._waiting[place] = packet

    def _hole_due(self) -> float:
        return min(packet.arrived_at for packet in self._waiting.values()) + self.depth_s

    def _advance(self) -> None:
        """Give out all that is next in line."""
        stream = self._stream
        while stream is not None and (packet := self._waiting.pop(stream.next_sequence, None)) is not None:
            self._play(stream, packet, missing=0)

    def _give_up_hole(self) -> None:
        """Declare lost what is missing before the first packet that waits."""
        stream = self._stream
        assert stream is not None
        first = min(self._waiting)
        missing = first - stream.next_sequence
        self.counters.lost += missing
        stream.pass_over(missing)
        self._play(stream, self._waiting.pop(first), missing=missing)
        self._advance()

    def _drain(self) -> None:
        while self._waiting:
            self._give_up_hole()

    def _play(self, stream: _Stream, packet: OpusPacket, *, missing: int) -> None:
        """Give out a packet after what lies before it: ``missing`` lost packets, and silence for the rest.

        The timestamps say how much time it was in all. Where they stand still, the packets are counted.
        """
        unheard = stream.ticks_ahead(packet)
        lost = missing * stream.packet_ticks
        if unheard > 0:
            lost = min(lost, unheard)
        gap = unheard - lost if unheard - lost >= _PAUSE_TICKS_MIN else 0
        if not (lost or gap) and stream.is_begun:
            silent_s = packet.arrived_at - stream.last_arrived_at
            if _CLOCK_GAP_S <= silent_s <= _CLOCK_GAP_MAX_S:
                gap = max(0, round(silent_s * TICKS_PER_S) - stream.packet_ticks)
        if lost:
            self._emit(Lost(lost, None if gap else packet))
        if gap:
            self._emit(Gap(gap))
        stream.take(packet)
        self._emit(Frame(packet))

    def _emit(self, event: JitterEvent) -> None:
        if len(self._ready) >= _READY_MAX:
            self._ready.popleft()
            self.counters.overflowed += 1
        self._ready.append(event)
