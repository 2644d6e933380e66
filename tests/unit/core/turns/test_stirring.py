"""The first trace of a voice, by plain numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.stirring import Stir, Stirring

pytestmark = pytest.mark.unit

FRAME_S = 0.032


def played(stirring: Stirring, probabilities: list[float], began: float = 0.0) -> list[tuple[float, Stir]]:
    """Feed frames; return what was said, and when."""
    told: list[tuple[float, Stir]] = []
    for number, probability in enumerate(probabilities, 1):
        now = began + number * FRAME_S
        if said := stirring.on_frame(probability, FRAME_S, now, 0.16):
            told.append((round(now, 6), said))
    return told


def test_a_trace_is_told_at_once_and_taken_back_within_300_ms() -> None:
    """One doubtful frame: 100 ms later it was nothing. Doubt that lasts is given 300 ms."""
    assert played(Stirring(), [0.0, 0.2] + [0.0] * 10) == [(0.064, "stirred"), (0.192, "stilled")]
    assert played(Stirring(), [0.0] + [0.2] * 20)[:2] == [(0.064, "stirred"), (0.384, "stilled")]


def test_what_comes_to_nothing_is_waited_for_longer_each_time() -> None:
    """A child next door lowers the answer twice in the first second, and once in eight seconds in the end."""
    told = [at for at, said in played(Stirring(), [0.2] * 2000) if said == "stirred"]
    gaps = [later - earlier for earlier, later in pairwise(told)]
    assert gaps[0] == pytest.approx(0.32 + 0.512, abs=0.04)
    assert gaps[-1] == pytest.approx(8.3, abs=0.1)
    assert gaps == pytest.approx(sorted(gaps))


def test_speech_makes_good() -> None:
    """After speech the next trace counts at once again; nothing is taken back."""
    stirring = Stirring()
    played(stirring, [0.2] * 500)
    stirring.began()
    assert stirring.due is None
    assert played(stirring, [0.2], 100.0) == [(100.032, "stirred")]


def test_what_lasts_is_likely_a_voice() -> None:
    """160 ms that are certain for a third of the time: told once, and not taken back while it goes on."""
    told = played(Stirring(), [0.0] + [0.4] * 20 + [0.0] * 10)
    assert told == [(0.064, "stirred"), (0.192, "likely"), (0.8, "stilled")]
    assert "likely" not in [said for _, said in played(Stirring(), [0.25] * 20)]
    assert played(Stirring(), [0.1, 0.1, 0.1, 0.9, 0.9, 0.9])[1] == (0.16, "likely")


def test_without_packets_the_clock_takes_it_back() -> None:
    """Discord sends nothing in silence."""
    stirring = Stirring()
    assert stirring.on_clock(0.0) is None
    stirring.on_frame(0.3, FRAME_S, 1.0, 0.16)
    assert stirring.due == pytest.approx(1.1)
    assert stirring.on_clock(1.05) is None
    assert stirring.on_clock(1.1) == "stilled"
    assert stirring.due is None


@given(st.lists(st.floats(0, 1), max_size=300), st.lists(st.integers(0, 299), max_size=5))
def test_each_trace_is_taken_back_once_or_becomes_speech(probabilities: list[float], speech: list[int]) -> None:
    """Stirred and stilled alternate, whatever is heard; no trace lasts longer than 300 ms and a frame."""
    stirring, since, is_likely = Stirring(), None, False
    for number, probability in enumerate(probabilities):
        now = number * FRAME_S
        if number in speech:
            stirring.began()
            since = None
        said = stirring.on_frame(probability, FRAME_S, now, 0.16)
        if said == "stirred":
            assert since is None
            since, is_likely = now, False
        elif said is not None:
            assert since is not None
            assert is_likely or now - since <= 0.3 + FRAME_S
            is_likely = True
            since = since if said == "likely" else None
