"""The voice gateway, version 8: identify, protocol selection, speaking, DAVE's operations, resume.

Order and fields as seen on the wire; close codes as in Discord's documentation ("Voice close event codes").
"""

from __future__ import annotations

import collections
import json
import os
import secrets
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import trio

from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.rehearsal.discord import dave
from voxbridge.rehearsal.discord.calls import CLIENT_CONNECT, CLIENTS_CONNECT, Call, Seat
from voxbridge.rehearsal.discord.connection import CloseWith, Connection, HungUp
from voxbridge.rehearsal.discord.knobs import Knobs
from voxbridge.rehearsal.discord.mls import ExternalSender
from voxbridge.rehearsal.discord.record import Record
from voxbridge.rehearsal.discord.rtp import RtpPacket, Seal
from voxbridge.rehearsal.discord.sfu import Leg, Sfu
from voxbridge.rehearsal.discord.timers import Timers
from voxbridge.rehearsal.discord.world import STAGE, VoiceState, World

IDENTIFY, SELECT_PROTOCOL, READY, HEARTBEAT, SESSION_DESCRIPTION, SPEAKING = 0, 1, 2, 3, 4, 5
HEARTBEAT_ACK, RESUME, HELLO, RESUMED = 6, 7, 8, 9

_KNOWN_FROM_CLIENTS = frozenset({0, 1, 3, 5, 7, 12, 14, 15, 16, 23, 31})  # 12, 14, 15, 16: video, sinks; ignored
_REPLAY_MESSAGES = 1000
_NORMAL_CLOSES = frozenset({1000, 1001, 4014})  # the client has left, and does not mean to resume
_OUR_PROTOCOL_CLOSES = frozenset({4001, 4002, 4003, 4004, 4005, 4006, 4009, 4011, 4012, 4016, 4017, 4020})


class ClientLine:
    """A client's voice session: numbers what it is sent, keeps it for a replay, and survives a lost websocket."""

    def __init__(
        self,
        guild_id: GuildId,
        user_id: UserId,
        token: str,
        connection: Connection,
        leg: Leg,
        sfu: Sfu,
        record: Record,
    ) -> None:
        self.guild_id, self.user_id, self.token, self.leg = guild_id, user_id, token, leg
        self.connection: Connection | None = connection
        self._sfu, self._record = sfu, record
        self._next_sequence = 0
        self._sent: collections.deque[tuple[int, str | bytes]] = collections.deque(maxlen=_REPLAY_MESSAGES)

    def say(self, op: int, data: object) -> None:
        """Send an operation that is never replayed."""
        self._record.note("voice", "out", self.user_id, op)
        if self.connection is not None:
            self.connection.send(json.dumps({"op": op, "d": data}))

    def deliver(self, op: int, data: object) -> None:
        """Send a numbered JSON operation."""
        self._number(op, lambda sequence: json.dumps({"op": op, "d": data, "seq": sequence}))

    def deliver_binary(self, op: int, payload: bytes) -> None:
        """Send a numbered binary operation."""
        self._number(op, lambda sequence: struct.pack(">HB", sequence, op) + payload)

    def _number(self, op: int, build: Callable[[int], str | bytes]) -> None:
        message = build(self._next_sequence)
        self._sent.append((self._next_sequence, message))
        self._next_sequence = (self._next_sequence + 1) & 0xFFFF
        self._record.note("voice", "out", self.user_id, op)
        if self.connection is not None:
            self.connection.send(message)

    def replay(self, acknowledged: int) -> None:
        """Send again what came after a sequence number (-1: everything that is still kept)."""
        numbers = [number for number, _ in self._sent]
        start = numbers.index(acknowledged) + 1 if acknowledged in numbers else 0
        for _, message in list(self._sent)[start:]:
            if self.connection is not None:
                self.connection.send(message)

    def deliver_rtp(self, sender: UserId, packet: RtpPacket) -> bool:  # noqa: ARG002  (RTP names the stream only)
        """Seal and send a packet."""
        return self._sfu.forward(self.leg, packet)

    def dismiss(self, code: int, reason: str) -> None:
        """Close the websocket with a code."""
        if self.connection is not None:
            self.connection.close(code, reason)


@attrs.define(eq=False)
class _Admission:
    """A voice token: good for one user in one channel with one session id, until the next is given out."""

    guild_id: GuildId
    user_id: UserId
    session_id: str
    channel_id: ChannelId


