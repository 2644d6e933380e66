"""A packet's length, read off its header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.audio.opus import OpusError, packet_duration_s
from voxbridge.core.sound.opus_length import LONGEST_TICKS, packet_ticks

pytestmark = pytest.mark.unit


@given(st.binary(max_size=4))
def test_the_length_is_what_libopus_says(packet: bytes) -> None:
    """Of any bytes: the same length, and the same packets are none."""
    try:
        expected = (round(packet_duration_s(packet) * 48_000) or None) if packet else None
    except OpusError:
        expected = None
    ticks = packet_ticks(packet)
    assert ticks == expected
    assert ticks is None or 0 < ticks <= LONGEST_TICKS
