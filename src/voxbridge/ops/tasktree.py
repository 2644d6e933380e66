"""The tree of Trio's tasks as text: who waits where. Names and line numbers only, never a value."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from pathlib import PurePath

import trio

# Deeper trees and longer lists do not occur; a dump must end whatever is wrong.
_LINES_MAX = 2000


def task_tree() -> str:
    """Return all tasks of the running Trio loop, a line each, nested as their nurseries are.

    May be called from a signal handler: it only looks. Outside of a run the text says so.
    """
    root = trio.lowlevel.current_root_task() if trio.lowlevel.in_trio_run() else None
    if root is None:
        return "no Trio loop runs in this thread\n"
    lines = ["Trio tasks:"]
    for line in _below(root, ""):
        lines.append(line)
        if len(lines) > _LINES_MAX:
            lines.append("... and more")
            break
    return "\n".join(lines) + "\n"


def _below(task: trio.lowlevel.Task, indent: str) -> Iterator[str]:
    yield f"{indent}{_short(task.name)}  {_place(task)}"
    for nursery in task.child_nurseries:
        # By name, since a set has no order and a dump should be comparable with the one before.
        for child in sorted(nursery.child_tasks, key=lambda child: child.name):
            yield from _below(child, indent + "  ")


def _short(name: str) -> str:
    return name.removeprefix("voxbridge.")


def _place(task: trio.lowlevel.Task) -> str:
    """Return the innermost line of ours in which the task is, else the innermost that is not Trio's own."""
    frames = [(frame.f_code.co_filename, number) for frame, number in task.iter_await_frames()]
    ours = [place for place in frames if "voxbridge" in PurePath(place[0]).parts]
    others = [place for place in frames if "trio" not in PurePath(place[0]).parts]
    places = ours or others or frames
    running = "  (running)" if getattr(task.coro, "cr_running", False) else ""
    if not places:
        return f"(over){running}"
    file, number = places[-1]
    return f"{PurePath(file).name}:{number}  {linecache.getline(file, number).strip()}{running}"
