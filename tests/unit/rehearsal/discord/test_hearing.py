"""Sound from packets: order, gaps, wraps, loss."""

from __future__ import annotations

import numpy as np
import pytest

from voxbridge.audio.opus import encode_speech
from voxbridge.core.ids import UserId
from voxbridge.rehearsal.discord.hearing import Heard, sound_of

pytestmark = pytest.mark.unit

LOUD = encode_speech(b"\x00\x40" * 480 * 5 + b"\x00\xc0" * 480 * 5)


def heard(number, opus, *, base=0, ssrc=1):
    return Heard(UserId(1), number & 0xFFFF, (base + 960 * number) % (1 << 32), opus, True, 0.0, ssrc)


def frames(sound):
    return np.frombuffer(sound.data, np.int16).reshape(-1, sound.rate_hz // 50)


def test_nothing_heard_is_no_sound():
    """An empty record is an empty sound."""
    assert sound_of([], rate_hz=24_000).duration_s == 0


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
@pytest.mark.parametrize("base", [0, (1 << 32) - 960 * 3])
def test_gap_in_rtp_time_is_silence_of_that_length(rate_hz, base):
    """Packets 3-7 were not sent: 100 ms of silence, also across the wrap of the clock."""
    packets = [heard(n, LOUD[n % 10], base=base) for n in (0, 1, 2, 8, 9)]
    sound = sound_of(packets, rate_hz=rate_hz)
    assert sound.duration_s == pytest.approx(0.2, abs=1e-9)
    assert [bool(frame.any()) for frame in frames(sound)] == [True] * 3 + [False] * 5 + [True] * 2


def test_reordered_and_doubled_packets_are_put_right():
    """Order of arrival does not matter, and nobody is heard twice."""
    straight = [heard(n, LOUD[n]) for n in range(6)]
    mixed = [straight[n] for n in (0, 2, 1, 1, 3, 5, 4, 4)]
    assert sound_of(mixed, rate_hz=24_000) == sound_of(straight, rate_hz=24_000)


def test_packet_that_could_not_be_decrypted_is_a_gap():
    """What was not understood is silence, not a shift."""
    packets = [heard(n, LOUD[n] if n != 2 else None) for n in range(5)]
    sound = sound_of(packets, rate_hz=24_000)
    assert sound.duration_s == pytest.approx(0.1, abs=1e-9)
    assert not frames(sound)[2].any()


def test_new_stream_follows_the_old_one():
    """After a rejoin the clock starts anew: the second stream is put behind the first."""
    packets = [heard(n, LOUD[n], base=5_000_000) for n in range(3)] + [heard(n, LOUD[n], ssrc=2) for n in range(3)]
    assert sound_of(packets, rate_hz=24_000).duration_s == pytest.approx(0.12, abs=1e-9)
