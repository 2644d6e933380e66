"""How much louder or softer a voice is to be, so that all voices and all their sentences are equally loud.

What counts of a sentence is its own sound as far as it has come, and before that what the same voice has said so far:
a new voice is known after a word or two, an old one at once. Nothing waits for a measurement.
"""

from __future__ import annotations

import attrs

# So many seconds of its own sound does a sentence need until it counts as much as the voice does: a word alone is
# measured badly, and an agent may have chosen another voice without our knowing.
_VOICE_WEIGHT_S = 0.5
# What is known of a voice fades: one that was made louder at its server is believed after this much sound.
_MEMORY_S = 60.0
# -1 dBFS: above that the decoder at the other end may clip.
_PEAK_MAX = 0.89


@attrs.define
class VoiceLoudness:
    """What is known of one voice. ``heard_s`` None of it yet: 0."""

    lufs: float | None = None
    heard_s: float = 0.0

    def learn(self, lufs: float | None, seconds: float) -> None:
        """Take a sentence that has come whole."""
        if lufs is None or seconds <= 0:
            return
        known_s = min(self.heard_s, _MEMORY_S)
        self.lufs = lufs if self.lufs is None else (self.lufs * known_s + lufs * seconds) / (known_s + seconds)
        self.heard_s = known_s + seconds

    def expect(self, lufs: float | None, seconds: float) -> float | None:
        """Return how loud a sentence is likely to be of which so many seconds have come, and were so loud."""
        if self.lufs is None or lufs is None:
            return self.lufs if lufs is None else lufs
        return (self.lufs * _VOICE_WEIGHT_S + lufs * seconds) / (_VOICE_WEIGHT_S + seconds)


def factor_for(lufs: float | None, peak: float, *, target_lufs: float, most_db: float = 12.0) -> float:
    """Return what to multiply the samples by. ``peak`` is their highest so far; no sample of it will be clipped."""
    if lufs is None:
        return 1.0
    factor: float = 10 ** (max(-most_db, min(most_db, target_lufs - lufs)) / 20)
    return min(factor, _PEAK_MAX / peak) if peak > 0 else factor
