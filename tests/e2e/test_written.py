"""Voice and chat, typed questions and limits, through the daemon's process in the simulated Discord."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import open_bridge
from tests.support.speech import clips
from voxbridge.config.chat import ChatSettings
from voxbridge.config.limits import LimitSettings
from voxbridge.config.people import PresenceSettings
from voxbridge.config.settings import Settings
from voxbridge.config.turns import FloorSettings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import opus_of
from voxbridge.rehearsal.discord.world import (
    BOT_ID,
    TEXT_CHANNEL_ID,
    VOICE_CHANNEL_ID,
    VOICE_STATUS_PERMISSION,
)

pytestmark = pytest.mark.e2e

PATIENCE_S = 30.0


@pytest.fixture
def speech() -> Pcm:
    """Two seconds of a person reading."""
    (chosen,) = [clip for clip in clips() if clip.name == "0930"]
    return Pcm(chosen.pcm, 16_000)


async def test_a_conversation_stands_in_the_chat_and_in_a_file(tmp_path: Path, speech: Pcm) -> None:
    """Spoken and typed questions with their answers, nobody called by them; the file comes before the bot is gone."""
    settings = Settings(
        chat=ChatSettings(mirror="channel", transcript="webvtt", channels={str(VOICE_CHANNEL_ID): str(TEXT_CHANNEL_ID)})
    )
    async with open_bridge(tmp_path, answer="Here I am.", settings=settings) as bridge:
        call = bridge.simulated_call
        discord, ada = call.discord, call.ada
        scene = await call.perform(speech)
        assert scene.report["outcome"] == "answered", scene.report["error"]

        def written() -> str:
            return "\n".join(m.content for m in discord.messages if m.channel_id == TEXT_CHANNEL_ID and not m.files)

        answer = "**voxbridge:** Here I am."
        await discord.wait_until(lambda: written().count(answer) == 1, timeout_s=PATIENCE_S)
        assert f"**{ada.name}:** hello, can you hear me" in written()
        typed = await discord.interaction(ada, "ask", {"question": "And in writing?"}, timeout_s=PATIENCE_S)
        assert typed.content == "Here I am."
        await discord.wait_until(lambda: written().count(answer) == 2, timeout_s=PATIENCE_S)
        assert f"**{ada.name}:** And in writing?" in written()
        assert all(message.mentions == {"parse": []} for message in discord.messages)
        assert "Said again" in ((await discord.interaction(ada, "repeat", timeout_s=PATIENCE_S)).content or "")

        await call.daemon.stop()
        (name, content), *_ = [item for message in discord.messages for item in message.files.items()]
        assert name == "transcript.vtt"
        assert content.decode().startswith("WEBVTT\n")
        assert f"<v {ada.name}>hello, can you hear me" in content.decode()
        assert "<v voxbridge>Here I am." in content.decode()


async def test_it_only_takes_down_what_is_said(tmp_path: Path, speech: Pcm) -> None:
    """No agent and no voice: captions, and a file when the bot is sent away."""
    settings = Settings(chat=ChatSettings(mirror="channel", captions=True, transcript="text"))
    async with open_bridge(tmp_path, answer="Never.", settings=settings, floor=FloorSettings(mode="nobody")) as bridge:
        call = bridge.simulated_call
        discord, ada = call.discord, call.ada
        await ada.speak(opus_of(speech))
        await discord.wait_until(
            lambda: any(m.content == f"**{ada.name}:** hello, can you hear me" for m in discord.messages),
            timeout_s=PATIENCE_S,
        )
        await discord.interaction(ada, "leave")
        await discord.wait_until(lambda: any(message.files for message in discord.messages), timeout_s=PATIENCE_S)
        assert bridge.agent.questions == []
        assert all("orry" in spoken.fields.text for spoken in bridge.tts.spoken), "apologies are made ready, not said"
        assert not [packet for packet in discord.packets if packet.sender == BOT_ID and not packet.is_silence]


async def test_limits_hold_over_a_restart_of_the_process(tmp_path: Path, speech: Pcm) -> None:
    """The one call of the day was made by a daemon that is gone: the next one says so."""
    settings = Settings(limits=LimitSettings(agent_calls_per_day=1))
    outcomes: list[str] = []
    for run in ("one", "two"):
        directory = tmp_path / run
        directory.mkdir()
        if outcomes:
            shutil.copy(tmp_path / "one" / "voxbridge.db", directory)
        async with open_bridge(directory, answer="Here I am.", settings=settings) as bridge:
            scene = await bridge.simulated_call.perform(speech)
            outcomes.append(scene.report["outcome"])
            said = [spoken.fields.text for spoken in bridge.tts.spoken]
            await bridge.simulated_call.daemon.stop()
    assert outcomes == ["answered", "limited"]
    assert any("I go on tomorrow" in text for text in said)


async def test_the_channels_status_says_that_it_listens(tmp_path: Path) -> None:
    """While somebody is heard; it goes with who says no, and before the bot leaves. Without the permission: the log."""
    settings = Settings(presence=PresenceSettings(sign=True))
    async with open_bridge(tmp_path, answer="Here I am.", settings=settings) as bridge:
        call = bridge.simulated_call
        discord, ada = call.discord, call.ada
        channel = discord.world.guilds[discord.guild_id].channels[VOICE_CHANNEL_ID]
        await call.daemon.wait_for(
            lambda: any("Set Voice Channel Status" in line for line in call.daemon.log),
            "a warning",
            timeout_s=PATIENCE_S,
        )
        assert channel.status == ""
        discord.world.guilds[discord.guild_id].everyone_permissions |= VOICE_STATUS_PERMISSION
        await discord.wait_until(lambda: discord.is_dave_settled(), timeout_s=PATIENCE_S)
        bob = discord.add_member("Bob")
        await bob.join(VOICE_CHANNEL_ID)
        await discord.wait_until(lambda: channel.status == "🔴 I am listening here", timeout_s=PATIENCE_S)
        await discord.interaction(ada, "leave")
        assert channel.status == ""
