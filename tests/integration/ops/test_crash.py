"""Last words of a process that is stuck or dies: real signals, a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.integration

PROGRAM = """
import os, sys, threading, time
import trio
from voxbridge.config.service import LogSettings
from voxbridge.ops import logs
from voxbridge.ops.crash import speak_last_words

def compute(secret):
    print("stuck", flush=True)
    {stall}

async def stuck(secret):
    compute(secret)

async def waits(secret):
    await trio.sleep_forever()

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits, "planted-secret")
        await trio.sleep(0)
        nursery.start_soon(stuck, "planted-secret")

logs.configure(LogSettings(format="json"), ("planted-secret",))
speak_last_words()
trio.run(main)
"""


def run(stall: str, *signals: signal.Signals) -> tuple[int, str]:
    """Run the program until it is stuck, send the signals, and return its exit code and what it wrote."""
    program = textwrap.dedent(PROGRAM).format(stall=stall)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "stuck\n"
            for number in signals:
                process.send_signal(number)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    return process.returncode, said


@pytest.mark.parametrize("stall", ["time.sleep(60)", "while True: pass"])
def test_a_stuck_loop_names_its_line_every_thread_and_the_task(stall: str) -> None:
    """The watchdog's SIGABRT: the stack from C, then the tree in which the culprit is marked; no value in either."""
    code, said = run(stall, signal.SIGABRT)
    assert code == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in said
    assert "in compute" in said, said
    (culprit,) = [line for line in said.splitlines() if line.endswith("(running)")]
    assert "stuck" in culprit
    assert any("waits" in line for line in said.splitlines())
    assert "planted" not in said


def test_a_tree_can_be_had_from_a_stuck_process_that_then_lives_on() -> None:
    """SIGUSR1 in the middle of a stall: Python's handler runs between two instructions."""
    code, said = run("time.sleep(0.5); os._exit(7)", signal.SIGUSR1)
    assert code == 7
    assert "(running)" in said
    assert "Fatal" not in said


def test_a_crash_is_a_log_line_without_foreign_words() -> None:
    """A bug of ours ends the process with a traceback that holds neither secrets nor what a server quoted."""
    # not in the line that raises, which the traceback shows
    code, said = run("words = 'a transcript: planted phrase; planted-secret'\n    raise ValueError(words)")
    assert code == 1
    assert '"event": "the daemon crashed"' in said, said
    assert "in compute" in said
    assert "planted" not in said
    assert said.count("\n") == 1, "one JSON line, no second traceback beside it"
