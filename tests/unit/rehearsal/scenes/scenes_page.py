"""The tables of docs/scenes.md, made of the classes: ``python -m tests.unit.rehearsal.scenes.scenes_page``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs

from voxbridge.config.catalogue import default_of, fields_of, is_list_of_tables, is_table
from voxbridge.config.describe import as_toml
from voxbridge.rehearsal.scenes.expect import ExpectedTurn, ExpectedWhole
from voxbridge.rehearsal.scenes.scene import AgentTable, HearingTable, LineTable, Scene, Step, VoiceTable

PAGE = Path(__file__).parents[4] / "docs" / "scenes.md"
BEGIN = "<!-- From here on the page is made of the program: python -m tests.unit.rehearsal.scenes.scenes_page -->\n"
TABLES = (
    ("At the beginning of the file", Scene),
    ("[[step]]", Step),
    ("[[turn]]", ExpectedTurn),
    ("[expect]", ExpectedWhole),
    ("[line]", LineTable),
    ("[stt]", HearingTable),
    ("[agent]", AgentTable),
    ("[tts]", VoiceTable),
)


def page() -> str:
    """Return the page: what people have written, and the tables."""
    written = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    return written + BEGIN + "\n" + "\n".join(_tables())


def _tables() -> Iterator[str]:
    for head, cls in TABLES:
        yield f"### {head}\n\n| key | default | |\n|---|---|---|"
        for field in fields_of(cls):
            if is_table(field) or is_list_of_tables(field) or field.name == "settings":
                continue  # each has a table of its own, or is the configuration
            default = default_of(field)
            is_empty = default is None or default in ("", (), {})
            yield f"| `{field.name}` | {'' if is_empty else f'`{as_toml(default)}`'} | {_about(field)} |"
        yield ""


def _about(field: attrs.Attribute) -> str:
    rule = field.metadata["rule"]
    said = f"{field.metadata['help']} Allowed: {rule.allowed}." if rule is not None else field.metadata["help"]
    return said.replace("|", "\\|").replace("`", "`")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
