"""Everything that can go wrong with a speech server, played against each kind of backend.

``python -m tests.integration.stages.tts.tts_faults`` writes what came of it into docs/tts-faults.md.
"""

from __future__ import annotations

import logging
import math
import pathlib
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import structlog
import trio
import trio.testing

from tests.integration.stages.tts.tts_bench import SENTENCE, Heard, listen
from voxbridge.config.kinds import settings_of
from voxbridge.core.text.pace import longest_sound_s
from voxbridge.core.wire.wav import streaming_header
from voxbridge.core.wire.wyoming import AudioFormat, WyomingEvent, encode_event
from voxbridge.errors import (
    StageError,
    StageProtocolError,
    StageRefused,
    StageTimeout,
    StageUnavailable,
)
from voxbridge.stages.tts.chatterbox import SPEECH_PATH, ChatterboxStage
from voxbridge.stages.tts.openai import OpenAiSpeechStage
from voxbridge.stages.tts.wyoming import WyomingSpeechStage
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, hum
from voxbridge.testing.servers.http import HttpServer, Reply, Request
from voxbridge.testing.servers.openai_speech import SPEECH_ROUTE, OpenAiSpeechServer
from voxbridge.testing.servers.wyoming import Peer
from voxbridge.testing.servers.wyoming_speech import WyomingSpeechServer

PAGE = pathlib.Path(__file__).parents[4] / "docs" / "tts-faults.md"
NOISE = "quux swordfish"
"""Words of the server that nobody may hear, nor a log hold."""
TIMING = attrs.evolve(PROMPT, head_s=0.0, synthesis_s=0.1)
SOUND = hum(SENTENCE, 0)
SECOND = 48_000
"""Bytes of a second of sound."""
FORMAT = AudioFormat(24_000, 2, 1).data
HUGE = b"a" * (2 << 20)
PAGE_BODY = f"<!DOCTYPE html><html><body>{NOISE}</body></html>".encode()
STATUS_BODY = f'{{"error":{{"message":"{NOISE}","type":"server_error"}}}}'.encode()


@attrs.frozen
class Kind:
    """A backend as it is configured here. ``route`` empty: it does not speak HTTP."""

    kind: str
    response_format: str = "wav"
    route: str = ""
    first_limit_s: float = 6.0

    @property
    def label(self) -> str:
        return f"audio/{self.response_format}"

    @property
    def head(self) -> bytes:
        return streaming_header() if self.response_format == "wav" else b""


KINDS = {
    "chatterbox": Kind("chatterbox", route=SPEECH_PATH, first_limit_s=3.0),
    "openai, wav": Kind("openai", route=SPEECH_ROUTE),
    "openai, pcm": Kind("openai", "pcm", route=SPEECH_ROUTE),
    "wyoming": Kind("wyoming"),
}

HttpDeed = Callable[[Kind, Request, Reply], Awaitable[None]]
WyomingDeed = Callable[[WyomingEvent, Peer], Awaitable[bool | None]]


@attrs.frozen
class Fault:
    """What goes wrong, and what must come of it. Times in seconds, -1: the kind's limit for its first byte."""

    http: HttpDeed | None = None
    wyoming: WyomingDeed | None = None
    place: str = ""
    """Where the client looks instead of at the server; ``stopped``: the server is down."""
    once: bool = False
    heard_s: float = 0.0
    is_whole: bool = False
    """The whole sentence is heard in the end."""
    requests: int = 1
    ends: float = 0.0
    error: type[StageError] | None = None
    says: str = ""
    only: str = ""
    """The one kind that differs so; empty: all."""


# -- what servers do


def status(code: int, body: bytes = STATUS_BODY, label: str = "application/json", **headers: str) -> HttpDeed:
    async def deed(_kind: Kind, _request: Request, reply: Reply) -> None:
        await reply.send(code, body, label, [(name.replace("_", "-"), value) for name, value in headers.items()])

    return deed


