"""Sound as Opus packets for servers that take nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.voices import tone_packets, tone_pcm
from voxbridge.audio.opus import Decoder, Encoder, packet_duration_s
from voxbridge.core.sound.pcm import SILENCE_OPUS, HeardSound
from voxbridge.stages.stt.opus_packets import OpusPackets

pytestmark = pytest.mark.unit


def loudness(pcm: bytes) -> float:
    return float(np.sqrt((np.frombuffer(pcm, "<i2").astype(float) ** 2).mean()))


def test_packets_go_on_as_they_came() -> None:
    """Nothing is coded twice that need not be."""
    decoder, packets = Decoder(), OpusPackets()
    for opus in tone_packets(20):
        assert packets.of(decoder.hear(opus)) == [opus]
    assert packets.rest() == []


@pytest.mark.parametrize("frame_ms", [40, 60])
def test_longer_packets_are_cut_into_20_ms(frame_ms: int) -> None:
    """A server with room for 20 ms hears all of it: as much sound, as loud."""
    encoder, decoder, packets = Encoder(rate_hz=48_000, frame_ms=frame_ms), Decoder(), OpusPackets()
    pcm, size = tone_pcm(1.2, rate_hz=48_000), 96 * frame_ms
    made = [
        packet
        for at in range(0, len(pcm), size)
        for packet in packets.of(decoder.hear(encoder.encode(pcm[at : at + size])))
    ]
    assert [packet_duration_s(packet) for packet in made] == [0.02] * 60
    server = Decoder()
    heard = b"".join(server.decode(packet) for packet in made)
    assert loudness(heard) == pytest.approx(loudness(tone_pcm(1.2, rate_hz=16_000)), rel=0.1)


def test_what_has_no_packet_gets_one() -> None:
    """Concealment is coded, silence is Discord's silence frame, and what fills no frame waits for its rest."""
    packets = OpusPackets()
    assert packets.of(HeardSound(bytes(640))) == [SILENCE_OPUS]
    tone = tone_pcm(0.05, rate_hz=16_000)
    (first, second) = packets.of(HeardSound(tone))
    assert packet_duration_s(first) == packet_duration_s(second) == 0.02
    (rest,) = packets.rest()
    assert loudness(Decoder().decode(rest)) > 1000
    assert packets.rest() == []


def test_the_order_of_sound_is_kept() -> None:
    """The 10 ms that were made up go before the packet that follows them."""
    decoder, packets = Decoder(), OpusPackets()
    assert packets.of(HeardSound(tone_pcm(0.01, rate_hz=16_000))) == []
    opus = tone_packets(1)[0]
    made = packets.of(decoder.hear(opus))
    assert made[1:] == [opus]
    assert packet_duration_s(made[0]) == 0.02
