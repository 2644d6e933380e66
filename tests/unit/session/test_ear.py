"""The ear: packets in any order in, utterances and packets in order out; no clock, no task."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from tests.support.voices import LoudnessDetector, tone_packets, tone_pcm
from voxbridge.audio.opus import APPLICATION_AUDIO, APPLICATION_VOIP, Decoder, Encoder, encode_speech
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, HeardSound, OpusPacket
from voxbridge.core.turns.endpointing import (
    Endpointer,
    EndpointRules,
    Guess,
    SpeechConfirmed,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from voxbridge.session.counters import SessionCounters
from voxbridge.session.ear import Ear, EarEvent, Heard

pytestmark = pytest.mark.unit

BAD_OPUS = b"\xff\xff\xff"  # code 3 with a count of 63 frames that are not there (RFC 6716, section 3.2.5)


def loudness(pcm: bytes) -> float:
    """Return the root mean square of s16le samples."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.sqrt((samples**2).mean()))


def distance(one: bytes, other: bytes) -> float:
    """Return the root mean square of the difference."""
    samples = np.frombuffer(one, "<i2").astype(float) - np.frombuffer(other, "<i2").astype(float)
    return float(np.sqrt((samples**2).mean()))


class Listener:
    """Feeds an ear as a speaker's session does, and keeps what comes out."""

    def __init__(self) -> None:
        self.counters = SessionCounters()
        self.ear = Ear(Endpointer(EndpointRules()), LoudnessDetector(), self.counters)
        self.events: list[EarEvent] = []
        self.now = 0.0

    def wait(self, until: float) -> None:
        """Let time pass, pulling whenever the ear asks for it."""
        while (due := self.ear.next_due()) is not None and due <= until:
            self.now = max(self.now, due)
            self.events += self.ear.pull(self.now)
        self.now = until

    def hear(self, *packets: OpusPacket) -> None:
        for packet in packets:
            self.wait(packet.arrived_at)
            self.ear.push(packet)
            self.events += self.ear.pull(packet.arrived_at)

    def kinds(self) -> list[type]:
        return [type(event) for event in self.events if not isinstance(event, Heard)]

    def heard(self) -> list[bytes | None]:
        """The packets that the line is given; None where there was none."""
        return [event.sound.opus for event in self.events if isinstance(event, Heard)]

    def pcm(self) -> bytes:
        """The sound that the line is given."""
        return b"".join(event.sound.pcm for event in self.events if isinstance(event, Heard))


def stream(opus: Iterable[bytes], *, start: float = 1.0, sequence: int = 7) -> list[OpusPacket]:
    """Number the packets, 20 ms apart."""
    return [
        OpusPacket(UserId(1), sequence + n, 960 * (round(start / FRAME_S) + n), each, start + n * FRAME_S)
        for n, each in enumerate(opus)
    ]


def cut(
    pcm: bytes, frame_ms: float, *, application: int = APPLICATION_AUDIO, loss_percent: int = 0, bitrate: int = 64_000
) -> list[OpusPacket]:
    """Encode mono sound of 48 kHz as packets of ``frame_ms``, numbered as a sender does, heard when they are whole."""
    ticks = round(frame_ms * 48)
    encoder = Encoder(
        rate_hz=48_000, frame_ms=frame_ms, application=application, loss_percent=loss_percent, bitrate=bitrate
    )
    size = ticks * 2
    return [
        OpusPacket(
            UserId(1), 7 + n, 48_000 + n * ticks, encoder.encode(pcm[at : at + size]), 1.0 + (n + 1) * ticks / 48_000
        )
        for n, at in enumerate(range(0, len(pcm), size))
    ]


