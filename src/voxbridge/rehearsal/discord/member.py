"""A person in the simulated guild, who joins calls, speaks and listens, and types commands."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import trio

from voxbridge.clock import monotonic_s
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.sound.pcm import FRAME_S, RTP_TICKS_PER_FRAME, SILENCE_OPUS, Pcm
from voxbridge.rehearsal.discord import dave
from voxbridge.rehearsal.discord.calls import CLIENT_CONNECT, CLIENT_DISCONNECT, CLIENTS_CONNECT, Call, Seat
from voxbridge.rehearsal.discord.ends import DaveLibrary, make_end
from voxbridge.rehearsal.discord.gateway import MainGateway
from voxbridge.rehearsal.discord.hearing import Heard, sound_of
from voxbridge.rehearsal.discord.knobs import Knobs
from voxbridge.rehearsal.discord.objects import Json
from voxbridge.rehearsal.discord.posting import post
from voxbridge.rehearsal.discord.record import Record
from voxbridge.rehearsal.discord.rtp import OPUS_PAYLOAD_TYPE, RtpPacket, is_dave_frame
from voxbridge.rehearsal.discord.voice import VoiceGateway
from voxbridge.rehearsal.discord.world import TEXT_CHANNEL_ID, User, VoiceState, World

SILENCE_TAIL_FRAMES = 5  # Discord documentation, "Voice data interpolation"
_RTP_HZ = 48_000
_VIDEO_PAYLOAD_TYPE = 101  # H.264 in Discord's own clients


class Member:
    """One person. His keys are his own: what he says is encrypted by davey or libdave, as in Discord's apps.

    ``dave=None`` is somebody who speaks in the clear and cannot hear who does not; Discord would not let him in.
    """

    def __init__(
        self,
        user: User,
        guild_id: GuildId,
        ssrc: int,
        library: DaveLibrary | None,
        world: World,
        record: Record,
        knobs: Knobs,
        gateway: MainGateway,
        voice: VoiceGateway,
    ) -> None:
        self.user, self.guild_id, self.ssrc = user, guild_id, ssrc
        self._world, self._record, self._knobs, self._gateway, self._voice = world, record, knobs, gateway, voice
        self._end = make_end(library, user.id, ssrc) if library is not None else None
        self._seat: Seat | None = None
        self._call: Call | None = None
        self._users: set[UserId] = {user.id}
        self._open_transitions: dict[int, int] = {}  # id to protocol version
        self._version = 0
        dice = random.Random(user.id)  # both begin anywhere (RFC 3550, section 5.1), for a user always at the same
        self._sequence, self._timestamp = dice.randrange(1 << 16), dice.randrange(1 << 32)
        self._ticked_at: float | None = None  # Trio time that belongs to the RTP timestamp
        self.heard: list[Heard] = record.heard_by(user.id)
        self.on_heard: Callable[[Heard], None] = self.heard.append  # who listens live takes the packets himself
        self.ready_after_s: float | None = None  # how long he takes to say so; None: as all do (a knob)
        self.gated_packets = 0  # not sent, since there was no key for them

    @property
    def id(self) -> UserId:
        """Return the user id."""
        return self.user.id

    @property
    def name(self) -> str:
        """Return the user name."""
        return self.user.name

    @property
    def is_in_call(self) -> bool:
        """Tell whether he sits in a call."""
        return self._seat is not None

    @property
    def is_dave_ready(self) -> bool:
        """Tell whether he is in a call and can speak in it: in the group, no transition open; or the call is plain."""
        if self._seat is None:
            return False
        if self._end is None or self._version == 0:
            return True
        return self._end.is_ready and not self._open_transitions

    async def join(self, channel_id: ChannelId, *, is_deaf: bool = False) -> None:
        """Enter a voice channel (and leave another one of the guild). Who is deaf is sent no sound."""
        self._step_out()
        state = VoiceState(self.guild_id, self.id, channel_id, secrets.token_hex(16), self_deaf=is_deaf)
        self._world.voice_states[self.guild_id, self.id] = state
        self._gateway.announce(state)
        self._call = call = self._voice.call(channel_id)
        self._seat = seat = Seat(self.id, self.guild_id, self.ssrc, self, self._end is not None, is_deaf=is_deaf)
        self._users = {self.id}
        self._open_transitions.clear()
        self._version = call.dave_version
        # Begun before he is admitted: op 25 comes with the seat and must find a fresh session.
        package = self._end.begin(channel_id) if self._end is not None and call.group is not None else None
        call.admit(seat)
        if package is not None:
            self._answer(dave.KEY_PACKAGE, package)
        await trio.lowlevel.checkpoint()

    async def leave(self) -> None:
        """Leave the voice channel; harmless outside of one."""
        self._step_out()
        state = self._world.voice_states.pop((self.guild_id, self.id), None)
        if state is not None:
            state.channel_id = None
            self._gateway.announce(state)
        await trio.lowlevel.checkpoint()

    def vanish(self) -> None:
        """Be out of the call and the channel without a word of the main gateway."""
        self._step_out()
        self._world.voice_states.pop((self.guild_id, self.id), None)

    def _step_out(self) -> None:
        if self._call is not None and self._seat is not None:
            self._voice.leave_call(self._call, self._seat)
        self._call = self._seat = None

    def set_self(self, *, mute: bool = False, deaf: bool = False) -> None:
        """Mute or deafen himself, as his client's buttons do: who is deaf is sent no sound. Raises: RuntimeError."""
        _, seat = self._in_call()
        state = self._world.voice_states[self.guild_id, self.id]
        state.self_mute, state.self_deaf = mute, deaf
        seat.is_deaf = deaf or state.deaf
        self._gateway.announce(state)

    def write(self, content: str, channel_id: int = TEXT_CHANNEL_ID, *, reply_to: int | None = None) -> int:
        """Write in a channel, and return the message's id. Raises: LookupError."""
        channel = self._world.channel(channel_id)
        if channel is None:
            raise LookupError(f"there is no channel {channel_id}")
        body: Json = {"content": content}
        if reply_to is not None:
            body["message_reference"] = {"message_id": str(reply_to)}
        return int(post(self._record, self._gateway, channel, self.user, body)["id"])

    async def wait_dave_ready(self, *, timeout_s: float = 20.0) -> None:
        """Wait until he can speak encrypted and be understood. Raises: trio.TooSlowError."""
        await self._record.wait_until(lambda: self.is_dave_ready, timeout_s=timeout_s)

    async def speak(
        self, packets: Sequence[bytes | None], *, gap_s: float = FRAME_S, announce: bool = True, tail: bool = True
    ) -> tuple[float, float]:
        """Send Opus packets at an even pace, then five silence frames; op 5 before and after if ``announce``.

        A None is a packet that is not sent (discontinuous transmission): time passes, sequence numbers do not.
        Returns CLOCK_MONOTONIC times of the first and the last packet, silence not counted. On cancellation he
        falls silent at once, but for op 5.
        """
        times: list[float] = []
        seat = self.begin_speaking(announce=announce)
        try:
            start = trio.current_time()
            silence = [SILENCE_OPUS] * SILENCE_TAIL_FRAMES if tail else []
            for number, opus in enumerate([*packets, *silence]):
                await trio.sleep_until(start + number * gap_s)
                if opus is not None and number < len(packets):
                    times.append(monotonic_s())
                self.send_frame(opus)
        finally:
            if announce and self._seat is seat:
                self.end_speaking()
        return times[0] if times else 0.0, times[-1] if times else 0.0

    def begin_speaking(self, *, announce: bool = True) -> Seat:
        """Open the microphone, with op 5 if ``announce``; ``send_frame`` may follow. Raises: RuntimeError."""
        call, seat = self._in_call()
        if announce:
            call.speaking(seat, 1)
        self._catch_up_timestamp()
        return seat

    def send_frame(self, opus: bytes | None) -> None:
        """Send one frame of 20 ms now; None is one that is not sent: only its time passes."""
        self._timestamp = (self._timestamp + RTP_TICKS_PER_FRAME) % (1 << 32)
        self._ticked_at = trio.current_time()
        if opus is not None:
            self._send_opus(opus)

    def end_speaking(self) -> None:
        """Say op 5 with 0; harmless outside of a call."""
        if self._call is not None and self._seat is not None:
            self._call.speaking(self._seat, 0)

    def _in_call(self) -> tuple[Call, Seat]:
        if self._call is None or self._seat is None:
            raise RuntimeError(f"{self.name} is in no call: join one first")
        return self._call, self._seat

    def _catch_up_timestamp(self) -> None:
        # A microphone's clock runs on while it is closed (RFC 3550, section 5.1).
        if self._ticked_at is not None:
            passed = int((trio.current_time() - self._ticked_at) * _RTP_HZ) // RTP_TICKS_PER_FRAME - 1
            self._timestamp = (self._timestamp + max(0, passed) * RTP_TICKS_PER_FRAME) % (1 << 32)

    def _send_opus(self, opus: bytes) -> None:
        payload: bytes | None = opus
        if opus != SILENCE_OPUS and self._end is not None and self._version:
            payload = self._end.encrypt(opus) if self.is_in_call else None
        if payload is None:
            self.gated_packets += 1
            return
        self.send_raw(payload)

    def send_raw(self, payload: bytes, *, payload_type: int = OPUS_PAYLOAD_TYPE, ssrc: int | None = None) -> None:
        """Send any payload, as it is, with the next sequence number; outside of a call it goes nowhere."""
        if self._call is None or self._seat is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet = RtpPacket(ssrc or self.ssrc, self._sequence, self._timestamp, payload, payload_type)
        self._call.relay(self._seat, packet)

    def send_video(self, payload: bytes) -> None:
        """Send a camera packet on a stream of its own, announced by op 12: no client may take it for sound."""
        if self._call is not None and self._seat is not None:
            streams = {"user_id": str(self.id), "audio_ssrc": self.ssrc, "video_ssrc": self.ssrc + 1}
            self._call.tell(CLIENT_CONNECT, streams, besides=self._seat)
            self.send_raw(payload, payload_type=_VIDEO_PAYLOAD_TYPE, ssrc=self.ssrc + 1)

    def heard_pcm(self, user_id: UserId, *, rate_hz: int = 24_000) -> Pcm:
        """Decode what somebody said to him: mono, gaps by RTP timestamp filled with silence."""
        return sound_of([packet for packet in self.heard if packet.user_id == user_id], rate_hz=rate_hz)

    # The other side of the call: what the voice gateway and the SFU hand over (a ``Line``).

    def deliver(self, op: int, data: Any) -> None:
        """Take a JSON operation."""
        if op == CLIENTS_CONNECT:
            self._users |= {UserId(int(user_id)) for user_id in data["user_ids"]}
        elif op == CLIENT_DISCONNECT:
            self._users.discard(UserId(int(data["user_id"])))
        elif op == dave.PREPARE_EPOCH and data["epoch"] == 1:
            self._version = data["protocol_version"]
            self._open_transitions.clear()
            self._offer_key_package()
        elif op == dave.PREPARE_TRANSITION:
            self._open_transitions[data["transition_id"]] = data["protocol_version"]
            if data["transition_id"]:
                self._answer(dave.TRANSITION_READY, data["transition_id"])
            else:
                self._execute(0)
        elif op == dave.EXECUTE_TRANSITION:
            self._execute(data["transition_id"])

    def _execute(self, transition_id: int) -> None:
        self._version = self._open_transitions.pop(transition_id, self._version)
        if self._end is not None and transition_id:
            self._end.execute()

    def _answer(self, op: int, body: bytes | int) -> None:
        ready_after_s = self._knobs.ready_after_s if self.ready_after_s is None else self.ready_after_s
        if op == dave.TRANSITION_READY and ready_after_s > 0:
            self._voice.after(ready_after_s, partial(self._answer_now, op, body))
        else:
            self._answer_now(op, body)

    def _answer_now(self, op: int, body: bytes | int) -> None:
        if self._call is not None and self._seat is not None:
            self._call.receive_dave(self._seat, op, body)

    def _offer_key_package(self) -> None:
        if self._end is not None and self._call is not None:
            self._answer(dave.KEY_PACKAGE, self._end.begin(self._call.channel_id))

    def deliver_binary(self, op: int, payload: bytes) -> None:
        """Take a binary operation."""
        end = self._end
        if end is None:
            return
        if op == dave.EXTERNAL_SENDER:
            end.set_external_sender(payload)
        elif op == dave.PROPOSALS:
            commit = end.process_proposals(payload, self._users)
            if commit is not None and self._knobs.members_commit:
                self._answer(dave.COMMIT_WELCOME, commit)
        elif op in (dave.ANNOUNCE_COMMIT, dave.WELCOME):
            self._change_epoch(op, int.from_bytes(payload[:2], "big"), payload[2:])

    def _change_epoch(self, op: int, transition_id: int, message: bytes) -> None:
        assert self._end is not None
        process = self._end.process_commit if op == dave.ANNOUNCE_COMMIT else self._end.process_welcome
        if process(message, self._users):
            self._open_transitions[transition_id] = self._version
            self._answer(dave.TRANSITION_READY, transition_id)
        else:
            self._record.counts["invalid_commits_of_members"] += 1
            self._open_transitions.clear()
            self._answer(dave.INVALID_COMMIT, transition_id)
            self._offer_key_package()

    def deliver_rtp(self, sender: UserId, packet: RtpPacket) -> bool:
        """Take a packet."""
        if packet.payload_type != OPUS_PAYLOAD_TYPE:
            return True
        encrypted = is_dave_frame(packet.payload)
        opus: bytes | None = packet.payload
        if packet.payload != SILENCE_OPUS:
            if self._end is not None and self._version:
                opus = self._end.decrypt(sender, packet.payload)
            elif encrypted:
                opus = None
        self.on_heard(Heard(sender, packet.sequence, packet.timestamp, opus, encrypted, monotonic_s(), packet.ssrc))
        return True

    def dismiss(self, code: int, reason: str) -> None:  # noqa: ARG002  (a person sees no codes)
        """Be thrown out of the call."""
        self._step_out()
