"""The real engines: what they hear and say, and the life of their process."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager

import attrs
import numpy as np
import pytest
import trio

from tests.support.engines import http, line, packets, served, told_engines
from tests.support.speech import clips, words_wrong
from voxbridge.audio.opus import Decoder
from voxbridge.config.service import EnginesSettings
from voxbridge.core.wire.wav import decode_wav
from voxbridge.engines.hibari_voice import HibariVoice
from voxbridge.engines.process import SILENCE_LIMIT_S, EnginesProcess
from voxbridge.engines.weights import whisper_dir
from voxbridge.engines.whisper import Whisper
from voxbridge.engines.workers import Workers
from voxbridge.errors import EngineError
from voxbridge.rehearsal.words import word_errors

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(importlib.util.find_spec("ctranslate2") is None, reason="the extra [embedded] is not installed"),
]

SENTENCE = "The weather in Boston is sunny today."


@pytest.fixture(scope="module")
def whisper():
    return Whisper(whisper_dir(), workers=2)


@pytest.fixture(scope="module")
def voice():
    return HibariVoice()


def heard_rate(pcm: bytes) -> bytes:
    """Bring 24 kHz to 16 kHz as the conversation does: through Opus."""
    decoder = Decoder()
    return b"".join(decoder.decode(packet) for packet in packets(pcm, rate_hz=24_000))


def trimmed(pcm: bytes) -> bytes:
    """Leave out the quiet at both ends."""
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2")) > 300)
    return pcm[2 * loud[0] : 2 * loud[-1]]


def test_human_speech_is_understood(whisper):
    """At most 4 of the 70 words of five human clips are wrong."""
    heard = {clip.name: whisper.transcribe(clip.pcm) for clip in clips()}
    wrong = {clip.name: words_wrong(clip.words, heard[clip.name].text) for clip in clips()}
    assert sum(wrong.values()) <= 4, f"words wrong: {wrong}; heard: {heard}"
    assert all(transcript.no_speech < 0.3 for transcript in heard.values())


def test_silence_and_noise_are_nothing(whisper):
    """Whisper makes something up; the gate keeps it back."""
    rng = np.random.default_rng(1)
    click = rng.normal(0, 0.3, 3000) * np.exp(-np.arange(3000) / 800)
    sounds = {"silence": np.zeros(16_000), "noise": rng.normal(0, 0.1, 32_000), "click": np.pad(click, (0, 8000))}
    for name, sound in sounds.items():
        heard = whisper.transcribe((sound * 32767).clip(-32768, 32767).astype("<i2").tobytes())
        assert heard.text == "", f"{name} was heard as {heard}"
    assert whisper.transcribe(b"").text == ""


@pytest.mark.parametrize("text", ["Yes.", "Never mind.", SENTENCE])
def test_what_is_said_is_heard(whisper, voice, text):
    """Text to sound to Opus to sound to text, word for word, one word or many."""
    heard = whisper.transcribe(heard_rate(b"".join(voice.say(text))))
    assert words_wrong(text, heard.text) == 0, f"said {text!r}, heard {heard}"


@pytest.mark.parametrize("pause_s", [0.5, 0.7, 1.1])
@pytest.mark.parametrize(
    ("before", "after"),
    [("What is seven", "times eight"), ("How much is ten", "divided by four"), ("Tell me", "how far the moon is")],
)
def test_what_follows_a_pause_is_heard(whisper, voice, before, after, pause_s):
    """A speaker who thinks for a moment in mid-sentence is heard to the end, and nothing is heard twice."""
    first, second = (trimmed(heard_rate(b"".join(voice.say(part)))) for part in (before, after))
    heard = whisper.transcribe(first + bytes(2 * int(pause_s * 16_000)) + second + bytes(6400))
    assert word_errors(f"{before} {after}", heard.text) <= 1, f"heard {heard.text!r}"


def test_same_text_gives_the_same_bytes(voice):
    """The voice's noise part is fixed, and odd text ends without sound."""
    assert b"".join(voice.say(SENTENCE)) == b"".join(voice.say(SENTENCE))
    for text in ("", "...", "\u041f\u0440\u0438\u0432\u0435\u0442", "\U0001f44d"):
        assert list(voice.say(text)) == []
    assert len(list(voice.say("word " * 70))) >= 3


async def test_two_speakers_at_once_are_kept_apart(tmp_path, whisper, voice):
    """Two connections feed and finish together; each gets its own words, in plain Opus."""
    engines = attrs.evolve(told_engines(), recogniser=whisper, voice=voice)
    finals: dict[int, str] = {}

    async def speak(address: str, at: int) -> None:
        async with line(address) as client:
            await client.send("start", userId=str(at))
            await client.speak(clips()[at].pcm)
            await client.send("finalize")
            finals[at] = str((await client.final())["text"])

    async with served(engines, str(tmp_path / "engines.sock")) as address, trio.open_nursery() as nursery:
        for at in (3, 4):
            nursery.start_soon(speak, address, at)
    wrong = {at: words_wrong(clips()[at].words, text) for at, text in finals.items()}
    assert sum(wrong.values()) <= 1, f"words wrong: {wrong}"


