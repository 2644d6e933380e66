"""The documents hold what they show: every configuration loads, every command, option and setting in them exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from voxbridge.cli import main
from voxbridge.config import load
from voxbridge.config.catalogue import keys

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_A_COMMAND = re.compile(r"(?:^|(?<=[\s/`|(]))voxbridge ((?:--?[a-z-]+ )*[a-z]+[^`\n|&;)]*)", re.MULTILINE)
_A_SETTING = re.compile(r"`(\[?)([a-z]+)(\]?)[. ]([a-z_]+(?:\.[a-z_]+)?)`")
_FORMER = {"stt.token", "agent.auth.secret"}  # named as such


def code_of(text: str) -> Iterator[str]:
    """Yield what stands in blocks of shell commands and between backticks."""
    for block in re.findall(r"(?s)```(?:sh|console)\n(.*?)```", text):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", text))


def commands_of(text: str) -> list[list[str]]:
    """Return the arguments of each `voxbridge` command, comments cut off."""
    lines = [line for line in code_of(text) if "systemctl" not in line]  # there it is the unit's name
    found = [match for line in lines for match in _A_COMMAND.findall(line.partition(" #")[0])]
    return [shlex.split(command) for command in found]


def unknown_in(arguments: list[str]) -> str | None:
    """Return what of a command there is not, if anything."""
    command: click.Command = main
    waiting = iter(arguments)
    for argument in waiting:
        options = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)}
        if argument.startswith("-"):
            name, is_given, _ = argument.partition("=")
            if name not in options:
                return f"{command.name}: no option {name}"
            if not is_given and not getattr(options[name], "is_flag", True):
                next(waiting, None)  # its value
        elif isinstance(command, click.Group):
            found = command.commands.get(argument)
            if found is None:
                return f"{command.name}: no command {argument}"
            command = found
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path):
    """A command that was renamed, or lost an option, is found here before a reader finds it."""
    found = [(" ".join(arguments), unknown_in(arguments)) for arguments in commands_of(page.read_text("utf-8"))]
    assert not [(command, fault) for command, fault in found if fault]


def test_what_is_looked_for_is_found():
    """The reader of commands sees blocks, spans, groups, options and their values, and tells the wrong ones."""
    text = (
        "`voxbridge ctl --socket /s status --turns 5`\n```sh\n.venv/bin/voxbridge rehearse # now\nvoxbridge fly\n```\n"
    )
    faults = [unknown_in(arguments) for arguments in commands_of(text)]
    assert sorted(faults, key=str) == [None, None, "main: no command fly"]
    assert unknown_in(["check", "--fast"]) == "check: no option --fast"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_exist(page: Path):
    """`stt.hints` and `[log] speech` are settings that there are."""
    known = keys()
    tables = {key.partition(".")[0] for key in known}
    named = {(table, name) for _, table, _, name in _A_SETTING.findall(page.read_text("utf-8")) if table in tables}
    wrong = {f"{table}.{name}" for table, name in named} - known - _FORMER
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_configurations_load(page: Path, tmp_path: Path):
    """Each block of TOML is taken as it stands, with its secrets in place."""
    for block in re.findall(r"(?ms)^ *```toml\n(.*?)^ *```", page.read_text("utf-8")):
        if "[project" in block or "parrot" in block or "[[step]]" in block:
            continue  # of a plug-in's package; scenes are read in tests/unit/rehearsal/scenes
        environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        for name in re.findall(r'file = "(/[^"]+)"', block):
            if not name.endswith((".jsonl", ".db")):
                secret = tmp_path / Path(name).name
                secret.write_text("https://n8n.example.org/webhook/voxbridge")
                secret.chmod(0o600)
                block = block.replace(name, secret.name)
        for name in re.findall(r'credential = "([^"]+)"', block):
            (tmp_path / name).write_text("x")
        environ |= dict.fromkeys(re.findall(r'env = "([^"]+)"', block), "x")
        file = tmp_path / "voxbridge.toml"
        file.write_text(re.sub(r"(?m)^ {3}", "", block) if block.startswith("   ") else block)
        load(file, environ)
