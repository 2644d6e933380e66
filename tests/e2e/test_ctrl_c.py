"""Ctrl-C, whenever it comes: one line, exit code 130, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

pytestmark = pytest.mark.e2e


async def interrupted(command: list[str], seen: str, directory: Path) -> tuple[int, str]:
    """Run a command until it has written something, press Ctrl-C in its terminal, and return its code and stderr."""
    environ = {**os.environ, "TMPDIR": str(directory), "PYTHONUNBUFFERED": "1"}
    # A session of its own stands for the terminal: all processes in it get the signal.
    process = await trio.lowlevel.open_process(
        [sys.executable, *command],
        stdout=-1,
        stderr=-1,
        cwd=directory,
        env=environ,
        start_new_session=True,
    )
    said = {"out": "", "err": ""}
    is_seen = trio.Event()

    async def read(name: str, stream: trio.abc.ReceiveStream) -> None:
        async for piece in stream:
            said[name] += piece.decode(errors="replace")
            if seen in said["out"] + said["err"]:
                is_seen.set()

    assert process.stdout is not None
    assert process.stderr is not None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, "out", process.stdout)
        nursery.start_soon(read, "err", process.stderr)
        try:
            with trio.fail_after(90):
                await is_seen.wait()
                os.killpg(process.pid, signal.SIGINT)
                code = await process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            with trio.CancelScope(shield=True), trio.move_on_after(10):
                await process.wait()
    return code, said["err"]


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        (["-v", "-m", "voxbridge", "check"], "import 'click"),
        (["-m", "voxbridge", "rehearse", "--scene", "interrupted"], "Starting the daemon"),
        (["-m", "voxbridge", "rehearse", "--scene", "interrupted"], "Ada plays"),
        (["-m", "voxbridge", "talk"], "Starting the daemon"),
        (["-m", "voxbridge", "talk"], "Ctrl-C ends it"),
    ],
    ids=["while modules are imported", "while the daemon starts", "in mid-scene", "while talk begins", "talk serves"],
)
async def test_ctrl_c_ends_a_command_with_130(tmp_path: Path, command: list[str], seen: str) -> None:
    """As a shell says it; temporary files are gone."""
    code, stderr = await interrupted(command, seen, tmp_path)
    assert code == 130, stderr[-2000:]
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1] == "voxbridge: stopped" or "-v" in command
    assert "voxbridge: stopped" in stderr
    assert not [name for name in os.listdir(tmp_path) if name.startswith("voxbridge-")]  # noqa: PTH208
