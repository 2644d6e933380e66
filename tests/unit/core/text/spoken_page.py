"""What is spoken of what kind of text, as a page: made from the cases that the tests hold.

``python -m tests.unit.core.text.spoken_page`` writes docs/spoken.md anew.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

CASES = pathlib.Path(__file__).with_name("cases")
PAGE = pathlib.Path(__file__).parents[4] / "docs" / "spoken.md"

HEAD = """# What is spoken

Agents write text that is meant to be read: Markdown, links, code, formulas, and sometimes parts that only machines
should read. This page shows what VoxBridge speaks of it. It is generated from the test cases, so it is up to date.

- VoxBridge sends the text to the voice sentence by sentence, while the agent still writes. The first piece ends after
  the first clause.
- Nothing is left out that people would miss. If the text talks about a tag, the name of the tag is spoken. Text after a
  block of code is spoken too.
- VoxBridge's own words ("Code omitted.") are in the language of the turn: the speaker's own, or else `[stt] language`.

In the tables, ⏎ is a line break, and / separates two pieces.
"""
KINDS = {
    "code": (
        "Code",
        "A block of code is replaced by 'Code omitted.' Code within a sentence is spoken without its marks.",
    ),
    "html": ("Tags and placeholders", "HTML is left out. Words that only look like a tag are spoken."),
    "blocks": (
        "Lines, lists and tables",
        "A sentence that goes over several lines is one piece. Each list entry, row and verse is a piece of its own.",
    ),
    "machines": (
        "What only machines read",
        "The model's thoughts, tool calls, special tokens and long keys are left out. JSON is spoken in plain words.",
    ),
    "formulas": ("Formulas and comparisons", "LaTeX is read out. A sign that changes the meaning is spoken as a word."),
    "sources": ("Sources", "The numbers of sources are left out."),
    "directions": ("Stage directions", "Stage directions are left out. Emphasised words are spoken."),
    "addresses": ("Addresses", "Only the host of an address is spoken."),
    "emoji": ("Emoji and similar signs", "They are left out, except one that stands for a word."),
    "names": ("Forms for several genders", "The mark is spoken as a short pause, or left out."),
    "sentences": ("Ends of sentences", "By language: abbreviations, ordinals, Roman numerals, marks of other scripts."),
    "numbers": ("Numbers", "Numbers are left as they are, for a voice that reads digits well."),
}
ROWS_MAX = 50


def cases() -> list[dict[str, Any]]:
    """Return all cases, those that were handed over first."""
    files = (CASES / "handed.jsonl", CASES / "own.jsonl", CASES / "more.jsonl", CASES / "fresh.jsonl")
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def page() -> str:
    """Return the page as it must be."""
    known = cases()
    parts = [HEAD]
    for kind, (title, says) in KINDS.items():
        rows = [
            f"| {case['language']} | {_cell(case['text'])} | {_cell(' / '.join(case['said'])) or '(nothing)'} |"
            for case in known
            if case["kind"] == kind
        ][:ROWS_MAX]
        parts.append("\n".join([f"## {title}\n\n{says}\n\n| language | written | spoken |\n|---|---|---|", *rows, ""]))
    spelled = json.loads((CASES / "numbers.json").read_text("utf-8"))
    rows = [f"| {case['language']} | {_cell(case['text'])} | {_cell(case['said'])} |" for case in spelled]
    head = (
        '## Numbers as words\n\nWith `tts.numbers = "words"`, which is the default for Chatterbox.\n\n'
        "| language | written | spoken |\n|---|---|---|"
    )
    parts.append("\n".join([head, *rows, ""]))
    return "\n".join(parts)


def _cell(text: str) -> str:
    """Return a text as code in a table: whole, on one line, and no mark of it taken for Markdown."""
    line = text.replace("\r", "").replace("\n", "⏎").replace("\t", " ").replace("|", "\\|")
    if not line:
        return ""
    ticks = "`" * (max(map(len, _runs(line)), default=0) + 1)
    gap = " " if line[0] in "` " or line[-1] in "` " else ""
    return f"{ticks}{gap}{line}{gap}{ticks}"


def _runs(line: str) -> list[str]:
    return [run for run in "".join(char if char == "`" else " " for char in line).split() if run]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
