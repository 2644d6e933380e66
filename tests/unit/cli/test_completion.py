"""``voxbridge completion``: the scripts as shells read them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from voxbridge.cli import main

pytestmark = pytest.mark.unit

# one line for each word that is offered, after a line that names what was typed
_ASK = """
offered() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _voxbridge_completion voxbridge
    echo "$*:" "${COMPREPLY[@]}"
}
offered voxbridge re
offered voxbridge ctl s
offered voxbridge rehearse --scene inter
"""


def script(shell: str) -> str:
    """Return what the command prints for a shell."""
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_bash_completes_commands_and_the_names_of_scenes() -> None:
    """Bash with the script offers commands, those below them, and what an option's value may be."""
    environ = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script("bash") + _ASK], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "voxbridge re: rehearse",
        "voxbridge ctl s: say status stop",
        "voxbridge rehearse --scene inter: interrupted",
    ], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_its_script(shell: str, tmp_path: Path) -> None:
    """The script has no mistake that the shell's own parser finds."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = tmp_path / "voxbridge"
    file.write_text(script(shell))
    subprocess.run([shell, "-n", str(file)], check=True)


def test_another_shell_is_refused() -> None:
    """The message names those that there are."""
    done = CliRunner().invoke(main, ["completion", "tcsh"])
    assert done.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr
