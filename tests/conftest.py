"""What every test module shares: exactly one category marker each, and a hard real-time limit."""

from __future__ import annotations

import pytest

CATEGORIES = {"unit", "integration", "e2e", "bench", "systemd"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        found = {mark.name for mark in item.iter_markers()} & CATEGORIES
        if len(found) != 1:
            raise pytest.UsageError(
                f"{item.nodeid}: wants exactly one category marker of {sorted(CATEGORIES)}, has {sorted(found)}; "
                "set `pytestmark = pytest.mark.<category>` in the module"
            )
