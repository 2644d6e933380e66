"""Connections to servers of tools, with the library of the Model Context Protocol; imported only where one is named.

The library runs on anyio, and so on Trio. Its client does the protocol; what it reads is bounded here: a line of a
program, a body over HTTP.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import anyio
import httpx2
import trio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types import CallToolResult, Implementation, TextContent, jsonrpc_message_adapter

from voxbridge import __version__
from voxbridge.core.agents.tools import Tool
from voxbridge.errors import leaf_of
from voxbridge.stages.agent.settings import McpSettings
from voxbridge.stages.agent.tools.server import ToolsFailed

MESSAGE_BYTES_MAX = 4 << 20
_CHUNK_BYTES = 1 << 16
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "XDG_CACHE_HOME")
_STOP_S, _KILL_S = 1.0, 1.0
_PAGES_MAX, _TOOLS_MAX = 10, 2_000
_HTTP_CONNECT_S, _HTTP_READ_S = 10.0, 300.0  # our own deadlines are shorter
# RuntimeError and ValueError: what the library raises for results that do not fit the protocol
_FAILURES = (
    ToolsFailed,
    MCPError,
    OSError,
    httpx2.HTTPError,
    anyio.ClosedResourceError,
    anyio.BrokenResourceError,
    anyio.EndOfStream,
    RuntimeError,
    ValueError,
)
_TLS = httpx2.create_ssl_context()
"""One for all: to read the certificates takes so long (150 ms and more) that frames of an answer would be late."""
_Read = MemoryObjectSendStream[SessionMessage | Exception]
_Written = MemoryObjectReceiveStream[SessionMessage]


class McpLink:
    """See ``server.Link``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._doubt = trio.Event()

    async def until_doubted(self) -> None:
        """See ``server.Link``."""
        await self._doubt.wait()
        self._doubt = trio.Event()

    def doubt(self) -> None:
        """Have it looked at whether the server is still there."""
        self._doubt.set()

    async def tools(self) -> list[Tool]:
        """See ``server.Link``."""
        found: list[Tool] = []
        cursor: str | None = None
        for _ in range(_PAGES_MAX):
            page = await self._client.list_tools(cursor=cursor)
            found += [Tool(tool.name, tool.description or "", tool.input_schema) for tool in page.tools]
            if (cursor := page.next_cursor) is None or len(found) >= _TOOLS_MAX:
                break
        return found

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """See ``server.Link``."""
        try:
            result = await self._client.call_tool(tool, arguments)
        except MCPError as error:
            self.doubt()
            return f"It failed: {error.message}"
        except _FAILURES as error:
            self.doubt()
            return f"It failed: {type(error).__name__}"
        text = _text_of(result)
        return f"The tool reports an error: {text}" if result.is_error else text


def _text_of(result: CallToolResult) -> str:
    parts = [block.text if isinstance(block, TextContent) else f"[{block.type}]" for block in result.content]
    if not parts and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(parts) or "(nothing)"


def reason_of(error: BaseException) -> str | None:
    """Say why a connection failed, in words that hold nothing that was said; None if it is a bug, and not that."""
    leaf = leaf_of(error)
    match leaf:
        case ToolsFailed():
            return str(leaf)
        case OSError():
            return leaf.strerror or type(leaf).__name__
        case MCPError():
            return f"it refuses (error {leaf.code})"
        case _:
            return f"it cannot be used ({type(leaf).__name__})" if isinstance(leaf, _FAILURES) else None


