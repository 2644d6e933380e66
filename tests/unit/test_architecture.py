"""ARCHITECTURE.md against the code: packages, layers, groups of the core, tasks, and every file that it names."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "voxbridge"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """Return the text under a heading of the second level."""
    (text,) = re.findall(rf"(?ms)^## {re.escape(heading)}$(.*?)(?=^## |\Z)", PAGE)
    return str(text)


def first_cells(text: str) -> list[str]:
    """Return the names in backticks in the first cell of each row of a table."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return [name.strip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)]


def modules(folder: Path) -> set[str]:
    """Return the packages and modules right below a folder, without those whose names begin with an underscore."""
    found = {path.name for path in folder.iterdir() if (path / "__init__.py").exists()}
    return found | {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}


def layers() -> list[set[str]]:
    """Return the import layers that the linter holds, from the top down."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    return [set(re.split(r"[ |:]+", layer)) for layer in contract["layers"]]


def test_the_table_has_every_package_and_no_other() -> None:
    """A package that is added, moved or removed takes its row along."""
    assert set(first_cells(section("Packages"))) == modules(SOURCE)


def test_the_table_stands_in_the_order_of_the_layers() -> None:
    """Who reads from the top down never meets a package before those that build on it."""
    rank = {name: number for number, layer in enumerate(layers()) for name in layer}
    ranks = [rank[name] for name in first_cells(section("Packages"))]
    assert ranks == sorted(ranks)


def test_every_group_of_the_core_has_its_row() -> None:
    """The core is where most of the thinking is: each of its groups says what it is for."""
    assert set(first_cells(section("The core"))) == modules(SOURCE / "core")


def supervised() -> Iterator[str]:
    """Yield the names under which tasks are supervised, as the code gives them."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = [node.func, *node.args[:1]]  # supervise("x", ...) and start_soon(supervise, "x", ...)
            names = [part.id for part in called if isinstance(part, ast.Name)]
            texts = [arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            if {"supervise", "keep", "_guarded"} & set(names):
                yield from texts


def test_the_tree_of_tasks_has_every_supervised_task() -> None:
    """A task with a supervisor lives long enough to be met in a log: the tree says whose it is."""
    names = set(supervised())
    assert {"room", "speaker", "ear"} <= names, "the search finds the names"
    tree = section("Tasks and owners")
    assert not [name for name in names if f"supervise({name})" not in tree]


def test_every_file_that_is_named_is_there() -> None:
    """A module that was moved takes the page along."""
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_0-9]+\.py)`", PAGE))
    assert named
    assert not [name for name in named if not ((SOURCE / name).exists() or (ROOT / name).exists())]
