"""Voice activity on real speech, silence and noise."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.speech import clips
from voxbridge.audio.vad import VAD_FRAME_SAMPLES, VoiceActivity

pytestmark = pytest.mark.unit


def share_voiced(probabilities: list[float]) -> float:
    return sum(p > 0.5 for p in probabilities) / len(probabilities)


@pytest.mark.parametrize("clip", clips(), ids=lambda clip: clip.name)
def test_human_speech_is_voiced(clip):
    """Most frames of a sentence read aloud are speech (83 to 92 % when this was written)."""
    heard = share_voiced(VoiceActivity().feed(clip.pcm))
    assert heard > 0.75, f"only {heard:.0%} of the frames of {clip.name} count as speech"


def test_silence_and_noise_are_unvoiced():
    """Digital silence and faint white noise never count as speech."""
    noise = np.random.default_rng(5).normal(0, 100, 32_000).astype("<i2").tobytes()
    for name, sound in {"silence": bytes(64_000), "noise": noise}.items():
        top = max(VoiceActivity().feed(sound))
        assert top < 0.5, f"{name} reached a voice probability of {top:.2f}"


def test_context_is_kept_between_frames():
    """The 64 samples of context stand before each frame: fed one frame at a time, speech is still speech."""
    (clip, *_) = clips()
    vad = VoiceActivity()
    frame_bytes = 2 * VAD_FRAME_SAMPLES
    single = [p for at in range(0, len(clip.pcm), frame_bytes) for p in vad.feed(clip.pcm[at : at + frame_bytes])]
    assert share_voiced(single) > 0.75


@pytest.mark.parametrize("piece_bytes", [2, 640, 1022, 5000])
def test_any_chunking_gives_the_same_probabilities(piece_bytes):
    """20 ms packets do not divide into 32 ms frames; the cut does not matter."""
    sound = clips()[1].pcm[:20_000]
    whole, vad = VoiceActivity().feed(sound), VoiceActivity()
    pieces = [p for at in range(0, len(sound), piece_bytes) for p in vad.feed(sound[at : at + piece_bytes])]
    assert pieces == whole
    assert len(whole) == len(sound) // (2 * VAD_FRAME_SAMPLES)


def test_speakers_share_no_state_and_reset_forgets():
    """Two speakers over one network give what each gives alone; so does a stream begun anew."""
    first, second = clips()[0].pcm[:32_000], clips()[1].pcm[:32_000]
    alone = VoiceActivity().feed(first)
    left, right = VoiceActivity(), VoiceActivity()
    mixed: list[float] = []
    for at in range(0, 32_000, 1024):
        mixed += left.feed(first[at : at + 1024])
        right.feed(second[at : at + 1024])
    assert mixed == alone
    right.feed(b"\1\1" * 100)
    right.reset()
    assert right.feed(first) == alone
