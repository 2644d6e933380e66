"""Words of tones: what goes into the codec is read back from its other end."""

from __future__ import annotations

import random

import pytest

from voxbridge.audio.opus import Decoder
from voxbridge.rehearsal.tones import WORDS_MAX, packets_of, words_in

pytestmark = pytest.mark.unit


def heard(packets: list[bytes]) -> str:
    decoder = Decoder()
    return words_in(b"".join(decoder.decode(packet) for packet in packets))


@pytest.mark.parametrize("seed", range(8))
def test_any_words_are_read_back(seed):
    """Any words of tones come out of the codec as they went in."""
    numbers = random.Random(seed).choices(range(WORDS_MAX), k=40)
    assert heard(packets_of(*numbers)) == " ".join(f"w{number}" for number in numbers)


def test_a_word_said_twice_is_heard_twice_and_a_lost_one_is_missing():
    """A word said twice is heard twice, a missing one is missing, and silence has none."""
    assert heard(packets_of(3, 3)) == "w3 w3"
    assert heard(packets_of(3) + packets_of(5)) == "w3 w5"
    assert words_in(b"") == ""
    assert words_in(bytes(3200)) == ""


def test_there_are_so_many_words():
    """A word that there is not is refused."""
    with pytest.raises(ValueError, match="40 words"):
        packets_of(WORDS_MAX)
