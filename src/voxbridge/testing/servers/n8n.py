"""The simulated n8n: a webhook, or a Chat Trigger, whose workflow does what a test tells it (see ``n8n_plans``).

What it copies (seen with 2.8.4 and 2.40.7): the head leaves before any node has worked; a client that goes away does
not stop the run, whose memory keeps the full answer late; a turn is kept only when its run succeeds; refusals come
without Content-Type or with the labels of the real one; an idle connection is closed after 6 s; ``Connection: close``
is ignored while streaming. Where the two differ, ``version`` says which one to be.

    async with N8nServer(agent(["Hello ", "there."], first_s=0.4)).running() as n8n:
        ... n8n.url ...
"""

from __future__ import annotations

import email.utils
import zlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Literal, Self

import attrs
import trio

from voxbridge import clock
from voxbridge.testing.servers.http import Handler, HttpServer, Reply, Request
from voxbridge.testing.servers.n8n_credentials import Credentials, Door, Version, refuse
from voxbridge.testing.servers.n8n_plans import (
    Break,
    FailureShape,
    Head,
    Line,
    Plan,
    Step,
    Wait,
    Whole,
    Write,
    agent,
    failure,
    greet,
    stream,
    words,
)

KEEP_ALIVE_S = 6.0
COLD_S = 1.8
"""What the first agent run of a fresh n8n takes longer, in seconds."""

_CHAT_PAGE = b"firstEntryJson"  # what a Chat Trigger that does not stream answers to GET
_START_PAGE = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n'
    "<pre>Cannot {method} {path}</pre>\n</body>\n</html>\n"
)
_NO_PROMPT = (
    "Expected to find the prompt in an input field called 'chatInput' (this is what the chat trigger node node "
    "outputs). To use something else, change the 'Prompt' parameter"
)
_NOT_ACTIVE_HINT = (
    "The workflow must be active for a production URL to run successfully. You can activate the workflow using the "
    "toggle in the top-right of the editor. Note that unlike test URL calls, production URL calls aren't shown on the "
    "canvas (only in the executions list)"
)
_TEST_HINT = (
    "Click the 'Execute workflow' button on the canvas, then try again. (In test mode, the webhook only works for one "
    "call after you click this button)"
)


@attrs.frozen
class Question:
    """One request that started a run."""

    body: Mapping[str, Any]
    text: str
    session_id: str
    turn_id: str
    attempt: int
    at: float
    """Trio time, in seconds."""

    @property
    def key(self) -> str:
        """Return what tells one turn from the next."""
        return self.turn_id or self.session_id or self.text


Script = Plan | Callable[[Question], Plan]


def greeting(question: Question) -> Plan:
    """Greet and repeat what was said, as a streaming agent."""
    return agent(words(greet(question.text)))


