"""A short fuzz session over every reader of foreign bytes; `nox -s fuzz` makes it longer."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.engine import Tally, poisoned, try_growth, try_many, try_one
from tests.fuzz.readers import READERS, Reader

pytestmark = pytest.mark.unit

EVERY_READER = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)


@EVERY_READER
def test_poison_is_read_or_refused(reader: Reader) -> None:
    """What took a reader down once, before, behind and instead of what it expects: a meaning, or its own error."""
    rng = random.Random(1)
    faults = [fault for data in poisoned(reader) if (fault := try_one(reader, data, rng, Tally())) is not None]
    assert not faults, "\n".join(map(str, faults))


@EVERY_READER
def test_any_bytes_are_read_or_refused(reader: Reader) -> None:
    """Real messages, cut, repeated, mixed and spoilt: a meaning or its own error, the same however they are cut."""
    rng, tally = random.Random(2), Tally()
    fault = try_many(reader, rng, 100, tally)
    assert fault is None, str(fault)
    assert tally.inputs == 100


@EVERY_READER
def test_four_times_the_bytes_take_four_times_the_work(reader: Reader) -> None:
    """Something repeated for ever costs time and memory in proportion."""
    rng = random.Random(3)
    faults = [fault for _ in range(2) if (fault := try_growth(reader, rng)) is not None]
    assert not faults, "\n".join(map(str, faults))
