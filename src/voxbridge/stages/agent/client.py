"""The one stage round every kind of agent: retries, deadlines, and the reading of answers.

    answer() -> call -> head (status) -> sniffing reader -> Delta, Flush ... -> out
                 ^ again, attempt + 1, while no text has been passed on and the time left allows it

However a turn ends, the exchange is closed: that is where a conversation's history learns what was passed on, and where
a server that can be told to stop is told.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Self

import structlog
import trio

from voxbridge.core.agents.answer_reader import AnswerEvent, Delta, Ended, Flush
from voxbridge.core.agents.conversation import Conversations
from voxbridge.core.agents.history import HistoryRules
from voxbridge.core.agents.threads import Threads
from voxbridge.core.agents.tools import ToolCall
from voxbridge.core.agents.tts_options import HEADER as TTS_OPTIONS_HEADER
from voxbridge.core.agents.tts_options import parse_tts_options
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.text.gaps import Gaps
from voxbridge.core.text.pace import longest_said_s
from voxbridge.errors import InternalError, StageError, StageTimeout, StageUnavailable
from voxbridge.stages.agent.dialect import Call, CallsTools, ConversationGone, Dialect, Exchange, Found, HasThreads
from voxbridge.stages.agent.memory import Remembers
from voxbridge.stages.agent.outcome import outcome_error
from voxbridge.stages.agent.settings import HttpSettings
from voxbridge.stages.agent.tools.toolbox import HasTools, Toolbox
from voxbridge.stages.contracts import (
    AgentEvent,
    AgentRequest,
    AnswerOptions,
    AnswerSink,
    TextDelta,
    TextFlush,
    ToolsCalled,
    ToolServerStatus,
)
from voxbridge.stages.deadline import StageDeadline
from voxbridge.stages.http import Client, Response, error_body, open_client, open_response, read_body

log = structlog.get_logger(__name__)

PROBE_LIMIT_S = 5.0
PROBE_BODY_BYTES_MAX = 1 << 20  # a list of models can be long
_RETRY_CAP_S = 10.0
# A first text that does not come costs its whole limit (15 s) each time: after one more try the user is told.
_SILENCES_MAX = 1
# A barge-in must not wait for the server; a request over a connection that is to be made takes a few round trips.
_STOP_LIMIT_S = 0.25
_CLOSE_LIMIT_S = 0.25
_NO_LIMIT = sys.maxsize
_NOTHING_FURTHER: Mapping[str, str] = {}


class AgentClient:
    """An AgentStage on one dialect. ``rng`` gives the jitter of retries, in [0, 1)."""

    def __init__(
        self,
        dialect: Dialect,
        settings: HttpSettings,
        *,
        uds: str = "",
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.name = dialect.name
        self.retry_count = 0
        self._dialect, self._settings, self._uds = dialect, settings, uds
        self._rng = rng
        self._headers = {name: value.reveal() for name, value in settings.headers.items()}
        self._client: Client | None = None
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the pool. Raises: ConfigError if the URL or a header cannot be one."""
        longest_s = max(self._settings.first_limit_ms, self._settings.idle_limit_ms) / 1000
        client = open_client(
            "agent",
            self._dialect.origin,
            uds=self._uds,
            proxy=self._settings.proxy,
            headers=self._headers,
            read_backstop_s=longest_s + 30.0,
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            self._client = await client.__aenter__()
            if (toolbox := self._toolbox) is not None:
                await stack.enter_async_context(toolbox.open())
            self._opened = stack.pop_all()
        return self

    @property
    def _toolbox(self) -> Toolbox | None:
        return self._dialect.toolbox if isinstance(self._dialect, HasTools) else None

    async def told_of_tools(self, within_s: float) -> list[str]:
        """See ToolUser."""
        return [] if self._toolbox is None else await self._toolbox.told(within_s)

    @property
    def tool_servers(self) -> list[ToolServerStatus]:
        """See ToolUser."""
        return [] if self._toolbox is None else self._toolbox.status()

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the pool, and the connections to the tools' servers."""
        await self._opened.aclose()

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            # closing idle connections takes no time, a hung TLS peer might
            with trio.move_on_after(_CLOSE_LIMIT_S, shield=True):
                await client.aclose()

    @property
    def _open_client(self) -> Client:
        if self._client is None:
            raise InternalError("the agent stage is used outside its async with block")
        return self._client

    @property
    def history_rules(self) -> HistoryRules | None:
        """See Forgetful."""
        return self._dialect.memory.rules if isinstance(self._dialect, Remembers) else None

    @property
    def conversations(self) -> Conversations | None:
        """See Remembering."""
        return self._dialect.memory.conversations if isinstance(self._dialect, Remembers) else None

    @property
    def threads(self) -> list[Threads]:
        """See Threaded."""
        return [self._dialect.threads] if isinstance(self._dialect, HasThreads) else []

    async def warm(self) -> None:
        """Open a connection for the answer that will be asked for soon, unless there is one."""
        await self._open_client.warm()

    async def probe(self) -> str:
        """Check that the server is there, in the way of its kind; see Stage. Raises: StageError."""
        began = trio.current_time()
        with StageDeadline("agent", first_s=PROBE_LIMIT_S, backend=self.name):
            said = await self._dialect.probe(self._fetch)
        return f"{self.name}: {said} ({(trio.current_time() - began) * 1000:.0f} ms)"

    async def _fetch(self, call: Call) -> Found:
        async with self._send(call) as response:
            if not response.is_success:
                return Found(response.status_code, response.headers, await error_body(response))
            body = bytearray()

            async def take(chunk: bytes) -> bool:  # read_body awaits it
                body.extend(chunk)
                return len(body) >= PROBE_BODY_BYTES_MAX

            if call.wants_body:
                await read_body(response, take)
            return Found(response.status_code, response.headers, bytes(body))

    def _send(self, call: Call, further: Mapping[str, str] = _NOTHING_FURTHER) -> AbstractAsyncContextManager[Response]:
        return open_response(
            self._open_client,
            "agent",
            call.method,
            call.path,
            backend=self.name,
            content=call.body,
            headers={**call.headers, **further},
        )

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        """Stream the answer into ``out``; see AgentStage. Raises: StageError."""
        exchange = self._dialect.begin(request, trio.current_time())
        relay = _Relay(out, exchange.said, request.answer_chars_max)
        is_whole = False
        try:
            is_whole = await self._attempts(request, exchange, relay)
        finally:
            stop = exchange.close(trio.current_time(), is_whole=is_whole)
            if stop is not None:
                with trio.move_on_after(_STOP_LIMIT_S, shield=True) as limit:
                    await self._stop(stop)
                if limit.cancelled_caught:
                    log.warning("the agent could not be told to stop", backend=self.name, error="no answer in time")

    async def _stop(self, call: Call) -> None:
        """Tell the server to stop: it costs tokens to go on, and its memory would keep it all."""
        try:
            async with self._send(call):
                pass
        except StageError as error:
            log.warning("the agent could not be told to stop", backend=self.name, error=type(error).__name__)

    async def _attempts(self, request: AgentRequest, exchange: Exchange, relay: _Relay) -> bool:
        """Return whether the answer came to its own end."""
        total_s = self._settings.total_limit_ms / 1000
        end = trio.current_time() + total_s
        backoff = Backoff(base_s=self._settings.retry_delay_ms / 1000, cap_s=_RETRY_CAP_S, rng=self._rng)
        relay.out.asked()
        attempt, silences = 1, 0
        while True:
            began = trio.current_time()
            try:
                return await self._attempt(request, exchange, attempt, relay, left_s=end - began)
            except StageError as error:
                if isinstance(error, StageTimeout) and error.which == "total":
                    # the limit of the last attempt, what was left of the total, would only puzzle the reader
                    raise StageTimeout("agent", "total", total_s, backend=self.name) from None
                silences += _is_silence(error)
                wait_s = None if silences > _SILENCES_MAX else self._wait_s(error, attempt, relay, backoff, began, end)
                if wait_s is None:
                    raise
                cause = type(error).__name__
            self.retry_count += 1
            attempt += 1
            log.warning(
                "agent attempt failed, trying again",
                backend=self.name,
                turn_id=request.turn_id,
                attempt=attempt,
                wait_ms=round(wait_s * 1000),
                error=cause,
            )
            await trio.sleep(wait_s)

    def _wait_s(
        self, error: StageError, attempt: int, relay: _Relay, backoff: Backoff, began: float, end: float
    ) -> float | None:
        """Return how long to wait before the next attempt, or None if the error is final.

        An attempt that cannot end in time is not begun: the caller learns the real error, not that time ran out.
        """
        if relay.has_text or not error.retryable or attempt > self._settings.retries:
            return None
        now = trio.current_time()
        wait_s = backoff.failed(now, now - began)
        if wait_s is None:
            return None
        if isinstance(error, StageUnavailable) and error.retry_after_s is not None:
            wait_s = max(wait_s, error.retry_after_s)
        # A healthy agent's first text takes about as long as its target. One that was silent is given its whole limit
        # again, or the retry would only be cut short as well.
        reserve_s = (self._settings.first_limit_ms if _is_silence(error) else self._settings.target_ms) / 1000
        return wait_s if now + wait_s + reserve_s <= min(end, trio.current_effective_deadline()) else None

    async def _attempt(
        self, request: AgentRequest, exchange: Exchange, attempt: int, relay: _Relay, *, left_s: float
    ) -> bool:
        settings = self._settings
        with StageDeadline(
            "agent",
            first_s=settings.first_limit_ms / 1000,
            idle_s=settings.idle_limit_ms / 1000,
            total_s=left_s,
            backend=self.name,
        ) as deadline:
            while True:
                try:
                    is_whole = await self._one_answer(request, exchange, attempt, relay, deadline)
                except ConversationGone:  # nothing was done, so this is no further attempt
                    log.warning("the agent has forgotten a conversation, another is begun", backend=self.name)
                    is_whole = await self._one_answer(request, exchange, attempt, relay, deadline)
                if relay.is_full or not isinstance(exchange, CallsTools) or not (calls := exchange.calls()):
                    break
                with deadline.paused():  # tools have limits of their own
                    await self._call_tools(request, exchange, calls, relay)
        return is_whole

    async def _one_answer(
        self, request: AgentRequest, exchange: Exchange, attempt: int, relay: _Relay, deadline: StageDeadline
    ) -> bool:
        async with self._send(exchange.call(attempt), _ahead(request)) as response:
            if not response.is_success:
                raise exchange.refusal(response.status_code, response.headers, await error_body(response))
            relay.options = self._options(response)
            return await self._read(response, exchange, relay, deadline)

    async def _call_tools(
        self, request: AgentRequest, exchange: CallsTools, calls: list[ToolCall], relay: _Relay
    ) -> None:
        """Call tools, once it is certain that the user has finished: a call cannot be taken back."""
        assert exchange.toolbox is not None, "without tools none are called"
        if request.speculative and request.decided is not None:
            await request.decided()
        await relay.out.send(ToolsCalled())
        exchange.called(await exchange.toolbox.call_all(calls))

    def _options(self, response: Response) -> AnswerOptions | None:
        header = response.headers.get(TTS_OPTIONS_HEADER)
        if header is None:
            return None
        parsed = parse_tts_options(header)
        if parsed.clamped or parsed.ignored:
            log.warning("X-TTS-Options cannot all be used", clamped=parsed.clamped, ignored=parsed.ignored)
        return AnswerOptions(parsed.options)

    async def _read(self, response: Response, exchange: Exchange, relay: _Relay, deadline: StageDeadline) -> bool:
        reader = exchange.reader(response.headers)
        ended: Ended | None = None

        async def take(chunk: bytes) -> bool:
            nonlocal ended
            ended = await relay.take(reader.feed(chunk), deadline)
            if relay.has_text:
                deadline.item()
            return ended is not None

        if is_whole := await read_body(response, take):
            ended = await relay.take(reader.end(), deadline)
        assert ended is not None, "a reader that was told of the end ends"
        error = outcome_error(
            ended,
            backend=self.name,
            hidden=exchange.hidden,
            failed=self._dialect.failed,
            retry_empty=self._settings.retry_empty,
        )
        if error is not None:
            raise error
        if ended.detail:
            log.warning("the agent said less than a whole answer", backend=self.name, reason=ended.detail)
        return is_whole


def _ahead(request: AgentRequest) -> Mapping[str, str]:
    """Return the headers that say that a request may be taken back, and which turn's it is."""
    return {"X-VoxBridge-Speculative": "true", "X-VoxBridge-Turn": request.turn_id} if request.speculative else {}


def _is_silence(error: StageError) -> bool:
    """Tell whether it was asked, and said nothing within the limit of the first text."""
    return isinstance(error, StageTimeout) and error.which == "first"


class _Relay:
    """Passes the reader's events on to the turn, and remembers whether it did."""

    def __init__(self, out: AnswerSink, said: Callable[[str], None], chars_max: int | None) -> None:
        self.out = out
        self.has_text = False
        self.options: AnswerOptions | None = None
        """How the answer of this attempt wants to be spoken."""
        self._said = said
        self._gaps = Gaps()
        self._chars_left = _NO_LIMIT if chars_max is None else chars_max

    async def take(self, events: Iterable[AnswerEvent], deadline: StageDeadline) -> Ended | None:
        """Pass events on; return how the answer ended if it has, or is as long as it may be."""
        for event in events:
            match event:
                case Delta(text):
                    if fitting := text[: self._chars_left]:
                        deadline.extend(longest_said_s(fitting))  # what is spoken meanwhile is no wait for the agent
                        await self._pass_on(TextDelta(fitting), deadline)
                        self._said(self._gaps.add(fitting))
                    self._chars_left -= len(text)
                case Flush():
                    self._gaps.part()
                    await self._pass_on(TextFlush(), deadline)
                case Ended():
                    return event
            if self.is_full:
                log.warning("answer cut at its longest allowed length")
                await self._pass_on(TextFlush(), deadline)
                return Ended("ok")
        return None

    @property
    def is_full(self) -> bool:
        """Tell whether the answer is longer than it may be."""
        return self._chars_left < 0

    async def _pass_on(self, event: AgentEvent, deadline: StageDeadline) -> None:
        if not self.has_text:  # the reader's first event is visible text
            self.has_text = True
            if self.options is not None:
                await self._put(self.options, deadline)
        await self._put(event, deadline)

    async def _put(self, event: AgentEvent, deadline: StageDeadline) -> None:
        try:
            self.out.send_nowait(event)  # no task switch a token while there is room
        except trio.WouldBlock:
            with deadline.paused():
                await self.out.send(event)