class N8nServer(HttpServer):
    """An n8n whose workflow, state and manners a test can change while it runs.

    The workflow listens at ``paths``: the base URL itself and ``/webhook/test`` among them.
    """

    def __init__(
        self,
        script: Script = greeting,
        *,
        credentials: Credentials | None = None,
        is_chat_trigger: bool = False,
        version: Version = "2.40",
        is_coalesced: bool = False,
        piece_bytes: int | None = None,
        piece_gap_s: float = 0.0,
    ) -> None:
        """``is_coalesced`` sends what falls into one instant in one write; ``piece_bytes`` cuts the writes."""
        super().__init__()
        self.script, self.credentials, self.door = script, credentials, Door(version, is_chat_trigger)
        self.is_coalesced, self.piece_bytes, self.piece_gap_s = is_coalesced, piece_bytes, piece_gap_s
        # a path under /webhook-test/ is one for which 'Execute workflow' waits
        self.paths = {"/", "/webhook/test", "/webhook/voxbridge", "/webhook/chat-1/chat"}
        self.methods: tuple[str, ...] = ("GET", "POST") if is_chat_trigger else ("POST",)
        self.state: Literal["ready", "migrating", "starting", "inactive"] = "ready"
        """``migrating`` answers 200 with a sentence, then ``starting`` 404 with a page; in ``inactive`` no workflow is
        active."""
        self.is_streaming_trigger = True
        """Whether a Chat Trigger answers in streaming mode, which shows when it is asked by GET."""
        self.keep_alive_s = KEEP_ALIVE_S
        self.plans: deque[Plan] = deque()
        """Plans of the next runs, one each, before ``script``."""
        self.failures_per_turn = 0
        self.failure_shape: FailureShape = "status"
        self.cold_s = 0.0
        """What the first run takes longer."""
        self.slowdown_per_run = 0.0
        """By how much each further run at the same time stretches all of a run's waits; 0.5 is half as long again."""
        self.questions: list[Question] = []
        self.memory: dict[str, list[tuple[str, str]]] = {}
        """What each session's memory keeps: (what the user said, the whole answer), in order of the runs' ends."""
        self.running_runs = 0
        self.finished_runs = 0
        self._tries: Counter[str] = Counter()
        self._runs: trio.Nursery | None = None

    @asynccontextmanager
    async def running(self, host: str = "127.0.0.1", port: int = 0, *, uds: str = "") -> AsyncIterator[Self]:
        """Serve until the end of the body; runs whose client has left go on until then."""
        async with trio.open_nursery() as runs:
            self._runs = runs
            try:
                async with super().running(host, port, uds=uds):
                    yield self
            finally:
                self._runs = None
                runs.cancel_scope.cancel(reason="server stopped")

    @property
    def webhook_url(self) -> str:
        """Return the URL of the webhook, or of the Chat Trigger."""
        return self.url + ("/webhook/chat-1/chat" if self.door.is_chat_trigger else "/webhook/test")

    def fail_next(self, count: int, shape: FailureShape = "status") -> None:
        """Let the next ``count`` runs fail."""
        self.plans.extend([failure(shape)] * count)

    def fail_each_turn(self, count: int, shape: FailureShape = "status") -> None:
        """Let the first ``count`` attempts of every turn fail."""
        self.failures_per_turn, self.failure_shape = count, shape

    # -- who listens

    def _handler_for(self, request: Request) -> Handler:
        if self.state == "migrating":
            return self._migrating
        if self.state == "starting":
            return self._starting
        if request.path.startswith("/webhook-test/") and request.path not in self.paths:
            return self._not_listening
        if self.state == "inactive" or request.path not in self.paths:
            return self._unknown
        if request.method not in self.methods:
            return self._wrong_method
        if request.method == "GET" and self.door.is_chat_trigger:
            return self._chat_page
        return self._webhook

    async def _migrating(self, _request: Request, reply: Reply) -> None:
        reply.piece_bytes, reply.piece_gap_s = self.piece_bytes, self.piece_gap_s
        await reply.send(200, b"n8n is starting up. Please wait", "text/html; charset=utf-8")

    async def _starting(self, request: Request, reply: Reply) -> None:
        await reply.send(
            404, _START_PAGE.format(method=request.method, path=request.path).encode(), "text/html; charset=utf-8"
        )

    async def _not_listening(self, request: Request, reply: Reply) -> None:
        name = request.path.removeprefix("/webhook-test/")
        message = f'The requested webhook "{name}" is not registered.'
        await reply.send_json({"code": 404, "message": message, "hint": _TEST_HINT}, 404)

    async def _unknown(self, request: Request, reply: Reply) -> None:
        name = request.path.removeprefix("/webhook/")
        message = f'The requested webhook "{request.method} {name}" is not registered.'
        await reply.send_json({"code": 404, "message": message, "hint": _NOT_ACTIVE_HINT}, 404)

    async def _wrong_method(self, request: Request, reply: Reply) -> None:
        taken = " or ".join(self.methods)
        message = (
            f"This webhook is not registered for {request.method} requests. Did you mean to make a {taken} request?"
        )
        await reply.send_json({"code": 404, "message": message}, 404)

    async def _chat_page(self, request: Request, reply: Reply) -> None:
        if not self.is_streaming_trigger:
            await reply.send(200, _CHAT_PAGE, "text/html; charset=utf-8")
            return
        await _Answer(request, reply, self.door).take(Head())  # and then nothing for ever
        await reply.hang()

    # -- the webhook

    async def _webhook(self, request: Request, reply: Reply) -> None:
        reply.piece_bytes, reply.piece_gap_s = self.piece_bytes, self.piece_gap_s
        if (refused := refuse(request, self.credentials, self.door)) is not None:
            await self._perform(Plan((refused,)), request, reply)
            return
        try:
            body = request.json()
        except ValueError:
            failed = {"code": 422, "message": "Failed to parse request body", "hint": "The body is not valid JSON"}
            await reply.send_json(failed, 422)
            return
        body = body if isinstance(body, dict) else {}
        if body.get("action") == "loadPreviousSession":
            await reply.send_json({"data": list(self._history(str(body.get("sessionId", ""))))})
            return
        question = _question(body)
        self.questions.append(question)
        plan = self._plan_of(question)
        assert self._runs is not None, "the server is not running"
        self.running_runs += 1  # now, not when the task has its first turn: the next plan counts it
        self._runs.start_soon(self._run, plan, question)
        await self._perform(plan, request, reply)

    def _history(self, session_id: str) -> Iterator[dict[str, object]]:
        for said, answer in self.memory.get(session_id, ()):
            for kind, content in (("HumanMessage", said), ("AIMessage", answer)):
                yield {
                    "lc": 1,
                    "type": "constructor",
                    "id": ["langchain_core", "messages", kind],
                    "kwargs": {"content": content},
                }

    def _plan_of(self, question: Question) -> Plan:
        if (missing := _missing(question)) is not None:
            return missing
        self._tries[question.key] += 1
        if self.plans:
            plan = self.plans.popleft()
        elif self._tries[question.key] <= self.failures_per_turn:
            plan = failure(self.failure_shape)
        else:
            plan = self.script(question) if callable(self.script) else self.script
        plan = plan.scaled(1.0 + self.slowdown_per_run * self.running_runs)
        if self.cold_s and len(self.questions) == 1:
            plan = attrs.evolve(plan, steps=(*plan.steps[:1], Wait(self.cold_s), *plan.steps[1:]))
        return plan

    async def _run(self, plan: Plan, question: Question) -> None:
        """Be the workflow: it takes its time whether anybody listens or not, and remembers at its end."""
        try:
            for step in plan.steps:
                match step:
                    case Wait(seconds):
                        await trio.sleep(seconds)
                    case Break("hang"):
                        await trio.sleep_forever()
                    case Break():
                        return  # n8n itself has died
                    case _:
                        pass
            if plan.succeeds and question.session_id:
                self.memory.setdefault(question.session_id, []).append((question.text, plan.answer))
        finally:
            self.running_runs -= 1
            self.finished_runs += 1

    # -- the answer

    async def _perform(self, plan: Plan, request: Request, reply: Reply) -> None:
        answer = _Answer(request, reply, self.door)
        *instants, last = _instants(plan.steps)
        for instant in instants:
            await self._at_once(answer, instant)
        await self._at_once(answer, last, is_last=True)
        if answer.is_streaming and request.headers.get("connection", "").lower() == "close":
            await trio.sleep(self.keep_alive_s)  # it does not listen to the wish

    async def _at_once(self, answer: _Answer, instant: list[Step], *, is_last: bool = False) -> None:
        """Do the steps of one instant, in one write if that is the manner and nothing breaks off."""
        is_joined = self.is_coalesced and not any(isinstance(step, Break | Wait) for step in instant)
        async with answer.reply.coalesced() if is_joined else nullcontext():
            for step in instant:
                await answer.take(step)
            if is_last:
                await answer.end()


