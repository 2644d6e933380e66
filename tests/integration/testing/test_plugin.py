"""The pytest plug-in and the examples of the page for authors of bots: what they say is what happens."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = ROOT / "docs" / "testing.md"

pytestmark = pytest.mark.integration


def test_twenty_lines_test_somebody_elses_bot(tmp_path):
    """The page's test of an unmodified discord.py bot passes, in a pytest of its own, by the plug-in alone."""
    shutil.copytree(EXAMPLES, tmp_path / "bot")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "-c", "/dev/null"]
    result = subprocess.run(
        [*command, "test_bell.py"], cwd=tmp_path / "bot", capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-2000:]
    assert "1 passed" in result.stdout


@pytest.mark.parametrize("name", ["bell_bot.py", "test_bell.py", "bell_bot.cjs"])
def test_page_shows_the_files_that_run(name):
    """The page shows each example as the file is, so none can rot."""
    content = (EXAMPLES / name).read_text(encoding="utf-8")
    assert content in PAGE.read_text(encoding="utf-8"), f"copy docs/examples/{name} into docs/testing.md"
    assert name != "test_bell.py" or len(content.splitlines()) <= 20


def test_program_that_ends_early_is_told_with_its_last_words(discord_server):
    """A bot that crashes is no riddle: what it printed last is in the failure."""
    with discord_server.program([sys.executable, "-c", "raise SystemExit('no token, no bot')"]) as bot:
        with pytest.raises(AssertionError, match="no token, no bot"):
            bot.wait_for("ready")
        assert bot.end() == 1


def test_program_that_does_not_end_is_made_to(discord_server):
    """Who ignores SIGTERM is killed, so that no test leaves a process behind."""
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
    with discord_server.program([sys.executable, "-c", stubborn]) as bot:
        bot.wait_for("here")
        assert bot.end() == -9


def test_program_that_goes_on_talking_is_not_waited_for_for_ever(discord_server):
    """The time is for the whole wait, not for each line; what was printed last is in the failure."""
    chatty = (
        "import itertools, time\nfor n in itertools.count():\n    print('line', n, flush=True)\n    time.sleep(0.05)"
    )
    with (
        discord_server.program([sys.executable, "-c", chatty]) as bot,
        pytest.raises(AssertionError, match=r"did not print 'ready' in time(?s:.*)line"),
    ):
        bot.wait_for("ready", timeout_s=1)
