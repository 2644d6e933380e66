"""Text channels of the simulated Discord, as the written conversation uses them."""

from __future__ import annotations

import pytest

from tests.support.discord_bench import open_bench
from voxbridge.core.ids import ChannelId
from voxbridge.errors import DiscordError
from voxbridge.rehearsal.discord import SimulatedDiscord
from voxbridge.rehearsal.discord.world import TEXT_CHANNEL_ID

pytestmark = pytest.mark.integration

NOBODY: dict[str, list[str]] = {"parse": []}


async def test_a_message_is_written_edited_and_taken_away():
    """In the voice channel's own chat; no version of it may call anybody."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        chat, discord = bench.bridge.chat, bench.discord
        message_id = await chat.write(discord.voice_channel_id, "**Ada:** hello @everyone")
        (message,) = discord.messages
        assert (message.id, message.content) == (message_id, "**Ada:** hello @everyone")
        assert message.mentions == NOBODY
        await chat.edit(discord.voice_channel_id, message_id, "**Ada:** hello there")
        assert (message.content, message.edits, message.mentions) == ("**Ada:** hello there", 1, NOBODY)
        await chat.remove(discord.voice_channel_id, message_id)
        assert message.is_deleted


async def test_a_thread_is_opened_in_a_text_channel_only():
    """The chat of a voice channel has none: that is told, with what to do."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        thread = await bench.bridge.chat.open_thread(TEXT_CHANNEL_ID, "VoxBridge 2026-11-30")
        await bench.bridge.chat.write(thread, "hello")
        assert bench.discord.messages[0].channel_id == thread
        with pytest.raises(DiscordError, match=r"chat\.channels"):
            await bench.bridge.chat.open_thread(bench.discord.voice_channel_id, "x")


async def test_a_file_is_attached():
    """A file arrives whole, with its name, as UTF-8."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        await bench.bridge.chat.attach(TEXT_CHANNEL_ID, "here", "transcript.vtt", "WEBVTT\n\nÄpfel\n")
        (message,) = bench.discord.messages
        assert message.files == {"transcript.vtt": "WEBVTT\n\nÄpfel\n".encode()}


async def test_retry_after_is_honoured():
    """A 429: the message is written once, and not before Discord wants it."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        bench.discord.fail_rest(429, method="POST", path="/channels/*/messages", retry_after_s=0.5)
        await bench.bridge.chat.write(TEXT_CHANNEL_ID, "hello")
        tries = [e.at for e in bench.discord.events if e.name == f"POST /channels/{TEXT_CHANNEL_ID}/messages"]
        assert len(tries) == 2
        assert tries[1] - tries[0] >= 0.5
        assert [message.content for message in bench.discord.messages] == ["hello"]


async def test_a_refusal_is_an_error_of_ours():
    """No permission, a channel that is gone: told with Discord's code, without what was to be written."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        with pytest.raises(DiscordError, match="HTTP 404"):
            await bench.bridge.chat.write(ChannelId(1), "a secret")
        bench.discord.fail_rest(403, method="POST", path="/channels/*/messages")
        with pytest.raises(DiscordError, match="HTTP 403") as refused:
            await bench.bridge.chat.write(TEXT_CHANNEL_ID, "a secret")
        assert "secret" not in str(refused.value)
    with pytest.raises(DiscordError, match="not logged in"):
        await bench.bridge.chat.write(TEXT_CHANNEL_ID, "hello")
