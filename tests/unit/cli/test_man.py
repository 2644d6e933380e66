"""``voxbridge man``: the page has every command and option, and is roff that man shows as it was meant."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from voxbridge.cli import main
from voxbridge.cli.roff import entry, escaped, paragraphs

pytestmark = pytest.mark.unit

_REQUESTS = {".TH", ".SH", ".SS", ".PP", ".TP"}
_ESCAPES = re.compile(r"\\(?:[e&-]|\((?:aq|ga|ha|ti|dq)|\[u[0-9A-F]{4,6}\]|f[BR])")


def page() -> str:
    """Return what the command prints."""
    done = CliRunner().invoke(main, ["man"])
    assert done.exit_code == 0, done.output
    return done.stdout


def commands(ctx: click.Context) -> Iterator[click.Context]:
    """Yield a command and all that are below it."""
    yield ctx
    if isinstance(ctx.command, click.Group):
        for name, command in ctx.command.commands.items():
            yield from commands(click.Context(command, info_name=name, parent=ctx))


def test_every_command_and_every_option_is_on_the_page() -> None:
    """Nothing that `--help` tells is missing: the page is made from the same objects."""
    text = page()
    for ctx in commands(click.Context(main, info_name="voxbridge")):
        assert rf"\fB{escaped(ctx.command_path)}\fR" in text
        for parameter in ctx.command.params:
            if isinstance(parameter, click.Option):
                assert all(escaped(name) in text for name in parameter.opts), parameter.opts


def test_the_page_is_roff_of_few_words() -> None:
    """Every line is text or one of five requests, each backslash begins an escape that we meant, and all is ASCII."""
    for line in page().splitlines():
        assert line.isascii()
        assert "\\" not in _ESCAPES.sub("", line), line
        assert not line.startswith(("'", ".")) or line.split()[0] in _REQUESTS, line


@settings(max_examples=30)
@given(st.text())
def test_any_text_is_one_line_of_text(text: str) -> None:
    """A help text cannot become a request, an escape or a second line, whatever is in it."""
    line = escaped(text)
    assert line.isascii()
    assert line.isprintable() or not line
    assert not line.startswith((".", "'"))
    assert "\\" not in _ESCAPES.sub("", line)
    assert len(entry(text, text)) == 3
    assert len(paragraphs([text])) in (0, 2)


@pytest.mark.skipif(shutil.which("man") is None or shutil.which("groff") is None, reason="man or groff is missing")
def test_man_shows_it(tmp_path: Path) -> None:
    """`man` renders the page without a warning, and an option in it can be copied into a shell."""
    file = tmp_path / "voxbridge.1"
    file.write_text(page())
    shown = subprocess.run(
        ["man", "--warnings", "-l", str(file)],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MANPAGER": "cat"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    assert "voxbridge rehearse [OPTIONS] [WAV|SCENE.toml]..." in shown.stdout
    assert "--follow" in shown.stdout
    assert "'" in shown.stdout
