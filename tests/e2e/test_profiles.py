"""Two profiles in one channel through the daemon's process, and settings that are chosen in Discord over kill -9."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Bridge, open_bridge
from tests.support.hall import EVERYONE, settings_for
from tests.support.speech import clips
from voxbridge.config.profiles import ChannelSettings, ProfileSettings
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import SimulatedCall, clean_environ, rehearsal_tables
from voxbridge.rehearsal.daemon_process import daemon_process
from voxbridge.rehearsal.discord.world import BOT_ID, VOICE_CHANNEL_ID
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words

pytestmark = pytest.mark.e2e

MANAGE_SERVER = 1 << 5


@pytest.fixture
def speech() -> Pcm:
    """Two seconds of a person reading."""
    (chosen,) = [clip for clip in clips() if clip.name == "0930"]
    return Pcm(chosen.pcm, 16_000)


@asynccontextmanager
async def next_life(
    call: SimulatedCall, bridge: Bridge, folder: Path, settings: Settings
) -> AsyncIterator[SimulatedCall]:
    """Start a daemon with the same files in the same Discord."""
    await call.discord.wait_until(lambda: not call.discord.is_in_call(BOT_ID), timeout_s=10)
    pointed = settings_for(bridge.stt, bridge.agent, bridge.tts, settings)
    tables = rehearsal_tables(pointed, call.discord, folder)
    async with daemon_process(tables, folder, environ=clean_environ()) as daemon:
        await daemon.wait_for(lambda: call.discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), "joined", timeout_s=60)
        await call.ada.wait_dave_ready(timeout_s=20)
        yield SimulatedCall(pointed, call.discord, daemon, call.ada)


def listening_for(bridge: Bridge, *texts: str) -> None:
    """Have the next utterances heard as these texts."""
    due = deque(texts)
    bridge.stt.script.text = lambda _heard: due[0] if len(due) == 1 else due.popleft()
    bridge.stt.script.has_partials = False


def spoil(folder: Path) -> None:
    """Write something else over the database."""
    (database,) = folder.glob("**/voxbridge.db")
    database.write_bytes(b"no database at all" * 500)


async def test_two_profiles_in_one_channel_and_choices_over_kill_9(tmp_path: Path, speech: Pcm) -> None:
    """Iris and Otto answer to their names with their own agents and voices; what was chosen outlives kill -9.

    A damaged file then leaves the configuration's values in force, with one line in the log, and the talk goes on.
    """
    otto = N8nServer(lambda _question: agent(words("Otto says no.")))
    async with otto.running():
        settings = Settings(
            floor=EVERYONE,
            profile={
                "iris": ProfileSettings(voice="alice"),
                "otto": ProfileSettings(voice="bob", agent=N8nSettings(url=Secret(otto.webhook_url))),
            },
            channel=(ChannelSettings(str(VOICE_CHANNEL_ID), ("iris", "otto")),),
        )
        async with open_bridge(tmp_path, answer="Iris says yes.", settings=settings) as bridge:
            call = bridge.simulated_call
            call.ada.user.permissions |= MANAGE_SERVER
            listening_for(bridge, "Iris, is it going to rain?", "Otto, is it?")
            reports = [(await call.perform(speech)).report for _ in range(2)]
            assert [(report["profile"], report["spoken"]) for report in reports] == [
                ("iris", "Iris says yes."),
                ("otto", "Otto says no."),
            ]
            assert [spoken.fields.voice for spoken in bridge.tts.spoken[-2:]] == ["alice", "bob"]
            assert [question.text for question in otto.questions] == ["Otto, is it?"]
            status = await call.discord.interaction(call.ada, "status")
            assert "- Voice of otto: `bob` (from the profile)" in (status.content or "")

            told = await call.discord.interaction(call.ada, "voice", {"voice": "carol", "agent": "otto"})
            assert told.content == "Voice of otto: `carol`, from now on."
            await call.daemon.stop(signal.SIGKILL)
            async with next_life(call, bridge, tmp_path, settings) as life:
                listening_for(bridge, "Otto, are you there?")
                assert (await life.perform(speech)).report["profile"] == "otto"
                assert bridge.tts.spoken[-1].fields.voice == "carol"
                await life.daemon.stop(signal.SIGKILL)
            spoil(tmp_path)
            async with next_life(call, bridge, tmp_path, settings) as life:
                assert (await life.perform(speech)).report["outcome"] == "answered"
                assert bridge.tts.spoken[-1].fields.voice == "bob", "the configuration's again"
                assert life.daemon.tail(1000).count("nothing can be stored") == 1
