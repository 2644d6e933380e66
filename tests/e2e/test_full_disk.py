"""A disk without room: each command says so in one line, what can be kept is kept, and the conversation goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import AsyncExitStack
from pathlib import Path

import attrs
import pytest
import tomli_w
import trio

from tests.support.hall import EVERYONE, plain_failures, settings_for
from tests.support.speech import clips
from voxbridge.config.settings import Settings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import clean_environ, opus_of, rehearsal_tables
from voxbridge.rehearsal.discord import SimulatedDiscord
from voxbridge.rehearsal.discord.world import BOT_ID, VOICE_CHANNEL_ID
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words
from voxbridge.testing.servers.whisperx import WhisperXServer

pytestmark = pytest.mark.e2e

FULL = "/dev/full"  # null(4): every write fails with ENOSPC
SCENE = """
[stt]
stand_in = true
[agent]
stand_in = true
[tts]
stand_in = true
[[step]]
play = "clip:2"
[[turn]]
outcome = "answered"
"""


def test_results_that_find_no_room_are_one_line_each_and_cost_nothing_else(tmp_path: Path) -> None:
    """The scene is played and judged, the other results are written; the exit code says that something is missing."""
    (tmp_path / "mine.toml").write_text(SCENE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine-1.wav").symlink_to(FULL)
    options = ["--out", "out", "--json", FULL, "--junit", "results.xml"]
    done = subprocess.run(
        [sys.executable, "-m", "voxbridge", "rehearse", "mine.toml", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("voxbridge: ")]
    assert told == [f"voxbridge: {FULL} was not written: No space left on device"]
    assert "turn 1, Ada, answered" in done.stdout
    assert "problem out/mine-1.wav was not written: No space left on device" in done.stdout
    (case,) = ET.parse(tmp_path / "results.xml").getroot().iter("testcase")
    (failure,) = case.iter("failure")
    assert failure.get("message") == "out/mine-1.wav was not written: No space left on device"


async def test_a_full_disk_costs_no_conversation(tmp_path: Path) -> None:
    """Journal, log and database on a full disk: every question is answered, and the end is a normal one."""
    (clip,) = [clip for clip in clips() if clip.name == "0880"]
    packets = opus_of(Pcm(clip.pcm, 16_000))
    stt, tts = WhisperXServer(), ChatterboxServer(PROMPT)
    n8n = N8nServer(lambda _question: agent(words("All is well.")))
    with plain_failures():
        async with AsyncExitStack() as stack:
            for server in (stt, n8n, tts):
                await stack.enter_async_context(server.running())
            nursery = await stack.enter_async_context(trio.open_nursery())
            discord: SimulatedDiscord = await nursery.start(SimulatedDiscord().run)
            settings = settings_for(stt, n8n, tts, attrs.evolve(Settings(), floor=EVERYONE))
            tables = rehearsal_tables(settings, discord, tmp_path)
            tables["journal"] = {"file": FULL}
            tables["storage"] |= {"file": FULL}
            file = tmp_path / "voxbridge.toml"
            file.touch(0o600)
            file.write_text(tomli_w.dumps(tables))
            ada = discord.add_member("Ada")
            async with await trio.open_file(FULL, "w") as full:
                process = await trio.lowlevel.open_process(
                    [sys.executable, "-m", "voxbridge", "run", "--config", str(file)],
                    stderr=full.wrapped,
                    stdin=subprocess.DEVNULL,
                    env=clean_environ(),
                )
            try:
                await discord.wait_until(lambda: discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), timeout_s=60)
                await ada.join(VOICE_CHANNEL_ID)
                await ada.wait_dave_ready()
                for number in (1, 2):
                    await ada.speak(packets)
                    await discord.wait_until(lambda: len(n8n.questions) == number, timeout_s=30)  # noqa: B023
                    since = len(discord.packets)
                    await discord.wait_until(
                        lambda: sum(p.sender == BOT_ID and not p.is_silence for p in discord.packets[since:]) > 20,  # noqa: B023
                        timeout_s=30,
                    )
                process.send_signal(signal.SIGTERM)
                with trio.fail_after(30):
                    assert await process.wait() == 0
            finally:
                process.kill()
                with trio.CancelScope(shield=True), trio.move_on_after(10):
                    await process.wait()
            nursery.cancel_scope.cancel()
