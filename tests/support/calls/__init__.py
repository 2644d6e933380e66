"""Utterances with a name in them: calls, and what only tells of somebody. Each file was written before it was tried.

One line is the language, the name, + or -, and what a speech server wrote.
"""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen
class Heard:
    """What was heard, and whether it is a call of ``name``."""

    language: str
    name: str
    is_call: bool
    text: str


def sets() -> dict[str, list[Heard]]:
    """Return the utterances of each file."""
    return {file.stem: _read(file) for file in sorted(Path(__file__).parent.glob("*.txt"))}


def _read(file: Path) -> list[Heard]:
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [Heard(language, name, sign == "+", text) for language, name, sign, text in rows]
