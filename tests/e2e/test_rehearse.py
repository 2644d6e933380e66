"""`voxbridge rehearse`, as a user runs it: human speech in, a spoken answer out."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from voxbridge.audio.wavfile import read_wav

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


def test_rehearse_fails_on_a_silent_recording(tmp_path: Path) -> None:
    """A WAV without speech is sent, nothing is heard, and that is a failure."""
    silent = tmp_path / "silent.wav"
    with wave.open(str(silent), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(16_000))
    config = tmp_path / "impatient.toml"
    config.write_text("[agent]\nfirst_limit_ms = 1000\n[tts]\nfirst_pcm_limit_ms = 1000\n[stt]\nlimit_ms = 1000\n")
    done = rehearse(tmp_path, str(silent), "--config", str(config))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "nothing was heard" in done.stdout


def test_rehearse_refuses_what_is_no_wav(tmp_path: Path) -> None:
    """A file of another kind gives one line that names it, before anything is started."""
    text = tmp_path / "speech.wav"
    text.write_text("not sound at all")
    done = rehearse(tmp_path, str(text), timeout_s=30)
    assert done.returncode != 0
    assert "speech.wav" in done.stderr
    assert "Traceback" not in done.stderr


def test_rehearse_with_a_dead_server_says_what_is_wrong(tmp_path: Path) -> None:
    """With one's own WhisperX that is not there, the rehearsal fails and names the stage and the cause."""
    config = tmp_path / "mine.toml"
    config.write_text('[stt]\nkind = "whisperx"\nurl = "ws://127.0.0.1:9/"\nlimit_ms = 1500\n')
    results = tmp_path / "results.json"
    done = rehearse(tmp_path, "--config", str(config), "--json", str(results))
    assert done.returncode == 1, done.stdout + done.stderr
    problems = " ".join(problem for turn in json.loads(results.read_text())["turns"] for problem in turn["problems"])
    assert "stt" in problems
    assert "refused" in problems, problems
