"""Slash commands and Discord's own accidents, through the daemon's process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import open_bridge
from tests.support.speech import clips
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.discord.world import BOT_ID, OTHER_VOICE_CHANNEL_ID, VOICE_CHANNEL_ID

pytestmark = pytest.mark.e2e


@pytest.fixture
def speech() -> Pcm:
    """Two seconds of a person reading."""
    (chosen,) = [clip for clip in clips() if clip.name == "0930"]
    return Pcm(chosen.pcm, 16_000)


async def test_commands_and_accidents_then_a_turn(tmp_path: Path, speech: Pcm) -> None:
    """/status, /leave, /join, a move, and four ways to lose the voice connection: after each the bot is heard."""
    async with open_bridge(tmp_path, answer="Here I am.") as bridge:
        simulated_call = bridge.simulated_call
        discord, ada = simulated_call.discord, simulated_call.ada

        async def answered() -> None:
            await ada.wait_dave_ready()
            simulated_call.forget()
            scene = await simulated_call.perform(speech)
            assert scene.report["outcome"] == "answered", scene.report["error"]
            assert scene.is_encrypted
            assert scene.reply.duration_s > 0.3

        status = await discord.interaction(ada, "status")
        assert status.is_ephemeral
        assert status.content is not None
        assert "Listening to 1" in status.content

        left = await discord.interaction(ada, "leave")
        assert left.content
        await discord.wait_until(lambda: not discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), timeout_s=20)

        joined = await discord.interaction(ada, "join")
        assert joined.content
        await discord.wait_until(lambda: discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), timeout_s=20)
        await discord.wait_until(discord.is_dave_settled, timeout_s=20)
        await answered()

        for code in (4006, 4014, 4015):
            discord.close_voice(BOT_ID, code)
            await discord.wait_until(lambda: not discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), timeout_s=20)
            await discord.wait_until(lambda: discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), timeout_s=20)
            await discord.wait_until(discord.is_dave_settled, timeout_s=20)
            await answered()

        await ada.join(OTHER_VOICE_CHANNEL_ID)
        discord.move(BOT_ID, OTHER_VOICE_CHANNEL_ID)
        await discord.wait_until(lambda: discord.is_in_call(BOT_ID, OTHER_VOICE_CHANNEL_ID), timeout_s=20)
        await discord.wait_until(lambda: discord.is_dave_settled(OTHER_VOICE_CHANNEL_ID), timeout_s=20)
        await answered()


async def test_a_kicked_bot_stays_out_until_it_is_asked(tmp_path: Path, speech: Pcm) -> None:
    """Who throws the bot out means it; /join brings it back, and it hears and answers."""
    async with open_bridge(tmp_path, answer="Back again.") as bridge:
        discord, ada = bridge.simulated_call.discord, bridge.simulated_call.ada
        discord.kick(BOT_ID)
        await bridge.simulated_call.daemon.wait_for(
            lambda: any("kick" in line for line in bridge.simulated_call.daemon.log), "notice of the kick", timeout_s=20
        )
        assert not discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID)
        await discord.interaction(ada, "join")
        await discord.wait_until(lambda: discord.is_in_call(BOT_ID, VOICE_CHANNEL_ID), timeout_s=20)
        await discord.wait_until(discord.is_dave_settled, timeout_s=20)
        scene = await bridge.simulated_call.perform(speech)
        assert scene.report["outcome"] == "answered", scene.report["error"]
