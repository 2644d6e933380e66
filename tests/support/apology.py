"""An apology that can be told from everything else that is heard."""

from __future__ import annotations

import numpy as np

from tests.support.voices import SentFrame, tone_pcm
from voxbridge.audio.opus import Decoder
from voxbridge.core.sound.pcm import HEARING_RATE_HZ, SPEECH_RATE_HZ, Pcm

APOLOGY_HZ = 3000.0
APOLOGY = Pcm(tone_pcm(0.5, APOLOGY_HZ), SPEECH_RATE_HZ)
"""Higher than anything the simulated voices hum."""


def hears_apology(frames: list[SentFrame]) -> bool:
    """Tell whether the apology's tone was sent."""
    decoder = Decoder(rate_hz=HEARING_RATE_HZ)
    samples = np.frombuffer(b"".join(decoder.decode(frame.opus) for frame in frames), "<i2").astype(float)
    size = HEARING_RATE_HZ // 10
    tones = 0
    for begin in range(0, len(samples) - size + 1, size):
        power = np.abs(np.fft.rfft(samples[begin : begin + size] * np.hanning(size)))
        tones += int(power.max() > 1e5 and abs(int(power.argmax()) * 10 - APOLOGY_HZ) < 50)
    return tones >= 3
