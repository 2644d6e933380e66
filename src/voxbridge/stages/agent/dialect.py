"""What one kind of agent puts on the wire: the part of the stage that differs from kind to kind.

    Dialect              one per stage: address, credentials, what lives between turns (history, conversation ids)
      begin(request)  -> Exchange, one per turn
        call(attempt) ->   the request of one attempt
        reader(...)   ->   what reads its answer
        close(...)         whatever came of it

Nothing here waits: the shell sends, reads, retries and keeps the deadlines.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, runtime_checkable

import attrs

from voxbridge.core.agents.answer_reader import AnswerReader
from voxbridge.core.agents.threads import Threads
from voxbridge.core.agents.tools import ToolCall
from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import StageError, StageRefused
from voxbridge.stages.agent.tools.toolbox import TurnTools
from voxbridge.stages.contracts import AgentRequest

ACCEPT = "application/json, text/event-stream;q=0.9, text/plain;q=0.8"


@attrs.frozen(repr=False)
class Call:
    """One HTTP request."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    wants_body: bool = True
    """For a probe: whether the body of a success matters; some never end."""


@attrs.frozen(repr=False)
class Found:
    """What a probe's request found: status, headers, and the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Tell whether the status is 2xx."""
        return 200 <= self.status < 300


Fetch = Callable[[Call], Awaitable[Found]]


class ConversationGone(StageRefused):
    """The server did nothing, for it does not know the conversation any more; the next request begins another."""


class Exchange(Protocol):
    """One turn: the question, its attempts, and whatever became of the answer."""

    hidden: Hidden

    def call(self, attempt: int) -> Call:
        """Return the request of one attempt, from 1."""
        ...

    def reader(self, headers: Mapping[str, str]) -> AnswerReader:
        """Return what reads the body of an answer with status 2xx."""
        ...

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> StageError:
        """Return the error that another status stands for; ConversationGone has the same attempt made anew, once."""
        ...

    def said(self, text: str) -> None:
        """Note a piece of the answer that was passed on."""

    def close(self, now: float, *, is_whole: bool) -> Call | None:
        """End the turn; return the request that stops the server's work, if it has one and still works."""
        ...


@runtime_checkable
class CallsTools(Protocol):
    """An exchange whose answer may be that tools are to be called; the same attempt then goes on with the results."""

    toolbox: TurnTools | None

    def calls(self) -> list[ToolCall]:
        """Return what the answer that was just read wants to be called; empty: it is over."""
        ...

    def called(self, results: list[tuple[ToolCall, str]]) -> None:
        """Take what came of the calls."""


class Dialect(Protocol):
    """One kind of agent at one address."""

    name: str
    origin: str
    secrets: tuple[str, ...]
    failed: str
    """How a failure that the peer reports is introduced to the operator."""

    def begin(self, request: AgentRequest, now: float) -> Exchange:
        """Begin a turn. ``now`` is Trio's time in seconds."""
        ...

    async def probe(self, fetch: Fetch) -> str:
        """Find out with ``fetch`` whether the server is there and knows what we ask; return what was found, in words.

        Raises: StageError.
        """
        ...


@runtime_checkable
class HasThreads(Protocol):
    """A dialect for which the server keeps the conversations."""

    threads: Threads
