"""`voxbridge rehearse`, as a user runs it: human speech in, a spoken answer out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from voxbridge.audio.wavfile import read_wav, write_wav
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.rehearsal.embedded import own_voice

pytestmark = pytest.mark.e2e


def rehearse(tmp_path: Path, *args: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty directory."""
    command = [sys.executable, "-m", "voxbridge", "rehearse", "--out", str(tmp_path / "out"), *args]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=timeout_s, check=False)


def test_rehearse_hears_a_human_and_answers_aloud(tmp_path: Path) -> None:
    """The default rehearsal passes: right transcript, the fact in the answer, an encrypted reply that says it."""
    results = tmp_path / "results.json"
    done = rehearse(tmp_path, "--json", str(results))
    assert done.returncode == 0, done.stdout + done.stderr
    turns = json.loads(results.read_text())["turns"]
    assert len(turns) == 2
    for turn in turns:
        assert turn["dave"] is True
        assert turn["outcome"] == "answered"
        assert turn["problems"] == []
        reply = read_wav(turn["reply_wav"])
        assert reply.duration_s == pytest.approx(turn["reply_seconds"], abs=0.01)
        assert reply.duration_s > 0.5
        whole = sum(part["ms"] for part in turn["parts"] if part["name"] != "first_audio")
        marks = turn["marks"]
        assert whole == pytest.approx((marks["first_audio"] - marks["speech_end"]) * 1000, abs=0.5)
        assert {"name", "ms", "budget_ms", "verdict"} <= set(turn["parts"][0])
    human, question = turns
    assert "amiable himself" in human["heard"].lower()
    assert "56" in question["answer"]
    assert "56" in question["reply_heard"] or "fifty" in question["reply_heard"].lower()


def test_rehearse_fails_with_the_microphone_shut(tmp_path: Path) -> None:
    """Muted input is no answer: the command says so and does not exit 0."""
    results = tmp_path / "results.json"
    done = rehearse(tmp_path, "--muted", "--json", str(results))
    assert done.returncode == 1, done.stdout + done.stderr
    turns = json.loads(results.read_text())["turns"]
    assert all(turn["problems"] for turn in turns)
    assert all(turn["heard"] == "" for turn in turns)


@pytest.mark.parametrize(
    ("sound", "complaint"),
    [
        (b"", "it holds 0.00 s of sound"),
        (bytes(3200), "it holds 0.10 s of sound"),
        (bytes(32_000), "it is silent"),
    ],
    ids=["empty", "short", "silent"],
)
def test_rehearse_refuses_a_recording_without_speech_at_once(tmp_path: Path, sound: bytes, complaint: str) -> None:
    """A recording with nothing to hear in it is named in one line, before anything is started."""
    file = tmp_path / "mine.wav"
    write_wav(file, Pcm(sound, 16_000))
    done = rehearse(tmp_path, str(file), timeout_s=30)
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert f"mine.wav: {complaint}" in line


def test_rehearse_judges_each_turn_of_a_long_recording(tmp_path: Path) -> None:
    """Two questions with a pause between them are two turns, and the words are those of both."""
    speak = own_voice()
    pause = bytes(2 * SPEECH_RATE_HZ * 3)
    questions = ["What is seven times eight?", "What is two plus three?"]
    file = tmp_path / "two.wav"
    write_wav(file, Pcm(pause.join(speak(text).data for text in questions), SPEECH_RATE_HZ))
    file.with_suffix(".txt").write_text(" ".join(questions))
    results = tmp_path / "results.json"
    done = rehearse(tmp_path, str(file), "--json", str(results))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("No configuration file was found: the built-in engines listen, answer and speak.")
    first, second = json.loads(results.read_text())["turns"]
    assert (first["name"], second["name"]) == ("two.wav, turn 1", "two.wav, turn 2")
    assert "56" in first["answer"]
    assert "5" in second["answer"]
    assert first["reply_wav"] != second["reply_wav"]
    other = rehearse(tmp_path, str(file), "--said", "something else entirely was said here", "--json", str(results))
    assert other.returncode == 1, other.stdout + other.stderr
    assert "something else entirely" in other.stdout


def test_rehearse_uses_the_configuration_that_is_found(tmp_path: Path) -> None:
    """./voxbridge.toml is read as by every command, needs no token, and the first line says whose servers are tried."""
    (tmp_path / "voxbridge.toml").write_text('[stt]\nkind = "whisperx"\nurl = "ws://127.0.0.1:9/"\nlimit_ms = 1500\n')
    results = tmp_path / "results.json"
    done = rehearse(tmp_path, "--json", str(results))
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith("As voxbridge.toml has it: whisperx listens, embedded answers, embedded speaks.")
    for turn in json.loads(results.read_text())["turns"]:
        assert "refused" in turn["problems"][0], "the turn's own reason comes first"
        assert not [problem for problem in turn["problems"] if problem.startswith("heard ''")]


def test_rehearse_says_before_it_begins_that_it_cannot_write(tmp_path: Path) -> None:
    """A place for the results that cannot be is told at once, not after the minutes that the rehearsal takes."""
    (tmp_path / "file").write_text("")
    for wrong in (["--out", str(tmp_path / "file" / "out")], ["--json", str(tmp_path / "none" / "results.json")]):
        done = rehearse(tmp_path, *wrong, timeout_s=30)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "cannot be written" in done.stderr
        assert "Traceback" not in done.stderr


def test_rehearse_refuses_what_is_no_wav(tmp_path: Path) -> None:
    """A file of another kind gives one line that names it, before anything is started."""
    text = tmp_path / "speech.wav"
    text.write_text("not sound at all")
    done = rehearse(tmp_path, str(text), timeout_s=30)
    assert done.returncode != 0
    assert "speech.wav" in done.stderr
    assert "Traceback" not in done.stderr
