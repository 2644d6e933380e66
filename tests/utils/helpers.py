"""What the users' test document measures and waits with. All times are Trio's, so they are exact in virtual time."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable
from contextlib import contextmanager

import attrs
import trio

_POLL_S = 0.001


async def wait_for_condition(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], timeout: float = 2.0, message: str = ""
) -> float:
    """Wait until ``condition()`` holds and return for how many seconds; fail after ``timeout`` of them."""
    began = trio.current_time()
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        waited_s = trio.current_time() - began
        if holds:
            await trio.lowlevel.checkpoint()
            return waited_s
        assert waited_s < timeout, f"waited {waited_s:.3f} s in vain for {message or condition}"
        await trio.sleep(_POLL_S)


@attrs.define
class LatencyTracker:
    """Measures named stretches, each as often as wanted."""

    _began: dict[str, float] = attrs.field(factory=dict, init=False)
    _taken: dict[str, list[float]] = attrs.field(factory=dict, init=False)

    def start(self, name: str) -> None:
        """Begin a stretch."""
        self._began[name] = trio.current_time()

    def end(self, name: str) -> float:
        """End a stretch; return its length in seconds."""
        assert name in self._began, f"{name} was not started; started: {sorted(self._began)}"
        taken = trio.current_time() - self._began.pop(name)
        self._taken.setdefault(name, []).append(taken)
        return taken

    @contextmanager
    def measure(self, name: str):
        """Measure a block."""
        self.start(name)
        yield
        self.end(name)

    def record(self, name: str, seconds: float) -> None:
        """Add a stretch that was measured elsewhere."""
        self._taken.setdefault(name, []).append(seconds)

    def get_average(self, name: str) -> float:
        """Return the average of a name's stretches."""
        return sum(self._taken[name]) / len(self._taken[name])

    def get_p95(self, name: str) -> float:
        """Return the 95th percentile (nearest rank): of fewer than 20 the largest."""
        ordered = sorted(self._taken[name])
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    def get_total(self) -> float:
        """Return the sum of all stretches."""
        return sum(map(sum, self._taken.values()))

    def report(self) -> str:
        """Return a line for each name, in the order of their first ends."""
        return "\n".join(
            f"{name:<24} {len(taken):>3} x  average {self.get_average(name) * 1000:8.1f} ms  "
            f"p95 {self.get_p95(name) * 1000:8.1f} ms"
            for name, taken in self._taken.items()
        )


@attrs.define
class StreamValidator:
    """Notes when the pieces of a stream came, to tell a stream from a lump."""

    began: float = attrs.field(factory=trio.current_time)
    chunks: list[tuple[float, str | bytes]] = attrs.field(factory=list, init=False)

    def record_chunk(self, chunk: str | bytes) -> None:
        """Note a piece that came now."""
        self.chunks.append((trio.current_time() - self.began, chunk))

    def get_first_chunk_latency(self) -> float:
        """Return the seconds from the beginning to the first piece."""
        assert self.chunks, "no chunk has come"
        return self.chunks[0][0]

    def get_total_chunks(self) -> int:
        """Return how many pieces came."""
        return len(self.chunks)

    def validate_incremental(self) -> bool:
        """Tell whether the pieces came one after the other: more than one, and not all at once."""
        return len(self.chunks) > 1 and self.chunks[-1][0] > self.chunks[0][0]

    def describe(self) -> str:
        """Say what came when."""
        return ", ".join(f"{len(chunk)} at {at * 1000:.1f} ms" for at, chunk in self.chunks) or "nothing"


class LatencyAssertions:
    """Assertions whose messages say what was slow, and by how much."""

    @staticmethod
    def assert_low_latency(seconds: float, limit_s: float, what: str) -> None:
        """Assert that ``what`` took less than ``limit_s``, and print what it took."""
        print(f"{what}: {seconds:.3f} s (limit {limit_s:.3f} s)")
        assert seconds < limit_s, f"{what} latency too high: {seconds:.3f}s, {seconds - limit_s:.3f}s over {limit_s}s"

    @staticmethod
    def assert_streaming(stream: StreamValidator, what: str = "the stream") -> None:
        """Assert that data came before the end."""
        assert stream.validate_incremental(), f"{what} came in one lump: {stream.describe()}"
