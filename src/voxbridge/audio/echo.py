"""How much of what is heard is what was just sent: an open microphone beside a loudspeaker.

The likeness of a stretch of sound to another that is a little older, at the delay at which it is greatest: 1 is the
same sound at any level, and its square is the share of the energy that the older one explains. Measured with the
built-in voice through Opus twice, 0.4 s at a time: an echo at -6 and at -20 dB 0.94 to 0.99; with somebody who talks
over it 0.11 to 0.92; other voices up to 0.14; an echo out of a room that reverberates for 0.3 s 0.19 to 0.48, which
only its words tell.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from voxbridge.core.sound.pcm import HEARING_RATE_HZ, SPEECH_RATE_HZ

Floats = npt.NDArray[np.float32]

RATE_HZ = 8000  # where the voice is; half the work of 16 kHz
_APART = round(0.03 * RATE_HZ)
# A hum is like itself at every period: what has two such delays, far from each other, tells nothing.
_MARGIN_MIN = 0.15
# Of 0.1 s: another voice at most 0.40, an echo at least 0.43 in 95 of 100 places.
_DOUBT_MIN = 0.45


def heard_samples(pcm: bytes) -> Floats:
    """Return 16 kHz mono s16le as samples to compare."""
    return _every(pcm, HEARING_RATE_HZ // RATE_HZ)


def sent_samples(pcm: bytes) -> Floats:
    """Return 24 kHz mono s16le as samples to compare."""
    return _every(pcm, SPEECH_RATE_HZ // RATE_HZ)


def _every(pcm: bytes, factor: int) -> Floats:
    samples = np.frombuffer(pcm, "<i2")
    whole = samples[: len(samples) // factor * factor].reshape(-1, factor)
    return np.asarray(whole.mean(axis=1, dtype=np.float32))


def likeness(heard: Floats, sent: Floats) -> float:
    """Return how like ``heard`` is to its most similar stretch of ``sent``, which is longer; 0 for silence and hums."""
    rho = _likenesses(heard, sent)
    if not len(rho):
        return 0.0
    at = int(rho.argmax())
    best = float(rho[at])
    rho[max(0, at - _APART) : at + _APART] = 0.0
    return min(1.0, best) if best - float(rho.max()) >= _MARGIN_MIN else 0.0


def may_be_echo(heard: Floats, sent: Floats) -> bool:
    """Tell whether a tenth of a second of ``heard`` may be of ``sent``: so little proves nothing."""
    rho = _likenesses(heard, sent)
    return len(rho) > 0 and float(rho.max()) >= _DOUBT_MIN


def _likenesses(heard: Floats, sent: Floats) -> Floats:
    """Return the likeness at each delay; nothing where there is nothing to compare."""
    none = np.zeros(0, np.float32)
    heard, sent = np.diff(heard), np.diff(sent)  # the differences: bass would make all voices alike
    count = len(heard)
    delays = len(sent) - count + 1
    if delays < 1 or not count:
        return none
    size = 1 << (len(sent) + count - 1).bit_length()
    spectrum = np.fft.rfft(sent, size) * np.conj(np.fft.rfft(heard, size))
    found = np.abs(np.fft.irfft(spectrum, size)[:delays])
    energy = np.cumsum(np.concatenate([[0.0], sent.astype(np.float64) ** 2]))
    energies = energy[count:] - energy[:-count]
    own = float((heard.astype(np.float64) ** 2).sum())
    if own <= 0 or energies.max() <= 0:
        return none
    # A stretch of near silence is like anything: it counts as if it had a thousandth of the loudest one's energy.
    return np.asarray(found / np.sqrt(own * np.maximum(energies, energies.max() * 1e-3)))
