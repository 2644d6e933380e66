"""Somebody else's bot as a process of its own, unmodified, led to the simulated Discord."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from voxbridge.clock import monotonic_s

_LEADING = Path(__file__).parent / "leading"
_KEPT_LINES = 2000
_PATIENCE_S = 5.0  # for a program that was asked to end


def leading_environment(hosts: Mapping[str, str], ca_file: Path) -> dict[str, str]:
    """Return what a Python or Node program must have in its environment to meet the simulated Discord.

    ``hosts`` leads names to "address:port"; ``ca_file`` is the certificate to trust, as PEM. Programs in other
    languages need their own way: both values are in VOXBRIDGE_HOSTS and SSL_CERT_FILE.
    """
    path = os.pathsep.join(filter(None, [str(_LEADING), os.environ.get("PYTHONPATH", "")]))
    node = f"{os.environ.get('NODE_OPTIONS', '')} --require={json.dumps(str(_LEADING / 'preload.cjs'))}".strip()
    return {
        "VOXBRIDGE_HOSTS": json.dumps(dict(hosts)),
        "SSL_CERT_FILE": str(ca_file),
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "NODE_OPTIONS": node,
        "NODE_EXTRA_CA_CERTS": str(ca_file),
    }


class Program:
    """A running process; what it prints is kept and can be waited for. Leave the ``with`` block, and it has ended."""

    def __init__(self, args: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None = None) -> None:
        self.lines: list[str] = []
        self._new: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(  # noqa: S603  (the test's own words)
            [str(arg) for arg in args],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="output of the bot", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._new.put(line.rstrip("\n"))
        self._new.put(None)

    def wait_for(self, text: str, *, timeout_s: float = 20.0) -> str:
        """Return the next line that contains a text.

        Raises: AssertionError, with what was printed last, if none comes in time or the program ends before.
        """
        ending, deadline = "in time", monotonic_s() + timeout_s
        while (left_s := deadline - monotonic_s()) > 0:
            try:
                line = self._take(left_s)
            except queue.Empty:
                break
            if line is None:
                ending = f"before the program ended with code {self._process.wait()}"
                break
            if text in line:
                return line
        raise AssertionError(
            f"the bot did not print {text!r} {ending}; its last lines:\n" + "\n".join(self.lines[-20:])
        )

    def output(self) -> list[str]:
        """Return what it has printed so far, or the last 2,000 lines of it."""
        with contextlib.suppress(queue.Empty):
            while self._take(0) is not None:
                pass
        return self.lines

    def _take(self, timeout_s: float) -> str | None:
        """Keep and return the next line; None when the output has ended. Raises: queue.Empty."""
        line = self._new.get(timeout=timeout_s) if timeout_s > 0 else self._new.get_nowait()
        if line is None:
            self._new.put(None)
        else:
            self.lines = [*self.lines[1 - _KEPT_LINES :], line]
        return line

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> int:
        """Ask it to end, and make it end; return its exit code (negative: the signal)."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        code = self._process.wait()
        self._reader.join(_PATIENCE_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
