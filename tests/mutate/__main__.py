"""`python -m tests.mutate FILES [--share 0.2]`: change our code in one place, and see whether a test notices.

Each mutant goes into a copy of ``src``; the tests are those of this tree: all that import the changed module, unit
tests first. It takes a while: three seconds for a mutant of a small module, ten where integration tests are asked.
"""

from __future__ import annotations

import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from tests.mutate.mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
_PACKAGE = ROOT / "src" / "voxbridge"
_PYTEST = ("pytest", "-q", "-x", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=600")
_CATEGORIES = ("unit", "integration")  # the cheap ones first
_SLOW = ("test_conversation_model", "test_conversation_sweep", "test_long_answers")  # asked only by name


@attrs.frozen
class Killed:
    """What came of one mutant."""

    mutant: Mutant
    by: str  # the test that noticed; empty: it lives


@attrs.frozen
class Tests:
    """The tests that are asked about a file, and how long they take when nothing is wrong."""

    files: dict[str, list[Path]]
    took_s: dict[str, float]

    def command(self, category: str) -> list[str]:
        """Return what to run."""
        return [sys.executable, "-m", *_PYTEST, "-m", category, *map(str, self.files[category])]


def tests_of(module: Path, more: tuple[str, ...]) -> dict[str, list[Path]]:
    """Return, by category, the tests that import a module, and those in the folder that mirrors its own by name."""
    dotted = ".".join(module.relative_to(ROOT / "src").with_suffix("").parts)
    package, _, name = dotted.rpartition(".")
    imports = re.compile(rf"(from {re.escape(dotted)} import|from {re.escape(package)} import [^\n]*\b{name}\b)")
    found: dict[str, list[Path]] = {}
    for category in _CATEGORIES:
        files = sorted((ROOT / "tests" / category).rglob("test_*.py"))
        mirror = ROOT / "tests" / category / module.parent.relative_to(_PACKAGE)
        found[category] = [
            file
            for file in files
            if (imports.search(file.read_text("utf-8")) or (file.parent == mirror and name in file.stem))
            and not file.stem.startswith(_SLOW)
        ]
        found[category] += [
            file for wanted in more if (file := ROOT / wanted).is_relative_to(ROOT / "tests" / category)
        ]
    return found


def _run(tests: Tests, category: str, source: Path, limit_s: float | None) -> tuple[int, str, float]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)]), "PYTHONDONTWRITEBYTECODE": "1"}
    began = time.monotonic()  # noqa: TID251 - no loop of ours runs here
    try:
        done = subprocess.run(
            tests.command(category), cwd=ROOT, env=environ, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "FAILED it hangs", limit_s or 0.0
    return done.returncode, done.stdout, time.monotonic() - began  # noqa: TID251


def measured(files: dict[str, list[Path]], source: Path) -> Tests:
    """Run the tests once on the code as it is. Raises: ClickException if one fails."""
    tests = Tests(files, {})
    for category in _CATEGORIES:
        if files[category]:
            code, said, took_s = _run(tests, category, source, None)
            if code not in (0, 5):
                raise click.ClickException(f"the tests fail before anything is changed:\n{said[-1500:]}")
            tests.took_s[category] = took_s
    return tests


def judged(module: Path, mutant: Mutant, tests: Tests, source: Path) -> Killed:
    """Put one mutant in place, ask the tests, and take it out again."""
    file, original = source / module.relative_to(ROOT / "src"), module.read_bytes()
    file.write_bytes(mutant.applied(original))
    try:
        for category, took_s in tests.took_s.items():
            code, said, _ = _run(tests, category, source, 5 * took_s + 20)
            if code not in (0, 5):
                failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
                return Killed(mutant, failed[0] if failed else "it cannot be imported")
    finally:
        file.write_bytes(original)
    return Killed(mutant, "")


def chosen(module: Path, share: float, seed: int) -> list[Mutant]:
    """Return a share of a file's mutants, at least one, the same for the same seed."""
    every = mutants_of(module.read_bytes())
    count = min(len(every), max(1, round(share * len(every))))
    return sorted(random.Random(f"{seed} {module.name}").sample(every, count), key=lambda mutant: mutant.start)


def modules(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Return the files that are meant, folders included."""
    for path in paths:
        yield from sorted(path.resolve().rglob("*.py")) if path.is_dir() else [path.resolve()]


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--share", default=1.0, show_default=True, help="How many of a file's mutants are tried.")
@click.option("--seed", default=1, show_default=True, help="Which ones.")
@click.option("--also", multiple=True, help="A test file to ask besides those that import the module.")
def main(paths: tuple[Path, ...], share: float, seed: int, also: tuple[str, ...]) -> None:
    """Change our code in one place, and see whether a test notices."""
    total: collections.Counter[str] = collections.Counter()
    rows = []
    with tempfile.TemporaryDirectory(prefix="voxbridge-mutate-") as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        for module in modules(paths):
            mutants = chosen(module, share, seed)
            name = module.relative_to(_PACKAGE).as_posix()
            files = tests_of(module, also)
            if not mutants or not any(files.values()):
                rows.append(f"| {name} | {len(mutants)} | no test imports it | |")
                continue
            tests = measured(files, source)
            results = [judged(module, mutant, tests, source) for mutant in mutants]
            killed = sum(bool(result.by) for result in results)
            total.update(tried=len(results), killed=killed)
            rows.append(f"| {name} | {len(results)} | {killed} | {killed / len(results):.0%} |")
            for result in results:
                if not result.by:
                    click.echo(f"lives: {name} {result.mutant}")
            click.echo(rows[-1])
    click.echo("\n| file | mutants | killed | |\n|---|---|---|---|\n" + "\n".join(rows))
    if total["tried"]:
        click.echo(f"| all | {total['tried']} | {total['killed']} | {total['killed'] / total['tried']:.0%} |")


if __name__ == "__main__":
    main()
