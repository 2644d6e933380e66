"""The daemon's side of the engines' process: start it, wait until it is warm, log what it says, end it for certain."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import trio

from voxbridge.config.settings import EnginesSettings
from voxbridge.engines.weights import check_installed
from voxbridge.errors import EngineError

_log = structlog.get_logger(__name__)

_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
_TERM_AFTER_S = 1.0  # an idle child is gone 0.1 s after its pipe closes; one that still loads does not see it
_KILL_AFTER_S = 1.0
_LINE_BYTES_MAX = 1 << 16
_READ_BYTES = 4096


class EnginesProcess:
    """A child process that serves the embedded engines on a unix socket in ``directory``."""

    def __init__(self, settings: EnginesSettings, directory: Path) -> None:
        """``directory`` must be private to us: who can write there can be the engines."""
        self._settings = settings
        self._socket = directory / "engines.sock"
        self._last_words = ""

    @staticmethod
    @asynccontextmanager
    async def directory() -> AsyncIterator[Path]:
        """Make a directory that only we can read, for as long as the block lasts."""
        with tempfile.TemporaryDirectory(prefix="voxbridge-") as name:
            yield Path(name)

    def _command(self) -> list[str]:
        settings = self._settings
        command = [sys.executable, "-m", "voxbridge.engines", "--socket", str(self._socket), "--parent-pipe"]
        command += ["--workers", str(settings.workers)]
        return command + (["--model-dir", settings.model_dir] if settings.model_dir else [])

    async def run(self, *, task_status: trio.TaskStatus[str]) -> None:
        """Run the child until cancelled; ``started`` gives the socket's path once all engines are warm.

        A cancel ends the child: its pipe is closed, then SIGTERM, then SIGKILL, within 2 s. It also ends by itself
        when this process dies, however that happens.

        Raises: EngineError, naming the cause, when the engines are not installed, do not start in time, or die.
        """
        check_installed(self._settings.model_dir)
        process = await trio.lowlevel.open_process(
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C at the terminal is for the daemon, which drains with the engines still there
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            async with trio.open_nursery() as nursery:
                # It holds the pipes open for as long as the child lives, so it ends when the child does.
                nursery.start_soon(self._forward, process.stderr)
                await self._wait_until_warm(process)
                task_status.started(str(self._socket))
                code = await process.wait()
                nursery.cancel_scope.cancel(reason="left")
        finally:
            await _end(process)
        raise EngineError(f"the engines' process ended by itself ({_how(code)}){self._reason()}")

    async def _wait_until_warm(self, process: trio.Process) -> None:
        limit_s = self._settings.start_limit_ms / 1000
        assert process.stdout is not None
        first_line = b""
        with trio.move_on_after(limit_s) as scope:
            async for line in _lines(process.stdout):
                first_line = line
                break
        if scope.cancelled_caught:
            raise EngineError(
                f"the engines were not warm within engines.start_limit_ms = {self._settings.start_limit_ms}"
                f"{self._reason()}"
            )
        said = _parse(first_line)
        if "failed" in said:
            raise EngineError(str(said["failed"]))
        if "ready" not in said:
            code = await process.wait()
            await trio.lowlevel.checkpoint()
            raise EngineError(f"the engines' process ended while it started ({_how(code)}){self._reason()}")

    async def _forward(self, stderr: trio.abc.ReceiveStream) -> None:
        """Log the child's lines as ours: its own with their fields, those of libraries as they are."""
        async for line in _lines(stderr):
            record = _parse(line)
            level, event = record.pop("level", ""), record.pop("event", None)
            if isinstance(event, str) and level in _LEVELS:
                record.setdefault("process", "engines")
                getattr(_log, level)(event, **{key: value for key, value in record.items() if key.isidentifier()})
            else:
                self._last_words = line.decode("utf-8", "replace")
                _log.warning("the engines' process wrote", line=self._last_words)

    def _reason(self) -> str:
        return f": {self._last_words}" if self._last_words else ""


def _parse(line: bytes) -> dict[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def _lines(stream: trio.abc.ReceiveStream) -> AsyncIterator[bytes]:
    """Yield the lines of a stream without their ends; one that is too long is cut."""
    rest = b""
    while chunk := await stream.receive_some(_READ_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > _LINE_BYTES_MAX:
            yield rest
            rest = b""
    if rest:
        yield rest


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


async def _end(process: trio.Process) -> None:
    """End the child for certain, within two seconds, also while we are cancelled."""
    for hurry, wait_s in ((_close_pipe, _TERM_AFTER_S), (_terminate, _KILL_AFTER_S)):
        with trio.move_on_after(wait_s, shield=True):
            await hurry(process)
            await process.wait()
            return
    process.kill()
    with trio.CancelScope(shield=True):  # the kernel's promise: a killed process can be waited for at once
        await process.wait()
    _log.warning("the engines' process had to be killed")


async def _close_pipe(process: trio.Process) -> None:
    assert process.stdin is not None
    await process.stdin.aclose()


async def _terminate(process: trio.Process) -> None:
    process.terminate()