def answer(body: bytes, label: str) -> HttpDeed:
    return status(200, body, label)


async def hang(_kind: Kind, _request: Request, reply: Reply) -> None:
    await reply.hang()


def begins(then: Callable[[Reply], Awaitable[None]], sound_bytes: int = 0) -> HttpDeed:
    """Send the head, and so much sound, and then ..."""

    async def deed(kind: Kind, _request: Request, reply: Reply) -> None:
        await reply.head(200, [("content-type", kind.label)])
        await reply.chunk(kind.head + SOUND[:sound_bytes])
        await then(reply)

    return deed


async def drips(kind: Kind, _request: Request, reply: Reply) -> None:
    await reply.head(200, [("content-type", kind.label)])
    await reply.chunk(kind.head)
    for at in range(0, len(SOUND), SECOND // 10):
        await reply.chunk(SOUND[at : at + SECOND // 10])
        await trio.sleep(1)


async def never_stops(kind: Kind, _request: Request, reply: Reply) -> None:
    await reply.head(200, [("content-type", kind.label)])
    await reply.chunk(kind.head)
    while True:
        await reply.chunk(SOUND[:SECOND])
        await trio.sleep(0.1)


async def no_http(_kind: Kind, _request: Request, reply: Reply) -> None:
    await reply.raw(f"{NOISE}\r\n\r\n".encode())


async def no_answer(_kind: Kind, _request: Request, reply: Reply) -> None:
    await reply.cut()


def wyoming_begins(then: Callable[[Peer], Awaitable[Any]], sound_bytes: int = 0) -> WyomingDeed:
    async def deed(_event: WyomingEvent, peer: Peer) -> None:
        await peer.send("audio-start", FORMAT)
        if sound_bytes:
            await peer.send("audio-chunk", FORMAT, SOUND[:sound_bytes])
        await then(peer)

    return deed


def wyoming_raw(data: bytes) -> WyomingDeed:
    async def deed(_event: WyomingEvent, peer: Peer) -> bool:
        await peer.raw(data)
        return False

    return deed


async def wyoming_drips(_event: WyomingEvent, peer: Peer) -> None:
    await peer.send("audio-start", FORMAT)
    for at in range(0, len(SOUND), SECOND // 10):
        await peer.send("audio-chunk", FORMAT, SOUND[at : at + SECOND // 10])
        await trio.sleep(1)


async def wyoming_never_stops(_event: WyomingEvent, peer: Peer) -> None:
    await peer.send("audio-start", FORMAT)
    while True:
        await peer.send("audio-chunk", FORMAT, SOUND[:SECOND])
        await trio.sleep(0.1)


async def wyoming_error(_event: WyomingEvent, peer: Peer) -> None:
    await peer.send("error", {"text": NOISE, "code": "RuntimeError"})
    await peer.hang()


_SECOND_EVENT = encode_event(WyomingEvent("audio-chunk", FORMAT, SOUND[:SECOND]))
LONGEST_S = longest_sound_s(SENTENCE)
UNREACHABLE_S = 0.1 + 0.2  # two retries, each after its whole backoff

FAULTS: dict[str, Fault] = {
    "refused": Fault(
        place="stopped", requests=0, ends=UNREACHABLE_S, error=StageUnavailable, says="connection refused"
    ),
    "DNS failure": Fault(
        place="nowhere.invalid:1", requests=0, ends=UNREACHABLE_S, error=StageUnavailable, says="check its spelling"
    ),
    "TLS failure": Fault(
        status(200), place="https", requests=0, ends=UNREACHABLE_S, error=StageUnavailable, says="speak https"
    ),
    "hang before headers": Fault(
        hang, lambda _event, peer: peer.hang(), ends=-1, error=StageTimeout, says="first deadline"
    ),
    "hang after headers": Fault(
        begins(Reply.hang), wyoming_begins(Peer.hang), ends=6, error=StageTimeout, says="first deadline of 6000 ms"
    ),
    "hang after a second of sound": Fault(
        begins(Reply.hang, SECOND), wyoming_begins(Peer.hang, SECOND),
        heard_s=1, ends=8, error=StageTimeout, says="total deadline of 8000 ms",
    ),
    "slow drip, 100 ms of sound a second": Fault(
        drips, wyoming_drips, heard_s=0.8, ends=5 + 3 * 0.8, error=StageTimeout, says="total deadline of 7400 ms"
    ),
    "a voice that does not stop": Fault(
        never_stops, wyoming_never_stops, heard_s=LONGEST_S, ends=0.1 * math.floor(LONGEST_S)
    ),
    "closed without an answer": Fault(
        no_answer, lambda _event, peer: peer.cut(), requests=2, error=StageProtocolError, says="without an answer"
    ),
    "truncated before any sound": Fault(
        begins(Reply.cut), wyoming_begins(Peer.cut),
        requests=2, error=StageProtocolError, says="in the middle of its answer",
    ),
    "truncated before any sound, once": Fault(
        begins(Reply.cut), wyoming_begins(Peer.cut), once=True, requests=2, is_whole=True, ends=0.1
    ),
    "truncated in the sound": Fault(
        begins(Reply.cut, SECOND + 1), wyoming_raw(_SECOND_EVENT + _SECOND_EVENT[:-9]), heard_s=1,
        error=StageProtocolError, says="in the middle of its answer",
    ),
    "reset in mid-word": Fault(
        begins(Reply.reset, SECOND), wyoming_begins(Peer.reset, SECOND), heard_s=1,
        error=StageProtocolError, says="was lost",
    ),
    "wrong type": Fault(
        answer(b"\x89PNG\r\n\x1a\n" + bytes(99), "image/png"), wyoming_raw(b'{"type":"transcript"}\n'),
        requests=2, error=StageProtocolError, says="that it is not sound",
    ),
    "HTML page": Fault(
        answer(PAGE_BODY, "text/html"), wyoming_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n" + PAGE_BODY),
        requests=2, error=StageProtocolError, says="text, not sound",
    ),
    "HTML page, labelled as sound": Fault(
        answer(PAGE_BODY, "audio/pcm"), requests=2, error=StageProtocolError, says="text, not sound"
    ),
    "no HTTP at all": Fault(no_http, requests=2, error=StageProtocolError, says="does not speak proper HTTP"),
    "401": Fault(status(401), error=StageRefused, says="refuses our credentials"),
    "403": Fault(status(403), error=StageRefused, says="refuses our credentials"),
    "404": Fault(status(404), error=StageRefused, says="HTTP 404"),
    "404, an HTML page": Fault(
        status(404, PAGE_BODY, "text/html"), requests=3, ends=UNREACHABLE_S, error=StageUnavailable, says="HTTP 404"
    ),
    "422": Fault(status(422), error=StageRefused, says="HTTP 422"),
    "429 with Retry-After": Fault(status(429, retry_after="2"), once=True, requests=2, is_whole=True, ends=2.1),
    "500": Fault(status(500), requests=3, ends=UNREACHABLE_S, error=StageUnavailable, says="HTTP 500"),
    "500, once": Fault(status(500), once=True, requests=2, is_whole=True, ends=0.2),
    "503": Fault(status(503), requests=3, ends=UNREACHABLE_S, error=StageUnavailable, says="HTTP 503"),
    "503, for longer than there is time": Fault(
        status(503, retry_after="60"), error=StageUnavailable, says="HTTP 503"
    ),
    "307": Fault(status(307, location="http://elsewhere/"), error=StageRefused, says="redirects"),
    "200, empty": Fault(
        answer(b"", "audio/wav"), wyoming_raw(b""), requests=2, error=StageProtocolError, says="is empty"
    ),
    "no sound, well ended": Fault(wyoming=wyoming_raw(encode_event(WyomingEvent("audio-stop")))),
    "error event": Fault(
        wyoming=wyoming_error, requests=3, ends=UNREACHABLE_S, error=StageUnavailable, says="the server failed"
    ),
    "error event, once": Fault(wyoming=wyoming_error, once=True, requests=2, is_whole=True, ends=0.2),
    "huge line": Fault(
        answer(HUGE, "text/plain"), wyoming_raw(HUGE), requests=2, error=StageProtocolError, says="text, not sound"
    ),
    "huge line in an error": Fault(
        status(500, HUGE), requests=3, ends=UNREACHABLE_S, error=StageUnavailable, says="HTTP 500"
    ),
    "invalid UTF-8": Fault(
        answer(b'{"detail":"\xff\xfe quux swordfish"}', "application/json"), wyoming_raw(b'{"type":"\xff\xfe"}\n'),
        requests=2, error=StageProtocolError, says="text, not sound",
    ),
    "invalid UTF-8 in an error": Fault(
        status(500, b'{"detail":"\xff\xfe quux'), requests=3, ends=UNREACHABLE_S, error=StageUnavailable,
        says="HTTP 500",
    ),
    "invalid JSON": Fault(
        answer(b'{"quux swordfish', "application/json"), wyoming_raw(b'{"quux swordfish\n'),
        requests=2, error=StageProtocolError, says="text, not sound",
    ),
    "invalid JSON in an error": Fault(status(422, b'{"quux swordfish'), error=StageRefused, says="HTTP 422"),
    "impossible length": Fault(
        wyoming=wyoming_raw(b'{"type":"audio-chunk","payload_length":1e99}\n'),
        requests=2, error=StageProtocolError, says="impossible length",
    ),
}  # fmt: skip

# What the kinds say in words of their own.
SAYS: dict[tuple[str, str], str] = {
    ("wyoming", "wrong type"): "in the middle of its answer",
    ("wyoming", "HTML page"): "a line is not JSON",
    ("wyoming", "200, empty"): "without an answer",
    ("wyoming", "huge line"): "a line is longer",
    ("wyoming", "invalid UTF-8"): "a line is not UTF-8",
    ("wyoming", "invalid JSON"): "a line is not JSON",
    ("openai, pcm", "truncated before any sound"): "in the middle of its answer",
}


def cases() -> list[tuple[str, str]]:
    """Return (kind, fault) for each that can happen."""
    return [
        (name, title)
        for name, kind in KINDS.items()
        for title, fault in FAULTS.items()
        if (fault.http if kind.route else fault.wyoming) or fault.place in ("stopped", "nowhere.invalid:1")
    ]


def fault_of(name: str, title: str) -> Fault:
    """Return the fault with what this kind must make of it."""
    fault, kind = FAULTS[title], KINDS[name]
    ends = kind.first_limit_s if fault.ends < 0 else fault.ends
    return attrs.evolve(fault, ends=ends, says=SAYS.get((name, title), fault.says))


# -- playing them


@attrs.frozen
class Played:
    """What came of a fault, and of the sentence after it."""

    heard: Heard
    requests: int
    again: Heard
    logs: str


class Bench:
    """A server of a kind whose next requests can be answered wrongly."""

    def __init__(self, name: str) -> None:
        self.kind = KINDS[name]
        self.deeds: deque[Any] = deque()
        self.is_lasting = False
        self.requests = 0
        self.server: HttpServer | WyomingSpeechServer
        if self.kind.kind == "wyoming":
            self.server = WyomingSpeechServer(TIMING)
            speak = self.server._synthesize

            async def on_event(event: WyomingEvent, peer: Peer) -> bool | None:
                deed = self._next()
                return await (speak(event, peer) if deed is None else deed(event, peer))

            self.server.on("synthesize", on_event)
        else:
            is_chatterbox = self.kind.kind == "chatterbox"
            server = ChatterboxServer(TIMING) if is_chatterbox else OpenAiSpeechServer(timing=TIMING)
            proper = server._routes[self.kind.route]["POST"]

            async def on_request(request: Request, reply: Reply) -> None:
                deed = self._next()
                await (proper(request, reply) if deed is None else deed(self.kind, request, reply))

            server.route("POST", self.kind.route, on_request)
            self.server = server

    def _next(self) -> Any:
        self.requests += 1
        if not self.deeds:
            return None
        return self.deeds[0] if self.is_lasting else self.deeds.popleft()

    @asynccontextmanager
    async def stage(self, url: str = "") -> AsyncIterator[ChatterboxStage | OpenAiSpeechStage | WyomingSpeechStage]:
        """Open the stage on the server, or on another address."""
        stages: dict[str, Any] = {
            "chatterbox": ChatterboxStage, "openai": OpenAiSpeechStage, "wyoming": WyomingSpeechStage,
        }  # fmt: skip
        formats = {"response_format": self.kind.response_format} if self.kind.kind == "openai" else {}
        settings = settings_of("tts", self.kind.kind, url=url or self.server.url, **formats)
        async with stages[self.kind.kind](settings, rng=lambda: 1.0) as stage:
            yield stage


async def play(name: str, fault: Fault) -> Played:
    """Have a sentence spoken with the fault, and one without it."""
    bench = Bench(name)
    with structlog.testing.capture_logs() as logs:
        async with bench.server.running():
            url = {"": "", "stopped": "", "https": bench.server.url.replace("http:", "https:")}.get(
                fault.place, f"{bench.server.url.partition(':')[0]}://{fault.place}"
            )
            if fault.place == "stopped":
                await bench.server.stop()
            deed = fault.http if bench.kind.route else fault.wyoming
            if deed is not None and fault.place != "https":
                bench.deeds.append(deed)
                bench.is_lasting = not fault.once
            async with bench.stage(url) as stage:
                heard, requests = await listen(stage), bench.requests
                bench.deeds.clear()
                if fault.place == "stopped":
                    await bench.server.start()
                if not url:
                    assert stage.free_slots == 1, "a slot was not given back"
                    return Played(heard, requests, await listen(stage, turn="next"), str(logs))
            # the address was wrong, not the server: the next sentence works where it is right
            async with bench.stage() as stage:
                return Played(heard, requests, await listen(stage, turn="next"), str(logs))


def page() -> str:
    """Return docs/tts-faults.md: what came of every case, told from what was seen."""
    lines = [
        "# When the speech server goes wrong",
        "",
        "Made by `python -m tests.integration.stages.tts.tts_faults`",
        "from the cases that the tests play with one sentence of",
        f"{len(SOUND) / SECOND:.2f} s; a test checks this page against them.",
        "Times are virtual, so they are exact. `kind = embedded`",
        "is the client of `chatterbox` on a unix socket. If nothing was spoken, the user hears the backup's",
        "voice, or the apology of `[turn]`. After each case the next sentence works.",
    ]
    for name in KINDS:
        lines += ["", f"## kind = {name}", ""]
        lines += ["| fault | heard | requests | over after | the operator reads |", "|---|---|---|---|---|"]
        for _, title in (case for case in cases() if case[0] == name):

            async def run(name: str = name, title: str = title) -> Played:
                MemNet().install()
                return await play(name, fault_of(name, title))

            played = trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
            lines.append(_row(title, played))
    return "\n".join([*lines, ""])


def _row(title: str, played: Played) -> str:
    heard = played.heard
    told = "" if heard.error is None else f"{type(heard.error).__name__}: {heard.error}"
    told = re.sub(f"{NOISE}|a{{99,}}", "*(the server's words)*", told).replace("|", "\\|")
    length_s = len(heard.data) / SECOND
    sound = "the sentence" if len(heard.data) == len(SOUND) else f"{length_s:.1f} s of it" if length_s else "nothing"
    return f"| {title} | {sound} | {played.requests} | {heard.ended:.2f} s | {told} |"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
