"""The agent behind an n8n webhook, streamed.

    answer() -> POST -> head (status) -> sniffing reader -> Delta, Flush ... -> out
                 ^ again, with attempt + 1, while no text has been passed on and the time left allows it

Closing the connection does not stop n8n's run (seen): a cancelled turn leaves its workflow running, and only
``previous.heard`` of the next request can tell the agent what was really said.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from typing import Self
from urllib.parse import urlsplit

import structlog
import trio

from voxbridge import clock
from voxbridge.config.settings import AgentSettings, TurnSettings
from voxbridge.core.answer import AnswerEvent, AnswerReader, Delta, Ended, Flush
from voxbridge.core.backoff import Backoff
from voxbridge.core.quote import Hidden
from voxbridge.core.reply import ReplyRule
from voxbridge.errors import InternalError, StageError, StageTimeout, StageUnavailable
from voxbridge.stages import AgentEvent, AgentRequest, Mark, TextDelta, TextFlush
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.refusal import asks_for_post, outcome_error, refusal
from voxbridge.stages.agent.request import request_body
from voxbridge.stages.deadline import StageDeadline
from voxbridge.stages.http import Client, Response, error_body, open_client, open_response, read_body

log = structlog.get_logger(__name__)

# The daemon's engines serve the embedded agent here, on their unix socket.
ENGINES_URL = "http://engines/webhook/voxbridge"
PROBE_LIMIT_S = 5.0
_RETRY_CAP_S = 10.0
_SECRET_CHARS_MIN = 4  # a shorter path or key hides no better when it is blotted out of every word
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream;q=0.9, text/plain;q=0.8",
}


class N8nStage:
    """An n8n workflow as the agent; with ``uds`` the embedded agent, which speaks the same protocol.

    ``rng`` gives the jitter of retries, in [0, 1); ``wall_s`` the wall-clock time for signed tokens.
    """

    def __init__(
        self,
        settings: AgentSettings,
        *,
        uds: str = "",
        answer_chars_max: int = TurnSettings().answer_chars_max,
        rng: Callable[[], float] = random.random,
        wall_s: Callable[[], float] = clock.wall_s,
    ) -> None:
        self.name = "embedded" if uds else "n8n"
        self.retry_count = 0
        self._settings, self._uds, self._chars_max = settings, uds, answer_chars_max
        self._rng, self._wall_s = rng, wall_s
        url = urlsplit(settings.url.reveal() or ENGINES_URL)
        self._origin = f"{url.scheme}://{url.netloc}"
        self._path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        self._is_test_url = "/webhook-test/" in url.path
        self._headers = {name: value.reveal() for name, value in settings.headers.items()}
        where = (settings.url.reveal(), self._path, url.path, url.path.rpartition("/")[2]) if settings.url else ()
        secrets = (*where, url.password or "", settings.auth.secret.reveal(), *self._headers.values())
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _SECRET_CHARS_MIN)
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        """Open the pool. Raises: ConfigError if the URL or a header cannot be one."""
        longest_s = max(self._settings.first_limit_ms, self._settings.idle_limit_ms) / 1000
        client = open_client(
            "agent", self._origin, uds=self._uds, headers=self._headers, read_backstop_s=longest_s + 30.0
        )
        self._client = await client.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the pool."""
        client, self._client = self._client, None
        if client is not None:
            with trio.move_on_after(0.25, shield=True):  # closing idle connections takes no time, a hung TLS peer might
                await client.aclose()

    @property
    def _open_client(self) -> Client:
        if self._client is None:
            raise InternalError("the agent stage is used outside its async with block")
        return self._client

    async def probe(self) -> str:
        """Check that the webhook is there without running its workflow: a GET, which a webhook for POST refuses.

        n8n's refusal names the method that it wants, which proves that an active workflow listens. (An n8n Chat
        Trigger shows its own page on GET.) Raises: StageError, whose text says how to mend it.
        """
        began = trio.current_time()
        headers = authorization(self._settings.auth, self._wall_s)
        with StageDeadline("agent", first_s=PROBE_LIMIT_S, backend=self.name):
            async with open_response(
                self._open_client, "agent", "GET", self._path, backend=self.name, headers=headers
            ) as response:
                body = await error_body(response)
        took_ms = (trio.current_time() - began) * 1000
        if asks_for_post(response.status_code, body):
            return f"{self.name}: the webhook is there and takes POST ({took_ms:.0f} ms)"
        if response.is_success:
            return (
                f"{self.name}: something answers at this address ({took_ms:.0f} ms); the first question will show what"
            )
        raise self._refusal(response, body, Hidden(self._secrets))

    async def answer(self, request: AgentRequest, out: trio.MemorySendChannel[AgentEvent], mark: Mark) -> None:
        """Stream the answer into ``out``; see AgentStage. Raises: StageError."""
        total_s = self._settings.total_limit_ms / 1000
        end = trio.current_time() + total_s
        relay = _Relay(out, mark, self._chars_max)
        backoff = Backoff(base_s=self._settings.retry_delay_ms / 1000, cap_s=_RETRY_CAP_S, rng=self._rng)
        mark("agent_request")
        attempt = 1
        while True:
            began = trio.current_time()
            try:
                return await self._attempt(request, attempt, relay, left_s=end - began)
            except StageError as error:
                if isinstance(error, StageTimeout) and error.which == "total":
                    # the limit of the last attempt, what was left of the total, would only puzzle the reader
                    raise StageTimeout("agent", "total", total_s, backend=self.name) from None
                wait_s = self._wait_s(error, attempt, relay, backoff, began, end)
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
        reserve_s = self._settings.target_ms / 1000  # a healthy agent's first text takes about so long
        return wait_s if now + wait_s + reserve_s <= min(end, trio.current_effective_deadline()) else None

    async def _attempt(self, request: AgentRequest, attempt: int, relay: _Relay, *, left_s: float) -> None:
        settings = self._settings
        hidden = Hidden(self._secrets, speech=request.text)
        headers = {
            **_HEADERS,
            "X-Request-Id": request.turn_id,
            "Idempotency-Key": request.turn_id,  # the same for every attempt: the workflow can tell a repetition
            **authorization(settings.auth, self._wall_s),
        }
        body = json.dumps(request_body(request, settings, attempt), ensure_ascii=False).encode("utf-8", "replace")
        with StageDeadline(
            "agent",
            first_s=settings.first_limit_ms / 1000,
            idle_s=settings.idle_limit_ms / 1000,
            total_s=left_s,
            backend=self.name,
        ) as deadline:
            async with open_response(
                self._open_client, "agent", "POST", self._path, backend=self.name, content=body, headers=headers
            ) as response:
                if not response.is_success:
                    raise self._refusal(response, await error_body(response), hidden)
                await self._read(response, request, relay, deadline, hidden)

    def _refusal(self, response: Response, body: bytes, hidden: Hidden) -> StageError:
        return refusal(
            response.status_code,
            response.headers,
            body,
            backend=self.name,
            hidden=hidden,
            is_test_url=self._is_test_url,
        )

    async def _read(
        self, response: Response, request: AgentRequest, relay: _Relay, deadline: StageDeadline, hidden: Hidden
    ) -> None:
        settings = self._settings
        rule = ReplyRule(settings.output_path, request.text, frozenset({settings.session_key, settings.input_key}))
        reader = AnswerReader(content_type=response.headers.get("content-type", ""), rule=rule, nodes=settings.nodes)

        ended: Ended | None = None

        async def take(chunk: bytes) -> bool:
            nonlocal ended
            if relay.has_text:
                deadline.item()
            ended = await relay.take(reader.feed(chunk), deadline)
            return ended is not None

        if await read_body(response, take):
            ended = await relay.take(reader.end(), deadline)
        assert ended is not None, "a reader that was told of the end ends"
        if error := outcome_error(ended, backend=self.name, hidden=hidden, retry_empty=settings.retry_empty):
            raise error


class _Relay:
    """Passes the reader's events on to the turn, and remembers whether it did."""

    def __init__(self, out: trio.MemorySendChannel[AgentEvent], mark: Mark, chars_max: int) -> None:
        self._out, self._mark = out, mark
        self._chars_left = chars_max
        self.has_text = False

    async def take(self, events: Iterable[AnswerEvent], deadline: StageDeadline) -> Ended | None:
        """Pass events on; return how the answer ended if it has, or is as long as it may be."""
        for event in events:
            match event:
                case Delta(text):
                    if fitting := text[: self._chars_left]:
                        await self._pass_on(TextDelta(fitting), deadline)
                    self._chars_left -= len(text)
                case Flush():
                    await self._pass_on(TextFlush(), deadline)
                case Ended():
                    return event
            if self._chars_left < 0:
                log.warning("answer cut at its longest allowed length")
                await self._pass_on(TextFlush(), deadline)
                return Ended("ok")
        return None

    async def _pass_on(self, event: AgentEvent, deadline: StageDeadline) -> None:
        if not self.has_text:  # the reader's first event is visible text
            self.has_text = True
            self._mark("agent_first_text")
        with deadline.paused():
            await self._out.send(event)
