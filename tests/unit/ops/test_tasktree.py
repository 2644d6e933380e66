"""The tree of tasks: complete, readable, and without a value in it."""

from __future__ import annotations

import pytest
import trio

from voxbridge.ops.tasktree import task_tree

pytestmark = pytest.mark.unit


async def waits_for_a_planted_secret(_secret: str) -> None:
    await trio.sleep_forever()


async def has_a_child() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits_for_a_planted_secret, "hunter2-hunter2")


async def test_every_task_stands_below_its_parent_with_its_line(nursery: trio.Nursery) -> None:
    """A person sees who waits where, and none of what they hold."""
    nursery.start_soon(has_a_child)
    await trio.testing.wait_all_tasks_blocked()
    lines = task_tree().splitlines()
    (parent,) = [n for n, line in enumerate(lines) if "has_a_child" in line]
    child = lines[parent + 1]
    assert "waits_for_a_planted_secret" in child
    assert "test_tasktree.py" in child
    assert child.endswith("await trio.sleep_forever()")
    indent = len(lines[parent]) - len(lines[parent].lstrip())
    assert len(child) - len(child.lstrip()) == indent + 2
    assert "hunter2" not in task_tree()
    (running,) = [line for line in lines if line.endswith("(running)")]
    assert "test_every_task_stands_below" in running, "the one that runs is marked: in a stall it is the culprit"


def test_outside_of_a_run_it_says_so() -> None:
    """A signal may come before Trio runs, or after."""
    assert task_tree() == "no Trio loop runs in this thread\n"
