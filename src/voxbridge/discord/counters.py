"""What is counted, and what the status page shows of it."""

from __future__ import annotations

import attrs

from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.wire.rtp import NotAudio


@attrs.define
class VoiceCounters:
    """Counts of one guild's voice, over all its connections. Plain numbers that only grow."""

    received: int = 0
    sent: int = 0
    sent_bytes: int = 0
    send_errors: int = 0  # the socket refused a frame (full buffer, gone)
    plaintext_held: int = 0  # frames that did not leave, since the gate was closed
    plaintext_refused: int = 0  # frames that came without end-to-end encryption where it is required
    transport_fail: int = 0
    malformed: int = 0
    not_audio: int = 0  # keepalive echoes, RTCP, video
    no_key_yet: int = 0  # came before the session description
    dave_fail: int = 0
    opened_later: int = 0  # of these, opened after the next change of keys
    dave_not_ready: int = 0  # came while we had no place in the group
    dave_heals: int = 0
    deaf: int = 0  # times that somebody spoke and nobody was heard; heals and rejoins that it led to
    unknown_ssrc: int = 0  # packets whose owner was not known when they came
    identified_by_key: int = 0  # streams whose owner was found by trial decryption
    expired: int = 0  # packets of unknown streams that nobody claimed
    late: int = 0  # out of order or twice; handed on, since the jitter buffer decides
    events_dropped: int = 0  # packets and hints that the room was too slow to take
    reader_errors: int = 0
    signalling_errors: int = 0
    joins: int = 0
    rejoins: int = 0
    posts_failed: int = 0
    last_close: str = ""

    def note_not_audio(self, kind: NotAudio) -> None:
        """Count a datagram that is not sound."""
        match kind:
            case NotAudio.UNAUTHENTIC:
                self.transport_fail += 1
            case NotAudio.MALFORMED:
                self.malformed += 1
            case _:
                self.not_audio += 1


@attrs.frozen
class RoomStatus:
    """One channel we sit in, or mean to."""

    guild_id: GuildId
    guild_name: str
    channel_id: ChannelId
    channel_name: str
    is_connected: bool
    can_send: bool
    is_dave_ready: bool
    dave_version: int
    privacy_code: str | None
    is_server_muted: bool
    is_server_deafened: bool
    is_suppressed: bool
    udp_ping_s: float | None
    counters: VoiceCounters


@attrs.frozen
class BridgeStatus:
    """The Discord side at a glance. ``latency_s`` is the main gateway's heartbeat, None before the first."""

    is_logged_in: bool
    user_name: str
    latency_s: float | None
    loop_errors: int
    rooms: tuple[RoomStatus, ...]
