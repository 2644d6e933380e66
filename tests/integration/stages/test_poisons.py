"""Poison from the servers of every kind: our own error or an answer in time, and the next turn an ordinary one.

What is counted is the CPU's time, so the figures are loose; ``python -m tests.bench.poison`` measures them.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack

import pytest
import trio

from tests.integration.stages.test_trickles import HEADLESS, NAMES, opened
from tests.support.hostile import frame
from voxbridge.core.wire.wav import streaming_header
from voxbridge.errors import StageError
from voxbridge.testing.memnet import MemNet

pytestmark = pytest.mark.integration

_LIMIT_S = 100.0  # of an agent's answer in all, and what its text takes to say
_CPU_S_MAX = 5.0
_PAUSE_S = 60.0

JSON = (
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b'{"output": 1e400, "text": 1e400, "answer": -1e400, "choices": 1e400, "message": 1e400}',
    b'{"text": NaN, "duration": -Infinity, "segments": [{"start": NaN, "end": null, "text": 7}]}',
    b'{"output": ' + b"9" * 5001 + b"}",
    b'{"choices": [{"delta": []}], "message": {"content": {}}, "answer": [], "event": {}, "text": {"a": []}}',
    b'{"choices": null, "message": null, "answer": null, "output": null, "text": null, "type": null, "event": null}',
    b'{"choices": [[[]]], "done": "no", "error": {"message": {"loc": null}}, "detail": [{"loc": null}]}',
    b'{"output": "\\ud800", "text": "\\udc00\\ud83d", "answer": "\\u0000\\u001b[2J\\u202e"}',
    b"null",
    b"[]",
    b'"',
    b"",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"<!doctype html><html><body>Bad gateway</body></html>",
    b"\n" * 300_000,
    b"[" + b"[]," * 100_000 + b"[]]",
    b'{"output": "' + b"a" * 500_000,
    b"data: [DONE]\n\n",
    b"event: error\ndata: {}\n\n" * 5000,
    b"data: {\n" * 20_000,
)
SOUND = (
    b"RIFF" + b"\xff" * 4 + b"WAVEfmt " + b"\xff" * 4 + bytes(40),
    b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data\xff\xff\xff\xff" + bytes(999),
    streaming_header()[:20] + b"\x01\0\xff\xff" + b"\xff" * 16 + bytes(100),
    b"OggS" * 5000,
    b"OggS\0\x02" + b"\xff" * 300,
    b"\xff\xfb\x90\0" * 5000,
    b"fLaC" + bytes(2000),
    bytes(7),
)


@functools.cache
def _gzip(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(bytes(size)) + packer.flush()


def _answer(body: bytes, head: str = "", status: str = "200 OK", kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def http_poisons() -> Iterator[bytes]:
    """Yield whole answers of a server that speaks HTTP, or nearly."""
    for body in JSON:
        yield _answer(body)
        if len(body) < 1000:
            yield _answer(body, status="422 Unprocessable Entity")
            yield _answer(body, kind="text/event-stream")
    for body in SOUND:
        yield _answer(body, kind="audio/wav")
        yield _answer(body, kind="audio/l16;rate=99999999999999999999;channels=0")
    for wait in ("9" * 5000, "-1", "inf", "nan", "Wed, 99 Foo 99999999999999999999 99:99:99 GMT", "\xff"):
        yield _answer(b"{}", f"Retry-After: {wait}\r\n", "503 Service Unavailable")
        yield _answer(b"{}", f"Retry-After: {wait}\r\nX-TTS-Options: {{\r\n", "429 Too Many Requests")
    yield _answer(_gzip(60 << 20), "Content-Encoding: gzip\r\n")
    yield _answer(b"\x1f\x8b" + bytes(500), "Content-Encoding: gzip\r\n")
    yield _answer(b"{}", "Content-Encoding: br\r\n")
    yield _answer(b"{}", "Content-Length: 5\r\n")
    yield _answer(b"{}", "Transfer-Encoding: chunked\r\n")
    yield _answer(b"{}", "Location: /webhook/test\r\n", "307 Temporary Redirect")
    yield _answer(b"{}", f"X-A: {'a' * 300_000}\r\n")
    yield _answer(b"{}", "X-A: a\r\n" * 5000)
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    for chunks in (
        b"1\r\na\r\n" * 20_000,
        b"0" * 100_000,
        b"-5\r\n",
        b"ffffffffffffffffff\r\n",
        b"1;" + b"a" * 100_000,
    ):
        yield chunked + chunks
    yield b"HTTP/1.1 103 Early Hints\r\n\r\n" * 5000
    yield b"HTTP/1.1 999 What\r\n\r\n"
    yield b"HTTP/1.1 204 No Content\r\n\r\n"
    yield b"HTTP/9.9 200 OK\r\n\r\n"
    yield b"\0" * 1000
    yield b"SSH-2.0-OpenSSH_9.9\r\n"
    yield b""


def ws_poisons() -> Iterator[bytes]:
    """Yield what comes behind the head of an accepted WebSocket."""
    for text in JSON:
        yield frame(1, text)
    odd: tuple[dict[str, object], ...] = (
        {"type": "final", "id": 1e308, "text": 7, "confidence": "x"},
        {"type": "peeked", "id": [], "text": None},
        {"type": "Results", "is_final": "yes", "channel": {"alternatives": {}}},
        {"type": "Results", "is_final": True, "channel": {"alternatives": [None]}},
        {"type": "Error"},
        {"uid": [], "segments": [{"text": None, "start": "x", "completed": 3}], "message": {"a": 1}},
        {"uid": "a", "status": "WAIT", "message": 1e308},
        {"lines": [None, {"text": 5, "speaker": []}], "buffer_transcription": {}},
        {"type": "ready_to_stop", "lines": {}},
    )
    for message in odd:
        yield frame(1, json.dumps(message).encode())
    yield frame(1, b"", first=0) + frame(0, b"", first=0) * 5000
    yield frame(10, b"pong") * 5000
    yield frame(9, bytes(125)) * 2000
    yield bytes([0x81, 127]) + b"\xff" * 8
    yield frame(3, b"?")
    yield frame(1, b"?", first=0xC0)
    yield frame(1, b"\xff\xfe")
    yield frame(8, b"x")
    for code in (0, 999, 1005, 1015, 4000, 65535):
        yield frame(8, code.to_bytes(2, "big") + b"\x1b[2J")
    yield bytes([0x81, 0x85]) + bytes(9)


def wyoming_poisons() -> Iterator[bytes]:
    """Yield what a Wyoming server may say."""
    for text in JSON:
        yield text + b"\n"
    for event in (
        b'{"type": "transcript", "data_length": 1e400}',
        b'{"type": "transcript", "data_length": -1}',
        b'{"type": "transcript", "data": {"text": 1e400}}',
        b'{"type": "transcript", "data": []}',
        b'{"type": "audio-chunk", "payload_length": 1000000000000000}',
        b'{"type": "audio-chunk", "payload_length": "5"}',
        b'{"type": "audio-chunk", "data": {"rate": 0, "width": 2, "channels": 1}, "payload_length": 2}',
        b'{"type": "audio-chunk", "data": {"rate": 1e9, "width": 3, "channels": 0}, "payload_length": 2}',
        b'{"type": "audio-start", "data": {"rate": null, "width": [], "channels": {}}}',
        b'{"type": {}}',
        b'{"type": "error", "data": {"text": {"loc": null}, "code": []}}',
        b'{"type": "info", "data": {"asr": {}, "tts": [null]}}',
        b'{"type": "audio-stop"}',
    ):
        yield event + b"\nab"
    yield b'{"type": "ping"}\n' * 20_000
    yield b"\0" * 100_000


def poisons_for(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the poisons for a kind, each with the manner in which it comes."""
    if name in HEADLESS:
        yield from (("poisoned", poison) for poison in wyoming_poisons())
        return
    if name.startswith("stt") and name != "stt openai":
        yield from (("poisoned body", poison) for poison in ws_poisons())
        yield from (("poisoned", poison) for poison in itertools.islice(http_poisons(), 5))
    else:
        yield from (("poisoned", poison) for poison in http_poisons())


