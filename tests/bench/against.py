"""Today's code and an older commit of it side by side: `python -m tests.bench --against COMMIT`.

A worktree of the commit is measured by its own bench, with its own source, in this environment. Each round measures
every group twice, once here and once there, in processes of their own, so that both meet the same load. What stands in
the table are the medians of the rounds' p50. Beside the times on the clock there is the CPU time that the daemon's loop
takes from the decision to the first frame (``*_loop_cpu_ms``): it shows less of what else the machine does.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

HERE = Path(__file__).parents[2]
PROBE = Path(__file__).parent / "loop_cpu"
WORSE_BY = 0.05
_FEW_MS = 0.5  # a part of such a time is noise: it is not judged
_WITH_A_DAEMON = frozenset({"simulated", "bridge", "embedded"})

# What has to be changed in an old bench so that it runs: file, what stands there, what is put there.
_FIRST_AUDIO = 'samples[f"{prefix}first_audio_ms"].append(first_packet_ms(scene))'
_SILENCE_S = 'scene.report["marks"]["turn_decided"] - scene.report["marks"]["speech_end"]'
_SINCE_SPEECH = f'samples[prefix + "speech_end_to_audio_ms"].append(first_packet_ms(scene) + ({_SILENCE_S}) * 1000)'
MENDS = (
    ("tests/bench/stages.py", "m.setdefault(", "m.__setitem__("),  # "last PCM" is marked with each piece
    ("tests/bench/turns.py", f"{_FIRST_AUDIO}\n", f"{_FIRST_AUDIO}; {_SINCE_SPEECH}\n"),  # a row that came later
)


@attrs.frozen
class Row:
    """One measure of both: the rounds' p50 in ms."""

    name: str
    old: tuple[float, ...]
    new: tuple[float, ...]

    @property
    def ratio(self) -> float | None:
        """Return how many times as long it takes today, by the medians."""
        if not self.old or not self.new or statistics.median(self.old) < _FEW_MS:
            return None
        return statistics.median(self.new) / statistics.median(self.old)

    @property
    def verdict(self) -> str:
        """Return the last column."""
        if self.ratio is None:
            return "-"
        return "WORSE" if self.ratio > 1 + WORSE_BY else "ok"


@contextmanager
def worktree(commit: str) -> Iterator[tuple[Path, list[str]]]:
    """Check an older commit out; yield its folder, and what had to be changed in it."""
    with tempfile.TemporaryDirectory(prefix="voxbridge-against-") as directory:
        tree = Path(directory) / "tree"
        _git("worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree, list(_mended(tree))
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*args: str) -> None:
    git = shutil.which("git")
    if git is None:
        raise FileNotFoundError("git is needed to look at an older commit")
    subprocess.run([git, "-C", str(HERE), *args], check=True)


def _mended(tree: Path) -> Iterator[str]:
    for name, old, new in MENDS:
        file = tree / name
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        if old in text and "speech_end_to_audio_ms" not in text:
            file.write_text(text.replace(old, new), encoding="utf-8")
            yield f"{name}: {old.strip()} -> {new.strip()}"


def _measured(tree: Path, group: str, *, is_quick: bool) -> dict[str, float]:
    """Run one group in a process of its own; return the p50 of its rows, or nothing if it has no such group."""
    with tempfile.TemporaryDirectory(prefix="voxbridge-against-") as directory:
        results, cpu = Path(directory) / "results.json", Path(directory) / "cpu"
        path = os.pathsep.join(str(each) for each in (PROBE, tree / "src", tree))
        command = [sys.executable, "-m", "tests.bench", "--only", group, "--json", str(results)]
        done = subprocess.run(
            [*command, *(["--quick"] if is_quick else [])],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": path, "LOOP_CPU_FILE": str(cpu)},
            capture_output=True,
            text=True,
            check=False,
        )
        if "Invalid value for '--only'" in done.stderr:
            return {}
        if done.returncode:
            raise RuntimeError(f"the bench in {tree} failed:\n{done.stderr[-4000:]}")
        rows = {row["name"]: row["p50"] for row in json.loads(results.read_text(encoding="utf-8"))["measures"]}
        if group in _WITH_A_DAEMON and cpu.exists():
            rows[f"{group}_loop_cpu_ms"] = statistics.median(map(float, cpu.read_text().split()))
        return rows


def compare(
    commit: str, groups: Sequence[str], rounds: int, say: Callable[[str], None], *, is_quick: bool
) -> tuple[list[Row], list[str]]:
    """Measure both in turn; return the rows, and what had to be changed in the older one."""
    found: dict[str, dict[str, list[float]]] = {"old": defaultdict(list), "new": defaultdict(list)}
    with worktree(commit) as (tree, mends):
        for number in range(rounds):
            for group in groups:
                for side, folder in (("old", tree), ("new", HERE)):
                    say(f"round {number + 1} of {rounds}: {group}, {side}")
                    for name, p50 in _measured(folder, group, is_quick=is_quick).items():
                        found[side][name].append(p50)
    names = dict.fromkeys([*found["old"], *found["new"]])
    return [Row(name, tuple(found["old"][name]), tuple(found["new"][name])) for name in names], mends


def lines(rows: Sequence[Row], commit: str, rounds: int, mends: Sequence[str]) -> list[str]:
    """Lay the rows out for a terminal."""
    head = ("measure (p50, ms)", "old", "new", "new / old", "verdict", "rounds, old", "rounds, new")
    cells = [
        (
            row.name,
            *(f"{statistics.median(side):.2f}" if side else "-" for side in (row.old, row.new)),
            "-" if row.ratio is None else f"{row.ratio:.3f}",
            row.verdict,
            *(" ".join(f"{p50:.1f}" for p50 in side) or "-" for side in (row.old, row.new)),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    laid = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in (head, *cells)]
    laid.insert(1, "  ".join("-" * width for width in widths))
    what = f"old: {commit}; {rounds} rounds, old and new in turn; WORSE: by more than {WORSE_BY:.0%}"
    return [*laid, "", what, *(f"changed in old: {mend}" for mend in mends)]
