"""Worker threads for the engines: how many calls run at once, and who must wait.

A call into an engine cannot be interrupted. A cancelled caller goes on at once and the result is thrown away, but
the thread's place is taken until the thread really ends (Trio does that for a limiter), so that cancelled work
cannot pile up behind the back of the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

import trio

from voxbridge.clock import monotonic_s
from voxbridge.engines.transcript import Heard

Result = TypeVar("Result")


class Recogniser(Protocol):
    """A blocking, thread-safe speech-to-text engine."""

    def transcribe(self, pcm: bytes, language: str) -> Heard:
        """Transcribe up to 29 s of 16 kHz mono s16le."""
        ...


class Voice(Protocol):
    """A blocking, thread-safe text-to-speech engine."""

    def say(self, text: str) -> Iterator[bytes]:
        """Yield 24 kHz mono s16le, a piece at a time."""
        ...


class Answerer(Protocol):
    """An agent that needs no time to speak of."""

    def answer(self, session: str, heard: str) -> Sequence[str]:
        """Return the pieces of the answer to what was said in a conversation; a space goes between them."""
        ...


class Workers:
    """At most ``count`` calls at once, first come first served."""

    def __init__(self, count: int) -> None:
        self._limiter = trio.CapacityLimiter(count)
        self._calls: dict[object, float] = {}

    @property
    def oldest_s(self) -> float:
        """Return for how long the oldest call has been running; 0 when none is. Abandoned ones count."""
        now = monotonic_s()
        return now - min(list(self._calls.values()), default=now)

    @property
    def has_spare(self) -> bool:
        """Tell whether work that nobody waits for may start: not on the last idle worker, if there are several."""
        return self._limiter.available_tokens >= min(2, self._limiter.total_tokens)

    async def run(self, call: Callable[[], Result]) -> Result:
        """Run a blocking call in a thread. A cancel abandons the thread, whose place stays taken until it ends."""
        return await trio.to_thread.run_sync(self._timed, call, limiter=self._limiter, abandon_on_cancel=True)

    def _timed(self, call: Callable[[], Result]) -> Result:
        # In the thread, so that waiting for a place does not count and a cancelled caller's call still does.
        number = object()
        self._calls[number] = monotonic_s()
        try:
            return call()
        finally:
            del self._calls[number]
