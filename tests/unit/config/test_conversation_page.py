"""docs/conversation.md has every number of turn-taking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voxbridge.config.catalogue import default_of, entries

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[3] / "docs" / "conversation.md"
TABLES = ("endpointing", "barge_in", "thinking", "voice")


def shown(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return "none" if default == () else str(default)


@pytest.mark.parametrize("table", TABLES)
def test_every_option_stands_there_with_its_default_and_a_reason(table: str) -> None:
    """One row each, so that nobody has to read the code to know why a number is what it is."""
    rows = [[cell.strip() for cell in line.split("|")] for line in PAGE.read_text("utf-8").splitlines()]
    found = {row[1].strip("`"): (row[2], row[3]) for row in rows if len(row) == 5}
    options = [entry for entry in entries() if entry.table == table]
    assert options
    for entry in options:
        key, default = f"{table}.{entry.field.name}", shown(default_of(entry.field))
        assert key in found, f"docs/conversation.md lacks a row for {key}: | `{key}` | {default} | why |"
        told, why = found[key]
        assert told == default, f"docs/conversation.md says that {key} is {told}; it is {default}"
        assert why, f"{key} has no reason"
