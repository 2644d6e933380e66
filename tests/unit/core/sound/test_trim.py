"""What of a clip's silence is left out, window by window of 10 ms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.sound.trim import Trim, TrimRules

pytestmark = pytest.mark.unit

SILENT, SOFT, LOUD = -80.0, -58.0, -20.0
RULES = TrimRules(silent_dbfs=-60.0, pause_max_ms=100, keep_ms=30)


def played(levels: list[float], rules: TrimRules = RULES) -> tuple[list[int], Trim]:
    """Return the numbers of the windows that are played, the surplus at the end taken back."""
    trim, out, held = Trim(rules), list[int](), list[int]()
    for number, level in enumerate(levels):
        if trim.window(level) == "play":
            out += [*held, number]
            held = []
        else:
            held = [number]
    return out[: len(out) - trim.surplus_ms // 10], trim


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param([LOUD] * 3, [0, 1, 2], id="no silence at all"),
        pytest.param(
            [SILENT] * 30 + [LOUD] * 3, [29, 30, 31, 32], id="a lead goes, but for the window before the sound"
        ),
        pytest.param([SILENT] * 5 + [SOFT] * 4 + [LOUD], [4, 5, 6, 7, 8, 9], id="a soft beginning stays"),
        pytest.param([LOUD] + [SILENT] * 8 + [LOUD], list(range(10)), id="a pause of the voice's own stays"),
        pytest.param([LOUD] + [SILENT] * 40 + [LOUD], [*range(11), 40, 41], id="a long one is shortened"),
        pytest.param([LOUD] + [SILENT] * 40, [0, 1, 2, 3], id="of a trail 30 ms are kept"),
        pytest.param([-60.1] * 5 + [-60.0] + [-60.1] * 9, [4, 5, 6, 7, 8], id="silence is what is under the limit"),
        pytest.param([SILENT] * 400, [], id="nothing but silence is nothing"),
    ],
)
def test_what_is_played(levels: list[float], expected: list[int]) -> None:
    """Lead, pauses and trail, by a table."""
    assert played(levels)[0] == expected


def test_what_was_left_out_before_the_first_sound_is_told() -> None:
    """So much sooner is the answer heard."""
    _, trim = played([SILENT] * 30 + [LOUD] * 3 + [SILENT] * 60)
    assert trim.lead_ms == 290


@given(st.lists(st.sampled_from([SILENT, SOFT, LOUD]), max_size=200))
def test_no_window_with_a_sound_is_ever_left_out(levels: list[float]) -> None:
    """Whatever comes in whatever order: what is louder than silence is played, once, in order."""
    out, _ = played(levels)
    assert out == sorted(set(out))
    assert {number for number, level in enumerate(levels) if level > RULES.silent_dbfs} <= set(out)
