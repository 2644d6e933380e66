"""What a hostile server may say: whole answers over HTTP, what follows a WebSocket's upgrade, Wyoming's lines."""

from __future__ import annotations

import copy
import gzip
import json
import random
import zlib
from collections.abc import Iterator
from typing import Any

Change = tuple[str, bytes]
"""How it comes (see ``Trickle``), and the bytes."""

WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    -0.0,
    0.5,
    1e308,
    10**400,
    "",
    "x",
    "\ud800",
    "\0\x1b[2J\u202e",
    [],
    {},
    [[]],
    [None],
    {"": None},
)

_WORDS = b'{"output": "Hello.", "text": "Hello.", "answer": "Hello.", "type": "final"}'
ODD_TEXTS: tuple[bytes, ...] = (
    _WORDS.decode().encode("utf-16"),
    _WORDS.decode().encode("utf-16-be"),
    _WORDS.decode().encode("utf-32"),
    b"\xef\xbb\xbf" + _WORDS,
    b'{"output": 1, "output": [], "output": "Hello.", "text": {}, "text": "Hello."}',
    b'{"a": -0, "b": -0.0, "c": 1E+999, "d": 0.1e-9999, "e": 1e99999999999999999999}',
    b'{"\\ud800": "\\ud800", "\\u0000": "\\u0000", "": ""}',
    b'{"output": "\xed\xa0\x80", "text": "\xc0\x80", "answer": "\xf4\x90\x80\x80"}',
    b"{'output': 'Hello.'}",
    b'{"output": "Hello."',
    b'{"output": "Hello."} trailing {"output": "garbage"}',
    b'{"output": Infinity, "text": undefined}',
    b"// a remark\n" + _WORDS,
    b"\0" + _WORDS + b"\0",
    b"\x1a\x04",
    b"{}{}{}",
    b"true",
    b"-",
    b"1e5",
    b'"\\u"',
    b'"\\ud83d\\ude0',
    b"data: " + _WORDS + b"\rdata: " + _WORDS + b"\r\r",
    b"data:\r" * 2000,
    b"data: " + b"a" * 2_000_000,
    b"\xef\xbb\xbfdata: " + _WORDS,
    b"retry: 99999999999999999999\nid: \0\nevent: \0\ndata\n\n",
    b"event: " + b"e" * 100_000 + b"\n\n",
    b": remark\n" * 5000,
    _WORDS * 2000,
    (_WORDS + b"\r") * 500,
    (_WORDS + b"\x0b\x0c\x1c\x1d\xc2\x85\xe2\x80\xa8") * 50,
)


def answer(body: bytes, head: str = "", status: str = "200 OK", kind: str = "application/json") -> bytes:
    """Return a whole answer with its length."""
    lines = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    return lines.encode("latin-1") + body


def _bare(head: str, body: bytes = _WORDS) -> bytes:
    return f"{head}\r\n\r\n".encode("latin-1") + body


def _packed() -> Iterator[bytes]:
    once = gzip.compress(_WORDS)
    yield answer(gzip.compress(once), "Content-Encoding: gzip\r\n")
    yield answer(gzip.compress(once), "Content-Encoding: gzip, gzip\r\n")
    yield answer(gzip.compress(once), "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n")
    yield answer(once + b"garbage" * 1000, "Content-Encoding: gzip\r\n")
    yield answer(once * 500, "Content-Encoding: gzip\r\n")
    yield answer(once[:-5], "Content-Encoding: gzip\r\n")
    yield answer(once[:-8] + bytes(8), "Content-Encoding: gzip\r\n")
    yield answer(once[:3] + b"\x1f" + once[4:], "Content-Encoding: gzip\r\n")
    yield answer(zlib.compress(_WORDS)[2:], "Content-Encoding: deflate\r\n")
    yield answer(b"", "Content-Encoding: gzip\r\n")
    for name in ("br", "zstd", "compress", "x-gzip", "GZIP", "identity", "gzip;q=1", "\xff", ",", "aes128gcm"):
        yield answer(once, f"Content-Encoding: {name}\r\n")
        yield answer(_WORDS, f"Content-Encoding: {name}\r\n", "500 Internal Server Error")


