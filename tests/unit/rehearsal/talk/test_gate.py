"""The gate of a live microphone: what is sent of which level."""

from __future__ import annotations

import numpy as np
import pytest

from voxbridge.rehearsal.talk.gate import Gate, level_dbfs

pytestmark = pytest.mark.unit


def frames_at(dbfs: float, count: int, *, seed: int = 1) -> list[bytes]:
    """Return noise of a level, in frames of 20 ms."""
    dice = np.random.default_rng(seed)
    noise = dice.normal(0, 32_768 * 10 ** (dbfs / 20), (count, 480)).clip(-32_768, 32_767)
    return [frame.astype("<i2").tobytes() for frame in noise]


def sent(gate: Gate, frames: list[bytes]) -> list[bytes | None]:
    """Return all that the gate lets through of these frames."""
    return [out for frame in frames for out in gate.feed(frame)]


def test_level_is_that_of_full_scale():
    """A square wave of full scale is 0 dB, one of half -6, silence the floor; no samples are silence."""
    assert level_dbfs(np.full(480, 32_767, "<i2").tobytes()) == pytest.approx(0, abs=0.01)
    assert level_dbfs(np.full(480, 16_384, "<i2").tobytes()) == pytest.approx(-6.02, abs=0.01)
    assert level_dbfs(bytes(960)) == level_dbfs(b"") == -90


def test_a_word_is_sent_with_what_was_before_it_and_a_tail():
    """Three frames of before, the word, 300 ms behind it, five silence frames; then nothing."""
    gate = Gate()
    quiet, word, after = frames_at(-70, 50), frames_at(-25, 10, seed=2), frames_at(-70, 100, seed=3)
    assert sent(gate, quiet) == []
    assert sent(gate, word) == [*quiet[-3:], *word]
    assert gate.is_open
    assert sent(gate, after) == [*after[:15], *[None] * 5]
    assert not gate.is_open


def test_a_pause_inside_of_a_phrase_is_sent():
    """200 ms of quiet between two words do not close the gate."""
    gate = Gate()
    word, pause = frames_at(-25, 10), frames_at(-70, 10)
    assert sent(gate, word) == word
    assert sent(gate, pause) == pause
    assert sent(gate, word) == word


def test_a_steady_noise_is_learned():
    """A fan at -45 dBFS opens the gate at first, not after half a minute; who talks over it is heard."""
    gate = Gate()
    sent(gate, frames_at(-45, 1500))
    assert not gate.is_open, "the fan is still sent after 30 s"
    assert sent(gate, frames_at(-22, 5, seed=2))
    assert gate.is_open


def test_who_talks_for_minutes_is_let_through():
    """What is learned as noise has a bound: speech at -24 dBFS without a pause is sent to its end."""
    gate = Gate()
    assert len(sent(gate, frames_at(-24, 15_000))) == 15_000


def test_a_word_cut_by_the_tail_opens_anew():
    """Speech that comes while silence frames are owed is sent at once, and none is sent in between."""
    gate = Gate()
    word, quiet = frames_at(-25, 3), frames_at(-70, 17)
    assert sent(gate, word + quiet)[-2:] == [None, None]
    assert sent(gate, word) == [*quiet[-2:], *word]
