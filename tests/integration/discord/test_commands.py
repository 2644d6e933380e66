"""The slash commands, as a member types them in the simulated Discord."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.support.discord_bench import open_bench, settings_for
from voxbridge.core.messages.catalogue import OURS, Messages, line
from voxbridge.discord import DiscordBridge
from voxbridge.rehearsal.discord import STAGE, Knobs, SimulatedDiscord

pytestmark = pytest.mark.integration


async def asker_on(bench, *, channel=None, permissions=None):
    """A member of the guild, in a voice channel or not, once the commands are registered."""
    await bench.until(lambda: bool(bench.discord.commands()))
    member = bench.discord.add_member("Ada", permissions=permissions)
    if channel is not None:
        await member.join(channel)
    return member


async def test_commands_are_registered_once(tmp_path: Path):
    """Discord takes the list as it is; a bot that starts again finds it there and does not send it anew."""
    discord = SimulatedDiscord()
    async with open_bench(discord, join=()) as bench:
        await asker_on(bench)
        assert {"join", "leave", "status", "stop", "say", "help", "privacy"} <= {
            command["name"] for command in discord.commands()
        }
        await bench.bridge.close()
        async with trio.open_nursery() as nursery:
            again = DiscordBridge(settings_for(discord, tmp_path / "ca.pem", join=()), bench.handler)
            nursery.start_soon(again.run)
            await bench.until(lambda: requests(discord, "GET") == 2)
            ada = discord.add_member("Ada")
            assert (await discord.interaction(ada, "leave")).content == "I am not in a voice channel."
            await again.close()
        assert requests(discord, "PUT") == 1


def requests(discord, method):
    """How often the list of commands was asked for, or sent."""
    wanted = f"{method} /applications/{discord.bot_id}/commands"
    return sum(event.name == wanted for event in discord.events)


async def test_join_comes_to_the_asker_and_leave_goes():
    """/join without a channel goes to the asker's; /leave leaves it; both answer only to the asker, in time."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        ada = await asker_on(bench, channel=bench.discord.other_voice_channel_id)
        answer = await bench.discord.interaction(ada, "join")
        assert answer.content == f"I am in <#{bench.discord.other_voice_channel_id}>. Just speak."
        assert answer.is_ephemeral
        assert answer.acknowledged_after_s is not None
        assert answer.acknowledged_after_s < 3.0
        assert bench.port.channel_id == bench.discord.other_voice_channel_id
        again = await bench.discord.interaction(ada, "join")
        assert "already" in (again.content or "")
        gone = await bench.discord.interaction(ada, "leave")
        assert gone.content == "I have left."
        await bench.until(lambda: bench.has_ended)
        assert bench.discord.channel_of(bench.discord.bot_id) is None
        assert (await bench.discord.interaction(ada, "leave")).content == "I am not in a voice channel."


async def test_join_goes_where_it_is_sent():
    """/join channel: is followed also from another channel."""
    async with open_bench(SimulatedDiscord()) as bench:
        ada = await asker_on(bench)
        there = bench.discord.other_voice_channel_id
        answer = await bench.discord.interaction(ada, "join", {"channel": there})
        assert str(there) in (answer.content or "")
        await bench.until(lambda: len(bench.ports) == 2 and bench.port.channel_id == there)


async def test_commands_know_where_the_asker_is_before_the_gateway_tells():
    """Who comes in and types at once is found there, though the main gateway's word of it comes a second later."""
    discord = SimulatedDiscord()
    async with open_bench(discord) as bench:
        ada = await asker_on(bench, channel=discord.voice_channel_id)
        await bench.until_open()
        discord.knobs.gateway_late_s = 1.0
        there = discord.other_voice_channel_id
        await ada.join(there)
        assert str(discord.voice_channel_id) in ((await discord.interaction(ada, "say", {"text": "Hi"})).content or "")
        answer = await discord.interaction(ada, "join")
        assert answer.content == f"I am in <#{there}>. Just speak."
        assert bench.port.channel_id == there
        assert bench.handler.asked == []
        await ada.leave()
        assert "not in a voice channel" in ((await discord.interaction(ada, "join")).content or "")


async def test_commands_go_by_what_discord_told_where_it_does_not_answer():
    """An error of the REST interface: the asker is where the main gateway had them last."""
    discord = SimulatedDiscord(knobs=Knobs(gateway_late_s=0.0))
    async with open_bench(discord, join=()) as bench:
        ada = await asker_on(bench, channel=discord.voice_channel_id)
        discord.fail_rest(403, path="/guilds/*/voice-states/*")
        answer = await discord.interaction(ada, "join")
        assert answer.content == f"I am in <#{discord.voice_channel_id}>. Just speak."


async def test_join_says_what_is_in_the_way():
    """Not in a channel, on a stage, without the permission: each refusal names its reason."""
    discord = SimulatedDiscord()
    stage = discord.world.add_channel(discord.guild_id, "Stage", STAGE)
    async with open_bench(discord, join=()) as bench:
        ada = await asker_on(bench)
        assert "not in a voice channel" in ((await discord.interaction(ada, "join")).content or "")
        await ada.join(stage.id)
        assert "stage" in ((await discord.interaction(ada, "join")).content or "")
        assert bench.ports == []


