"""The table of old bugs that can be put back: each row fits the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.putback.bugs import BUGS, Bug

pytestmark = pytest.mark.unit

SOURCE = Path(__file__).parents[2] / "src"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_an_old_bug_can_be_put_back(bug: Bug) -> None:
    """What was mended stands in the code as the table says, once, and its old form is Python."""
    texts: dict[Path, str] = {}
    for change in bug.changes:
        file = change.file(SOURCE)
        texts[file] = texts.get(file, file.read_text(encoding="utf-8")).replace(change.now, change.then)
    for text in texts.values():
        ast.parse(text)
    assert bug.finder == "model" or bug.where