async def costs_one_turn_each(name: str, poisons: Iterable[tuple[str, bytes]]) -> None:
    """Have a server of a kind say each of these, in its manner; between them it is as it should be."""
    MemNet().install()
    async with AsyncExitStack() as stack:
        way, ask = await opened(name, stack)
        for manner, poison in poisons:
            where = f"{manner}: {poison[:160]!r} ({len(poison)} bytes)"
            way.manner, way.poison, way.connections = manner, poison, 0  # type: ignore[assignment]
            began, cpu_began = trio.current_time(), time.process_time()
            with contextlib.suppress(StageError):
                await ask()
            took_s, cpu_s = trio.current_time() - began, time.process_time() - cpu_began
            assert took_s <= _LIMIT_S, f"{took_s:.1f} s for {where}"
            assert cpu_s <= _CPU_S_MAX, f"{cpu_s:.1f} s of CPU for {where}"
            way.manner = "as it is"
            await trio.sleep(_PAUSE_S)
            assert await ask(), f"not well again after {where}"


@pytest.mark.parametrize("name", NAMES)
async def test_poison_costs_one_turn(autojump_clock: trio.testing.MockClock, name: str) -> None:
    """Whatever a server says: no crash, no hang, a bounded time of the CPU, and the next turn is an ordinary one."""
    await costs_one_turn_each(name, poisons_for(name))
