"""The tools of a model's agent: which there are now, and calls of them within limits.

    Toolbox                one per stage: the servers, each kept connected by a task of its own
      for_turn() -> TurnTools, one per turn: how often and how long tools may still be called for it
        offered()     ->   what the model is told of, now
        call_all()    ->   a text for each call, whatever became of it

A server that is not there, or slow, holds up nothing: its tools are offered when it has named them, and a call that
fails or takes too long is a result that says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, runtime_checkable

import trio

from voxbridge.core.agents.tools import Tool, ToolCall, plain_text, tool_names
from voxbridge.stages.agent.settings import ModelSettings
from voxbridge.stages.agent.tools.server import ToolServer
from voxbridge.stages.contracts import ToolServerStatus
from voxbridge.supervise import supervise

_NO_MORE = "It was not called: no more calls are allowed for this answer. Answer with what you know."
_NO_ARGUMENTS = "It was not called: its arguments are not a JSON object."
_CUT = " [cut off here]"


Whose = tuple[str, str]
"""A server's name, and the name of one of its tools."""


class Toolbox:
    """All tools of one agent."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._servers = {name: ToolServer(name, each) for name, each in settings.mcp.items()}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep the servers connected until the block ends; does not wait for them."""
        async with trio.open_nursery() as nursery:
            for server in self._servers.values():
                nursery.start_soon(_keep, server)
            yield
            nursery.cancel_scope.cancel(reason="drain")

    def for_turn(self) -> TurnTools:
        """Return the tools for one turn."""
        return TurnTools(self, self._settings)

    def tools(self) -> dict[Whose, Tool]:
        """Return the tools that there are now, each with its server's name and its own."""
        return {(server.name, tool.name): tool for server in self._servers.values() for tool in server.tools}

    async def call(self, whose: Whose, arguments: dict[str, Any]) -> str:
        """Call a tool; return its result in words, or why there is none."""
        server, tool = whose
        return await self._servers[server].call(tool, arguments)

    def status(self) -> list[ToolServerStatus]:
        """Return how the servers are."""
        return [server.status for server in self._servers.values()]

    async def told(self, within_s: float) -> list[str]:
        """See ToolUser."""
        with trio.move_on_after(within_s):
            for server in self._servers.values():
                await server.known.wait()
        return [
            f"tools of {each.name}: {', '.join(each.tools) or 'none'}" if each.is_up else f"{each.name}: {each.detail}"
            for each in self.status()
        ]


@runtime_checkable
class HasTools(Protocol):
    """A dialect whose model may be offered tools."""

    toolbox: Toolbox | None


class TurnTools:
    """The tools in one turn."""

    def __init__(self, toolbox: Toolbox, settings: ModelSettings) -> None:
        self._toolbox = toolbox
        self._calls_left = settings.tool_calls_max
        self._seconds_left = settings.tools_limit_ms / 1000
        self._chars_max = settings.tool_result_chars_max
        self._whose: dict[str, Whose] = {}
        """By the names that the model was told: they mean the same for the whole turn, whatever a server becomes."""

    def offered(self) -> tuple[Tool, ...]:
        """Return what the model may call now; nothing when the turn has used up its calls or their time."""
        if self._calls_left <= 0 or self._seconds_left <= 0:
            return ()
        found = self._toolbox.tools()
        names = tool_names([*self._whose.values(), *found])
        self._whose = names
        return tuple(
            Tool(name, found[whose].about, found[whose].schema) for name, whose in names.items() if whose in found
        )

    async def call_all(self, calls: Sequence[ToolCall]) -> list[tuple[ToolCall, str]]:
        """Call tools, at the same time; return each call with a text. Never raises for what a tool does."""
        allowed = max(0, self._calls_left)
        self._calls_left -= len(calls)
        results = [_NO_MORE for _ in calls]
        began = trio.current_time()

        async def one(number: int) -> None:
            results[number] = "It failed: the time for tools is up."  # unless it comes back
            results[number] = _shortened(await self._result(calls[number]), self._chars_max)

        with trio.move_on_after(self._seconds_left):
            async with trio.open_nursery() as nursery:
                for number in range(min(allowed, len(calls))):
                    nursery.start_soon(one, number)
        self._seconds_left -= trio.current_time() - began
        return list(zip(calls, results, strict=True))

    async def _result(self, call: ToolCall) -> str:
        whose = self._whose.get(call.name)
        if whose is None or whose not in self._toolbox.tools():
            return f"There is no tool {call.name} now."
        if (arguments := call.arguments) is None:
            return _NO_ARGUMENTS
        return plain_text(await self._toolbox.call(whose, arguments), self._chars_max + 1)


def toolbox_of(settings: ModelSettings) -> Toolbox | None:
    """Return the toolbox of an agent, if its settings name a server of tools."""
    return Toolbox(settings) if settings.mcp else None


def functions(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Return tools as chat APIs take them."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.about, "parameters": dict(tool.schema)},
        }
        for tool in tools
    ]


def _shortened(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - len(_CUT)] + _CUT


async def _keep(server: ToolServer) -> None:
    if not await supervise("tools", server.run, server=server.name):
        server.give_up()
