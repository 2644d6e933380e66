"""Which test reaches which line: measured once for each file of tests, and kept in ``build/mutate/reach.json``.

A line is known by the function it stands in and by its text, so that the table outlives lines that move. A file of
tests that changed is measured anew; nothing else is.
"""

from __future__ import annotations

import ast
import collections
import hashlib
import json
import re
import time
from collections.abc import Generator, Iterable
from pathlib import Path

import attrs
import coverage
import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "voxbridge"
KEPT = ROOT / "build" / "mutate" / "reach.json"
# Thousands of conversations, or minutes of real time: they would find much, and take longer than all others together.
_LEFT_OUT = ("test_conversation_model", "test_conversation_sweep", "test_conversation_scripts", "test_fuzz")
_CHUNK = 20  # files of tests in one process: what is measured is kept after each

# The libraries are imported before pytest is, in the process that the others are forked from.
OPTIONS = ("-q", "--assert=plain", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
KINDS = ("unit", "virtual", "real")  # the order in which tests are asked


@attrs.frozen
class Test:
    """A test that passes while nothing is changed."""

    node: str
    kind: str
    took_s: float

    @property
    def file(self) -> str:
        """Return the file that it stands in."""
        return self.node.partition("::")[0]


def places(source: str) -> dict[int, str]:
    """Return for each line the innermost function or class around it; lines of the module itself are missing."""
    found: dict[int, str] = {}

    def walk(node: ast.AST, around: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = around
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{around}.{child.name}".lstrip(".")
                found.update(dict.fromkeys(range(child.lineno, (child.end_lineno or child.lineno) + 1), inner))
            walk(child, inner)

    walk(ast.parse(source), "")
    return found


def run_later(source: str) -> set[int]:
    """Return the lines that run when something is called: what runs on import is of whichever test imports first."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.update(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))
    return found


def statement_at(source: str, first: int, last: int) -> range:
    """Return the lines of the statement that some lines are of: not each of them is told when it runs."""
    found = range(first, last + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = getattr(node, "body", None) or getattr(node, "cases", None)
            end = (getattr(body[0], "lineno", 0) or body[0].pattern.lineno) - 1 if body else node.end_lineno
            if node.lineno <= first and last <= (end or 0):
                found = range(node.lineno, (end or last) + 1)  # the innermost comes last
    return found


def digest_of(source: str) -> str:
    """Return what stays the same while a file of tests does, but for its comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


@attrs.define
class Reach:
    """The table: tests by the lines that they reach."""

    tests: list[Test] = attrs.field(factory=list)
    measured: dict[str, str] = attrs.field(factory=dict)  # file of tests -> digest of its text
    # file of the product -> "function\ttext of the line" -> numbers of tests
    lines: dict[str, dict[str, set[int]]] = attrs.field(factory=lambda: collections.defaultdict(dict))

    @classmethod
    def kept(cls) -> Reach:
        """Return what earlier runs measured."""
        reach = cls()
        if KEPT.exists():
            told = json.loads(KEPT.read_text("utf-8"))
            reach.tests = [Test(*row) for row in told["tests"]]
            reach.measured = told["measured"]
            for file, lines in told["lines"].items():
                reach.lines[file] = {line: set(tests) for line, tests in lines.items()}
        return reach

    def keep(self) -> None:
        """Write it down."""
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        lines = {file: {line: sorted(tests) for line, tests in of.items()} for file, of in self.lines.items()}
        text = json.dumps({"tests": [attrs.astuple(t) for t in self.tests], "measured": self.measured, "lines": lines})
        KEPT.write_text(text, encoding="utf-8")

    def forget(self, files: Iterable[str]) -> None:
        """Drop the tests of some files: they are measured anew."""
        gone = {number for number, test in enumerate(self.tests) if test.file in set(files)}
        for of in self.lines.values():
            for tests in of.values():
                tests -= gone

    def add(self, took: dict[str, tuple[str, float]], covered: dict[str, dict[int, list[str]]]) -> None:
        """Add what one process measured: kind and duration by test, and tests by file and line."""
        numbers: dict[str, int] = {}
        for node, (kind, took_s) in took.items():
            numbers[node] = len(self.tests)
            self.tests.append(Test(node, kind, took_s))
        for file, by_line in covered.items():
            source = (PACKAGE / file).read_text("utf-8")
            around, texts, later = places(source), source.splitlines(), run_later(source)
            for line, nodes in by_line.items():
                if line not in later:
                    continue
                if reached := {numbers[node] for node in nodes if node in numbers}:
                    key = f"{around.get(line, '')}\t{texts[line - 1].strip()}"
                    self.lines[file].setdefault(key, set()).update(reached)

    def of(self, file: str, source: str, first: int, last: int) -> set[int]:
        """Return the tests that reach any of some lines; of lines that run on import, those of all that use them."""
        around, texts = places(source), source.splitlines()
        place = around.get(first, "")
        if first in run_later(source):
            return self._at(file, around, texts, statement_at(source, first, last)) or self._within(file, place)
        found = set[int]()
        if not place and (name := re.match(r"(\w+)\s*[:=]", texts[statement_at(source, first, last).start - 1])):
            found = self._of_a_name(name[1])
        return found or self._within(file, place) or self._within(file, "")

    def _at(self, file: str, around: dict[int, str], texts: list[str], lines: range) -> set[int]:
        reached = self.lines.get(file, {})
        return set().union(*(reached.get(f"{around.get(at, '')}\t{texts[at - 1].strip()}", ()) for at in lines))

    def _of_a_name(self, name: str) -> set[int]:
        """Return the tests of each line, in any file, that names what is defined on import."""
        word, found = re.compile(rf"\b{name}\b"), set[int]()
        for path in PACKAGE.rglob("*.py"):
            source = path.read_text("utf-8")
            if not word.search(source):
                continue
            file, around, texts = path.relative_to(PACKAGE).as_posix(), places(source), source.splitlines()
            later = run_later(source)
            for at in (number for number, text in enumerate(texts, 1) if word.search(text) and number in later):
                found |= self._at(file, around, texts, statement_at(source, at, at))
        return found

    def _within(self, file: str, place: str) -> set[int]:
        of = self.lines.get(file, {})
        return set().union(*(tests for line, tests in of.items() if line.startswith(place)))

    def stale(self, folders: tuple[str, ...]) -> dict[str, str]:
        """Return the files of tests that are new or changed, with their digests."""
        found = {}
        for folder in folders:
            meant = ROOT / "tests" / folder
            for path in [meant] if meant.is_file() else sorted(meant.rglob("test_*.py")):
                name = path.relative_to(ROOT).as_posix()
                digest = digest_of(path.read_text("utf-8"))
                if not path.stem.startswith(_LEFT_OUT) and self.measured.get(name) != digest:
                    found[name] = digest
        return found


class _Recorder:
    """The plug-in that tells coverage which test runs, and keeps how long it took."""

    def __init__(self, measuring: coverage.Coverage) -> None:
        self.measuring = measuring
        self.took: dict[str, tuple[str, float]] = {}
        self._began_s = 0.0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # of the many orders of one test, the first
        items[:] = [i for i in items if "scheduler" not in i.name or "scheduler0" in i.name]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._began_s = time.process_time()
        self.measuring.switch_context(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.when == "call" and report.passed:
            kind = "unit" if item.get_closest_marker("unit") else "real"
            if kind == "real" and "autojump_clock" in getattr(item, "fixturenames", ()):
                kind = "virtual"
            self.took[item.nodeid] = (kind, time.process_time() - self._began_s)
        return report


def measured_here(files: list[str]) -> tuple[dict[str, tuple[str, float]], dict[str, dict[int, list[str]]]]:
    """Run files of tests in this process, in which nothing of ours is imported yet, and say what they reach."""
    measuring = coverage.Coverage(data_file=None, config_file=False, include=[f"{PACKAGE}/*"])
    recorder = _Recorder(measuring)
    measuring.start()
    pytest.main([*OPTIONS, "-m", "unit or integration", *files], [recorder])
    measuring.stop()
    data = measuring.get_data()
    paths = [Path(file) for file in data.measured_files()]
    covered = {p.relative_to(PACKAGE).as_posix(): data.contexts_by_lineno(str(p)) for p in paths}
    return recorder.took, covered


def chunks(stale: dict[str, str]) -> list[list[str]]:
    """Return files of tests as they are measured together."""
    names = list(stale)
    return [names[at : at + _CHUNK] for at in range(0, len(names), _CHUNK)]
