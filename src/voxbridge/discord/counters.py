"""What is counted of a guild's voice (each count is a metric), and what the status shows of the Discord side."""

from __future__ import annotations

import attrs

from voxbridge.core.counting import counted
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.wire.rtp import NotAudio


@attrs.define
class VoiceCounters:
    """Counts of one guild's voice, over all its connections. Plain numbers that only grow."""

    received: int = counted("Voice packets received.", metric="voice_packets_received")
    sent: int = counted("Voice packets sent.", metric="voice_packets_sent")
    sent_bytes: int = counted("Bytes of voice packets sent.", metric="voice_sent_bytes")
    send_errors: int = counted("Frames that the socket did not take.", metric="voice_send_errors")
    plaintext_held: int = counted(
        "Frames not sent because the channel was not yet encrypted.", metric="voice_frames_held"
    )
    plaintext_refused: int = counted(
        "Packets that came without end-to-end encryption.", metric="voice_plaintext_refused"
    )
    transport_fail: int = counted(
        "Packets that could not be decrypted (transport encryption).", metric="voice_transport_failures"
    )
    malformed: int = counted("Datagrams that are not voice packets.", metric="voice_malformed")
    not_audio: int = counted("Datagrams without sound: keepalive replies, RTCP, video.", metric="voice_not_audio")
    no_key_yet: int = counted("Packets received before the connection's key.", metric="voice_no_key_yet")
    dave_fail: int = counted(
        "Packets that could not be decrypted (end-to-end encryption).", metric="voice_dave_failures"
    )
    opened_later: int = counted(
        "Of these, packets that could be decrypted after the next change of keys.", metric="voice_dave_opened_later"
    )
    dave_not_ready: int = counted(
        "Packets received while VoxBridge was not in the encrypted group.", metric="voice_dave_not_ready"
    )
    dave_heals: int = counted("Times that the end-to-end encryption was set up again.", metric="voice_dave_heals")
    deaf: int = counted("Times that somebody spoke but no sound could be heard.", metric="voice_deaf")
    unknown_ssrc: int = counted(
        "Packets whose speaker was not known when they came.", metric="voice_unknown_streams_packets"
    )
    identified_by_key: int = counted(
        "Streams whose speaker was found by trying the members' keys.", metric="voice_streams_found_by_key"
    )
    expired: int = counted(
        "Packets of unknown streams, dropped because their speaker was not known in time.", metric="voice_expired"
    )
    late: int = counted("Packets that came out of order or twice.", metric="voice_late")
    not_heard: int = counted(
        "Packets of members who may not be heard, dropped without decrypting them.", metric="voice_packets_not_heard"
    )
    events_dropped: int = counted(
        "Packets and events dropped because a room was too slow.", metric="voice_events_dropped"
    )
    datagrams_shed: int = counted(
        "Datagrams dropped because VoxBridge was a second behind.", metric="voice_datagrams_shed"
    )
    flooded: int = counted(
        "Packets dropped because one stream sent more than real time.",
        metric="voice_flooded",
    )
    datagrams_overflowed: int = counted(
        "Datagrams that the kernel dropped because its buffer was full.",
        metric="voice_datagrams_overflowed",
    )
    reader_errors: int = counted("Datagrams that caused an error in VoxBridge.", metric="voice_reader_errors")
    signalling_errors: int = counted(
        "Messages of a voice gateway that caused an error in VoxBridge.", metric="voice_signalling_errors"
    )
    joins: int = counted("Voice connections made.", metric="voice_joins")
    rejoins: int = counted("Voice connections lost and restored.", metric="voice_reconnects")
    posts_failed: int = counted("Messages that Discord did not accept.", metric="voice_posts_failed")
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
