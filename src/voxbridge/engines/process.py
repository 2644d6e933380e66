"""The daemon's side of the engines' process: start it, wait until it is warm, log what it says, end it for certain."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import structlog
import trio

from voxbridge.config.service import EnginesSettings
from voxbridge.engines.weights import check_installed
from voxbridge.errors import EngineError

_log = structlog.get_logger(__name__)

_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
_TERM_AFTER_S = 1.0  # an idle child is gone 0.1 s after its pipe closes; one that still loads does not see it
_KILL_AFTER_S = 1.0
# Four signs of life: a machine so busy that all four are late could not speak either.
SILENCE_LIMIT_S = 20.0
_LAST_WORDS_S = 0.5  # for what the child still had to say; its pipes are closed by then
_LINE_BYTES_MAX = 1 << 16
_READ_BYTES = 4096


class EnginesProcess:
    """A child process that serves the embedded engines on a unix socket in ``directory``."""

    def __init__(self, settings: EnginesSettings, directory: Path, *, silence_limit_s: float = SILENCE_LIMIT_S) -> None:
        """``directory`` must be private to us: who can write there can be the engines."""
        self._silence_limit_s = silence_limit_s
        self._settings = settings
        self._socket = directory / "engines.sock"
        self._last_words = ""
        self.pid: int | None = None
        """The child's, while it runs."""

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

        Raises: EngineError, naming the cause, when the engines are not installed, do not start in time, die, or hang.
        """
        check_installed(self._settings.model_dir)
        process = await trio.lowlevel.open_process(
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C at the terminal is for the daemon, which drains with the engines still there
        )
        self.pid, self._last_words = process.pid, ""
        drained = trio.Event()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._forward, process, drained)
                cause = await self._live(process, task_status)
                if process.poll() is not None:
                    with trio.move_on_after(_LAST_WORDS_S):
                        await drained.wait()
                nursery.cancel_scope.cancel(reason="left")
        finally:
            await _end(process)
            await _close_streams(process)
            self.pid = None
        raise EngineError(cause + (f": {self._last_words}" if self._last_words else ""))

    async def _live(self, process: trio.Process, task_status: trio.TaskStatus[str]) -> str:
        """See the child through its life; return what ended it."""
        limit_ms, line = self._settings.start_limit_ms, b""
        assert process.stdout is not None
        async with aclosing(_lines(process.stdout)) as lines:
            with trio.move_on_after(limit_ms / 1000) as scope:
                line = await anext(lines, b"")
            if scope.cancelled_caught:
                return f"the engines were not warm within engines.start_limit_ms = {limit_ms}"
            said = _parse(line)
            if "failed" in said:
                return str(said["failed"])
            if "ready" not in said:
                return f"the engines' process ended while it started ({_how(await process.wait())})"
            task_status.started(str(self._socket))
            with trio.move_on_after(self._silence_limit_s) as scope:
                async for _sign_of_life in lines:
                    scope.deadline = trio.current_time() + self._silence_limit_s
            if scope.cancelled_caught:
                return f"the engines' process hangs: it gave no sign of life for {self._silence_limit_s:g} s"
        return f"the engines' process ended by itself ({_how(await process.wait())})"

    async def _forward(self, process: trio.Process, drained: trio.Event) -> None:
        """Log the child's lines as ours: its own with their fields, those of libraries as they are."""
        assert process.stderr is not None
        async with aclosing(_lines(process.stderr)) as lines:
            async for line in lines:
                self._log_line(line)
        drained.set()

    def _log_line(self, line: bytes) -> None:
        record = _parse(line)
        level, event = record.pop("level", ""), record.pop("event", None)
        if isinstance(event, str) and level in _LEVELS:
            fields = {key: value for key, value in record.items() if key.isidentifier()}
            getattr(_log, str(level))(event, **({"process": "engines"} | fields))
        elif line.strip():
            self._last_words = line.decode("utf-8", "replace").strip()
            _log.warning("the engines' process wrote", line=self._last_words)


def _parse(line: bytes) -> dict[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def _lines(stream: trio.abc.ReceiveStream) -> AsyncGenerator[bytes, None]:
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


async def _close_streams(process: trio.Process) -> None:
    with trio.CancelScope(shield=True):  # closing a pipe does not wait
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                await stream.aclose()


async def _close_pipe(process: trio.Process) -> None:
    assert process.stdin is not None
    await process.stdin.aclose()


async def _terminate(process: trio.Process) -> None:
    process.terminate()
