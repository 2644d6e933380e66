"""The thinking sound: what a loop of it is like."""

from __future__ import annotations

import numpy as np
import pytest

from voxbridge.audio.gain import scaled
from voxbridge.audio.loudness import levels_dbfs, lufs_of
from voxbridge.audio.opus import Decoder, encode_speech
from voxbridge.audio.thinking_sound import thinking_loop, thinking_lufs
from voxbridge.audio.vad import VoiceActivity
from voxbridge.core.sound.pcm import SPEECH_FRAME_BYTES, SPEECH_RATE_HZ
from voxbridge.core.sound.track import Loudness

pytestmark = pytest.mark.unit


def test_it_can_go_round_without_a_click() -> None:
    """Whole frames, which begin and end in silence, no sample beyond half of what there is, and no jump in it."""
    loop = thinking_loop()
    assert len(loop) % SPEECH_FRAME_BYTES == 0
    samples = np.frombuffer(loop, "<i2").astype(int)
    assert samples[0] == samples[-1] == 0
    assert np.abs(samples).max() < 16_384
    assert np.abs(np.diff(samples)).max() < 1500
    assert min(levels_dbfs(loop, SPEECH_RATE_HZ)) < -100, "there is silence in it, in which it can end"


def test_its_loudness_is_known() -> None:
    """Measured as any sound is, so that it can be set beside a voice."""
    assert lufs_of(scaled(thinking_loop() * 4, Loudness(0.2, 0.2)), SPEECH_RATE_HZ) == pytest.approx(
        thinking_lufs() - 13.98, abs=0.1
    )


@pytest.mark.parametrize("level_db", [-14.0, -20.0, -34.0])
def test_no_voice_is_heard_in_it(level_db: float) -> None:
    """Out of an open microphone it would silence itself, or take a question back: the voice detector hears no voice."""
    factor = 10 ** (level_db / 20)
    decoder, detector = Decoder(), VoiceActivity()
    packets = encode_speech(scaled(thinking_loop() * 6, Loudness(factor, factor)))
    probabilities = [each for packet in packets for each in detector.feed(decoder.decode(packet))]
    assert max(probabilities) < 0.35
