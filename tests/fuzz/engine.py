"""Gives inputs to a reader, and says what is wrong with what it makes of them.

Wrong is: any exception but the reader's own errors, another meaning for another cut, more CPU or memory than the
input's length allows, and CPU that grows faster than the input.
"""

from __future__ import annotations

import gc
import random
import sys
import time
import tracemalloc
from pathlib import Path

import attrs

from tests.fuzz.inputs import LARGE_POISON, POISON, mutated, pumped
from tests.fuzz.readers import Reader

CPU_S_PER_BYTE = 20e-6  # the slowest real one (n8n's lines, 170 bytes each) takes a tenth of it
CPU_S_FREE = 0.1  # the first input of a kind fills caches
MEMORY_PER_BYTE = 120  # `{}` is three bytes and some two hundred of objects
MEMORY_FREE_BYTES = 4 << 20
TRACED = 5  # so many times as long, while coverage looks at each line
GROWTH_MAX = 10.0  # four times the input may take four times as long; the rest is noise
_SMALL_BYTES, _LARGE_BYTES = 16 << 10, 64 << 10
_NOISE_S = 0.02
_SHORTEN_S = 5.0


@attrs.define
class Tally:
    """What one reader was given, and what it cost."""

    inputs: int = 0
    total_bytes: int = 0
    cpu_s: float = 0.0
    longest_s: float = 0.0


@attrs.frozen
class Fault:
    """An input that shows what is wrong."""

    reader: str
    what: str
    data: bytes

    def __str__(self) -> str:
        shown = repr(self.data[:300]) + (f"... ({len(self.data)} bytes)" if len(self.data) > 300 else "")
        return f"{self.reader}: {self.what}: {shown}"

    def save(self, folder: Path) -> Path:
        """Write the input to a file of its own."""
        file = folder / f"{self.reader.replace(' ', '-')}-{abs(hash(self.data)) % 10**8}.bin"
        file.write_bytes(self.data)
        return file


def poisoned(reader: Reader) -> list[bytes]:
    """Return the poisons by themselves, and in the place of the beginning and the end of what is expected."""
    return [
        data
        for poison in POISON + LARGE_POISON
        for data in (poison, poison + reader.seeds[0], reader.seeds[0] + poison)
    ]


def try_one(reader: Reader, data: bytes, rng: random.Random, tally: Tally) -> Fault | None:
    """Give one input, whole and cut; return what is wrong."""
    began = time.process_time()
    try:
        whole = reader.meaning(data, [])
        took_s = time.process_time() - began
        at = [rng.randrange(len(data) + 1) for _ in range(rng.choice((1, 2, 8)))]
        in_pieces = reader.meaning(data, at) if reader.is_cut else whole
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Fault(reader.name, f"raises {type(error).__name__}", data)
    tally.inputs += 1
    tally.total_bytes += len(data)
    tally.cpu_s += took_s
    tally.longest_s = max(tally.longest_s, took_s)
    if whole != in_pieces:
        return Fault(reader.name, f"means {_short(whole)}, and {_short(in_pieces)} when it is cut at {at}", data)
    allowed_s = (CPU_S_FREE + CPU_S_PER_BYTE * len(data)) * (1 if sys.gettrace() is None else TRACED)
    if took_s > allowed_s:
        took_s = min(_cpu_s(reader, data) for _ in range(3))  # the garbage collector's time is nobody's fault
    return Fault(reader.name, f"takes {took_s:.3f} s of CPU", data) if took_s > allowed_s else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}..."


def try_growth(reader: Reader, rng: random.Random) -> Fault | None:
    """Give a piece repeated, and four times as often: the time may grow with the input, and the memory too."""
    head, piece, tail = pumped(rng, reader.seeds)
    small, large = (head + piece * (size // len(piece)) + tail for size in (_SMALL_BYTES, _LARGE_BYTES))
    # The best of two: who is interrupted by the garbage collector or another process is not slow.
    if (fault := try_one(reader, large, rng, Tally())) is not None:
        return fault
    small_s, large_s = (min(_cpu_s(reader, data) for _ in range(2)) for data in (small, large))
    if large_s > _NOISE_S + GROWTH_MAX * max(small_s, 0.001):
        return Fault(
            reader.name, f"takes {small_s:.4f} s for {len(small)} bytes, {large_s:.4f} s for four times", large
        )
    peak_bytes = _peak_bytes(reader, large)
    if peak_bytes > MEMORY_FREE_BYTES + MEMORY_PER_BYTE * len(large):
        return Fault(reader.name, f"takes {peak_bytes / 1e6:.0f} MB", large)
    return None


def _cpu_s(reader: Reader, data: bytes) -> float:
    began = time.process_time()
    reader.meaning(data, [])
    return time.process_time() - began


def _peak_bytes(reader: Reader, data: bytes) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        reader.meaning(data, [])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def try_many(reader: Reader, rng: random.Random, count: int, tally: Tally) -> Fault | None:
    """Give ``count`` changed seeds; return the first that goes wrong, made as short as it can be."""
    for _ in range(count):
        data = mutated(rng, reader.seeds)
        if (fault := try_one(reader, data, rng, tally)) is not None:
            return shortened(reader, fault, rng)
    return None


def shortened(reader: Reader, fault: Fault, rng: random.Random) -> Fault:
    """Leave out what the fault does not need, for some seconds."""
    size, until_s = max(1, len(fault.data) // 2), time.process_time() + _SHORTEN_S
    while size and time.process_time() < until_s:
        at = 0
        while at < len(fault.data) and time.process_time() < until_s:
            again = try_one(reader, fault.data[:at] + fault.data[at + size :], rng, Tally())
            if again is not None and again.what.split()[:2] == fault.what.split()[:2]:
                fault = again
            else:
                at += size
        size //= 2
    return fault
