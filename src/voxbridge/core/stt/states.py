"""The two tables of a speech-to-text line: what a call does, and what an utterance waits for.

call   RESTING --dial--> DIALLING --up--> UP           any --done--> OVER (a call for one utterance)
          ^----------------lost-----------|

owed   OPEN --end--> ENDED --answer--> OVER            any --drop--> OVER (barge-in, a cough, the limit)
         |             '--refused, exhausted, too late--> FAILED: told now
         |--refused----> REFUSED --end--> FAILED       no try is made for it again, unless one is taken meanwhile
         |--exhausted--> DOOMED  --end--> FAILED       the server had it in hand too often
         '--end in an outage--> LAST_TRY --lost--> FAILED, --up--> ENDED
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class OwedState(enum.Enum):
    """What an utterance waits for."""

    OPEN = enum.auto()
    REFUSED = enum.auto()
    DOOMED = enum.auto()
    ENDED = enum.auto()
    LAST_TRY = enum.auto()
    FAILED = enum.auto()
    OVER = enum.auto()


class OwedEvent(enum.Enum):
    """What happens to an utterance."""

    END = enum.auto()
    END_IN_OUTAGE = enum.auto()
    UP = enum.auto()
    LOST = enum.auto()
    REFUSED = enum.auto()
    EXHAUSTED = enum.auto()
    TOO_LATE = enum.auto()
    ANSWER = enum.auto()
    DROP = enum.auto()


_S, _E = OwedState, OwedEvent
_ENDS = {_S.FAILED: dict.fromkeys(_E, _S.FAILED), _S.OVER: dict.fromkeys(_E, _S.OVER)}
OWED: Mapping[OwedState, Mapping[OwedEvent, OwedState]] = {
    _S.OPEN: {
        _E.END: _S.ENDED,
        _E.END_IN_OUTAGE: _S.LAST_TRY,
        _E.UP: _S.OPEN,
        _E.LOST: _S.OPEN,
        _E.REFUSED: _S.REFUSED,
        _E.EXHAUSTED: _S.DOOMED,
        _E.TOO_LATE: _S.OPEN,
        _E.DROP: _S.OVER,
    },
    _S.REFUSED: {
        _E.END: _S.FAILED,
        _E.END_IN_OUTAGE: _S.FAILED,
        _E.UP: _S.OPEN,
        _E.LOST: _S.OPEN,
        _E.REFUSED: _S.REFUSED,
        _E.EXHAUSTED: _S.DOOMED,
        _E.TOO_LATE: _S.REFUSED,
        _E.DROP: _S.OVER,
    },
    _S.DOOMED: {
        **dict.fromkeys((_E.UP, _E.LOST, _E.REFUSED, _E.EXHAUSTED, _E.TOO_LATE), _S.DOOMED),
        _E.END: _S.FAILED,
        _E.END_IN_OUTAGE: _S.FAILED,
        _E.DROP: _S.OVER,
    },
    _S.ENDED: {
        _E.UP: _S.ENDED,
        _E.LOST: _S.ENDED,
        _E.REFUSED: _S.FAILED,
        _E.EXHAUSTED: _S.FAILED,
        _E.TOO_LATE: _S.FAILED,
        _E.ANSWER: _S.OVER,
        _E.DROP: _S.OVER,
    },
    _S.LAST_TRY: {
        _E.UP: _S.ENDED,
        _E.LOST: _S.FAILED,
        _E.REFUSED: _S.FAILED,
        _E.EXHAUSTED: _S.FAILED,
        _E.TOO_LATE: _S.FAILED,
        _E.ANSWER: _S.OVER,
        _E.DROP: _S.OVER,
    },
    **_ENDS,
}


class CallState(enum.Enum):
    """What a call does."""

    RESTING = enum.auto()
    DIALLING = enum.auto()
    UP = enum.auto()
    OVER = enum.auto()


class CallEvent(enum.Enum):
    """What happens to a call."""

    DIAL = enum.auto()
    UP = enum.auto()
    LOST = enum.auto()
    DONE = enum.auto()


_C, _D = CallState, CallEvent
CALL: Mapping[CallState, Mapping[CallEvent, CallState]] = {
    _C.RESTING: {_D.DIAL: _C.DIALLING, _D.LOST: _C.RESTING, _D.DONE: _C.OVER},
    _C.DIALLING: {_D.UP: _C.UP, _D.LOST: _C.RESTING, _D.DONE: _C.OVER},
    _C.UP: {_D.LOST: _C.RESTING, _D.DONE: _C.OVER},
    _C.OVER: {_D.UP: _C.OVER, _D.LOST: _C.OVER, _D.DONE: _C.OVER},
}