def test_an_utterance_from_its_first_packet_to_its_end() -> None:
    """Started, confirmed, guessed and ended, and each packet passed on as it came."""
    listener = Listener()
    packets = stream(tone_packets(50))
    listener.hear(*packets)
    assert listener.ear.is_speaking
    listener.wait(10)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    assert listener.heard() == [packet.opus for packet in packets]
    assert not listener.ear.is_speaking
    ended = listener.events[-1]
    assert isinstance(ended, TurnEnded)
    # The last packet leaves 8 ms that fill no frame of 32 ms; silence is counted from the last whole one.
    assert ended.at - ended.speech_end == pytest.approx(0.5, abs=1e-6)
    assert ended.speech_end == pytest.approx(packets[-1].arrived_at, abs=0.033)


def test_speech_that_goes_on_after_a_pause_is_one_utterance() -> None:
    """A pause of 300 ms: the guess is void, and the line is told of the pause as silence."""
    listener = Listener()
    first, second = tone_packets(30), tone_packets(60)[30:]
    listener.hear(*stream(first))
    listener.hear(*stream(second, start=1.0 + 0.6 + 0.3, sequence=7 + 30))
    listener.wait(10)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, SpeechResumed, Guess, TurnEnded]
    assert listener.heard() == [*first, None, *second]
    silence = next(event.sound for event in listener.events if isinstance(event, Heard) and event.sound.opus is None)
    assert silence == HeardSound(bytes(2 * 16 * 300))


def test_a_lost_packet_is_made_up_for_the_line_as_for_us() -> None:
    """One of 50 is lost: the utterance is not split, and the line gets 20 ms of sound in its place, not of silence."""
    listener = Listener()
    packets = stream(tone_packets(50))
    listener.hear(*packets[:20], *packets[21:])
    listener.wait(10)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    assert listener.heard() == [p.opus if n != 20 else None for n, p in enumerate(packets)]
    assert len(listener.pcm()) == 50 * 640
    assert loudness(listener.pcm()[20 * 640 : 21 * 640]) > 8000, "a tone of half scale has 11,600"
    assert listener.counters.concealed_frames == 1
    assert listener.ear.jitter.counters.lost == 1


@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 20, 40, 60])
def test_packets_of_any_length_are_heard_whole(frame_ms: float) -> None:
    """1.8 s are 1.8 s, however many milliseconds are in a packet: no silence is added, nothing is split."""
    listener = Listener()
    packets = cut(tone_pcm(1.8, rate_hz=48_000), frame_ms)
    listener.hear(*packets)
    listener.wait(10)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    assert listener.heard() == [packet.opus for packet in packets]
    assert len(listener.pcm()) == 2 * 28_800
    ended = listener.events[-1]
    assert isinstance(ended, TurnEnded)
    assert ended.speech_end - ended.started_at == pytest.approx(1.8, abs=0.07)


def test_what_the_next_packet_knows_of_a_lost_one_is_heard() -> None:
    """With forward error correction the tone goes on through a hole in the pitch that it has there."""
    pcm = tone_pcm(0.5, 300.0, rate_hz=48_000) + tone_pcm(0.5, 600.0, rate_hz=48_000)  # the lost packet is the change
    packets = cut(pcm, 20, application=APPLICATION_VOIP, loss_percent=30, bitrate=24_000)
    at = 26  # the second packet of the new pitch: the first one, with the coder's delay, is of both
    listener = Listener()
    listener.hear(*packets[:at], *packets[at + 1 :])
    whole = Listener()
    whole.hear(*packets)
    listener.wait(10)
    whole.wait(10)
    plain = Decoder()
    for packet in packets[:at]:
        plain.decode(packet.opus)
    hole = slice(at * 640, (at + 1) * 640)
    corrected = distance(listener.pcm()[hole], whole.pcm()[hole])
    extrapolated = distance(plain.conceal(), whole.pcm()[hole])
    assert corrected < extrapolated / 2, f"{corrected:.0f} from the truth, concealment alone {extrapolated:.0f}"


def test_a_long_hole_is_no_pause() -> None:
    """0.7 s of speech that we lost or dropped, longer than the silence that ends a turn: it is one utterance."""
    listener = Listener()
    packets = stream(tone_packets(100))
    listener.hear(*packets[:30])
    listener.ear.on_unheard(35 * FRAME_S)  # the port says so, of all speakers: the packets were not looked at
    listener.hear(*packets[65:])
    listener.wait(10)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    assert len(listener.pcm()) == 100 * 640, "as long as it was"
    assert listener.counters.concealed_frames == 35