def _lengths() -> Iterator[bytes]:
    ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json"
    yield _bare("HTTP/1.0 200 OK")
    yield _bare("HTTP/1.0 200 OK\r\nConnection: keep-alive")
    yield _bare("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked")
    yield _bare(ok)
    yield _WORDS  # HTTP/0.9
    for length in (
        "+5",
        "-1",
        "0x10",
        "",
        "5, 5",
        "5,6",
        "9" * 30,
        "9" * 5000,
        "1e3",
        "\xb2",
        "5\r\nContent-Length: 6",
    ):
        yield _bare(f"{ok}\r\nContent-Length: {length}")
    both = f"{ok}\r\nTransfer-Encoding: chunked"
    yield _bare(f"{both}\r\nTransfer-Encoding: chunked", b"5\r\nHello\r\n0\r\n\r\n")
    yield _bare(f"{both}\r\nContent-Length: 3", b"5\r\nHello\r\n0\r\n\r\n")
    for coding in ("gzip, chunked", "chunked, gzip", "identity", "xchunked", "chunked;a=b"):
        yield _bare(f"{ok}\r\nTransfer-Encoding: {coding}", b"5\r\nHello\r\n0\r\n\r\n")
    for chunks in (
        b"5 \r\nHello\r\n0\r\n\r\n",
        b"0x5\r\nHello\r\n0\r\n\r\n",
        b"5\nHello\n0\n\n",
        b"+5\r\nHello\r\n0\r\n\r\n",
        b"5\r\nHelloworld\r\n0\r\n\r\n",
        b"\r\n",
        b"5;" + b"a=b;" * 5000 + b"\r\nHello\r\n0\r\n\r\n",
        b"5\r\nHello\r\n0\r\nX-Trailer: a\r\n" + b"X-A: a\r\n" * 20_000 + b"\r\n",
        b"5\r\nHello\r\n0\r\nX-A: " + b"a" * 1_000_000,
        b"5\r\nHello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ):
        yield _bare(both, chunks)


def _heads() -> Iterator[bytes]:
    yield _bare("HTTP/1.1 100 Continue\r\n\r\n" * 3000 + "HTTP/1.1 200 OK\r\nContent-Length: 75")
    yield _bare("HTTP/1.1 102 Processing\r\nX-A: a\r\n\r\n" * 3000)
    yield _bare("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade")
    for status in (
        "000 No",
        "099 No",
        "600 What",
        "100000 What",
        "2OO OK",
        "-200 OK",
        "200",
        "",
        "205 Reset",
        "206 Part",
        "300 Choices",
        "304 Not Modified",
        "407 Proxy",
        "417 Expect",
        "451 Law",
        "511 Network",
    ):
        yield answer(_WORDS, status=status)
    for place in (
        "http://127.0.0.1:9/",
        "https://elsewhere.example/",
        "file:///etc/passwd",
        "//elsewhere.example/x",
        "javascript:1",
        "http://[::1",
        "\xff\0",
        "",
        "a" * 100_000,
    ):
        for status in ("301 Moved", "302 Found", "303 See Other", "308 Permanent Redirect"):
            yield answer(_WORDS, f"Location: {place}\r\n", status)
    for wait in (
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "0",
        "-0",
        "1e9",
        "0x10",
        "1.5",
        " ",
        "10, 20",
        "\u00b2",
        "Wed, 21 Oct 2015 07:28:00 +9999",
    ):
        yield answer(b"{}", f"Retry-After: {wait}\r\nDate: Wed, 99 Foo\r\n", "429 Too Many Requests")
        yield answer(b"{}", f"Retry-After: {wait}\r\nRetry-After: 5\r\n", "503 Service Unavailable")
    for field in (
        "X-A: " + "a" * 1_000_000,
        "\r\n".join(["X-A: a"] * 10_000),
        "\r\n".join(["Set-Cookie: a=b"] * 90),
        "X-A: a\r\n folded\r\n\tmore",
        "No colon",
        ": no name",
        "X-A : a",
        "X-\0: a",
        "X-A: \0",
        "X-A: \x1b[2J",
        "X-A: a\rX-B: b",
        "Content-Type: text/plain",
        "Connection: close, \xff",
        "Trailer: Content-Length",
        "X-TTS-Options: " + "[" * 9000,
        'X-TTS-Options: {"voice": 1e400, "speed": NaN, "seed": -1}',
    ):
        yield answer(_WORDS, field + "\r\n")
    for kind in (
        "",
        "\xff",
        "text/plain; charset=utf-16",
        "application/json; charset=\xff",
        "a" * 60_000,
        "multipart/mixed",
        "text/event-stream; charset=utf-7",
        "audio/wav",
        "audio/mpeg",
        "audio/l16;rate=-1",
        "audio/pcm;rate=1e9",
        "application/x-ndjson",
        "image/png",
    ):
        yield answer(_WORDS, kind=kind)
    yield answer(_WORDS).replace(b"\r\n", b"\n")
    yield answer(_WORDS).replace(b"\r\n", b"\r")
    yield b"\r\n" * 2000 + answer(_WORDS)
    yield b"HTTP/1.1 200 " + b"a" * 500_000
    yield b"HTTP/2.0 200 OK\r\n\r\n"
    yield b"\x15\x03\x01\x00\x02\x02\x46"  # a TLS alert
    yield answer(_WORDS) * 3


def http_answers() -> Iterator[Change]:
    """Yield whole answers of a server that speaks HTTP, or nearly."""
    for text in ODD_TEXTS:
        for kind in ("application/json", "text/event-stream"):
            yield "poisoned", answer(text, kind=kind)
        if len(text) < 1000:
            yield "poisoned", answer(text, status="400 Bad Request")
    for whole in (*_packed(), *_lengths(), *_heads()):
        yield "poisoned", whole


def frame(op: int, payload: bytes, *, first: int = 0x80) -> bytes:
    """Return a server's frame."""
    size = len(payload)
    if size < 126:
        return bytes([first | op, size]) + payload
    if size < 65536:
        return bytes([first | op, 126]) + size.to_bytes(2, "big") + payload
    return bytes([first | op, 127]) + size.to_bytes(8, "big") + payload


def ws_streams() -> Iterator[Change]:
    """Yield answers to an upgrade, and what comes behind a good one."""
    text, odd = frame(1, _WORDS), (0, 1, 2, 8, 9, 10)
    for body in (
        *(frame(1, text) for text in ODD_TEXTS),
        *(frame(2, text) for text in ODD_TEXTS[:4]),
        bytes([0x81, 0x80 | len(_WORDS)]) + bytes(4) + _WORDS,  # masked, by a server
        bytes([0xC1, 5]) + zlib.compress(b"Hi")[2:7],  # compressed, and nobody agreed to it
        *(frame(op, b"", first=0xA0) for op in odd),
        *(frame(op, b"", first=0x90) for op in odd),
        *(frame(op, b"") for op in (3, 7, 11, 15)),
        frame(9, b"", first=0),
        frame(8, b"", first=0),
        bytes([0x89, 126, 0, 126]) + bytes(126),
        frame(9, bytes(125)) * 5000,
        frame(10, bytes(125)) * 5000,
        frame(0, b"and"),
        frame(1, b"a", first=0) + frame(1, b"b"),
        frame(1, b"\xe2\x82", first=0) + frame(0, b"\xac"),
        frame(1, b"\xe2\x82"),
        frame(1, b"a", first=0) + frame(9, b"") + frame(0, b"b") + frame(8, b""),
        bytes([0x81, 127]) + (1 << 40).to_bytes(8, "big"),
        bytes([0x81, 126, 0, 5]) + b"Hello",
        frame(1, b"") * 5000,
        frame(2, bytes(1 << 20)),
        frame(1, b"a" * ((1 << 20) + 1)),
        frame(8, b"\x03"),
        frame(8, b"\x03\xe8" + b"\xff\xfe"),
        frame(8, b"\x03\xe8" + bytes(123)),
        frame(8, b"\x03\xe8") + text * 10,
        *(
            frame(8, code.to_bytes(2, "big"))
            for code in (1000, 1001, 1004, 1006, 1007, 1012, 1014, 2999, 3000, 4999, 5000)
        ),
        b"HTTP/1.1 200 OK\r\n\r\n",
        bytes(1000),
    ):
        yield "poisoned body", body
    ok = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade"
    for head in (
        ok,
        f"{ok}\r\nSec-WebSocket-Accept: wrong",
        f"{ok}\r\nSec-WebSocket-Accept: \xff",
        f"{ok}\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99999",
        f"{ok}\r\nSec-WebSocket-Protocol: nobody-asked",
        f"{ok}\r\nX-A: " + "a" * 1_000_000,
        f"{ok}\r\n" + "\r\n".join(["X-A: a"] * 10_000),
        "HTTP/1.1 101",
        "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 101 Switching Protocols",
        "HTTP/1.1 100 Continue\r\n\r\n" * 2000,
    ):
        yield "poisoned", _bare(head, text)
    for status in (
        "200 OK",
        "204 No",
        "301 Moved\r\nLocation: file:///etc/passwd",
        "426 Upgrade",
        "999 What",
        "2OO OK",
    ):
        yield "poisoned", answer(_WORDS, status=status)


def wyoming_lines() -> Iterator[Change]:
    """Yield what a Wyoming server may say."""
    for text in ODD_TEXTS:
        yield "poisoned", text + b"\n"
    for name in ("data_length", "payload_length"):
        for value in WRONG:
            line = {"type": "transcript", "data": {"text": "Hello."}, name: value}
            yield "poisoned", json.dumps(line).encode() + b"\n" + b"{}" * 20
    yield "poisoned", b'{"type": "transcript", "type": "audio-stop", "data": {}, "data": null}\r\n'
    yield "poisoned", b'{"type": "' + b"t" * 500_000 + b'"}\n'
    yield "poisoned", b'{"type": "transcript", "data_length": 5}\nabc'
    yield "poisoned", b'{"type": "transcript", "data_length": 4}\n[1]\n{"type": "x"}\n'
    yield "poisoned", b'{"type": "error"}\n' * 3000
    yield "poisoned", b'{"type": "audio-chunk", "data": {"rate": 22050, "width": 2, "channels": 1}}\n' * 3000


def wrong_types(message: Any, rng: random.Random, count: int) -> Iterator[Any]:
    """Yield the message ``count`` times, each time with one of its values, anywhere, another one of ``WRONG``."""
    places = list(_places(message, ()))
    for _ in range(count):
        *way, last = rng.choice(places)
        changed = copy.deepcopy(message)
        inner = changed
        for key in way:
            inner = inner[key]
        inner[last] = rng.choice(WRONG)
        yield changed


def _places(value: Any, way: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*way, key)
        yield from _places(inner, (*way, key))
