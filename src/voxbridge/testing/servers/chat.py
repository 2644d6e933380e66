"""What the simulated chat APIs share: a script of steps, performed on the wire in each API's own bytes.

    server = OpenAiServer(answer(["Hello ", "there."], first_s=0.4))
    async with server.running() as server:
        ... server.url ...

A generation ends when its client leaves, as llama.cpp's, vLLM's and Ollama's do.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any, Literal

import attrs
import trio

from voxbridge.testing.servers.http import HttpServer, Reply, Request
from voxbridge.testing.servers.n8n_plans import Break, Wait, Whole, Write, greet, words

FailureShape = Literal["status", "line", "empty"]
"""How a generation fails: HTTP 500; status 200 and an error in the stream; status 200 and nothing."""


@attrs.frozen
class Say:
    """A token of the answer, spaces included."""

    text: str


@attrs.frozen
class Think:
    """A token of the reasoning, in the field that the API has for it."""

    text: str


@attrs.frozen
class CallTool:
    """A tool call, which nobody asked for: the server's own configuration brings it about."""

    name: str


@attrs.frozen
class Fail:
    """An error in the stream."""

    message: str


@attrs.frozen
class Finish:
    """The proper end, with its reason."""

    reason: str = "stop"


Step = Say | Think | CallTool | Fail | Finish | Wait | Write | Whole | Break
Plan = tuple[Step, ...]


@attrs.frozen
class Asked:
    """One question as it came: the body, and Trio's time in seconds."""

    body: Mapping[str, Any]
    text: str
    at: float
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Return (role, content) of each message."""
        messages = self.body.get("messages")
        if not isinstance(messages, list):
            return []
        return [(str(each.get("role")), str(each.get("content"))) for each in messages if isinstance(each, dict)]


Script = Plan | Callable[[Asked], Plan]


def answer(tokens: Iterable[str], *, first_s: float = 0.0, gap_s: float = 0.0, reason: str = "stop") -> Plan:
    """Return a streamed answer: the first token after ``first_s``, the others ``gap_s`` apart."""
    steps: list[Step] = [Wait(first_s)] if first_s else []
    for index, token in enumerate(tokens):
        if index and gap_s:
            steps.append(Wait(gap_s))
        steps.append(Say(token))
    return (*steps, Finish(reason))


def greeting(asked: Asked) -> Plan:
    """Greet and repeat what was said."""
    return answer(words(greet(asked.text)))


class ChatServer(HttpServer):
    """A scripted chat API; the subclasses know the bytes.

    ``key``, if not empty, is asked for as a bearer token. ``is_coalesced`` sends what falls into one instant in one
    write; ``piece_bytes`` cuts the writes.
    """

    stream_type = "text/event-stream"

    def __init__(
        self,
        script: Script = greeting,
        *,
        key: str = "",
        models: Iterable[str] = ("test-model",),
        is_coalesced: bool = False,
        piece_bytes: int | None = None,
    ) -> None:
        super().__init__()
        self.script, self.key, self.models = script, key, tuple(models)
        self.is_coalesced, self.piece_bytes = is_coalesced, piece_bytes
        self.plans: deque[Plan] = deque()
        """Plans of the next answers, one each, before ``script``."""
        self.asked: list[Asked] = []
        self.ends: Counter[str] = Counter()
        """How generations ended: ``finished``, ``failed`` or ``left`` (the client went away)."""

    def fail_next(self, count: int, shape: FailureShape = "status") -> None:
        """Let the next ``count`` answers fail."""
        self.plans.extend([self.failure(shape)] * count)

    def failure(self, shape: FailureShape) -> Plan:
        """Return a failing answer in one of the three shapes."""
        match shape:
            case "status":
                return (self.error(500, "The server had an error while processing your request"),)
            case "line":
                return (Fail("model runner has unexpectedly stopped"),)
            case "empty":
                return (Write(b""),)

    # -- what a subclass says in its own bytes

    @property
    def opening(self) -> bytes:
        """Return what stands before the first token, in the same write."""
        return b""

    def encoded(self, step: Say | Think | CallTool | Fail | Finish) -> bytes:
        """Return a step as bytes of the stream."""
        raise NotImplementedError

    def error(self, status: int, message: str) -> Whole:
        """Return a refusal in the API's shape."""
        raise NotImplementedError

    def problem(self, body: Mapping[str, object]) -> Whole | None:
        """Return what is wrong with a request, or None."""
        raise NotImplementedError

    def text_of(self, body: Mapping[str, object]) -> str:
        """Return what the user said."""
        messages = body.get("messages")
        last = messages[-1] if isinstance(messages, list) and messages else {}
        return str(last.get("content", "")) if isinstance(last, dict) else ""

    # -- serving

    def refused(self, request: Request) -> Whole | None:
        """Return the refusal of a request with a wrong key, or None."""
        if not self.key or request.headers.get("authorization") == f"Bearer {self.key}":
            return None
        return self.error(401, "Incorrect API key provided")

    async def chat(self, request: Request, reply: Reply) -> None:
        """Answer a question."""
        reply.piece_bytes = self.piece_bytes
        if (refused := self.refused(request)) is not None:
            await send_whole(reply, refused)
            return
        try:
            body = request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            await send_whole(reply, self.error(400, "We could not parse the JSON body of your request"))
            return
        if (wrong := self.problem(body)) is not None:
            await send_whole(reply, wrong)
            return
        asked = Asked(body, self.text_of(body), trio.current_time(), request.headers)
        self.asked.append(asked)
        plan = self.plans.popleft() if self.plans else self.script
        await self._perform(plan(asked) if callable(plan) else plan, reply)

    async def _perform(self, plan: Plan, reply: Reply) -> None:
        end = "left"
        try:
            for instant in _instants(plan):
                joined = self.is_coalesced and not any(isinstance(step, Break) for step in instant)
                async with reply.coalesced() if joined else nullcontext():
                    for step in instant:
                        await self._step(step, reply)
            end = "finished" if any(isinstance(step, Finish) for step in plan) else "failed"
            if not reply.is_over:
                await reply.end()
        finally:
            self.ends[end] += 1

    async def _step(self, step: Step, reply: Reply) -> None:
        match step:
            case Wait(seconds):
                await trio.sleep(seconds)
            case Whole():
                await send_whole(reply, step)
            case Break("cut"):
                await reply.cut()
            case Break("reset"):
                await reply.reset()
            case Break():
                await reply.hang()
            case Write(data):
                await self._chunk(data, reply)
            case Say() | Think() | CallTool() if not reply.has_head:
                await self._chunk(self.opening + self.encoded(step), reply)
            case _:
                await self._chunk(self.encoded(step), reply)

    async def _chunk(self, data: bytes, reply: Reply) -> None:
        if not reply.has_head:
            await reply.head(200, [("Content-Type", self.stream_type), ("Cache-Control", "no-cache")])
        await reply.chunk(data)


async def send_whole(reply: Reply, whole: Whole) -> None:
    """Send a whole answer."""
    await reply.send(whole.status, whole.body, whole.content_type or "application/json", whole.headers)


def compact(value: dict[str, object]) -> bytes:
    """Return JSON without spaces and without ASCII escapes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def event(value: dict[str, object]) -> bytes:
    """Return one server-sent event with JSON in it."""
    return b"data: " + compact(value) + b"\n\n"


def _instants(plan: Plan) -> list[list[Step]]:
    """Group the steps that fall into one instant, each wait in a group of its own."""
    groups: list[list[Step]] = [[]]
    for step in plan:
        if isinstance(step, Wait):
            groups += [[step], []]
        else:
            groups[-1].append(step)
    return [group for group in groups if group]
