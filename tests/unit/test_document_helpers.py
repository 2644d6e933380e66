"""The helpers of the users' document: they measure in Trio's time and say what was slow."""

from __future__ import annotations

import pytest
import trio

from tests.fixtures.audio_samples import (
    get_sample_opus_audio,
    get_sample_opus_packets,
    get_sample_pcm_audio,
    get_sample_wav_audio,
)
from tests.utils.helpers import LatencyAssertions, LatencyTracker, StreamValidator, wait_for_condition
from voxbridge.audio.opus import Decoder, packet_duration_s
from voxbridge.core.wire.wav import decode_wav

pytestmark = pytest.mark.unit


async def test_wait_for_condition_returns_when_it_holds(autojump_clock) -> None:
    """It waits as long as needed, says how long, and says what it waited for in vain."""
    began = trio.current_time()
    assert await wait_for_condition(lambda: trio.current_time() >= began + 0.1) == pytest.approx(0.1, abs=0.002)

    async def holds() -> bool:
        return True

    assert await wait_for_condition(holds) == 0.0
    with pytest.raises(AssertionError, match=r"waited 0\.\d+ s in vain for rain"):
        await wait_for_condition(lambda: False, timeout=0.5, message="rain")


async def test_latency_tracker_adds_up(autojump_clock) -> None:
    """Average, percentile and total are those of the stretches measured."""
    tracker = LatencyTracker()
    for seconds in (0.1, 0.2, 0.6):
        with tracker.measure("tts"):
            await trio.sleep(seconds)
    tracker.start("agent")
    await trio.sleep(1.0)
    assert tracker.end("agent") == pytest.approx(1.0)
    assert tracker.get_average("tts") == pytest.approx(0.3)
    assert tracker.get_p95("tts") == pytest.approx(0.6)
    assert tracker.get_total() == pytest.approx(1.9)
    assert "tts" in tracker.report()
    assert "300.0 ms" in tracker.report()
    with pytest.raises(AssertionError, match="agent was not started"):
        tracker.end("agent")


async def test_stream_is_told_from_a_lump(autojump_clock) -> None:
    """Pieces that come one after the other are a stream; all at once is none."""
    stream = StreamValidator()
    await trio.sleep(0.1)
    stream.record_chunk("Hello ")
    stream.record_chunk("there.")
    assert stream.get_first_chunk_latency() == pytest.approx(0.1)
    assert stream.get_total_chunks() == 2
    with pytest.raises(AssertionError, match="in one lump: 6 at 100"):
        LatencyAssertions.assert_streaming(stream, "the answer")
    await trio.sleep(0.1)
    stream.record_chunk("Bye.")
    LatencyAssertions.assert_streaming(stream)


def test_slow_thing_is_named_with_its_time() -> None:
    """A failure says what was slow, how slow, and by how much too slow."""
    LatencyAssertions.assert_low_latency(0.4, 0.5, "STT")
    with pytest.raises(AssertionError, match=r"STT latency too high: 0\.612s, 0\.112s over 0\.5s"):
        LatencyAssertions.assert_low_latency(0.612, 0.5, "STT")


def test_samples_are_real_speech() -> None:
    """Every form holds the same second of a voice; a packet is one Discord packet."""
    pcm, wav, packets = get_sample_pcm_audio(), get_sample_wav_audio(), get_sample_opus_packets()
    assert decode_wav(wav).data == pcm
    assert len(pcm) == 48_000
    assert len(packets) == 50
    assert packet_duration_s(get_sample_opus_audio()) == 0.02
    decoder = Decoder()
    sound = b"".join(map(decoder.decode, packets))
    loudest = max(memoryview(sound).cast("h"))
    assert loudest > 1000, f"the loudest sample is {loudest}: nobody speaks"
