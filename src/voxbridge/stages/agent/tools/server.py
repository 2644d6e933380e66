"""One server of tools, kept connected: which tools it has, and a call of one."""

from __future__ import annotations

import importlib
import json
import math
import random
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import structlog
import trio

from voxbridge.core.agents.tools import NAME_CHARS_MAX, Tool, plain_text
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.wire.json_text import whole_letters
from voxbridge.stages.agent.settings import McpSettings
from voxbridge.stages.contracts import ToolServerStatus

_log = structlog.get_logger(__name__)

TOOLS_MAX = 64
_ABOUT_CHARS_MAX = 1024
_SCHEMA_CHARS_MAX = 16_000
_CONNECT_LIMIT_S = 20.0  # a program from a package manager's cache takes seconds to start
_RECHECK_S = 60.0


class ToolsFailed(Exception):
    """A server of tools is not there, or broke off; the text says why and holds nothing that was said."""


class Link(Protocol):
    """An open connection to a server of tools."""

    async def tools(self) -> list[Tool]:
        """Ask which tools there are. Raises: what the module's ``reason_of`` knows."""
        ...

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """Call one; return what came, or why nothing did, in words."""
        ...

    async def until_doubted(self) -> None:
        """Wait until something failed that may mean that the server is gone."""
        ...


class ToolServer:
    """See above. ``run`` lives for ever; ``known`` is set when the server has answered or failed for the first time."""

    def __init__(self, name: str, settings: McpSettings) -> None:
        self.name, self._settings = name, settings
        self.tools: tuple[Tool, ...] = ()
        self.known = trio.Event()
        self._detail = "not asked yet"
        self._link: Link | None = None

    @property
    def status(self) -> ToolServerStatus:
        """Return how it is."""
        names = tuple(plain_text(tool.name, NAME_CHARS_MAX) for tool in self.tools)
        return ToolServerStatus(self.name, self._link is not None, self._detail, names)

    async def run(self) -> None:
        """Be connected, again and again after growing pauses."""
        pauses = Backoff(base_s=1.0, cap_s=60.0, rng=random.random)
        try:
            library = await _library()
        except ImportError:
            self._detail = "the extra mcp is not installed: pip install 'voxbridge-discord[mcp]'"
            _log.error("a server of tools cannot be used", server=self.name, reason=self._detail)
            self.known.set()
            return
        while True:
            began = trio.current_time()
            try:
                await self._connected(library)
            except Exception as error:
                reason = library.reason_of(error)
                if reason is None:
                    raise
                if self._detail != reason:
                    _log.warning("a server of tools is not there", server=self.name, reason=reason)
                self._detail = reason
            finally:
                self._link, self.tools = None, ()
            self.known.set()
            now = trio.current_time()
            pause_s = pauses.failed(now, now - began)
            assert pause_s is not None, "this rule has no circuit"
            await trio.sleep(pause_s)

    async def _connected(self, library: Any) -> None:
        """Be connected until the connection breaks. Raises: ToolsFailed."""
        with trio.move_on_after(_CONNECT_LIMIT_S) as limit:
            async with library.connected(self._settings) as link:
                while True:
                    self.tools = self._wanted(await link.tools())
                    limit.deadline = math.inf
                    self._link = link
                    self._note_up()
                    with trio.move_on_after(_RECHECK_S):
                        await link.until_doubted()
                    limit.deadline = trio.current_time() + _CONNECT_LIMIT_S
        if limit.cancelled_caught:
            raise ToolsFailed(f"it does not answer within {_CONNECT_LIMIT_S:g} s")

    def _note_up(self) -> None:
        if self._detail != "":
            _log.info("a server of tools is there", server=self.name, tools=len(self.tools))
        self._detail = ""
        self.known.set()

    def give_up(self) -> None:
        """Note that it crashes again and again."""
        self._detail = "an internal error"
        self.known.set()

    def _wanted(self, tools: list[Tool]) -> tuple[Tool, ...]:
        """Return the tools that may be used, as far as a model should have to read of them."""
        allowed = [tool for tool in tools if not self._settings.tools or tool.name in self._settings.tools]
        return tuple(fit for tool in allowed[:TOOLS_MAX] if (fit := _fitting(tool)) is not None)

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """Call a tool; return its result in words, or that it failed. Never raises for what the server does."""
        link, limit_s = self._link, self._settings.limit_ms / 1000
        if link is None:
            return "It failed: its server is not there."
        with trio.move_on_after(limit_s):
            return whole_letters(await link.call(tool, arguments))
        return f"It failed: no answer within {limit_s:g} s."


async def _library() -> Any:
    """Import what speaks the protocol. Raises: ImportError."""
    name = f"{__package__}.link"
    # it takes a second of work, and the loop has others to serve
    return sys.modules.get(name) or await trio.to_thread.run_sync(importlib.import_module, name)


def _fitting(tool: Tool) -> Tool | None:
    """Return a tool with a description of bounded length, or None if its schema is too much for a prompt."""
    schema: Mapping[str, Any] = tool.schema
    try:
        if len(json.dumps(schema)) > _SCHEMA_CHARS_MAX:
            return None
    except (TypeError, ValueError, RecursionError):
        return None
    return Tool(tool.name, plain_text(tool.about, _ABOUT_CHARS_MAX), schema)