def _question(body: Mapping[str, object]) -> Question:
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    said = next((body[key] for key in ("chatInput", "transcript", "text") if isinstance(body.get(key), str)), "")
    attempt = metadata.get("attempt", 1)
    return Question(
        body=body,
        text=str(said),
        session_id=str(body.get("sessionId", "")),
        turn_id=str(metadata.get("turnId", "")),
        attempt=attempt if isinstance(attempt, int) else 1,
        at=trio.current_time(),
    )


def _missing(question: Question) -> Plan | None:
    """Fail as an agent with memory does without its two fields; the names of the early VoxBridge need no session."""
    if not any(key in question.body for key in ("chatInput", "transcript", "text")):
        return stream(Line("error", _NO_PROMPT), succeeds=False)
    if "chatInput" in question.body and not question.session_id:
        return stream(Line("error", "No session ID found"), succeeds=False)
    return None


def _instants(steps: tuple[Step, ...]) -> list[list[Step]]:
    """Group the steps that fall into one instant, each wait in a group of its own."""
    groups: list[list[Step]] = [[]]
    for step in steps:
        if isinstance(step, Wait):
            groups += [[step], []]
        else:
            groups[-1].append(step)
    return [group for group in groups if group]


class _Answer:
    """Writes the steps of a plan as one HTTP answer."""

    def __init__(self, request: Request, reply: Reply, door: Door) -> None:
        self.reply, self._door = reply, door
        accepted = request.headers.get("accept-encoding", "")
        self._gzip = zlib.compressobj(wbits=31) if "gzip" in accepted else None
        self.is_streaming = False

    async def take(self, step: Step) -> None:
        """Do one step."""
        match step:
            case Wait(seconds):
                await trio.sleep(seconds)
            case Head(content_type):
                await self._head(content_type)
            case Line():
                await self._chunk(step.encoded(round(clock.wall_s() * 1000)))
            case Write(data):
                await self._chunk(data)
            case Whole():
                await self._whole(step)
            case Break("cut"):
                await self.reply.cut()
            case Break("reset"):
                await self.reply.reset()
            case Break():
                await self.reply.hang()

    async def _head(self, content_type: str) -> None:
        self.is_streaming = True
        is_new_chat = self._door == Door("2.40", is_chat_trigger=True)
        headers = [
            ("Content-Type", content_type),
            ("Cache-Control", "no-cache, no-transform" if is_new_chat else "no-cache"),
            ("Connection", "keep-alive"),
            *(() if is_new_chat else [("Vary", "Accept-Encoding")]),
            ("Date", email.utils.formatdate(clock.wall_s(), usegmt=True)),
        ]
        if self._gzip is not None:
            headers.append(("Content-Encoding", "gzip"))
        await self.reply.head(200, headers)

    async def _chunk(self, data: bytes) -> None:
        if self._gzip is not None:  # each line leaves at once, compressed or not
            data = self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        await self.reply.chunk(data)

    async def _whole(self, step: Whole) -> None:
        if step.content_type is None:
            await self.reply.head(step.status, step.headers)
            await self.reply.chunk(step.body)
            await self.reply.end()
        else:
            await self.reply.send(step.status, step.body, step.content_type, step.headers)

    async def end(self) -> None:
        """End the body, unless the plan ended it its own way."""
        if self.reply.is_over:
            return
        if self._gzip is not None and self.is_streaming:
            await self.reply.chunk(self._gzip.flush())
        await self.reply.end()
