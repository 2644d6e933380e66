"""Every kind of agent and every way in which its server can go wrong: the cases, and how one is played.

``python -m tests.integration.stages.agent.agent_faults`` writes what came of them into docs/agent-faults.md.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import trio
import trio.testing
import trustme
from structlog.testing import capture_logs

from tests.integration.stages.agent.agent_client import Heard, ask, request
from tests.support.agents import agent_of
from voxbridge.config.kinds import settings_of as settings_of_kind
from voxbridge.config.secrets import Secret
from voxbridge.errors import (
    AgentFailed,
    NoReply,
    StageError,
    StageProtocolError,
    StageRefused,
    StageTimeout,
    StageUnavailable,
)
from voxbridge.stages.agent.settings import HttpSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.http import HttpServer, Reply, Request

PAGE = pathlib.Path(__file__).parents[4] / "docs" / "agent-faults.md"
KEY = "s3cret-key-of-the-api"
NOISE = "gateway gibberish"
"""Stands in every body that is no answer; must never be spoken."""


@attrs.frozen
class Kind:
    """One kind of agent: its settings, where it is asked, and "Hello there." in its own bytes, in two pieces."""

    route: str
    pieces: tuple[bytes, bytes]
    content_type: str
    bad_utf8: bytes
    bad_json: bytes
    base: str = ""
    settings: dict[str, Any] = attrs.field(factory=dict)


def _sse(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _chunk(text: str, reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


def _item(kind: str, content: str | None = None) -> bytes:
    fields = {"type": kind, "content": content, "metadata": {"nodeId": "1", "nodeName": "AI Agent"}}
    return _line({key: value for key, value in fields.items() if value is not None})


def kinds_saying(first: str, second: str) -> dict[str, Kind]:
    """Return every kind, with these two pieces of text as its answer."""
    return {
        "n8n": Kind(
            route="/webhook/s3cret-path",
            pieces=(_item("begin") + _item("item", first), _item("item", second) + _item("end")),
            content_type="application/json; charset=utf-8",
            bad_utf8=b'{"type":"item","content":"\xff","metadata":{}}\n',
            bad_json=b"{oops\n",
            base="/webhook/s3cret-path",
        ),
        "openai": Kind(
            route="/v1/chat/completions",
            pieces=(_sse(_chunk(first)), _sse(_chunk(second, "stop")) + b"data: [DONE]\n\n"),
            content_type="text/event-stream",
            bad_utf8=b'data: {"choices":[{"delta":{"content":"\xff"},"finish_reason":"stop"}]}\n\n',
            bad_json=b"data: {oops\n\n",
            base="/v1",
            settings={"model": "test-model"},
        ),
        "ollama": Kind(
            route="/api/chat",
            pieces=(
                _line({"message": {"role": "assistant", "content": first}, "done": False}),
                _line({"message": {"role": "assistant", "content": second}, "done": True, "done_reason": "stop"}),
            ),
            content_type="application/x-ndjson",
            bad_utf8=b'{"message":{"content":"\xff"},"done":true}\n',
            bad_json=b"{oops\n",
            settings={"model": "test-model"},
        ),
        "dify": Kind(
            route="/v1/chat-messages",
            pieces=(
                _sse({"event": "message", "answer": first}),
                _sse({"event": "message", "answer": second}) + _sse({"event": "message_end"}),
            ),
            content_type="text/event-stream",
            bad_utf8=b'data: {"event":"message","answer":"\xff"}\n\ndata: {"event":"message_end"}\n\n',
            bad_json=b"data: {oops\n\n",
            base="/v1",
        ),
        "http": Kind(
            route="/s3cret-ask",
            pieces=(_line({"text": first}) + b"{", f'"text": "{second}"}}\n'.encode()),
            content_type="application/x-ndjson",
            bad_utf8=b'{"text":"\xff"}\n{"text":"."}\n',
            bad_json=b"oops\n",
            base="/s3cret-ask",
        ),
    }


KINDS = kinds_saying("Hello ", "there.")

Misdeed = Callable[[Kind, Request, Reply], Awaitable[None]]


@attrs.frozen
class Fault:
    """One way to go wrong, and what is promised then.

    ``says`` is all that may be spoken, ``words`` must stand in the operator's sentence, ``tries`` is the number of
    attempts with two retries allowed, ``ends`` the exact time of the end in seconds. With ``once`` only the first
    attempt meets the fault. ``but`` names kinds for which something else is promised.
    """

    does: Misdeed | None = None
    error: type[StageError] | None = None
    words: str = ""
    says: str = ""
    tries: int = 1
    ends: float = 0.0
    once: bool = False
    place: str = ""
    settings: dict[str, Any] = attrs.field(factory=dict)
    but: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def for_kind(self, kind: str) -> Fault:
        return attrs.evolve(self, **self.but.get(kind, {}))


def body(status: int, text: str, content_type: str = "application/json", headers: tuple = ()) -> Misdeed:
    async def misdeed(_kind: Kind, _request: Request, reply: Reply) -> None:
        await reply.send(status, text.encode(), content_type, headers)

    return misdeed


def after(pieces: Callable[[Kind], bytes], then: str) -> Misdeed:
    """Send a head and some bytes, then cut, reset, hang or end."""

    async def misdeed(kind: Kind, _request: Request, reply: Reply) -> None:
        await reply.head(200, [("content-type", kind.content_type), ("x-note", NOISE)])
        await reply.chunk(pieces(kind))
        await trio.sleep(0.1)
        await {"cut": reply.cut, "reset": reply.reset, "hang": reply.hang, "end": reply.end}[then]()

    return misdeed


async def hang(_kind: Kind, _request: Request, reply: Reply) -> None:
    await reply.hang()


async def drip(kind: Kind, _request: Request, reply: Reply) -> None:
    await reply.head(200, [("content-type", kind.content_type)])
    for byte in b"".join(kind.pieces):
        await trio.sleep(0.01)
        await reply.chunk(bytes([byte]))


WITHIN = {"first_limit_ms": 1000}
RETRIES_S = 0.25 + 0.5
ERROR = json.dumps({"error": {"message": NOISE}})
HTML = f"<!DOCTYPE html><html><body><h1>{NOISE}</h1></body></html>"

FAULTS: dict[str, Fault] = {
    "refused": Fault(None, StageUnavailable, "connection refused", tries=3, ends=RETRIES_S, place="http://127.0.0.1:9"),
    "DNS failure": Fault(
        None, StageUnavailable, "cannot be resolved", tries=3, ends=RETRIES_S, place="http://nowhere.invalid"
    ),
    "TLS failure": Fault(None, StageUnavailable, "not trusted", tries=3, ends=RETRIES_S, place="https"),
    "hang before headers": Fault(
        hang, StageTimeout, "first deadline of 1000 ms", tries=2, ends=2 + 0.25, settings=WITHIN
    ),
    "hang after headers": Fault(
        after(lambda _kind: b"", "hang"),
        StageTimeout,
        "first deadline of 1000 ms",
        tries=2,
        ends=2 + 0.25,
        settings=WITHIN,
    ),
    "hang after text": Fault(
        after(lambda kind: kind.pieces[0], "hang"),
        StageTimeout,
        "idle deadline of 2000 ms",
        says="Hello ",
        ends=2.0,
        settings={"idle_limit_ms": 2000},
        but={"http": {"ends": 2.0}},
    ),
    "slow drip": Fault(drip, says="Hello there.", ends=-1),
    "truncated before text": Fault(
        after(lambda _kind: b" ", "cut"), StageProtocolError, "in the middle", tries=3, ends=0.3 + RETRIES_S
    ),
    "truncated after text": Fault(
        after(lambda kind: kind.pieces[0], "cut"), StageProtocolError, "in the middle", says="Hello ", ends=0.1
    ),
    "ended politely before its end": Fault(
        after(lambda kind: kind.pieces[0], "end"),
        StageProtocolError,
        "before the answer did",
        says="Hello ",
        ends=0.1,
        but={
            "n8n": {"error": None},  # its stream has no end mark: several nodes may answer
            "http": {"words": "not JSON"},
        },
    ),
    "reset in mid-word": Fault(
        after(lambda kind: kind.pieces[0] + kind.pieces[1][:12], "reset"),
        StageProtocolError,
        "connection was lost",
        says="Hello ",
        ends=0.1,
    ),
    "wrong type": Fault(body(200, "RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"), NoReply, "binary data"),
    "HTML page": Fault(body(200, HTML, "text/html"), NoReply, "HTML page"),
    "plain text": Fault(
        body(200, "Hello there.", "text/plain"),
        NoReply,
        "plain text",
        but={kind: {"error": None, "says": "Hello there."} for kind in ("n8n", "http")},
    ),
    "401": Fault(body(401, ERROR), StageRefused, "credentials"),
    "403": Fault(body(403, ERROR), StageRefused, "credentials"),
    "404": Fault(body(404, ERROR), StageRefused, "404"),
    "422": Fault(body(422, ERROR), StageRefused, "refuses the request"),
    "429 with Retry-After": Fault(
        body(429, ERROR, headers=(("retry-after", "2"),)), says="Hello there.", tries=2, ends=2.0, once=True
    ),
    "500": Fault(body(500, ERROR), StageUnavailable, "cannot serve now", tries=3, ends=RETRIES_S),
    "503": Fault(body(503, HTML, "text/html"), StageUnavailable, "cannot serve now", tries=3, ends=RETRIES_S),
    "error in the stream": Fault(
        after(lambda kind: _sse(json.loads(ERROR)) if b"data:" in kind.pieces[0] else _line(json.loads(ERROR)), "end"),
        AgentFailed,
        NOISE,
        tries=3,
        ends=RETRIES_S,
        but={"n8n": {"ends": 0.3 + RETRIES_S}, "http": {"ends": 0.3 + RETRIES_S}},
    ),
    "200 empty": Fault(body(200, ""), NoReply, "empty"),
    "huge line": Fault(body(200, '{"text": "' + "x" * 1_200_000), StageProtocolError, "longer than 1048576 bytes"),
    "invalid UTF-8": Fault(
        after(lambda kind: kind.bad_utf8, "end"),
        StageProtocolError,
        "not UTF-8",
        ends=0.1,
    ),
    "invalid JSON": Fault(
        after(lambda kind: kind.pieces[0].removesuffix(b"{") + kind.bad_json, "end"),
        StageProtocolError,
        "cannot be read",
        says="Hello ",
        but={"http": {"ends": 0.0}},
    ),
}


@attrs.define
class Played:
    """What came of one case."""

    heard: Heard
    again: Heard
    tries: int
    requests: int


@asynccontextmanager
async def untrusted() -> AsyncIterator[str]:
    """Serve TLS with a certificate that nobody knows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    async def handler(stream: trio.abc.Stream) -> None:
        with suppress(trio.BrokenResourceError):
            await trio.SSLStream(stream, context, server_side=True).do_handshake()
        await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(functools.partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        yield f"https://localhost:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def settings_of(name: str, origin: str, **more: Any) -> HttpSettings:
    kind = KINDS[name]
    options = {"url": Secret(origin + kind.base), "api_key": Secret(KEY), **kind.settings, **more}
    settings: HttpSettings = settings_of_kind("agent", name, **options)
    return settings


def server_of(name: str, misdeed: Misdeed | None = None, *, once: bool = False) -> tuple[HttpServer, list[Misdeed]]:
    """Return a server of this kind that answers "Hello there.", and the list of misdeeds that come before that."""
    kind, server = KINDS[name], HttpServer()
    misdeeds = [] if misdeed is None else [misdeed]

    async def handler(request_: Request, reply: Reply) -> None:
        if misdeeds:
            await (misdeeds.pop() if once else misdeeds[0])(kind, request_, reply)
            return
        await reply.head(200, [("content-type", kind.content_type)])
        for piece in kind.pieces:
            await reply.chunk(piece)

    server.route("POST", kind.route, handler)
    return server, misdeeds


async def play(name: str, fault: Fault) -> Played:
    """Ask once with the fault, once without it."""
    server, misdeeds = server_of(name, fault.does, once=fault.once)
    async with server.running(), untrusted() as https:
        origin = {"": server.url, "https": https}.get(fault.place, fault.place)
        async with agent_of(settings_of(name, origin, **fault.settings)) as stage:
            heard = await ask(stage)
            tries, requests = stage.retry_count + 1, len(server.requests)
            misdeeds.clear()
            if not fault.place:
                return Played(heard, await ask(stage, request(turn_id="turn-2")), tries, requests)
        # the place was wrong, not the server: the next turn works where it is right
        async with agent_of(settings_of(name, server.url)) as stage:
            return Played(heard, await ask(stage, request(turn_id="turn-2")), tries, requests)


def page() -> str:
    """Return docs/agent-faults.md: what came of every case, told from what was seen."""
    lines = [
        "# When the agent's server goes wrong",
        "",
        "Made by `python -m tests.integration.stages.agent.agent_faults`",
        "from the cases that the tests play, with two retries",
        "allowed; a test checks this page against them. Times are virtual, so they are exact.",
        "If nothing was spoken, the user hears the apology of `[turn]`. After each case the next turn works.",
    ]
    for name in KINDS:
        lines += ["", f"## kind = {name}", ""]
        lines += ["| fault | spoken | attempts | over after | the operator reads |", "|---|---|---|---|---|"]
        for title, fault in FAULTS.items():

            async def run(name: str = name, fault: Fault = fault) -> Played:
                MemNet().install()
                return await play(name, fault)

            with capture_logs():
                played = trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
            told = "" if played.heard.error is None else f"{type(played.heard.error).__name__}: {played.heard.error}"
            told = told.replace(NOISE, "*(the server's words)*").replace("|", "\\|")
            told = re.sub(r"(not trusted) \(.*\)", r"\1 (OpenSSL's reason)", told)  # it words it differently by version
            said = f"“{played.heard.text}”" if played.heard.text else "nothing"
            lines.append(f"| {title} | {said} | {played.tries} | {played.heard.ended:.2f} s | {told} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
