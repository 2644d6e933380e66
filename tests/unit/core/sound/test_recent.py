"""The last seconds of sound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.core.sound.pcm import HeardSound
from voxbridge.core.sound.recent import RecentSound

pytestmark = pytest.mark.unit


@given(st.lists(st.integers(1, 120), max_size=60))
def test_the_end_is_kept_whatever_the_pieces(lengths_ms: list[int]) -> None:
    """As much as was asked for if there was so much, to the sample; and never a piece more than that takes."""
    recent, whole = RecentSound(0.3), b""
    for number, length in enumerate(lengths_ms):
        pcm = bytes([number]) * 32 * length
        recent.add(HeardSound(pcm))
        whole += pcm
    assert recent.pcm() == whole[-9600:]
    kept = list(recent)
    assert sum(len(piece.pcm) for piece in kept[1:]) < 9600
    recent.clear()
    assert list(recent) == []
