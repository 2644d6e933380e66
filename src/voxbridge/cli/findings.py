"""What a check found: one line for each thing, and how bad it is."""

from __future__ import annotations

from typing import Literal

import attrs
import click

from voxbridge.core.text.terminal import visible
from voxbridge.errors import EXIT_FAILURE, StageError, VoxBridgeError

Verdict = Literal["ok", "warning", "problem"]

_COLOURS: dict[Verdict, str] = {"ok": "green", "warning": "yellow", "problem": "red"}


@attrs.frozen
class Finding:
    """One line of ``voxbridge check``; of a problem or warning the text says how to mend it."""

    verdict: Verdict
    about: str
    text: str
    exit_code: int = 0

    def show(self) -> None:
        """Print the line."""
        click.echo(
            f"{click.style(f'{self.verdict:8}', fg=_COLOURS[self.verdict])} {self.about:13} {visible(self.text)}"
        )


def gravest(found: list[Finding]) -> int:
    """Return the exit code of all of them: the highest."""
    return max((finding.exit_code for finding in found), default=0)


def ok(about: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding("ok", about, text)


def warning(about: str, text: str) -> Finding:
    """Return a finding that works but should be looked at."""
    return Finding("warning", about, text)


def problem(about: str, text: str, *, exit_code: int = EXIT_FAILURE) -> Finding:
    """Return a finding that keeps VoxBridge from working."""
    return Finding("problem", about, text, exit_code)


def failed(about: str, error: VoxBridgeError) -> list[Finding]:
    """Return the problems that an error of ours stands for: itself and, of a configuration, the further mistakes."""
    # ``about`` says already which stage it was
    text = error.detail if isinstance(error, StageError) else str(error)
    return [problem(about, line, exit_code=error.exit_code) for line in (text, *getattr(error, "__notes__", ()))]
