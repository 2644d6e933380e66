"""Scenes in virtual time: the bundled ones go as they say, and each kind of failure is seen when it is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.scene_hall import play_in_hall
from voxbridge.rehearsal.scenes.judge import judge_scene
from voxbridge.rehearsal.scenes.reading import bundled_scenes, read_scene
from voxbridge.rehearsal.scenes.tell import timeline_lines

pytestmark = pytest.mark.integration

# The question is spoken and answered by the built-in engines: tests/e2e/test_scenes.py plays it.
QUIET = [file for file in bundled_scenes() if file.stem != "question"]
OURS = sorted((Path(__file__).parent / "ours").glob("*.toml"))

BEGINNING = """
[stt]
stand_in = true
[agent]
stand_in = true
delay_ms = DELAY
answers = ["The first answer is long enough to be spoken over by whoever wants to.", "The second one."]
[tts]
stand_in = true
"""


async def played(tmp_path: Path, text: str, *, delay_ms: int = 0) -> tuple[list[str], list[str]]:
    """Play a scene; return its problems and its timeline."""
    file = tmp_path / "scene.toml"
    file.write_text(BEGINNING.replace("DELAY", str(delay_ms)) + text)
    scene = read_scene(file)
    came = await play_in_hall(scene)
    return judge_scene(scene.scene, came, None), timeline_lines(came)


@pytest.mark.parametrize("file", [*QUIET, *OURS], ids=lambda file: file.stem)
async def test_scene_goes_as_it_says(file: Path, autojump_clock) -> None:
    """What is true of the daemon in the simulated Discord is true of the same room in virtual time."""
    scene = read_scene(file)
    came = await play_in_hall(scene)
    assert judge_scene(scene.scene, came, None) == [], "\n".join(timeline_lines(came))


async def test_steps_begin_when_they_say(tmp_path: Path, autojump_clock) -> None:
    """After the step before, at a time, after an event, and later than that; two people may speak at once."""
    _, lines = await played(
        tmp_path,
        """
        [[step]]
        join = "Bob"
        [[step]]
        pause_ms = 1500
        [[step]]
        at_s = 2.0
        play = "clip:5"
        [[step]]
        at_s = 2.0
        by = "Bob"
        play = "clip:2"
        [[step]]
        after = "turn-ends"
        wait_ms = 250
        pause_ms = 10
        """,
    )
    at = {line.split("s  ", 1)[1]: float(line.split()[0]) for line in lines}
    assert at["Bob joins"] == 0.0
    assert at["a pause of 1500 ms"] == 0.0
    ada, bob = (time for told, time in at.items() if " plays " in told)
    assert (ada, bob) == (2.0, 2.0)
    first = min(time for told, time in at.items() if told.startswith("turn 1"))
    ended = min(time for told, time in at.items() if told.startswith("turn"))
    assert at["a pause of 10 ms"] == pytest.approx(ended + 0.25, abs=0.02)
    assert first >= ended


async def test_a_late_answer_is_told_with_its_time(tmp_path: Path, autojump_clock) -> None:
    """The agent takes 2 s: by how much it was late, and which part of it took so long."""
    step = '[[step]]\nplay = "clip:2"\n[[turn]]\nfirst_audio_ms = 850\n'
    assert (await played(tmp_path, step))[0] == []
    ((problem,), _) = await played(tmp_path, step, delay_ms=2000)
    found = re.search(r"first audio came (\d+) ms .*: (\d+) ms later than the 850 ms allowed \(.* agent (\d+)", problem)
    assert found is not None, problem
    came_ms, late_ms, agent_ms = map(int, found.groups())
    assert (came_ms - late_ms, agent_ms) == (850, 2000)


async def test_half_of_what_is_said_is_lost_and_the_stand_in_hears_the_rest(tmp_path: Path, autojump_clock) -> None:
    """On a line that loses everything nobody is heard; on a good one every word is."""
    problems, _ = await played(tmp_path, '[line]\nloss_percent = 100\n[[step]]\nplay = "clip:2"\n[expect]\nturns = 0\n')
    assert problems == []
    problems, _ = await played(
        tmp_path,
        '[[step]]\nplay = "clip:2"\nsaid = "What time is it?"\n[[turn]]\nheard = "what time is it"\n',
    )
    assert problems == []


async def test_who_never_comes_to_be_heard_fails_the_scene_in_time(tmp_path: Path, autojump_clock) -> None:
    """A turn that is wanted and does not come is waited for, and no longer than patience allows."""
    problems, lines = await played(tmp_path, "[[step]]\npause_ms = 10\n[[turn]]\n")
    assert problems == ["no turn came, and not 1", "turn 1 never came (wanted: somebody, any outcome)"]
    assert len(lines) == 1


async def test_a_scene_that_does_not_end_is_ended(tmp_path: Path, autojump_clock) -> None:
    """`limit_s` holds whatever is being waited for."""
    file = tmp_path / "scene.toml"
    file.write_text('limit_s = 5\n[[step]]\npause_ms = 10\n[[step]]\nafter = "answer-begins"\npause_ms = 10\n')
    scene = read_scene(file)
    came = await play_in_hall(scene)
    assert judge_scene(scene.scene, came, None) == ["the scene was not over after 5 s (limit_s)"]
    assert came.ended_s == pytest.approx(5.0, abs=1e-6)