def test_lost_silence_ends_the_turn_all_the_same() -> None:
    """After the last word every second packet of a sender without pauses is lost: the turn ends, late by the loss."""
    listener = Listener()
    silence = encode_speech(bytes(2 * 24_000 * 3))
    packets = stream([*tone_packets(50), *silence])
    listener.hear(*packets[:50], *packets[50::2])
    listener.wait(10)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    ended = listener.events[[type(event) for event in listener.events].index(TurnEnded)]
    assert isinstance(ended, TurnEnded)
    assert 0.5 <= ended.at - ended.speech_end <= 1.1


def test_packets_in_disorder_are_heard_in_order() -> None:
    """A packet that was overtaken takes its place."""
    listener = Listener()
    packets = stream(tone_packets(40))
    shuffled = [*packets[:10], packets[11], packets[10], *packets[12:], packets[-1]]
    late = [OpusPacket(p.user_id, p.sequence, p.timestamp, p.opus, 1.0 + n * FRAME_S) for n, p in enumerate(shuffled)]
    listener.hear(*late)
    assert listener.heard() == [packet.opus for packet in packets]
    assert listener.ear.jitter.counters.duplicates == 1


def test_a_packet_that_cannot_be_decoded_is_concealed() -> None:
    """Nonsense from a peer is counted, and costs 20 ms of that speaker's sound."""
    listener = Listener()
    opus = list(tone_packets(50))
    opus[20] = BAD_OPUS
    listener.hear(*stream(opus))
    listener.wait(10)
    assert listener.counters.undecodable_packets == 1
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    assert BAD_OPUS not in listener.heard()


def test_a_broken_connection_ends_the_utterance_with_all_that_came() -> None:
    """What waits behind a hole is heard before the end, the counters go on, and the next stream begins clean."""
    listener = Listener()
    packets = stream(tone_packets(30))
    listener.hear(*packets[:27], *packets[28:])  # 28 and 29 wait for 27
    events = listener.ear.cut_off(listener.now)
    heard = [event.sound.opus for event in events if isinstance(event, Heard)]
    assert heard == [None, packets[28].opus, packets[29].opus]
    ended = events[-1]
    assert isinstance(ended, TurnEnded)
    assert (ended.reason, ended.confirmed) == ("cut off", True)
    assert ended.speech_end == pytest.approx(listener.now, abs=0.033)
    assert listener.ear.jitter.counters.received == 29
    assert listener.ear.recent_pcm() == b""
    listener.events.clear()
    listener.hear(*stream(tone_packets(50), start=5.0, sequence=40_000))
    listener.wait(10)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    assert listener.ear.jitter.counters.received == 79
    assert listener.ear.jitter.counters.strays == 0


def test_a_broken_connection_in_silence_is_no_event() -> None:
    """Nobody speaks: there is nothing to end."""
    listener = Listener()
    assert listener.ear.cut_off(1.0) == []
    listener.hear(*stream(tone_packets(50)))
    listener.wait(10)
    assert listener.ear.cut_off(10.0) == []


def test_the_turn_models_sound_is_bounded() -> None:
    """However long somebody speaks, 8 s are kept: 256 kB."""
    listener = Listener()
    listener.hear(*stream(tone_packets(50) * 12))
    assert len(listener.ear.recent_pcm()) == 8 * 16_000 * 2


def test_ten_minutes_of_silence_are_not_filled() -> None:
    """A long pause brings neither ten minutes of silence frames nor a split word."""
    listener = Listener()
    listener.hear(*stream(tone_packets(50)))
    listener.wait(600)
    listener.events.clear()
    listener.hear(*stream(tone_packets(50), start=601.0, sequence=57))
    listener.wait(610)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    assert listener.heard() == list(tone_packets(50))
