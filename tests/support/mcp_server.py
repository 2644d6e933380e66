"""A scripted server of tools over HTTP (Model Context Protocol), for virtual time; it may misbehave as it likes.

It answers each request in one JSON body, knows no sessions, and speaks the handshake of 2025-06-18.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio

from voxbridge.testing.servers.http import HttpServer, Reply, Request

Call = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Takes a call's arguments, returns the value of ``result``."""
_METHOD_NOT_FOUND = -32601


def tool(name: object, about: object = "Does it.", **more: Any) -> dict[str, Any]:
    """Return a tool as it stands in a list."""
    return {"name": name, "description": about, "inputSchema": {"type": "object"}, **more}


def text(words: str) -> dict[str, Any]:
    """Return a result of one text."""
    return {"content": [{"type": "text", "text": words}]}


class McpServer(HttpServer):
    """``pages`` are the lists of tools, ``calls`` what each does; the list has no end where ``is_endless``."""

    def __init__(self, *tools: dict[str, Any], calls: Mapping[str, Call] | None = None) -> None:
        super().__init__()
        self.pages: list[list[Any]] = [list(tools)]
        self.calls = dict(calls or {})
        self.is_endless = False
        self.list_delay_s = 0.0
        self.lists_asked = 0
        self.called: list[tuple[str, Mapping[str, Any]]] = []
        self.route("POST", "/mcp", self._post)

    @property
    def address(self) -> str:
        return f"{self.url}/mcp"

    async def _post(self, request: Request, reply: Reply) -> None:
        message: Any = request.json()
        if "id" not in message:
            await reply.send(202)
            return
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        match message["method"]:
            case "initialize":
                answer["result"] = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "scripted", "version": "1"},
                }
            case "tools/list":
                answer["result"] = await self._list(message.get("params") or {})
            case "tools/call":
                name, arguments = message["params"]["name"], message["params"].get("arguments") or {}
                self.called.append((name, arguments))
                answer["result"] = await self.calls[name](arguments)
            case other:
                answer["error"] = {"code": _METHOD_NOT_FOUND, "message": f"no {other}"}
        await reply.send_json(answer)

    async def _list(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self.lists_asked += 1
        await trio.sleep(self.list_delay_s)
        at = int(params.get("cursor") or 0)
        page: dict[str, Any] = {"tools": self.pages[min(at, len(self.pages) - 1)]}
        if self.is_endless or at + 1 < len(self.pages):
            page["nextCursor"] = str(at + 1)
        return page
