"""How a simulated speech-to-text server of each kind goes wrong, in its own protocol's bytes, and is well again."""

from __future__ import annotations

from tests.support.stt_kinds import Kind, Server
from voxbridge.rehearsal.tones import words_in
from voxbridge.stages.stt.whisperx import WhisperXStage
from voxbridge.testing.servers.hearing import Ending, HearingScript
from voxbridge.testing.servers.http import Reply, Request
from voxbridge.testing.servers.transcriptions import TranscriptionServer
from voxbridge.testing.servers.websocket import WebSocketServer
from voxbridge.testing.servers.whisperlive import WhisperLiveServer
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

WEBSOCKETS = ("whisperlive", "deepgram", "whisperlivekit")
WELCOME = b"<!DOCTYPE html><html><body>Welcome to nginx!</body></html>"


def http(status: str, body: bytes = b"", *fields: str) -> bytes:
    """Return a whole HTTP response."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields])
    return head.encode() + b"\r\n\r\n" + body


def frame(payload: bytes, *, length: int | None = None) -> bytes:
    """Return an unmasked text frame, whose length field may lie."""
    size = len(payload) if length is None else length
    if size < 126:
        return bytes([0x81, size]) + payload
    if size < 1 << 16:
        return bytes([0x81, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x81, 127]) + size.to_bytes(8, "big") + payload


BODIES = {
    "truncated": b'{"tex',
    "hang in the middle": b'{"tex',
    "reset each time": b'{"tex',
    "wrong type": b"[1, 2]",
    "huge line": b'{"text": "' + b"x" * (1 << 20) + b'"}',
    "invalid utf-8": b'{"text": "\xff\xfe"}',
    "invalid json": b"{'text': hello}",
    "html page": WELCOME,
    "200 empty": b"",
}
TEXTLESS = {
    "whisperx": b'{"type": "final", "text": null}',
    "whisperlive": b'{"uid": "u", "segments": [{"start": "0.0", "completed": true}]}',
    "deepgram": b'{"type": "Results", "channel": {"alternatives": []}}',
    "whisperlivekit": b'{"status": "active_transcription", "lines": 5}',
    "wyoming": b'{"type": "transcript", "data": {"text": 5}}',
    "openai": b'{"text": 5}',
}
"""The message that holds the transcript, without it."""
UNFINISHED: dict[str, Ending] = {"truncated": "cut", "hang in the middle": "hang", "reset each time": "reset"}
RESPONSES = {
    "html page": http("200 OK", WELCOME, "Content-Type: text/html"),
    "200 empty": http("200 OK"),
    "429": http("429 Too Many Requests", b"", "Retry-After: 1"),
    "429 for a minute": http("429 Too Many Requests", b"", "Retry-After: 60"),
    **{
        status: http(f"{status} No", b'{"detail": "no"}', "Content-Type: application/json")
        for status in ("401", "403", "404", "422", "500", "503")
    },
}


def answer_of(kind: str, fault: str) -> bytes | None:
    """Return what the server sends in place of a final: raw bytes in its protocol."""
    body = TEXTLESS[kind] if fault == "no text" else BODIES.get(fault)
    if body is None:
        return RESPONSES[fault] if kind == "wyoming" and fault in RESPONSES else None
    if kind == "wyoming":
        return body if fault in UNFINISHED or fault == "200 empty" else body + b"\n"
    if kind == "openai":
        size = len(body) + 9 * (fault in UNFINISHED)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        return head.encode() + body
    return frame(body, length=100 if fault in UNFINISHED else None)


def whisperx_script() -> WhisperXScript:
    """Return a script that reads back what was spoken, and has no partials."""
    return WhisperXScript(text=lambda heard: words_in(heard.pcm), has_partials=False)


WHISPERX = Kind(
    "whisperx",
    "ws",
    lambda _script: WhisperXServer(whisperx_script()),
    lambda settings: WhisperXStage(settings, rng=lambda: 1.0),
)


def _spoil_whisperx(script: WhisperXScript, fault: str) -> None:
    match fault:
        case "hang before the upgrade":
            script.answers_upgrade = False
        case "hang after":
            script.ignored_finalizes = script.ignored_peeks = 99
        case "slow drip":
            script.drip_s = 0.3
        case "reset mid-word":
            script.reset_after_packets = 25
        case _ if fault in RESPONSES:
            script.http_answer = RESPONSES[fault]
        case _:
            script.answer, script.then = answer_of("whisperx", fault), UNFINISHED.get(fault, "hang")


def spoil(server: Server | WhisperXServer, kind: str, fault: str) -> None:
    """Let the server fail in this way from now on."""
    if isinstance(server, WhisperXServer):
        _spoil_whisperx(server.script, fault)
        return
    script = server.script
    match fault:
        case "hang before the upgrade" if isinstance(server, TranscriptionServer):
            server.instead = _hang
        case "hang after" if isinstance(server, TranscriptionServer):
            server.instead = _hang_after_head
        case "hang before the upgrade":
            server.connection_fault = "hang"
        case "hang after":
            script.ignored_ends = 99
            if isinstance(server, WhisperLiveServer):
                server.is_silent_after_hello = True
        case "slow drip":
            script.drip_s = 0.3
        case "reset mid-word":
            script.dies_after_s = 0.5
        case _ if fault in RESPONSES and isinstance(server, WebSocketServer):
            server.http_answer = RESPONSES[fault]
        case _ if fault in RESPONSES and isinstance(server, TranscriptionServer):
            server.refusal = RESPONSES[fault]
        case _:
            default: Ending = "hang" if kind == "whisperlive" else "cut"
            script.answer, script.then = answer_of(kind, fault), UNFINISHED.get(fault, default)


async def _hang(_request: Request, reply: Reply) -> None:
    await reply.hang()


async def _hang_after_head(_request: Request, reply: Reply) -> None:
    await reply.head(200, [("content-type", "application/json")])
    await reply.hang()


def mend(server: Server | WhisperXServer, script: HearingScript, whisperx: WhisperXScript) -> None:
    """Let it be well again, with a fresh script of its kind."""
    if isinstance(server, WhisperXServer):
        server.script = whisperx
        return
    server.script = script
    server.connection_fault = None
    if isinstance(server, WebSocketServer):
        server.http_answer = b""
    if isinstance(server, TranscriptionServer):
        server.refusal = server.instead = None
    if isinstance(server, WhisperLiveServer):
        server.is_silent_after_hello = False


def times_asked(server: Server | WhisperXServer) -> int:
    """Return how often the server was asked: connections; of uploads, requests."""
    return len(server.requests) if isinstance(server, TranscriptionServer) else server.connections
