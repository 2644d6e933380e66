"""One utterance that is owed a transcript, and one call to the server that is to give it."""

from __future__ import annotations

import enum
import math
from collections import deque

import attrs

from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.core.stt.states import CALL, CallEvent, CallState, OwedState

KEPT_S = 602.0
"""The longest utterance that may be configured, and its preroll: all of an utterance can be told again."""
KEPT_BYTES = round(KEPT_S * 2 * HEARING_RATE_HZ)

CLEARLY_VOICED_S = 0.5  # a word takes no longer; a cough or a chair is shorter, or no voice to the detector


@attrs.frozen
class Manners:
    """What a protocol wants of its line."""

    is_lasting: bool
    """One connection serves everything; else each utterance has its own."""
    connects_ahead: bool
    """A connection that waits costs the server nothing, so it is made before it is needed."""
    tries_max: int
    """So often a server gets an utterance with which it failed by itself, or answered nonsense."""
    has_connection: bool = True
    """Connecting reaches the server. Without that, only an answer shows that it is there."""
    is_greeted: bool = True
    """The server itself answers when it is connected to. Without that, one that hangs takes connections as well."""


class FailureKind(enum.Enum):
    """How a call failed, as far as it matters for the next one."""

    ABSENT = "nothing listens there"
    BROKEN = "the server fails, or the connection was lost"
    LATE = "no answer in time"
    REFUSED = "the server understood, and said no"


@attrs.frozen
class Failure:
    """Why a call failed. ``error`` is what is told of it; None: that the time is over."""

    kind: FailureKind
    error: Exception | None = None
    retry_after_s: float | None = None


@attrs.define(eq=False)
class Call:
    """See the head of this module. ``owed`` None: it waits for the next utterance (or serves all of them)."""

    owed: Owed | None = None
    state: CallState = CallState.RESTING
    since: float = -math.inf
    """When it was dialled, or was up."""
    answer_due: float = math.inf
    """When an answer is overdue for which nobody waits any more; after that the connection is not to be trusted."""

    def move(self, event: CallEvent) -> None:
        """Take a step in the table."""
        self.state = CALL[self.state][event]


@attrs.define(eq=False, weakref_slot=True)
class Owed:
    """One utterance that is owed a transcript."""

    id: int
    call: Call
    packets: deque[bytes] = attrs.field(factory=deque)
    fed: int = 0
    """Packets fed in all; those before the last ``KEPT_BYTES`` are gone."""
    fed_bytes: int = 0
    kept_bytes: int = 0
    due: float = math.inf
    """When its final is due; infinite until it has ended."""
    voiced_s: float = 0.0
    """So much of it the speaker's voice was heard, as far as somebody has told us."""
    state: OwedState = OwedState.OPEN
    failures: int = 0
    """Those that are the server's own."""
    is_told: bool = False
    """The server has all of it, and knows it, on this connection."""
    failure: Failure | None = None
    """Why there is no connection for it, if there is none."""

    @property
    def has_ended(self) -> bool:
        """Tell whether its last packet is in."""
        return self.due < math.inf

    @property
    def is_clearly_voiced(self) -> bool:
        """Tell whether a server that says nothing about it has failed: somebody did speak."""
        return self.voiced_s >= CLEARLY_VOICED_S

    @property
    def is_over(self) -> bool:
        """Tell whether nobody waits for it any more."""
        return self.state is OwedState.OVER or self.state is OwedState.FAILED

    def add(self, packet: bytes) -> None:
        """Keep a packet; the oldest go when there are too many."""
        self.packets.append(packet)
        self.fed += 1
        self.fed_bytes += len(packet)
        self.kept_bytes += len(packet)
        while self.kept_bytes > KEPT_BYTES:
            self.kept_bytes -= len(self.packets.popleft())

    def after(self, number: int, at_most: int) -> tuple[list[bytes], int]:
        """Return the packets from the ``number``-th on, of those that are kept, and the number behind them."""
        first = self.fed - len(self.packets)
        number = max(number, first)
        end = min(self.fed, number + max(0, at_most))
        return [self.packets[n - first] for n in range(number, end)], end
