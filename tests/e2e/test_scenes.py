"""Scenes as a user plays them: the daemon's process, servers of the rehearsal, results for a CI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from voxbridge.rehearsal.scenes.reading import bundled_scenes

pytestmark = pytest.mark.e2e

OURS = sorted((Path(__file__).parent / "scenes").glob("*.toml"))
# Spoken and answered by the built-in engines: all other bundled scenes are played in virtual time.
QUESTION = next(file for file in bundled_scenes() if file.stem == "question")


# As far as one Linux can be another system: what only Linux has is gone, in the command and in the daemon.
ELSEWHERE = """
import os
for name in ("sched_getaffinity", "sched_setaffinity", "memfd_create", "eventfd", "splice", "posix_fadvise"):
    if hasattr(os, name):
        delattr(os, name)
def setpriority(which, who, priority):
    raise OverflowError("a thread's number is no process's")
os.setpriority = setpriority
"""


def rehearse(
    tmp_path: Path, *args: str, timeout_s: float = 180, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty directory."""
    command = [sys.executable, "-m", "voxbridge", "rehearse", *args]
    environ = {**os.environ, **(environ or {})}
    return subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=timeout_s, check=False, env=environ
    )


@pytest.mark.parametrize("scene", [*OURS, QUESTION], ids=lambda file: file.stem)
def test_our_scenes_pass(scene: Path, tmp_path: Path) -> None:
    """Each is one workflow through discord.py, DAVE and the daemon's process; also without what only Linux has."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sitecustomize.py").write_text(ELSEWHERE)
    done = rehearse(tmp_path, str(scene), environ={"PYTHONPATH": str(elsewhere)})
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failing_scene_says_what_was_heard_and_when_and_a_ci_can_read_it(tmp_path: Path) -> None:
    """One scene that passes and one that fails: exit code 1, two test cases, and the reason beside the timeline."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(
        "[stt]\nstand_in = true\n[agent]\nstand_in = true\n[tts]\nstand_in = true\n"
        '[[step]]\nplay = "clip:2"\n[[turn]]\noutcome = "answered"\nanswer_has = ["57"]\nfirst_audio_ms = 0\n'
    )
    right = tmp_path / "right.toml"
    right.write_text(wrong.read_text().replace("57", "answer").replace("first_audio_ms = 0", "first_audio_ms = 60000"))
    done = rehearse(tmp_path, str(wrong), str(right), "--junit", "out.xml", "--json", "out.json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'the answer "This is the answer." does not hold "57"' in done.stdout
    assert "ms later than the 0 ms allowed" in done.stdout
    failing, passing = ET.parse(tmp_path / "out.xml").getroot().iter("testcase")
    assert (failing.get("name"), passing.get("name")) == ("wrong", "right")
    (failure,) = failing.iter("failure")
    assert '"57"' in failure.get("message", "")
    assert "the bot is heard" in (failure.text or "")
    assert not list(passing)
    first, second = json.loads((tmp_path / "out.json").read_text())["scenes"]
    assert (len(first["problems"]), second["problems"]) == (2, [])
    assert [turn["outcome"] for turn in second["turns"]] == ["answered"]
    assert (tmp_path / "rehearsal-out" / "right-1.wav").stat().st_size > 1000


def test_a_wrong_scene_is_one_line_before_anything_is_started(tmp_path: Path) -> None:
    """File, table, key, what was meant, and the code of a configuration."""
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[[step]]\nsya = "Hello?"\n')
    done = rehearse(tmp_path, "wrong.toml", timeout_s=60)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "voxbridge: wrong.toml: [[step]] 1: sya: there is no such setting. Did you mean say?\n"


def test_a_scene_that_is_not_bundled_is_named_with_those_that_are(tmp_path: Path) -> None:
    """`--scenes` lists them."""
    done = rehearse(tmp_path, "--scene", "interupted", timeout_s=60)
    assert done.returncode == 2
    assert "there is no scene 'interupted'. There are: bad-line, interrupted" in done.stderr
    listed = rehearse(tmp_path, "--scenes", timeout_s=60)
    assert listed.returncode == 0
    assert "interrupted" in listed.stdout
