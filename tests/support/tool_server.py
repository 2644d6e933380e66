"""A server of tools as a program, on the library's own server side.

``python tool_server.py stdio|PORT [manner]``. ``silent``: it starts and never says a word. ``chatter``: it prints what
is no message. ``flood``: it prints without end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main() -> None:
    way, manner = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    if manner == "silent":
        time.sleep(600)  # noqa: TID251 - a process of its own
    if manner == "flood":
        while True:
            sys.stdout.write("x" * 65_536)
            sys.stdout.flush()
    if manner == "chatter":
        print("Welcome! Loading plug-ins ...", flush=True)
    serve(way)


def serve(way: str) -> None:
    import anyio
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("weather")

    @server.tool(description="Tells the weather of a city.")
    def forecast(city: str, days: int = 1) -> str:
        if len(sys.argv) > 3:
            with Path(sys.argv[3]).open("a", encoding="utf-8") as log:
                log.write(f"{city}\n")
        return f"In {city} it rains for {days} days."

    @server.tool(description="Takes its time.")
    async def slow(seconds: float) -> str:
        await anyio.sleep(seconds)
        return "At last."

    @server.tool(description="Fails.")
    def broken() -> str:
        raise ValueError("the sensor is wet")

    @server.tool(description="Says much.")
    def long() -> str:
        return "word " * 100_000

    @server.tool(description="Ends its process.")
    def suicide() -> str:
        import os

        os._exit(3)

    if way == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(way))


if __name__ == "__main__":
    main()