class VoiceGateway:
    """All voice sessions and calls."""

    def __init__(
        self, world: World, record: Record, knobs: Knobs, timers: Timers, sfu: Sfu, *, require_dave: bool
    ) -> None:
        self._world, self._record, self._knobs, self._timers, self._sfu = world, record, knobs, timers, sfu
        self._require_dave = require_dave
        self._sender = ExternalSender()
        self._admissions: dict[str, _Admission] = {}
        self._used_tokens: collections.deque[str] = collections.deque(maxlen=1000)
        self._lines: dict[tuple[GuildId, UserId], ClientLine] = {}
        self.calls: dict[ChannelId, Call] = {}
        self.on_gone: Callable[[VoiceState], None] = lambda _: None  # a client is gone for good without a word

    def call(self, channel_id: ChannelId) -> Call:
        """Return the call of a channel, beginning one if need be. Stage channels are never end-to-end encrypted."""
        if channel_id not in self.calls:
            channel = self._world.channel(channel_id)
            is_e2ee = self._require_dave and channel is not None and channel.kind != STAGE
            self.calls[channel_id] = Call(
                channel_id, self._sender, self._record, self._knobs, self._timers, is_e2ee=is_e2ee
            )
        return self.calls[channel_id]

    def line(self, guild_id: GuildId, user_id: UserId) -> ClientLine | None:
        """Return a client's voice session in a guild, if it has one."""
        return self._lines.get((guild_id, user_id))

    def give_token(self, state: VoiceState) -> str:
        """Give out a fresh voice token for the channel of a voice state; earlier ones are no longer good."""
        assert state.channel_id is not None
        owner = (state.guild_id, state.user_id)
        for token, admission in list(self._admissions.items()):
            if (admission.guild_id, admission.user_id) == owner:
                del self._admissions[token]
                self._used_tokens.append(token)
        token = secrets.token_hex(8)
        self._admissions[token] = _Admission(*owner, state.session_id, state.channel_id)
        return token

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something later."""
        self._timers.after(delay_s, action)

    def die(self, line: ClientLine) -> None:
        """Let the voice server of a session die without a word: nothing is answered, nothing is forwarded."""
        if line.connection is not None:
            line.connection.die()
        self._sfu.close_leg(line.leg)

    def expel(self, guild_id: GuildId, user_id: UserId, code: int, reason: str) -> None:
        """Close a client's voice websocket; only 4015 leaves a session that can be resumed."""
        line = self.line(guild_id, user_id)
        if line is None:
            return
        line.dismiss(code, reason)
        if code != 4015:
            self._end(line)

    def part(self, line: ClientLine) -> None:
        """Let a client go that has asked for it; one that does not hang up by itself is closed with 4014."""
        connection = line.connection
        self._end(line)
        if connection is not None:
            self._timers.after(self._knobs.move_patience_s, lambda: connection.close(4014, "Disconnected."))

    def expel_line(self, line: ClientLine, code: int) -> None:
        """Close one voice session if it still is the user's own."""
        if self._is_kept(line):
            self.expel(line.guild_id, line.user_id, code, "Disconnected.")

    def leave_call(self, call: Call, seat: Seat) -> None:
        """Let somebody go, and end the call when nobody is left."""
        call.leave(seat)
        if not call.seats and self.calls.get(call.channel_id) is call:
            del self.calls[call.channel_id]

    def _end(self, line: ClientLine) -> None:
        leg = line.leg
        if self._is_kept(line):
            del self._lines[line.guild_id, line.user_id]
        self._sfu.close_leg(leg)
        if leg.call is not None and leg.seat is not None:
            self.leave_call(leg.call, leg.seat)
        self._record.touch()

    async def serve(self, connection: Connection) -> None:
        """Hold one client's dialogue."""
        dialogue = _Dialogue(self, connection, self._record, self._knobs)
        connection.send(
            json.dumps({"op": HELLO, "d": {"v": 8, "heartbeat_interval": float(self._knobs.voice_heartbeat_ms)}})
        )
        code = 1006
        try:
            while True:
                patience_s = self._knobs.voice_heartbeat_ms / 1000 * self._knobs.heartbeat_patience
                with trio.move_on_at(dialogue.heard_at + patience_s) as scope:
                    dialogue.receive(await connection.receive())
                if scope.cancelled_caught:
                    raise CloseWith(4009, "Session timed out.")
        except HungUp as hung_up:
            code = hung_up.code
        except CloseWith as close:
            code = close.code
            raise
        finally:
            self._lost(dialogue.line, connection, code)

    def _lost(self, line: ClientLine | None, connection: Connection, code: int) -> None:
        if line is None or line.connection is not connection:
            return  # never identified, or resumed on another websocket meanwhile
        line.connection = None
        if not self._is_kept(line):
            return
        if code in _NORMAL_CLOSES or code in _OUR_PROTOCOL_CLOSES:
            self._end(line)
        else:
            self._timers.after(self._knobs.resume_window_s, partial(self._give_up, line))

    def _is_kept(self, line: ClientLine) -> bool:
        return self._lines.get((line.guild_id, line.user_id)) is line

    def _give_up(self, line: ClientLine) -> None:
        if line.connection is None and self._is_kept(line):
            state = self._world.voice_states.get((line.guild_id, line.user_id))
            self._end(line)
            if state is not None:
                self.on_gone(state)

    def identify(self, connection: Connection, data: dict[str, Any]) -> ClientLine:
        """Handle op 0. Raises: CloseWith."""
        user_id, guild_id = UserId(int(data["user_id"])), GuildId(int(data["server_id"]))
        if guild_id not in self._world.guilds:
            raise CloseWith(4011, "Server not found.")
        admission = self._admissions.get(data["token"])
        if admission is None:
            known = data["token"] in self._used_tokens
            raise CloseWith(4006, "Session is no longer valid.") if known else CloseWith(4004, "Authentication failed.")
        if (admission.guild_id, admission.user_id, admission.session_id) != (guild_id, user_id, data["session_id"]):
            raise CloseWith(4006, "Session is no longer valid.")
        state = self._world.voice_states.get((guild_id, user_id))
        if state is None or state.channel_id != admission.channel_id:
            raise CloseWith(4006, "Session is no longer valid.")  # removed or moved in the meantime
        speaks_dave = int(data.get("max_dave_protocol_version") or 0) >= dave.PROTOCOL_VERSION
        call = self.call(admission.channel_id)
        if call.group is not None and not speaks_dave:
            raise CloseWith(4017, "E2EE/DAVE protocol required.")
        old = self._lines.get((guild_id, user_id))
        if old is not None:
            old.dismiss(4006, "Session is no longer valid.")
            self._end(old)
            call = self.call(admission.channel_id)
        leg = self._sfu.open_leg()
        line = ClientLine(guild_id, user_id, data["token"], connection, leg, self._sfu, self._record)
        leg.call, leg.seat = call, Seat(user_id, guild_id, leg.ssrc, line, speaks_dave)
        self._lines[guild_id, user_id] = line
        line.say(
            READY,
            {
                "ssrc": leg.ssrc,
                "ip": "127.0.0.1",
                "port": self._sfu.port,
                "modes": list(self._knobs.modes),
                "experiments": [],
                "streams": [],
            },
        )
        return line

    def select_protocol(self, line: ClientLine, data: dict[str, Any]) -> None:
        """Handle op 1: the client is in the call from here on. Raises: CloseWith."""
        if data["protocol"] != "udp":
            raise CloseWith(4012, "Unknown protocol.")
        mode, key = data["data"]["mode"], os.urandom(32)
        if mode not in self._knobs.modes:
            raise CloseWith(4016, "Unknown encryption mode.")
        seat = line.leg.seat
        if not self._is_kept(line):
            raise CloseWith(4006, "Session is no longer valid.")
        assert line.leg.call is not None
        assert seat is not None
        # The call of the IDENTIFY may have ended meanwhile, when its last participant left.
        call = line.leg.call = self.call(line.leg.call.channel_id)
        line.leg.seal = Seal(mode, key)
        line.say(
            SESSION_DESCRIPTION,
            {
                "mode": mode,
                "secret_key": list(key),
                "dave_protocol_version": call.dave_version if seat.speaks_dave else 0,
                "audio_codec": "opus",
                "video_codec": "H264",
                "media_session_id": secrets.token_hex(16),
                "secure_frames_version": 0,
            },
        )
        state = self._world.voice_states.get((seat.guild_id, seat.user_id))
        if state is not None:
            seat.is_muted, seat.is_deaf = state.mute or state.suppress, state.deaf or state.self_deaf
        call.admit(seat)

    def resume(self, connection: Connection, data: dict[str, Any]) -> ClientLine:
        """Handle op 7. Raises: CloseWith."""
        line = next((line for line in self._lines.values() if line.token == data["token"]), None)
        if line is None or line.guild_id != int(data["server_id"]) or line.leg.seat is None or line.leg.call is None:
            raise CloseWith(4006, "Session is no longer valid.")
        if line.connection is not None:
            line.connection.cut()
        line.connection = connection
        line.say(RESUMED, None)
        line.replay(int(data.get("seq_ack", -1)))
        others = line.leg.call.others(line.leg.seat)
        if others:
            line.deliver(CLIENTS_CONNECT, {"user_ids": [str(other.user_id) for other in others]})
        return line


