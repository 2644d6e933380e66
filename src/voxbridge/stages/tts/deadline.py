"""The three limits of one sentence, which grow with the sound that came."""

from __future__ import annotations

import math
from types import TracebackType
from typing import Self

import trio

from voxbridge.config.stages import TtsSettings
from voxbridge.errors import DeadlineKind, StageTimeout

SOUND_FACTOR = 3.0
"""A sentence may take this many times the length of its sound, beside its own limit."""


class SentenceDeadline:
    """One moving cancel scope round all attempts for a sentence.

        request ---- first byte ---- first sample ---------------- last sample
           |<- 3 s per attempt ->|        |                             |
           |<------- 6 s, all attempts -->|                             |
           |<------- the later of these 6 s and 5 s + 3 x the sound --->|

    The third never ends before the second: a first sample at 5.9 s must not be the last. A server that
    sends nothing at all before its first sound has no ``first_byte_s``: the first limit is then the second one.
    Only its own expiry raises StageTimeout (``first`` until there is sound, then ``total``); a cancel from outside
    passes untouched.
    """

    def __init__(self, settings: TtsSettings, *, backend: str, first_byte_s: float | None = None) -> None:
        self._backend = backend
        self._first_pcm_s = settings.first_pcm_limit_ms / 1000
        self._first_byte_s = self._first_pcm_s if first_byte_s is None else first_byte_s
        self._sentence_s = settings.sentence_limit_ms / 1000
        self._scope = trio.CancelScope()
        self._began = math.nan
        self._which: DeadlineKind = "first"
        self._limit_s = self._first_byte_s

    def __enter__(self) -> Self:
        self._began = trio.current_time()
        self.attempt()
        self._scope.__enter__()
        return self

    def attempt(self) -> None:
        """Begin to wait for the first byte (again)."""
        elapsed_s = trio.current_time() - self._began
        self._limit("first", min(elapsed_s + self._first_byte_s, self._first_pcm_s))

    def first_byte(self) -> None:
        """Wait for the first sample from now on."""
        self._limit("first", self._first_pcm_s)

    def sound(self, so_far_s: float) -> None:
        """Allow more time for the sound that has come, ``so_far_s`` in all."""
        self._limit("total", max(self._first_pcm_s, self._sentence_s + SOUND_FACTOR * so_far_s))

    def _limit(self, which: DeadlineKind, limit_s: float) -> None:
        self._which, self._limit_s = which, limit_s
        self._scope.deadline = self._began + limit_s

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        swallowed = bool(self._scope.__exit__(kind, error, trace))
        if self._scope.cancelled_caught:
            raise StageTimeout("tts", self._which, self._limit_s, backend=self._backend)
        return swallowed
