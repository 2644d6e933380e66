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

An agent writes for the eye: Markdown, links, code, formulas, and now and then what only machines should read. This page
shows what a voice says of it. It is made from the cases of the tests, so it is right for this version.

- Text leaves for the voice sentence by sentence while the agent still writes; the first piece ends at its first clause.
- Nothing is left out that people would miss: a tag that is talked about is said, and code hides nothing behind it.
- What the bridge itself says ("Code omitted.") is in the language of the turn: the speaker's, else `[stt] language`.

In the tables ⏎ is a line break, and / stands between two pieces.
"""
KINDS = {
    "code": ("Code", "A block is left out with a word; code within a sentence is said without its marks."),
    "html": ("Tags and placeholders", "HTML is left out; what is only written like a tag is said."),
    "blocks": ("Lines, lists and tables", "A wrapped sentence is one piece; entries, rows and verses stand apart."),
    "machines": (
        "What only machines read",
        "Thoughts, calls of tools, special tokens, long keys; JSON is said plainly.",
    ),
    "formulas": ("Formulas and comparisons", "LaTeX is read out; a sign that changes the sense becomes a word."),
    "sources": ("Sources", "The numbers of sources are left out."),
    "directions": ("Stage directions", "What somebody does is not said; an emphasis is."),
    "addresses": ("Addresses", "Of an address the host is said."),
    "emoji": ("Emoji and their kin", "Left out, but for one that stands for a word."),
    "names": ("Forms for several genders", "The mark becomes a short stop, or nothing."),
    "sentences": ("Ends of sentences", "By language: abbreviations, ordinals, Roman numerals, marks of other scripts."),
    "numbers": ("Numbers", "Left to a voice that reads digits well."),
}
ROWS_MAX = 40


def cases() -> list[dict[str, Any]]:
    """Return all cases, those that were handed over first."""
    files = (CASES / "handed.jsonl", CASES / "own.jsonl")
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