@asynccontextmanager
async def connected(settings: McpSettings) -> AsyncIterator[McpLink]:
    """Be connected to a server until the block ends. Raises: what ``reason_of`` knows, in groups."""
    async with AsyncExitStack() as stack:
        doubts: list[McpLink] = []

        def ended() -> None:
            for link in doubts:
                link.doubt()

        if settings.command:
            transport: Any = _program(settings, ended)
        else:
            transport = streamable_http_client(
                settings.url.reveal(), http_client=await stack.enter_async_context(_http_client(settings))
            )
        us = Implementation(name="voxbridge", version=__version__)
        client = await stack.enter_async_context(Client(transport, client_info=us, cache=None))
        client.session.validate_tool_result = _taken_as_it_is  # type: ignore[method-assign]
        link = McpLink(client)
        doubts.append(link)
        yield link


async def _taken_as_it_is(name: str, result: CallToolResult) -> None:
    """Pass over the schema that a server has for its results: a model reads them as text, and a pattern in a schema
    can keep the loop, and so every frame of every room, for as long as the server likes.
    """


def _http_client(settings: McpSettings) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        headers={name: value.reveal() for name, value in settings.headers.items()},
        timeout=httpx2.Timeout(_HTTP_READ_S, connect=_HTTP_CONNECT_S),
        transport=_Bounded(verify=_TLS),
        trust_env=False,
    )


class _Bounded(httpx2.AsyncHTTPTransport):
    """Ends a response that is too long; the library bounds each event of a stream itself."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        response = await super().handle_async_request(request)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            assert isinstance(response.stream, httpx2.AsyncByteStream), "of an asynchronous transport"
            response.stream = _BoundedBody(response.stream)
        return response


class _BoundedBody(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for chunk in self._body:
            taken += len(chunk)
            if taken > MESSAGE_BYTES_MAX:
                raise httpx2.ReadError("the answer is too long")
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


@asynccontextmanager
async def _program(settings: McpSettings, ended: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Run a server as a program; yield what is read from it and written to it. It is gone when the block ends."""
    environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environ |= {name: value.reveal() for name, value in settings.env.items()}
    process = await trio.lowlevel.open_process(
        settings.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it may hold what was said
        env=environ,
        start_new_session=True,  # its children end with it
    )
    read, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    written, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_read_lines, process, read, ended)
            nursery.start_soon(_write_lines, process, outgoing, ended)
            yield received, written
            nursery.cancel_scope.cancel(reason="left")
    finally:
        for stream in (read, received, written, outgoing):
            stream.close()
        with trio.move_on_after(_STOP_S + _KILL_S + 1.0, shield=True):
            await _end(process)


async def _read_lines(process: trio.Process, read: _Read, ended: Any) -> None:
    assert process.stdout is not None
    begun = bytearray()
    try:
        async with read:
            while chunk := await process.stdout.receive_some(_CHUNK_BYTES):
                *lines, rest = chunk.split(b"\n")
                for line in lines:
                    begun += line
                    message = _message(bytes(begun))
                    begun.clear()
                    if message is not None:
                        await read.send(message)
                begun += rest
                if len(begun) > MESSAGE_BYTES_MAX:
                    return  # it is no server of tools: the connection ends
    except (trio.BrokenResourceError, trio.ClosedResourceError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        return
    finally:
        ended()


def _message(line: bytes) -> SessionMessage | None:
    """Return what a line says; None for what is no message, such as words printed by mistake."""
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except (ValueError, RecursionError):
        return None


async def _write_lines(process: trio.Process, outgoing: _Written, ended: Any) -> None:
    assert process.stdin is not None
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async with outgoing:
            async for message in outgoing:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                await process.stdin.send_all(text.encode("utf-8", "replace") + b"\n")
    ended()


async def _end(process: trio.Process) -> None:
    """End a program: its input ends, then it is asked to stop, then it is stopped, its children with it."""
    if process.stdin is not None:
        await process.stdin.aclose()
    for number, limit_s in ((signal.SIGTERM, _STOP_S), (signal.SIGKILL, _KILL_S)):
        with trio.move_on_after(limit_s):
            await process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        if number == signal.SIGKILL:
            with trio.move_on_after(limit_s):
                await process.wait()
    if process.stdout is not None:
        await process.stdout.aclose()
