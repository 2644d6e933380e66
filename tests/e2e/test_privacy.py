"""Consent through the daemon's process: what a member decides holds from the next word on, and over kill -9."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.conftest import Bridge, open_bridge
from tests.support.hall import settings_for
from tests.support.lives import next_life
from tests.support.speech import clips
from voxbridge.config.people import PrivacySettings
from voxbridge.config.settings import Settings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import SimulatedCall, clean_environ, opus_of, rehearsal_tables
from voxbridge.rehearsal.daemon_process import daemon_process
from voxbridge.rehearsal.discord.world import BOT_ID, OTHER_VOICE_CHANNEL_ID

pytestmark = pytest.mark.e2e

OPT_IN = Settings(privacy=PrivacySettings(mode="opt-in"))


@pytest.fixture
def speech() -> Pcm:
    """Two seconds of a person reading."""
    (chosen,) = [clip for clip in clips() if clip.name == "0930"]
    return Pcm(chosen.pcm, 16_000)


def speakers(bridge: Bridge) -> list[str]:
    """Whose lines the speech server has seen; a probe is nobody's."""
    return [start["userId"] for start in bridge.stt.starts if start["userId"] != "0"]


def settings_of(bridge: Bridge, settings: Settings) -> Settings:
    """The settings, pointed at the bridge's servers."""
    return settings_for(bridge.stt, bridge.agent, bridge.tts, settings)


def words_in(folder: Path) -> str:
    """All that the daemon has written into its files."""
    files = (file for file in folder.iterdir() if file.is_file() and file.suffix not in (".toml", ".pem"))
    return "".join(file.read_bytes().decode(errors="replace") for file in files)


async def test_nothing_of_who_did_not_agree_leaves_the_daemon(tmp_path: Path, speech: Pcm) -> None:
    """opt-in: no byte to any server and no word in any file; a yes is heard from the next word on, and outlives -9."""
    async with open_bridge(tmp_path, answer="I hear you.", settings=OPT_IN) as bridge:
        call = bridge.simulated_call
        await call.ada.speak(opus_of(speech))
        shown = await call.discord.interaction(call.ada, "privacy show")
        assert shown.is_ephemeral
        assert "I do not hear you: here I only hear those who agree." in (shown.content or "")
        assert "Turns in the journal: 0." in (shown.content or "")
        assert "remembered for the agent: 0." in (shown.content or "")
        assert speakers(bridge) == [], "a line was opened"
        assert (bridge.stt.heard, bridge.agent.questions, call.daemon.read_turns()) == ([], [], [])
        assert "Ada" not in words_in(tmp_path)
        assert "Ada" not in "\n".join(call.daemon.log)

        await call.discord.interaction(call.ada, "privacy hear-me")
        assert (await call.perform(speech)).report["outcome"] == "answered"
        assert speakers(bridge) == [str(call.ada.id)]

        async with next_life(bridge.simulated_call, settings_of(bridge, OPT_IN), tmp_path) as again:
            assert (await again.perform(speech)).report["outcome"] == "answered"
            deleted = await call.discord.interaction(call.ada, "privacy delete")
            assert "Turns in the journal: 2." in (deleted.content or "")
            assert again.daemon.read_turns() == []


async def test_a_no_in_mid_sentence_is_no_turn(tmp_path: Path, speech: Pcm) -> None:
    """What was begun is dropped: no question is asked of the agent, and nothing is written down."""
    async with open_bridge(tmp_path, answer="I should not say this.") as bridge:
        call = bridge.simulated_call
        packets = opus_of(speech)
        await call.ada.speak(packets[:60], tail=False)
        assert (await call.discord.interaction(call.ada, "privacy ignore-me")).content
        await call.ada.speak(packets[60:])
        shown = await call.discord.interaction(call.ada, "status")
        assert "Listening to 0" in (shown.content or "")
        assert bridge.agent.questions == []
        assert [turn["heard"] for turn in call.daemon.read_turns()] == []


async def test_the_daemon_tells_that_it_listens_and_comes_back_after_a_kill(tmp_path: Path, speech: Pcm) -> None:
    """The notice stands in the chat once; kill -9 in a channel to which it was asked: it is there again, and silent."""
    async with open_bridge(tmp_path, answer="Here I am.", notice="text") as bridge:
        call = bridge.simulated_call
        await call.discord.wait_until(lambda: len(call.discord.messages) == 1, timeout_s=20)
        assert call.discord.messages[0].content.startswith("I am listening here")
        await call.ada.join(OTHER_VOICE_CHANNEL_ID)
        await call.discord.interaction(call.ada, "join")
        await call.discord.wait_until(lambda: call.discord.is_in_call(BOT_ID, OTHER_VOICE_CHANNEL_ID), timeout_s=10)
        status = await call.discord.interaction(call.ada, "status")
        assert "Somebody asked me to come." in (status.content or "")
        await call.daemon.stop(signal.SIGKILL)
        await call.discord.wait_until(lambda: not call.discord.is_in_call(BOT_ID, OTHER_VOICE_CHANNEL_ID), timeout_s=10)
        pointed = settings_for(bridge.stt, bridge.agent, bridge.tts, Settings())
        tables = rehearsal_tables(pointed, call.discord, tmp_path)
        tables["discord"]["join"] = []
        async with daemon_process(tables, tmp_path, environ=clean_environ()) as daemon:
            await daemon.wait_for(
                lambda: call.discord.is_in_call(BOT_ID, OTHER_VOICE_CHANNEL_ID), "back in the channel", timeout_s=60
            )
            await call.ada.wait_dave_ready(timeout_s=20)
            again = SimulatedCall(pointed, call.discord, daemon, call.ada)
            assert (await again.perform(speech)).report["outcome"] == "answered"
            assert len(call.discord.messages) == 1, "told again on the same day"