class _Dialogue:
    """One websocket: what may be said in which state."""

    def __init__(self, gateway: VoiceGateway, connection: Connection, record: Record, knobs: Knobs) -> None:
        self._gateway, self._connection, self._record, self._knobs = gateway, connection, record, knobs
        self.line: ClientLine | None = None
        self.heard_at = trio.current_time()  # Trio time of the last heartbeat

    def receive(self, message: str | bytes) -> None:
        """Handle one message. Raises: CloseWith."""
        try:
            if isinstance(message, bytes):
                self._binary(message[0], message[1:])
                return
            try:
                op, data = (parsed := json.loads(message))["op"], parsed.get("d")
            except (ValueError, KeyError, TypeError, AttributeError):
                raise CloseWith(4002, "Failed to decode payload.") from None
            self._json(op, data)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise CloseWith(4020, "Bad request.") from None

    def _known(self) -> ClientLine:
        if self.line is None:
            raise CloseWith(4003, "Not authenticated.")
        return self.line

    def _json(self, op: int, data: Any) -> None:
        if op == HEARTBEAT:
            self._heartbeat(data)
            return
        if op not in _KNOWN_FROM_CLIENTS:
            raise CloseWith(4001, "Unknown opcode.")
        user_id = UserId(int(data["user_id"])) if op == IDENTIFY else self.line.user_id if self.line else None
        # The token of an IDENTIFY is no business of a record that tests print.
        self._record.note("voice", "in", user_id, op, data=None if op in (IDENTIFY, RESUME) else data)
        if op in (IDENTIFY, RESUME):
            if self.line is not None:
                raise CloseWith(4005, "Already authenticated.")
            begin = self._gateway.identify if op == IDENTIFY else self._gateway.resume
            self.line = begin(self._connection, data)
            return
        line = self._known()
        if op == SELECT_PROTOCOL:
            self._gateway.select_protocol(line, data)
            return
        call, seat = line.leg.call, line.leg.seat
        assert call is not None
        assert seat is not None
        if op == SPEAKING:
            call.speaking(seat, int(data["speaking"]))
        elif op == CLIENT_CONNECT:
            video = {"user_id": str(seat.user_id), "audio_ssrc": seat.ssrc, "video_ssrc": data.get("video_ssrc", 0)}
            call.tell(CLIENT_CONNECT, video, besides=seat)
        elif op in (dave.TRANSITION_READY, dave.INVALID_COMMIT):
            call.receive_dave(seat, op, int(data["transition_id"]))

    def _heartbeat(self, data: Any) -> None:
        self.heard_at = trio.current_time()
        self._record.counts["voice_heartbeats"] += 1
        if self._knobs.acknowledge_heartbeats:
            # Version 8 beats with {t, seq_ack}, older clients with the bare number.
            answer = json.dumps({"op": HEARTBEAT_ACK, "d": {"t": data["t"]} if "t" in data else data})
            self._gateway.after(self._knobs.heartbeat_ack_after_s, partial(self._connection.send, answer))

    def _binary(self, op: int, payload: bytes) -> None:
        if op not in (dave.KEY_PACKAGE, dave.COMMIT_WELCOME):
            raise CloseWith(4001, "Unknown opcode.")
        line = self._known()
        self._record.note("voice", "in", line.user_id, op)
        if line.leg.call is not None and line.leg.seat is not None:
            line.leg.call.receive_dave(line.leg.seat, op, payload)
