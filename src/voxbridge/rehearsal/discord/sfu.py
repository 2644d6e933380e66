"""The media server: one UDP port, all clients. Opens each packet with its sender's key and seals it per receiver."""

from __future__ import annotations

import itertools
import socket
import struct
from functools import partial

import attrs
import trio

from voxbridge.rehearsal.discord.calls import Call, Seat
from voxbridge.rehearsal.discord.connection import Network
from voxbridge.rehearsal.discord.knobs import Knobs
from voxbridge.rehearsal.discord.record import Record
from voxbridge.rehearsal.discord.rtp import RtpPacket, Seal, TransportError
from voxbridge.rehearsal.discord.timers import Timers

_DISCOVERY_REQUEST = b"\x00\x01\x00\x46"
_DISCOVERY_BYTES = 74
_KEEPALIVE_BYTES = 8
_RTCP_TYPES = range(200, 205)
_PADDING_BYTES = 4
_DATAGRAMS_A_WAKE = 64  # then other tasks get their turn
_SOCKET_BUFFER_BYTES = 1 << 20  # a burst of 2000 datagrams overflows the default

Address = tuple[str, int]


@attrs.define(eq=False)
class Leg:
    """The UDP side of one client's voice connection."""

    ssrc: int
    address: Address | None = None
    heard_at: float = 0.0  # Trio time of his last datagram of any kind
    has_sent: bool = False  # a packet of sound, or of silence
    is_left: bool = False  # everybody has gone to another voice server: this one carries nothing any more
    seal: Seal | None = None
    call: Call | None = None
    seat: Seat | None = None


class Sfu:
    """Answers discovery and keepalives, and carries RTP between legs and members."""

    def __init__(self, record: Record, knobs: Knobs, timers: Timers, network: Network) -> None:
        self._record, self._knobs, self._timers, self._network = record, knobs, timers, network
        self._legs: dict[int, Leg] = {}
        self._ssrcs = itertools.count(5001)
        self._relayed = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER_BYTES)
        self._socket.bind(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        """Return the UDP port on 127.0.0.1."""
        port: int = self._socket.getsockname()[1]
        return port

    def new_ssrc(self) -> int:
        """Give out a stream id; the one after it is free for video."""
        next(self._ssrcs)
        return next(self._ssrcs)

    def open_leg(self) -> Leg:
        """Make a leg for a client that has identified itself."""
        leg = Leg(self.new_ssrc())
        self._legs[leg.ssrc] = leg
        return leg

    def close_leg(self, leg: Leg) -> None:
        """Forget a leg; datagrams for it are then of an unknown stream."""
        self._legs.pop(leg.ssrc, None)

    async def run(self) -> None:
        """Serve for ever."""
        with self._socket:
            while True:
                await trio.lowlevel.wait_readable(self._socket)
                for _ in range(_DATAGRAMS_A_WAKE):
                    try:
                        datagram, address = self._socket.recvfrom(4096)
                    except (BlockingIOError, ConnectionRefusedError):
                        break  # drained, or the ICMP answer of a client that is gone
                    self._receive(datagram, address)

    def _receive(self, datagram: bytes, address: Address) -> None:
        if self._network.is_down:
            return
        if len(datagram) == _DISCOVERY_BYTES and datagram.startswith(_DISCOVERY_REQUEST):
            self._discover(datagram, address)
            return
        if len(datagram) == _KEEPALIVE_BYTES:
            self._record.counts["keepalives"] += 1
            for leg in self._legs.values():
                if leg.address == address:
                    leg.heard_at = trio.current_time()
            is_known = any(leg.address == address and not leg.is_left for leg in self._legs.values())
            if self._knobs.echo_keepalives and is_known and not self._knobs.downlink.loses_service():
                self._send(datagram, address)
            return
        for delay_s in self._knobs.uplink.copies():
            self._later(delay_s, partial(self._receive_rtp, datagram))

    def _later(self, delay_s: float, action: partial[None]) -> None:
        if delay_s > 0:
            self._timers.after(delay_s, action)
        else:
            action()

    def _discover(self, datagram: bytes, address: Address) -> None:
        leg = self._legs.get(struct.unpack_from(">I", datagram, 4)[0])
        if leg is None:
            self._record.fault("discovery_of_unknown_ssrc")
            return
        leg.address, leg.heard_at = address, trio.current_time()
        if self._knobs.lose_discovery_replies > 0:
            self._knobs.lose_discovery_replies -= 1
        elif self._knobs.answer_ip_discovery and not self._knobs.downlink.loses_service():
            reply = b"\x00\x02\x00\x46" + datagram[4:8] + address[0].encode().ljust(64, b"\0")
            self._send(reply + struct.pack(">H", address[1]), address)

    def _receive_rtp(self, datagram: bytes) -> None:
        if len(datagram) < 12:
            self._record.fault("not_rtp")
            return
        if datagram[1] in _RTCP_TYPES:
            self._record.counts["rtcp"] += 1
            return
        leg = self._legs.get(struct.unpack_from(">I", datagram, 8)[0])
        if leg is None or leg.seal is None or leg.call is None or leg.seat is None:
            self._record.fault("unknown_ssrc")
            return
        leg.heard_at = trio.current_time()
        if leg.is_left:
            self._record.counts["sent_to_a_server_that_was_left"] += 1
            return
        try:
            packet = leg.seal.open(datagram)
        except TransportError:
            self._record.fault("bad_transport_seal")
            return
        if leg.seat.speaking is None:
            self._record.fault("rtp_before_speaking")
        leg.has_sent = True
        leg.call.relay(leg.seat, packet)

    def forward(self, leg: Leg, packet: RtpPacket) -> bool:
        """Seal a packet for one client and send it; False if he cannot be reached."""
        if leg.address is None or leg.seal is None or leg.is_left or not self._knobs.forward_sound:
            return False
        if trio.current_time() - leg.heard_at > self._knobs.udp_silence_timeout_s:
            self._record.counts["not_sent_to_a_silent_client"] += 1
            return False
        if self._knobs.sound_only_after_sound and not leg.has_sent:
            self._record.counts["not_sent_to_who_never_sent"] += 1
            return False
        self._relayed += 1
        every = self._knobs.padding_every
        datagram = leg.seal.close(
            packet,
            with_extension=self._knobs.header_extension,
            padding_bytes=_PADDING_BYTES if every and self._relayed % every == 0 else 0,
        )
        for delay_s in self._knobs.downlink.copies():
            self._later(delay_s, partial(self._send, datagram, leg.address))
        return True

    def send_raw(self, leg: Leg, datagram: bytes) -> None:
        """Send any bytes to a client."""
        if leg.address is not None:
            self._send(datagram, leg.address)

    def _send(self, datagram: bytes, address: Address) -> None:
        if self._network.is_down:
            return
        try:
            self._socket.sendto(datagram, address)
        except OSError:  # full buffer, or the client's port is closed: UDP loses packets
            self._record.counts["unsent_datagrams"] += 1