async def test_join_names_the_missing_permission():
    """The bot may see the channel, not speak in it."""
    discord = SimulatedDiscord()
    discord.world.guilds[discord.guild_id].everyone_permissions &= ~(1 << 21)
    async with open_bench(discord, join=()) as bench:
        ada = await asker_on(bench, channel=discord.voice_channel_id)
        answer = await discord.interaction(ada, "join")
        assert "permission Speak" in (answer.content or "")


async def test_join_says_when_the_channel_is_full():
    """Discord does not answer at all when there is no free slot: the command says so, and nothing is left behind."""
    discord = SimulatedDiscord()
    async with open_bench(discord, join=()) as bench:
        ada = await asker_on(bench)
        discord.limit_channel(discord.voice_channel_id, 1)
        bob = discord.add_member("Bob")
        await bob.join(discord.voice_channel_id)
        answer = await discord.interaction(ada, "join", {"channel": discord.voice_channel_id})
        assert "the channel is full" in (answer.content or "")
        discord.limit_channel(discord.voice_channel_id, 0)
        discord.knobs.dispatch_voice_updates = False
        answer = await discord.interaction(ada, "join", {"channel": discord.voice_channel_id})
        assert "did not answer" in (answer.content or ""), "that it is full is said only where it is"
        assert bench.bridge.seat(discord.guild_id) is None


async def test_status_stop_and_say_reach_the_daemon():
    """What was typed arrives as it was typed, and the answer says what became of it."""
    async with open_bench(SimulatedDiscord()) as bench:
        ada, guild = await asker_on(bench, channel=bench.discord.voice_channel_id), str(bench.discord.guild_id)
        assert (await bench.discord.interaction(ada, "status")).content == "All servers are well."
        assert (await bench.discord.interaction(ada, "stop")).content == "Stopped."
        bench.handler.is_speaking = False
        assert (await bench.discord.interaction(ada, "stop")).content == "I was not saying anything."
        assert (await bench.discord.interaction(ada, "say", {"text": "Good evening"})).content == "Said."
        assert bench.handler.asked == [
            ("status", guild),
            ("stop", guild),
            ("stop", guild),
            ("say", guild, "Good evening"),
        ]


async def test_a_failing_command_is_answered(capsys):
    """A fault in the daemon's part: the asker is told, nothing of its text is, and the bridge lives on."""
    async with open_bench(SimulatedDiscord()) as bench:
        ada = await asker_on(bench)
        bench.handler.failure = RuntimeError("the text of a secret")
        answer = await bench.discord.interaction(ada, "stop")
        assert "went wrong" in (answer.content or "")
        assert (await bench.discord.interaction(ada, "status")).content == "All servers are well."
    shown = capsys.readouterr()
    assert "the text of a secret" not in shown.out + shown.err


async def test_commands_speak_the_language_of_whoever_types_them():
    """Answers and refusals are German in a German client; the descriptions are registered in every language."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        ada = await asker_on(bench)
        bench.discord.world.users[ada.id].locale = "de"
        assert (await bench.discord.interaction(ada, "leave")).content == "Ich bin in keinem Sprachkanal."
        say = next(command for command in bench.discord.commands() if command["name"] == "say")
        assert say["description"] == "Say something aloud in the voice channel"
        assert set(say["description_localizations"]) == {"de", "fr", "es-ES", "es-419", "ja"}
        assert say["description_localizations"]["de"] == "Etwas im Sprachkanal laut sagen"
        assert say["options"][0]["description_localizations"]["fr"] == "Ce qu'il faut dire"


async def test_other_words_and_another_language_hold_for_the_next_answer():
    """A reload of [discord] texts and language needs no new login."""
    held = [Messages()]
    async with open_bench(SimulatedDiscord(), join=(), messages_now=lambda: held[-1]) as bench:
        ada = await asker_on(bench)
        before = await bench.discord.interaction(ada, "leave")
        held.append(Messages("de", {"not_here": "Nothing at all."}))
        after = await bench.discord.interaction(ada, "leave")
        held.append(Messages("de"))
        last = await bench.discord.interaction(ada, "leave")
    contents = [before.content, after.content, last.content]
    expected = [OURS.text(line("not_here")), "Nothing at all.", OURS.text(line("not_here"), "de")]
    assert contents == expected


async def test_what_keeps_us_out_is_told_in_that_language_too():
    """The permission bears the name that Discord shows it under."""
    discord = SimulatedDiscord()
    discord.world.guilds[discord.guild_id].everyone_permissions &= ~(1 << 21)
    async with open_bench(discord, join=()) as bench:
        ada = await asker_on(bench, channel=discord.voice_channel_id)
        discord.world.users[ada.id].locale = "ja"
        answer = await discord.interaction(ada, "join")
        assert (answer.content or "").endswith("このチャンネルで「発言」の権限が必要です。")


async def test_a_notice_of_moderation_is_in_the_servers_language():
    """Muted by a moderator of a French server: told in French."""
    discord = SimulatedDiscord()
    discord.world.guilds[discord.guild_id].locale = "fr"
    async with open_bench(discord) as bench:
        discord.mute(discord.bot_id)
        await bench.until(lambda: bool(discord.messages))
        assert discord.messages[0].content == "Mon micro est coupé sur ce serveur, je réponds donc par écrit."


@pytest.mark.parametrize("wish", ["hear-me", "ignore-me", "show", "delete"])
async def test_privacy_works_without_the_bot_in_a_channel(wish):
    """What a member decides reaches the daemon with guild and member; only the member sees the answer."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        ada = await asker_on(bench)
        answer = await bench.discord.interaction(ada, f"privacy {wish}")
        assert answer.content == "I have left.", "what the daemon says"
        assert answer.is_ephemeral
        assert bench.handler.asked == [("privacy", str(bench.discord.guild_id), str(ada.id), wish)]


