"""Each test says what it promises."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


def test_each_test_says_its_promise_in_a_sentence():
    """A test's docstring is the promise that it holds: one sentence or two, which say more than its name."""
    missing = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                promise = (ast.get_docstring(node) or "").strip()
                if len(promise.split()) < 3 or not promise.endswith((".", "!", "?", ":", ")", '"', "`")):
                    missing.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {promise}")
    assert not missing, "these tests promise nothing:\n" + "\n".join(missing)
