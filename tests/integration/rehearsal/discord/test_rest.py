"""What other bots ask of Discord over REST and the gateway, asked by unmodified discord.py."""

from __future__ import annotations

import io

import discord
import pytest

from tests.support.discord_py import aio, logged_in, started
from voxbridge.rehearsal.discord import Knobs

pytestmark = pytest.mark.integration


async def test_messages_keep_embeds_replies_reactions_and_files(nursery):
    """What is written comes back whole: an embed, a reply, a reaction, a file whose content can be fetched."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        channel = client.get_channel(simulated.text_channel_id)
        file = discord.File(io.BytesIO(b"do re mi"), "song.txt")
        sent = await aio(channel.send)("Listen:", embed=discord.Embed(title="A song", colour=0x123456), file=file)
        answer = await aio(sent.reply)("Bravo!")
        await aio(sent.add_reaction)("\N{BELL}")
        again = await aio(channel.fetch_message)(sent.id)
        assert [embed.title for embed in again.embeds] == ["A song"]
        assert [(str(reaction.emoji), reaction.count) for reaction in again.reactions] == [("\N{BELL}", 1)]
        assert await aio(again.attachments[0].read)() == b"do re mi"
        assert (answer.type, answer.reference.message_id) == (discord.MessageType.reply, sent.id)
        await aio(sent.remove_reaction)("\N{BELL}", client.user)
        assert (await aio(channel.fetch_message)(sent.id)).reactions == []


async def test_webhook_writes_under_a_name_of_its_own(nursery):
    """A webhook can be made, listed, written through and deleted."""
    simulated = await started(nursery)
    async with logged_in(simulated) as client:
        channel = client.get_channel(simulated.text_channel_id)
        hook = await aio(channel.create_webhook)(name="crier")
        message = await aio(hook.send)("Hear, hear!", wait=True)
        assert (message.author.name, message.webhook_id) == ("crier", hook.id)
        assert [known.id for known in await aio(channel.webhooks)()] == [hook.id]
        await aio(hook.delete)()
        assert await aio(channel.webhooks)() == []
        assert simulated.messages[-1].content == "Hear, hear!"


async def test_members_are_found_by_name_and_by_id(nursery):
    """REST's search and the gateway's op 8 with user_ids, query and limit return whom was asked for, and no other."""
    simulated = await started(nursery)
    ada, adam = simulated.add_member("Ada"), simulated.add_member("Adam")
    simulated.add_member("Ben")
    async with logged_in(simulated) as client:
        guild = client.get_guild(simulated.guild_id)
        found = await aio(guild.query_members)("ad", limit=5)
        assert {member.id for member in found} == {ada.id, adam.id}
        assert [member.id for member in await aio(guild.query_members)("ad", limit=1)] == [ada.id]
        assert [member.id for member in await aio(guild.query_members)(user_ids=[adam.id])] == [adam.id]
        assert (await aio(guild.fetch_member)(ada.id)).name == "Ada"
        assert "@everyone" in {role.name for role in await aio(guild.fetch_roles)()}


async def test_bot_moderates_whom_it_may(nursery):
    """Mute, move and disconnect over REST do to a member what a moderator's hand does."""
    simulated = await started(nursery)
    ada = simulated.add_member("Ada")
    await ada.join(simulated.voice_channel_id)
    async with logged_in(simulated) as client:
        member = await aio(client.get_guild(simulated.guild_id).fetch_member)(ada.id)
        await aio(member.edit)(mute=True)
        assert simulated.voice_state(ada.id).mute
        await aio(member.move_to)(None)
        await simulated.wait_until(lambda: simulated.channel_of(ada.id) is None, timeout_s=10)
        assert not ada.is_in_call


async def test_member_writes_and_bot_reads_what_it_may(nursery):
    """Without the intent for message content a bot reads only what mentions it; with it, everything."""
    for allowed, expected in ((False, ["", f"<@{100_000_000_000_000_001}> hello"]), (True, ["secret", None])):
        simulated = await started(nursery, knobs=Knobs(privileged_intents_allowed=allowed))
        ada = simulated.add_member("Ada")
        read: list[str] = []
        intents = discord.Intents(guilds=True, guild_messages=True, message_content=allowed)

        def listen(client, read=read):
            @client.event
            async def on_message(message):
                read.append(message.content)

        async with logged_in(simulated, intents=intents, setup=listen):
            ada.write("secret")
            ada.write(f"<@{simulated.bot_id}> hello")
            await simulated.wait_until(lambda read=read: len(read) == 2, timeout_s=10)
        assert read[0] == expected[0]
        assert read[1] == f"<@{simulated.bot_id}> hello"


async def test_member_mutes_and_deafens_himself(nursery):
    """A client's own buttons are seen by all, and who is deaf is sent no sound."""
    simulated = await started(nursery)
    ada, ben = simulated.add_member("Ada"), simulated.add_member("Ben")
    await ada.join(simulated.voice_channel_id)
    await ben.join(simulated.voice_channel_id)
    await ada.wait_dave_ready()
    ben.set_self(deaf=True)
    await ada.speak([b"\x78" + bytes(40)] * 5)
    assert not ben.heard
    ben.set_self()
    await ada.speak([b"\x78" + bytes(40)] * 5)
    assert len(ben.heard) >= 5
    assert not simulated.voice_state(ben.id).self_deaf


async def test_heartbeats_are_answered_after_a_round_trip(nursery):
    """discord.py believes in the latency of a short round trip, not in that of the heartbeat before."""
    simulated = await started(nursery, knobs=Knobs(gateway_heartbeat_ms=1500, heartbeat_patience=20))
    async with logged_in(simulated) as client:
        await simulated.wait_until(lambda: simulated.record.counts["gateway_heartbeats"] >= 2, timeout_s=20)
        assert client.latency < 1.2, f"{client.latency} s"