async def test_help_links_to_the_commands():
    """Each command in it is one click away, in the language of whoever reads; the bot bears its name in it."""
    async with open_bench(SimulatedDiscord(), join=()) as bench:
        ada = await asker_on(bench)
        bench.discord.world.users[ada.id].locale = "fr"
        for _ in range(20):  # Discord knows the list a little sooner than the bot its ids
            answer = await bench.discord.interaction(ada, "help")
            if "</join" in (answer.content or ""):
                break
        ids = {command["name"]: command["id"] for command in bench.discord.commands()}
        text = answer.content or ""
        assert answer.is_ephemeral
        assert "voxbridge parle avec vous" in text
        assert f"</join:{ids['join']}>" in text
        assert f"</privacy ignore-me:{ids['privacy']}>" in text
        assert "`/" not in text


async def test_say_tells_why_nothing_may_be_said():
    """In quiet hours the command works, and says so."""
    async with open_bench(SimulatedDiscord()) as bench:
        ada = await asker_on(bench, channel=bench.discord.voice_channel_id)
        bench.handler.is_silent = line("limit_quiet", time="07:00")
        answer = await bench.discord.interaction(ada, "say", {"text": "Good evening"})
        assert "quiet time here until 07:00" in (answer.content or "")
        assert bench.handler.asked == []


async def test_a_typed_question_is_answered_in_writing_too():
    """The question arrives with the asker's name; the answer stands in the asker's client and calls nobody."""
    async with open_bench(SimulatedDiscord()) as bench:
        ada = await asker_on(bench, channel=bench.discord.voice_channel_id)
        bench.handler.answer = "It is sunny, @everyone."
        answer = await bench.discord.interaction(ada, "ask", {"question": "How is the weather?"})
        assert answer.is_ephemeral
        assert answer.content == "It is sunny, @\u200beveryone."
        assert bench.handler.asked == [("ask", str(bench.discord.guild_id), "Ada", "How is the weather?")]
        bench.handler.answer = None
        answer = await bench.discord.interaction(ada, "ask", {"question": "How is the weather?"})
        assert "went wrong" in (answer.content or "")
        assert (await bench.discord.interaction(ada, "repeat")).content == "Said again."


async def test_a_long_answer_comes_in_pieces():
    """None of them is longer than Discord takes, and all are the asker's only."""
    async with open_bench(SimulatedDiscord()) as bench:
        ada = await asker_on(bench, channel=bench.discord.voice_channel_id)
        bench.handler.answer = "word " * 1000
        answer = await bench.discord.interaction(ada, "ask", {"question": "?"})
        await bench.until(lambda: len(answer.followups) == 2)
        pieces = [answer.content or "", *(message.content for message in answer.followups)]
        assert " ".join(pieces) == bench.handler.answer.strip()
        assert answer.followups_ephemeral == [True, True]


@pytest.mark.parametrize(("command", "options"), [("ask", {"question": "?"}), ("say", {"text": "Hi"}), ("repeat", {})])
async def test_who_is_not_in_the_channel_needs_a_right_to_make_it_speak(command, options):
    """A moderator of voice (Move Members) may from anywhere; others are told who may."""
    move_members = 1 << 24
    async with open_bench(SimulatedDiscord()) as bench:
        outsider = await asker_on(bench, channel=bench.discord.other_voice_channel_id)
        answer = await bench.discord.interaction(outsider, command, options)
        assert f"people in <#{bench.discord.voice_channel_id}>" in (answer.content or "")
        assert bench.handler.asked == []
        moderator = await asker_on(bench, permissions=move_members)
        await bench.discord.interaction(moderator, command, options)
        assert [asked[0] for asked in bench.handler.asked] == [command]


async def test_an_admin_may_take_a_command_from_a_member():
    """Set in Discord (Integrations): then it is not even shown."""
    async with open_bench(SimulatedDiscord()) as bench:
        ada = await asker_on(bench, channel=bench.discord.voice_channel_id)
        bench.discord.permit(ada, "say", on=False)
        with pytest.raises(LookupError, match="not shown to Ada"):
            await bench.discord.interaction(ada, "say", {"text": "Hi"})
