"""The daemon as a child process, pointed at the simulated Discord: what rehearsals, end-to-end tests and bench run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import tomli_w
import trio

from voxbridge.errors import VoxBridgeError

# The journal is a file, and files announce nothing to Trio.
_JOURNAL_RECHECK_S = 0.01
# The drain's own limit is 15 s by default; a daemon that needs longer has failed to stop.
_STOP_S = 20.0
_LOG_LINES_KEPT = 400


class DaemonFailed(VoxBridgeError):
    """The daemon's process ended on its own or did not do what was waited for."""


class DaemonProcess:
    """A running `voxbridge run`, its log and its turns."""

    def __init__(self, process: trio.Process, journal: Path, on_log: Callable[[str], None]) -> None:
        self.process = process
        self.turns: list[dict[str, Any]] = []
        self.log: list[str] = []
        self._journal = journal
        self._on_log = on_log

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self.process.pid

    def tail(self, lines: int = 12) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log[-lines:])

    async def wait_for(self, condition: Callable[[], bool], what: str, *, timeout_s: float) -> None:
        """Wait until ``condition`` holds.

        Raises: DaemonFailed, with the log's last lines, when the daemon ends before or the time is up.
        """
        with trio.move_on_after(timeout_s):
            while not condition():
                if self.process.poll() is not None:
                    raise DaemonFailed(f"the daemon ended with code {self.process.returncode}:\n{self.tail()}")
                await trio.sleep(_JOURNAL_RECHECK_S)
        if not condition():
            raise DaemonFailed(f"{what}: not within {timeout_s:.0f} s. The daemon's last words:\n{self.tail()}")

    async def wait_turn(self, number: int, *, timeout_s: float) -> dict[str, Any]:
        """Return the report of turn ``number`` (the first is 0) once it is in the journal. Raises: DaemonFailed."""
        await self.wait_for(lambda: len(self.turns) > number, f"no turn {number + 1}", timeout_s=timeout_s)
        return self.turns[number]

    async def stop(self, signal_number: int | None = None) -> int:
        """Ask it to stop (SIGTERM) and return its exit code. Raises: DaemonFailed when it does not."""
        if signal_number is None:
            self.process.terminate()
        else:
            self.process.send_signal(signal_number)
        with trio.move_on_after(_STOP_S):
            return await self.process.wait()
        raise DaemonFailed(f"the daemon did not stop within {_STOP_S:.0f} s of the signal:\n{self.tail()}")

    async def read_log(self) -> None:
        """Read its stderr until it closes."""
        assert self.process.stderr is not None
        pending = b""
        async for chunk in self.process.stderr:
            *lines, pending = (pending + chunk).split(b"\n")
            for raw in lines:
                line = raw.decode(errors="replace")
                self.log.append(line)
                self._on_log(line)
            del self.log[:-_LOG_LINES_KEPT]

    def read_turns(self) -> list[dict[str, Any]]:
        """Read what the journal holds by now and return all turns."""
        with self._journal.open(encoding="utf-8") as file:
            self.turns = [json.loads(line) for line in file.read().split("\n")[:-1]]
        return self.turns

    async def read_journal(self) -> None:
        """Read its turns as they are written, for ever."""
        size = 0
        while True:
            if (now := self._journal.stat().st_size) != size:
                size = now
                self.read_turns()
            await trio.sleep(_JOURNAL_RECHECK_S)


@asynccontextmanager
async def daemon_process(
    config: Mapping[str, Any],
    directory: Path,
    *,
    on_log: Callable[[str], None] = lambda _line: None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[DaemonProcess]:
    """Run the daemon with ``config`` (tables as in voxbridge.toml) until the block ends; it is stopped in any case.

    ``directory`` takes the configuration and the journal of turns; only the operator can read them.
    """
    journal, file = directory / "turns.jsonl", directory / "voxbridge.toml"
    tables = {**config, "journal": {"file": str(journal)}}
    for private in (journal, file):
        private.touch(mode=0o600)
    file.write_text(tomli_w.dumps(tables), encoding="utf-8")
    command = [sys.executable, "-m", "voxbridge", "run", "--config", str(file)]
    process = await trio.lowlevel.open_process(
        command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=dict(os.environ if environ is None else environ)
    )
    daemon = DaemonProcess(process, journal, on_log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(daemon.read_log)
        nursery.start_soon(daemon.read_journal)
        try:
            yield daemon
        finally:
            await _end(process)
            nursery.cancel_scope.cancel()


async def _end(process: trio.Process) -> None:
    """Stop a process for certain: politely, then by force."""
    with trio.CancelScope(shield=True):  # bounded: the process is killed after its time
        if process.poll() is None:
            process.terminate()
        with trio.move_on_after(_STOP_S):
            await process.wait()
        if process.poll() is None:
            process.kill()
            await process.wait()
