"""docs/settings.md, made of the classes: ``python -m tests.unit.config.settings_page`` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from voxbridge.config.catalogue import Entry, default_of, entries
from voxbridge.config.describe import allowed_of, as_toml
from voxbridge.config.kinds import STAGES
from voxbridge.config.secrets import Secret

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"
HEAD = """\
# Settings

All options. `voxbridge init` writes a file with all of them as comments. `voxbridge check --settings` shows the values
in use. Times are in milliseconds. This page is generated from the program, and a test checks that it is up to date.

The column *kinds* says which kinds of backend have an option. If you set it for another kind, VoxBridge ends with
exit code 78 and names the kinds that have it. Options marked *Live* can be changed while the daemon runs, with
`voxbridge ctl reload` or SIGHUP. The new value is used from the next utterance or turn on. All other changes need a
restart.

A secret is a text, or one of `{ file = "/path" }`, `{ env = "NAME" }` and `{ credential = "name" }` (systemd).
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_tables()])


def _tables() -> Iterator[str]:
    found = entries()
    for table in dict.fromkeys(entry.table for entry in found):
        inside = [entry for entry in found if entry.table == table]
        is_stage = table in STAGES.values()
        yield f"## {table}\n\n{inside[0].table_about}\n"
        yield (
            "| option | kinds | default | |\n|---|---|---|---|" if is_stage else "| option | default | |\n|---|---|---|"
        )
        for entry in inside:
            kinds = f" {', '.join(entry.kinds) or 'all'} |" if is_stage else ""
            yield f"| `{entry.field.name}` |{kinds} {_default(entry)} | {_about(entry)} |"
        yield ""


def _default(entry: Entry) -> str:
    default = default_of(entry.field)
    empty = default is None or default in ("", (), {}) or isinstance(default, Secret)
    return "" if empty else f"`{_cell(as_toml(default))}`"


def _about(entry: Entry) -> str:
    allowed, field = allowed_of(entry), entry.field
    said = [field.metadata["help"], *([f"Allowed: {allowed}."] if allowed else [])]
    said += [f"Was `{entry.table}.{former}`." for former in field.metadata["was"]]
    said += ["*Live.*"] if field.metadata["live"] else []
    return _cell(" ".join(said))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