@asynccontextmanager
async def running(*, silence_limit_s=SILENCE_LIMIT_S, **settings):
    """Run the engines' process for the time of a block; yield it and its socket."""
    async with EnginesProcess.directory() as directory, trio.open_nursery() as nursery:
        process = EnginesProcess(EnginesSettings(**settings), directory, silence_limit_s=silence_limit_s)
        socket = await nursery.start(process.run)
        yield process, socket
        nursery.cancel_scope.cancel()


async def gone(pid: int) -> None:
    """Wait until a process has ended, be it ours or not."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with trio.fail_after(5):
            await trio.lowlevel.wait_readable(handle)
    finally:
        os.close(handle)


async def test_process_is_warm_when_it_says_so_and_ends_with_its_scope():
    """The first sentence is spoken at once, the process is nicer than we are, and a cancel ends it for certain."""
    async with running() as (process, socket):
        pid = process.pid
        assert pid is not None
        assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)
        async with http(socket) as client:
            began = trio.current_time()
            response = await client.post("/v1/audio/speech/stream/upload", data={"input": SENTENCE})
            took_s = trio.current_time() - began
        assert decode_wav(response.content).duration_s > 1
        assert took_s < 1.5, f"the first sentence took {took_s:.2f} s: not warm"
        os.kill(pid, signal.SIGTERM)  # as systemd does to the whole unit while the daemon drains
        async with http(socket) as client:
            assert (await client.get("/health")).json()["status"] == "ready"
    await gone(pid)
    assert process.pid is None


async def test_death_of_the_process_is_an_error_that_names_it():
    """The supervisor above learns how it ended."""

    async def live_until_killed() -> None:
        async with running() as (process, _):
            os.kill(process.pid, signal.SIGKILL)
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        await live_until_killed()
    (error,) = caught.value.exceptions
    assert isinstance(error, EngineError)
    assert "ended by itself (killed by signal 9)" in str(error)


async def test_a_process_that_hangs_is_ended_and_named():
    """A stopped process says nothing more: it is given up after the limit, although its sockets are still open."""

    async def live_until_stopped() -> None:
        async with running(silence_limit_s=6.0) as (process, _):
            os.kill(process.pid, signal.SIGSTOP)
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught, trio.fail_after(40):
        await live_until_stopped()
    (error,) = caught.value.exceptions
    assert isinstance(error, EngineError)
    assert "hangs: it gave no sign of life for 6 s" in str(error)


async def test_a_call_that_does_not_end_is_seen_even_when_nobody_waits_for_it_any_more():
    """What counts is the thread, not the caller: a cancelled caller's call may be the one that hangs."""
    workers, began, gate = Workers(1), trio.Event(), threading.Event()

    def call() -> None:
        trio.from_thread.run_sync(began.set)
        assert gate.wait(10), "the gate was never opened"

    assert workers.oldest_s == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(workers.run, call)
        await began.wait()
        nursery.cancel_scope.cancel()
    assert workers.oldest_s > 0
    gate.set()
    await workers.run(lambda: None)  # the only place is free again
    assert workers.oldest_s == 0


_PARENT = """
import sys, trio
from voxbridge.config.service import EnginesSettings
from voxbridge.engines.process import SILENCE_LIMIT_S, EnginesProcess
from voxbridge.config.service import EnginesSettings
from voxbridge.engines.process import EnginesProcess
from pathlib import Path

async def main():
    async with trio.open_nursery() as nursery:
        process = EnginesProcess(EnginesSettings(), Path(sys.argv[1]))
        await nursery.start(process.run)
        print("pid", process.pid, flush=True)

trio.run(main)
"""


async def test_process_ends_when_its_parent_is_killed(tmp_path):
    """kill -9 leaves the parent no time to tidy up; the kernel closes the pipe."""
    parent = await trio.lowlevel.open_process(
        [sys.executable, "-c", _PARENT, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    async with parent.stdout:
        said = b""
        with trio.fail_after(30):
            while not re.search(rb"^pid (\d+)\n", said, re.MULTILINE):  # its log lines come first
                said += await parent.stdout.receive_some(4096)
        pid = int(re.findall(rb"^pid (\d+)$", said, re.MULTILINE)[0])
        os.kill(pid, 0)
        parent.kill()
        await parent.wait()
        await gone(pid)


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"model_dir": "/nonexistent"}, r"engines\.model_dir: /nonexistent is no Whisper"),
        ({"start_limit_ms": 50}, r"not warm within engines\.start_limit_ms = 50"),
    ],
)
async def test_failed_start_names_its_cause(settings, cause):
    """What the operator must change stands in the error, and nothing is left running."""
    async with EnginesProcess.directory() as directory:
        process = EnginesProcess(EnginesSettings(**settings), directory)
        with pytest.raises(EngineError, match=cause):
            await process.run(task_status=trio.TASK_STATUS_IGNORED)
        assert process.pid is None
