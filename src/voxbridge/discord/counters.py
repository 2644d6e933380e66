"""What is counted of a guild's voice (each count is a metric), and what the status shows of the Discord side."""

from __future__ import annotations

import attrs

from voxbridge.core.counting import counted
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.wire.rtp import NotAudio


@attrs.define
class VoiceCounters:
    """Counts of one guild's voice, over all its connections. Plain numbers that only grow."""

    received: int = counted("Voice packets that came.", metric="voice_packets_received")
    sent: int = counted("Voice packets that left.", metric="voice_packets_sent")
    sent_bytes: int = counted("Bytes of the voice packets that left.", metric="voice_sent_bytes")
    send_errors: int = counted("Frames that the socket refused.", metric="voice_send_errors")
    plaintext_held: int = counted(
        "Frames that did not leave, since the channel was not yet encrypted.", metric="voice_frames_held"
    )
    plaintext_refused: int = counted(
        "Packets that came without end-to-end encryption.", metric="voice_plaintext_refused"
    )
    transport_fail: int = counted("Packets whose transport seal did not open.", metric="voice_transport_failures")
    malformed: int = counted("Datagrams that are no voice packet.", metric="voice_malformed")
    not_audio: int = counted("Datagrams that hold no sound: keepalive echoes, RTCP, video.", metric="voice_not_audio")
    no_key_yet: int = counted("Packets that came before the key of the connection.", metric="voice_no_key_yet")
    dave_fail: int = counted("Packets whose end-to-end seal did not open.", metric="voice_dave_failures")
    opened_later: int = counted(
        "Of these, packets that opened after the next change of keys.", metric="voice_dave_opened_later"
    )
    dave_not_ready: int = counted(
        "Packets that came while we had no place in the encrypted group.", metric="voice_dave_not_ready"
    )
    dave_heals: int = counted("Times the end-to-end encryption was made anew.", metric="voice_dave_heals")
    deaf: int = counted("Times that somebody spoke and nobody was heard.", metric="voice_deaf")
    unknown_ssrc: int = counted(
        "Packets whose speaker was not known when they came.", metric="voice_unknown_streams_packets"
    )
    identified_by_key: int = counted(
        "Streams whose speaker was found by trying the members' keys.", metric="voice_streams_found_by_key"
    )
    expired: int = counted("Packets of unknown streams that nobody claimed in time.", metric="voice_expired")
    late: int = counted("Packets that came out of order or twice.", metric="voice_late")
    not_heard: int = counted(
        "Packets of members who are not to be heard, dropped unopened.", metric="voice_packets_not_heard"
    )
    events_dropped: int = counted("Packets and hints that a room was too slow to take.", metric="voice_events_dropped")
    datagrams_shed: int = counted(
        "Datagrams dropped unread, since we were a second behind.", metric="voice_datagrams_shed"
    )
    flooded: int = counted(
        "Packets of a stream that were more than anybody can say in real time, dropped unopened.",
        metric="voice_flooded",
    )
    datagrams_overflowed: int = counted(
        "Datagrams that the kernel dropped, since we were too slow and its buffer full.",
        metric="voice_datagrams_overflowed",
    )
    reader_errors: int = counted("Datagrams that made our reader fail.", metric="voice_reader_errors")
    signalling_errors: int = counted("Messages of a voice gateway that made us fail.", metric="voice_signalling_errors")
    joins: int = counted("Voice connections made.", metric="voice_joins")
    rejoins: int = counted("Voice connections lost and made anew.", metric="voice_reconnects")
    posts_failed: int = counted("Lines that Discord would not let into the text chat.", metric="voice_posts_failed")
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
