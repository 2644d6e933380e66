"""The ear: packets in any order in, utterances and packets in order out; no clock, no task."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.support.voices import LoudnessDetector, tone_packets
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, SILENCE_OPUS, OpusPacket
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

    def heard(self) -> list[bytes]:
        return [event.packet.opus for event in self.events if isinstance(event, Heard)]


def stream(opus: Iterable[bytes], *, start: float = 1.0, sequence: int = 7) -> list[OpusPacket]:
    """Number the packets, 20 ms apart."""
    return [
        OpusPacket(UserId(1), sequence + n, 960 * (round(start / FRAME_S) + n), each, start + n * FRAME_S)
        for n, each in enumerate(opus)
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
    assert listener.heard() == [*first, *[SILENCE_OPUS] * 15, *second]


def test_a_lost_packet_is_silence_to_the_line_and_speech_to_us() -> None:
    """One of 50 is lost: the utterance is not split, the line gets 20 ms of silence in its place."""
    listener = Listener()
    packets = stream(tone_packets(50))
    listener.hear(*packets[:20], *packets[21:])
    listener.wait(10)
    assert listener.kinds() == [SpeechStarted, SpeechConfirmed, Guess, TurnEnded]
    assert listener.heard() == [p.opus if n != 20 else SILENCE_OPUS for n, p in enumerate(packets)]
    assert listener.counters.concealed_frames == 1
    assert listener.ear.jitter.counters.lost == 1


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
    heard = [event.packet.opus for event in events if isinstance(event, Heard)]
    assert heard == [SILENCE_OPUS, packets[28].opus, packets[29].opus]
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
