"""`python -m tests.putback [--only B12]`: put each old bug back, and see what finds it, and how soon.

The bug goes into a copy of ``src``; the tests are those of this tree. Nothing here is changed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs
import click

from tests.putback.bugs import BUGS, Bug

ROOT = Path(__file__).parents[2]
_LIMIT_S = 900.0
_PYTEST = ("pytest", "-q", "-x", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=900")
_MODEL = "tests/integration/session/test_conversation_model.py"
_SEED = re.compile(r"with scheduler seed (\d+)")


@attrs.frozen
class Found:
    """What came of one bug: whether it was found, after how long, and by which words."""

    bug: Bug
    is_found: bool
    took_s: float
    by: str

    def row(self) -> str:
        """Return a row of the table."""
        verdict = f"{self.took_s:.0f} s" if self.is_found else "NOT FOUND"
        return f"| {self.bug.name} | {self.bug.what} | {self.bug.finder} | {verdict} | {self.by} |"


def put_back(bug: Bug, source: Path) -> None:
    """Change a copy of ``src`` into what it was. Raises: ValueError if the code is another by now."""
    for change in bug.changes:
        file = change.file(source)
        file.write_text(file.read_text(encoding="utf-8").replace(change.now, change.then), encoding="utf-8")


def _command(bug: Bug, turns: int, seed: int) -> list[str]:
    match bug.finder:
        case "model":
            return [*_PYTEST, _MODEL, "--turns", str(turns), "--seed", str(seed)]
        case "fuzz":
            return ["tests.fuzz", "--only", bug.where, "--minutes", "0.2", "--seed", str(seed)]
        case "test":
            return [*_PYTEST, bug.where]


def _by(bug: Bug, said: str, seed: int) -> str:
    """Return what found it: the conversation, the input or the test."""
    if bug.finder == "model":
        seeds = [int(found) for found in _SEED.findall(said)]
        return f"conversation {max(seeds) - seed + 1}" if seeds else "a crash"
    lines = [line for line in said.splitlines() if line.startswith(("FAULT", "FAILED", "ERROR"))]
    return re.sub(r" - .*|:? b'.*", "", lines[0])[:120] if lines else "a crash"


def look_for(bug: Bug, turns: int, seed: int) -> Found:
    """Put one bug back and run what should find it."""
    with tempfile.TemporaryDirectory(prefix="voxbridge-putback-") as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        put_back(bug, source)
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)])}
        command = [sys.executable, "-m", *_command(bug, turns, seed)]
        began = time.monotonic()  # noqa: TID251 - no loop of ours runs here
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return Found(bug, is_found=True, took_s=_LIMIT_S, by="it hangs")
        took_s = time.monotonic() - began  # noqa: TID251
    is_found = done.returncode == 1
    return Found(bug, is_found, took_s, _by(bug, done.stdout, seed) if is_found else (done.stdout + done.stderr)[-200:])


@click.command()
@click.option("--only", multiple=True, help="Only bugs whose name begins so.")
@click.option("--turns", default=2000, show_default=True, help="How long the model looks for one.")
@click.option("--seed", default=1, show_default=True, help="The first conversation.")
def main(only: tuple[str, ...], turns: int, seed: int) -> None:
    """Put each old bug back, and see what finds it."""
    bugs = [bug for bug in BUGS if not only or bug.name.startswith(only)]
    click.echo("| bug | what | found by | after | by |\n| --- | --- | --- | --- | --- |")
    missed = 0
    for bug in bugs:
        found = look_for(bug, turns, seed)
        missed += not found.is_found
        click.echo(found.row())
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
