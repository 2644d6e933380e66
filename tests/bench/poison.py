"""What poison costs: CPU, the longest step of the loop, peak memory, and what became of the turn.

    python -m tests.bench.poison                      this tree
    python -m tests.bench.poison --old PATH/TO/src    beside another tree's product, such as a commit from before

An agent's server, a process of its own, answers with the poison; our client of n8n reads it. Each is a process of its
own as well, so that what it took can be told.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import os
import resource
import socketserver
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import trio

MB = 1 << 20
_LIMIT_S = 60.0
_STREAM = "application/json; charset=utf-8"


def _gzip(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(MB)) for _ in range(size // MB)) + packer.flush()


def _nodes(count: int) -> bytes:
    lines = (
        json.dumps({"type": kind, "content": "a ", "metadata": {"nodeId": str(number), "nodeName": f"Node {number}"}})
        for kind in ("begin", "item", "end")
        for number in range(count)
    )
    return "\n".join(lines).encode()


def _answer(body: bytes, head: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {_STREAM}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _chunked(chunks: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {_STREAM}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + chunks + b"0\r\n\r\n"


POISON: dict[str, Callable[[], bytes]] = {
    "nothing odd": lambda: _answer(b'{"output": "Hello there."}'),
    "nested 100,000 deep": lambda: _answer(b"[" * 100_000),
    "1e400 for a text": lambda: _answer(b'{"output": 1e400}'),
    "Retry-After of 5,000 digits": lambda: _answer(b"{}", f"Retry-After: {'9' * 5000}\r\n", "503 Service Unavailable"),
    "a MiB of brackets": lambda: _answer(b"[" + b"[]," * ((MB - 10) // 3) + b"[]]"),
    "gzip, 200 MB in 200 kB": lambda: _answer(_gzip(200 * MB), "Content-Encoding: gzip\r\n"),
    "stream with 4,000 nodes": lambda: _answer(_nodes(4000)),
    "a million chunks of a byte": lambda: _chunked(b"1\r\na\r\n" * 1_000_000),
    "a chunk whose size has 100,000 digits": lambda: _chunked(b"0" * 100_000),
    "chunk extensions of 10 MB": lambda: _chunked(b"1;" + b"a" * (10 * MB) + b"\r\na\r\n"),
    "200,000 informational answers": lambda: b"HTTP/1.1 103 Early Hints\r\n\r\n" * 200_000,
    "a header of 20 MB": lambda: _answer(b"{}", f"X-A: {'a' * (20 * MB)}\r\n"),
    "100,000 headers": lambda: _answer(b"{}", "X-A: a\r\n" * 100_000),
    "redirected to itself": lambda: _answer(b"", "Location: /webhook/x\r\n", "307 Temporary Redirect"),
    "two lengths": lambda: _answer(b"{}", "Content-Length: 5\r\n"),
    "controls and marks of direction": lambda: _answer(json.dumps({"output": "\0\x1b[2J\u202e Hello."}).encode()),
    "20 MB of blank lines": lambda: _answer(b"\n" * (20 * MB)),
    "a line of 20 MB": lambda: _answer(b'{"type":"item","content":"' + b"a" * (20 * MB) + b'"}\n'),
}


class _Poisoner(socketserver.StreamRequestHandler):
    answer = b""

    def handle(self) -> None:
        """Answer each request of a connection, until the client has had enough."""
        with contextlib.suppress(OSError):
            self._converse()

    def _converse(self) -> None:
        while self.rfile.readline():
            size = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = header.decode("latin-1").partition(":")
                size = int(value) if name.lower() == "content-length" else size
            self.rfile.read(size)
            self.wfile.write(self.answer)


def serve(name: str) -> None:
    """Serve the poison until killed; say on which port."""
    _Poisoner.answer = POISON[name]()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Poisoner) as server:
        server.daemon_threads = True
        click.echo(server.server_address[1])
        server.serve_forever()


class _Longest(trio.abc.Instrument):
    def __init__(self) -> None:
        self.began, self.longest_s = math.inf, 0.0  # added in the middle of a step: that one is not measured

    def before_task_step(self, _task: trio.lowlevel.Task) -> None:
        self.began = time.thread_time()

    def after_task_step(self, _task: trio.lowlevel.Task) -> None:
        self.longest_s = max(self.longest_s, time.thread_time() - self.began)


async def drink(port: int) -> dict[str, Any]:
    """Ask the agent once; return what it took. Works with products of before and of now."""
    longest = _Longest()
    stage, ask, texts = _stage(f"http://127.0.0.1:{port}/webhook/x")
    async with stage:
        trio.lowlevel.add_instrument(longest)
        before_s, before_kb = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcome = "cut after a minute"
        with trio.move_on_after(_LIMIT_S):
            try:
                await ask(stage)
                outcome = "answered" if any(texts) else "nothing"
            except Exception as error:  # noqa: BLE001 - what comes out is what is measured
                outcome = type(error).__name__
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    return {
        "cpu_s": time.process_time() - before_s,
        "step_ms": longest.longest_s * 1000,
        "peak_mb": peak_kb / 1024,
        "outcome": outcome,
    }


def _stage(url: str) -> tuple[Any, Callable[[Any], Any], list[str]]:
    from voxbridge.config.secrets import Secret
    from voxbridge.stages.agent import n8n

    contracts = sys.modules.get("voxbridge.stages.contracts") or sys.modules["voxbridge.stages"]
    settings_class: Any = getattr(n8n, "N8nSettings", None) or n8n.AgentSettings  # type: ignore[attr-defined]
    stage = n8n.N8nStage(settings_class(url=Secret(url)))
    speaker = contracts.Speaker(1, "Ada", 2, 3)
    request = contracts.AgentRequest("turn-1", "Is anybody there?", speaker)
    texts: list[str] = []

    async def ask(stage: Any) -> None:
        send, receive = trio.open_memory_channel[Any](1 << 20)
        async with receive:
            try:
                if "mark" in inspect.signature(stage.answer).parameters:
                    await stage.answer(request, send, lambda *_mark: None)
                else:
                    from voxbridge.stages.sinks import AnswerInto

                    await stage.answer(request, AnswerInto(send, lambda *_mark: None))
            finally:
                while receive.statistics().current_buffer_used:
                    texts.append(getattr(receive.receive_nowait(), "text", ""))

    return stage, ask, texts


def _measured(name: str, source: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.poison", "--serve", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            environ = {**os.environ, "PYTHONPATH": os.pathsep.join([source, str(Path.cwd())])} if source else None
            ask = [sys.executable, "-m", "tests.bench.poison", "--drink", str(port)]
            out = subprocess.run(ask, stdout=subprocess.PIPE, check=False, env=environ).stdout
            found: dict[str, Any] = json.loads(out.splitlines()[-1]) if out else {"outcome": "it died"}
            return found
        finally:
            server.kill()


def rows(sources: list[str]) -> Iterator[str]:
    """Measure each poison with each product."""
    yield f"{'poison':38}" + "".join(f"{'CPU s':>8}{'step ms':>9}{'peak MB':>9}  {'outcome':24}" for _ in sources)
    for name in POISON:
        cells = [_measured(name, source) for source in sources]
        yield f"{name:38}" + "".join(
            f"{cell.get('cpu_s', 0):8.2f}{cell.get('step_ms', 0):9.1f}{cell.get('peak_mb', 0):9.1f}"
            f"  {cell['outcome']:24}"
            for cell in cells
        )


@click.command()
@click.option("--old", "old", help="Another product's src folder, to be measured before this one.")
@click.option("--serve", "served", hidden=True)
@click.option("--drink", "port", type=int, hidden=True)
def main(old: str | None, served: str | None, port: int | None) -> None:
    """Measure what poison from an agent's server costs."""
    if served is not None:
        serve(served)
    elif port is not None:
        click.echo(json.dumps(trio.run(drink, port)))
    else:
        for row in rows([old, ""] if old else [""]):
            click.echo(row)


if __name__ == "__main__":
    main()
