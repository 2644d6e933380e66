"""The turn's limit counts silence."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.turns.patience import Patience

pytestmark = pytest.mark.unit


def test_the_limit_stands_while_there_is_sound() -> None:
    """Five seconds of waiting, an hour of sound, and what is left of the limit is left."""
    patience = Patience(due=120.0)
    patience.sound(5.0)
    assert patience.due == math.inf
    patience.sound(6.0)
    patience.silence(3605.0)
    assert patience.due == pytest.approx(3605.0 + 115.0)
    patience.silence(3606.0)
    assert patience.due == pytest.approx(3605.0 + 115.0)


@given(st.lists(st.tuples(st.floats(0.001, 100), st.booleans()), max_size=50))
def test_only_silence_is_counted(steps: list[tuple[float, bool]]) -> None:
    """Whatever comes in whatever order, the limit is what was waited in silence, to the millisecond."""
    patience, now, waited = Patience(due=10_000.0), 0.0, 0.0
    for seconds, sounds in steps:
        if sounds:
            patience.sound(now)
        else:
            patience.silence(now)
        now += seconds
        waited += 0.0 if sounds else seconds
    patience.silence(now)
    assert patience.due - now == pytest.approx(10_000.0 - waited, abs=1e-3)
