"""A small HTTP/1.1 server on h11: JSON in, JSON out."""

from __future__ import annotations

import email
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import h11
import trio

from voxbridge.rehearsal.discord.connection import NETWORK_ERRORS

_MAX_BODY_BYTES = 10 << 20  # Discord's own limit for a request without attachments is lower


@attrs.frozen
class Request:
    """One request, its body parsed."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    files: dict[str, bytes] = attrs.field(factory=dict)


@attrs.frozen
class Response:
    """One response; ``body`` None sends none, bytes are sent as they are."""

    status: int
    body: object = None
    headers: dict[str, str] = attrs.field(factory=dict)


async def serve_http(stream: trio.abc.Stream, answer: Callable[[Request], Response]) -> None:
    """Answer requests on one connection until either side has had enough."""
    connection = h11.Connection(h11.SERVER)
    try:
        while True:
            request = await _receive(stream, connection)
            if request is None:
                return
            await _respond(stream, connection, answer(request))
            if connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()
    except (*NETWORK_ERRORS, h11.LocalProtocolError):
        pass
    finally:
        await trio.aclose_forcefully(stream)


async def _receive(stream: trio.abc.Stream, connection: h11.Connection) -> Request | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(65_536)))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MAX_BODY_BYTES:
                return None
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _parse(head, bytes(body))
        else:
            return None


def _parse(head: h11.Request, body: bytes) -> Request:
    target = urlsplit(head.target.decode("ascii"))
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    kind, is_form = headers.get("content-type", ""), headers.get("content-type", "").startswith("multipart/form-data")
    files, text = read_form(kind, body) if is_form else ({}, body)
    try:
        parsed = json.loads(text) if text else None
    except ValueError:
        parsed = None
    query = {name: values[-1] for name, values in parse_qs(target.query).items()}
    return Request(head.method.decode("ascii"), target.path, query, headers, parsed, files)


def read_form(content_type: str, body: bytes) -> tuple[dict[str, bytes], bytes]:
    """Return the files of a form by name, and its field ``payload_json`` (Discord documentation, "Uploading Files")."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    files, payload = {}, b""
    for part in message.walk():
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        if (name := part.get_filename()) is not None:
            files[name] = content
        elif part.get_param("name", header="content-disposition") == "payload_json":
            payload = content
    return files, payload


def _json(body: object) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


async def _respond(stream: trio.abc.Stream, connection: h11.Connection, response: Response) -> None:
    is_file = isinstance(response.body, bytes)
    body = response.body if isinstance(response.body, bytes) else _json(response.body)
    kind = "application/octet-stream" if is_file else "application/json"
    headers = {"content-type": kind, "content-length": str(len(body)), **response.headers}
    if response.status == 204:
        del headers["content-length"], headers["content-type"]
    data = connection.send(h11.Response(status_code=response.status, headers=list(headers.items()))) or b""
    if body:
        data += connection.send(h11.Data(data=body)) or b""
    data += connection.send(h11.EndOfMessage()) or b""
    await stream.send_all(data)
