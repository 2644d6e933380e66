"""Whether a voice is the speaker's own, or far behind it: a television, a child, somebody at another desk.

    dBFS   -20  == own ==     == own ==                      == own ==
           -32  - - - - - - - - - - - - - - - - - - - - - - - - - - - -   12 dB below the usual: far
           -40                            ~~ somebody else ~~
                  learned       learned       far, not learned

How loud an utterance is: what its loudest tenth reaches, 0.1 s at least. So pauses, and how long it is, hardly matter.
What a speaker usually reaches is the lower median of the last eight utterances; one alone counts if it is a second
long. Without any of them every voice is near: the first words of a call are somebody's who wants something.

A voice begins softly, so the first 0.24 s of a faint one prove nothing. Measured with 38 recordings: by then the
reader's own voice is at most 8 dB below the usual, and another one that is 20 dB softer at least 16 below.

Who really speaks so much more softly now (another microphone, a child asleep) is heard again by saying our name, or
after two minutes: then all is learned anew.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import attrs

Distance = Literal["near", "unknown", "far"]
"""unknown: it is faint so far, and too short to say."""

_SILENT_DBFS = -60.0
_LEVELS = 1 - int(_SILENT_DBFS)  # in steps of 1 dB
_LOUD_SHARE, _LOUD_MIN_S = 0.1, 0.1
_SURE_S = 0.24
_BEFORE_S = 0.1
"""So much of what came before its first certain frame belongs to an utterance."""
_KEPT = 8
_ALONE_S = 1.0
FORGOTTEN_S = 120.0


@attrs.define
class _Level:
    """How loud something is, as far as it was heard: seconds at each level."""

    _at_s: list[float] = attrs.field(factory=lambda: [0.0] * _LEVELS, init=False)
    heard_s: float = attrs.field(default=0.0, init=False)

    def add(self, dbfs: float, seconds: float) -> None:
        if dbfs > _SILENT_DBFS:
            self._at_s[min(_LEVELS - 1, int(dbfs - _SILENT_DBFS))] += seconds
            self.heard_s += seconds

    @property
    def dbfs(self) -> float | None:
        """Return what the loudest tenth reaches; None: too little was heard."""
        wanted_s = max(_LOUD_MIN_S, _LOUD_SHARE * self.heard_s) - 1e-9
        louder_s = 0.0
        for level in range(_LEVELS - 1, -1, -1):
            louder_s += self._at_s[level]
            if louder_s >= wanted_s:
                return level + _SILENT_DBFS
        return None


@attrs.define
class SpeakerDistance:
    """One speaker's levels. Times in seconds; ``margin_db`` 0: nobody is far."""

    _lately: deque[tuple[float, float]] = attrs.field(factory=deque[tuple[float, float]], init=False)
    _now: _Level | None = attrs.field(default=None, init=False)
    _learned: deque[tuple[float, float]] = attrs.field(
        factory=lambda: deque[tuple[float, float]](maxlen=_KEPT), init=False
    )
    """Of the last utterances: how loud, and how long."""
    _last_own_at: float = attrs.field(default=0.0, init=False)
    _is_called: bool = attrs.field(default=False, init=False)
    is_doubted: bool = attrs.field(default=False, init=False)
    """Whether the last utterance was far: then an onset means nothing before it is found to be near."""

    @property
    def usual_dbfs(self) -> float | None:
        """Return how loud the speaker usually is, once that is known."""
        if len(self._learned) < 2 and sum(lasted_s for _, lasted_s in self._learned) < _ALONE_S - 1e-9:
            return None
        return sorted(dbfs for dbfs, _ in self._learned)[(len(self._learned) - 1) // 2]

    def hear(self, dbfs: float, seconds: float) -> None:
        """Take the next sound of this speaker, a frame or so."""
        if self._now is not None:
            self._now.add(dbfs, seconds)
            return
        self._lately.append((dbfs, seconds))
        while sum(lasted_s for _, lasted_s in self._lately) > _BEFORE_S + 1e-9:
            self._lately.popleft()

    def begin(self, now: float) -> None:
        """Note that an utterance has begun."""
        if now - self._last_own_at > FORGOTTEN_S:
            self._learned.clear()
            self.is_doubted = False
        self._now, self._is_called = _Level(), False
        for dbfs, lasted_s in self._lately:
            self._now.add(dbfs, lasted_s)
        self._lately.clear()

    def called(self) -> None:
        """Note that a faint utterance has our name in it: whoever says that is meant, and speaks so softly now."""
        self._learned.clear()
        self._is_called, self.is_doubted = True, False

    def distance(self, margin_db: float) -> Distance:
        """Return where the voice of the utterance seems to be."""
        usual_dbfs, now = self.usual_dbfs, self._now
        if not margin_db or usual_dbfs is None or now is None or self._is_called:
            return "near"
        level = now.dbfs
        if level is not None and level > usual_dbfs - margin_db:
            return "near"
        return "far" if self.is_doubted or now.heard_s >= _SURE_S - 1e-9 else "unknown"

    def ended(self, now: float, margin_db: float, *, is_own: bool) -> None:
        """Note that it is over; ``is_own``: it was long enough to be a turn, and no echo of ours."""
        level, is_far = self._now, self.distance(margin_db) == "far"
        self._now = None
        if level is None or level.dbfs is None or not is_own:
            return
        self.is_doubted = is_far
        if not is_far:
            self._learned.append((level.dbfs, level.heard_s))
            self._last_own_at = now
