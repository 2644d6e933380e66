"""The conversation in writing: a room of real parts, its chat in memory. Virtual time."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
import trio.testing

from tests.support.hall import Hall, open_hall
from tests.support.voices import MemoryPort
from voxbridge.config.chat import ChatSettings
from voxbridge.config.settings import Settings
from voxbridge.config.turns import FloorSettings
from voxbridge.core.call.events import HearingChanged
from voxbridge.core.ids import ChannelId, UserId
from voxbridge.errors import DiscordError
from voxbridge.people.chat import Call, Chats
from voxbridge.session.notices import FinalTranscript, TurnTaken
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import Speaker
from voxbridge.testing.servers.chatterbox import Fault

pytestmark = pytest.mark.integration

TEXT_CHANNEL, THREAD = ChannelId(30), ChannelId(31)


@attrs.define
class MemoryChat:
    """A chat that keeps what it is given, and how it came to be so."""

    messages: dict[int, str] = attrs.field(factory=dict)
    places: set[ChannelId] = attrs.field(factory=set)
    deeds: list[tuple[float, str]] = attrs.field(factory=list)
    versions: list[str] = attrs.field(factory=list)
    files: dict[str, str] = attrs.field(factory=dict)
    takes_s: float = 0.1
    refuses: bool = False
    _ids: itertools.count[int] = attrs.field(factory=lambda: itertools.count(1))

    async def _do(self, what: str, place: ChannelId) -> None:
        self.deeds.append((trio.current_time(), what))
        await trio.sleep(self.takes_s)
        if self.refuses:
            raise DiscordError("Discord answers with HTTP 403 (code 50013)")
        self.places.add(place)

    async def write(self, channel_id: ChannelId, text: str) -> int:
        await self._do("write", channel_id)
        message_id = next(self._ids)
        self.messages[message_id] = text
        self.versions.append(text)
        return message_id

    async def edit(self, channel_id: ChannelId, message_id: int, text: str) -> None:
        await self._do("edit", channel_id)
        self.messages[message_id] = text
        self.versions.append(text)

    async def remove(self, channel_id: ChannelId, message_id: int) -> None:
        await self._do("remove", channel_id)
        del self.messages[message_id]

    async def open_thread(self, channel_id: ChannelId, name: str) -> ChannelId:
        await self._do(f"thread {name}", channel_id)
        return THREAD

    async def attach(self, channel_id: ChannelId, text: str, file_name: str, content: str) -> None:
        assert text == "Here."
        await self._do("attach", channel_id)
        self.files[file_name] = content

    @property
    def text(self) -> str:
        return "\n".join(self.messages.values())


@asynccontextmanager
async def written_hall(
    settings: ChatSettings, *, floor: str = "everyone", unheard: frozenset[int] = frozenset(), answer: str = "One. Two."
) -> AsyncIterator[tuple[Hall, MemoryChat, Chats]]:
    """A room whose conversation is written down."""
    chat, chats = MemoryChat(), Chats(lambda: settings, lambda _guild, user: user not in unheard)

    def change(tools):
        def on_report(report: TurnReport) -> None:
            tools.on_report(report)
            chats.on_report(report)

        return attrs.evolve(tools, on_notice=chats.on_notice, on_report=on_report, is_mirrored=chats.is_on)

    whole = Settings(chat=settings)
    async with open_hall(settings=whole, change=change, floor=FloorSettings(mode=floor), answer=answer) as hall:
        port = hall.port
        call = Call(port.guild_id, port.channel_id, lambda: "Otto")
        hall.nursery.start_soon(lambda: chats.run(call, chat, file_note="Here.", wall_day="2026-11-30"))
        await trio.testing.wait_all_tasks_blocked()
        yield hall, chat, chats


MIRROR = ChatSettings(mirror="channel")


async def test_question_and_answer_stand_in_the_chat(autojump_clock):
    """In one message; and the sound leaves when it does without a chat, whatever Discord takes for it."""
    times = []
    for settings in (ChatSettings(), MIRROR):
        async with written_hall(settings) as (hall, chat, _):
            chat.takes_s = 5.0
            ada = hall.port.join(1, "Ada")
            await hall.say(ada)
            report = await hall.wait_report()
            times.append(report.marks["first_audio"])
            await trio.sleep(30)
            written = chat.text
    assert times[0] == pytest.approx(times[1], abs=1e-9)
    assert written == "**Ada:** hello, can you hear me\n**Otto:** One. Two."


async def test_off_writes_nothing(autojump_clock):
    """As it is by default."""
    async with written_hall(ChatSettings()) as (hall, chat, chats):
        await hall.say(hall.port.join(1, "Ada"))
        await hall.wait_report()
        await chats.finish()
        assert chat.deeds == []


async def test_a_long_answer_is_edited_in_place_and_rarely(autojump_clock):
    """An answer of twenty sentences that streams for a while: one message, no two deeds within 1.2 s."""
    answer = " ".join(f"This is sentence number {number} of the answer." for number in range(20))
    async with written_hall(MIRROR, answer=answer) as (hall, chat, _):
        await hall.say(hall.port.join(1, "Ada"))
        await hall.wait_report()
        await trio.sleep(10)
        assert list(chat.messages) == [1]
        assert chat.text.endswith("number 19 of the answer.")
        starts = [at for at, _ in chat.deeds]
        assert all(later - earlier >= 1.2 - 1e-9 for earlier, later in itertools.pairwise(starts))


async def test_what_was_cut_off_is_not_in_the_chat(autojump_clock):
    """Who speaks over the answer finds there what was heard of it."""
    answer = " ".join(f"This is sentence number {number} of the answer." for number in range(20))
    async with written_hall(MIRROR, answer=answer) as (hall, chat, _):
        ada = hall.port.join(1, "Ada")
        await hall.say(ada)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 150, 60.0, recheck_s=1.0)
        hall.room.stop()
        report = await hall.wait_report()
        await trio.sleep(10)
        assert report.outcome == "interrupted"
        assert report.spoken
        assert chat.text == f"**Ada:** hello, can you hear me\n**Otto:** {report.spoken} —"


async def test_what_others_say_to_each_other_is_not_written(autojump_clock):
    """Only what is for the bot, unless captions are wanted."""
    for captions, written in ((False, ""), (True, "**Ada:** hello, can you hear me")):
        async with written_hall(ChatSettings(mirror="channel", captions=captions), floor="addressed") as (
            hall,
            chat,
            _,
        ):
            ada = hall.port.join(1, "Ada")
            hall.port.join(2, "Bob")
            await trio.sleep(2)
            await hall.say(ada)
            assert (await hall.wait_report()).outcome == "not-addressed"
            await trio.sleep(10)
            assert chat.text == written


async def test_captions_without_an_agent_and_a_file_at_the_end(autojump_clock):
    """floor.mode = nobody: nobody is answered, no agent and no voice is asked, and the call ends in a WebVTT file."""
    settings = ChatSettings(mirror="channel", captions=True, transcript="webvtt")
    async with written_hall(settings, floor="nobody") as (hall, chat, chats):
        ada, bob = hall.port.join(1, "Ada"), hall.port.join(2, "Bob <i>")
        await trio.sleep(2)
        await hall.say(ada, frames=150)
        await hall.say(bob)
        await hall.wait_report(1)
        await trio.sleep(10)
        assert chat.text.splitlines() == [
            "**Ada:** hello, can you hear me",
            "**Bob <\u200bi>:** hello, can you hear me",
        ]
        assert any(version.endswith(" …") for version in chat.versions), "it was shown while it was being said"
        assert hall.agent.questions == []
        assert hall.port.voice == []
        await chats.finish()
        head, first, second = chat.files["transcript.vtt"].split("\n\n")
        assert head == "WEBVTT"
        assert first.startswith("00:00:02.")
        assert first.endswith("<v Ada>hello, can you hear me")
        assert second.strip().endswith("<v Bob &lt;i&gt;>hello, can you hear me")


async def test_who_is_not_heard_does_not_appear(autojump_clock):
    """Not in the chat and not in the file, even if a part of us said something of theirs."""
    settings = ChatSettings(mirror="channel", captions=True, transcript="text")
    async with written_hall(settings, unheard=frozenset({2})) as (hall, chat, chats):
        eve = Speaker(UserId(2), "Eve", hall.port.guild_id, hall.port.channel_id)
        chats.on_notice(FinalTranscript(eve, "t", "a secret"))
        await trio.sleep(10)
        await chats.finish()
        assert chat.deeds == []


async def test_what_is_being_said_goes_with_who_says_no(autojump_clock):
    """An opt-out in mid-sentence takes the open caption away, and the member's lines of the file on demand."""
    settings = ChatSettings(mirror="channel", captions=True, transcript="text")
    async with written_hall(settings) as (hall, chat, chats):
        ada = hall.port.join(1, "Ada")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hall.say, ada, 400)
            await hall.port.wait_for(lambda: chat.text != "", 30.0, recheck_s=0.1)
            hall.port.emit(HearingChanged(ada, False))
            chats.hearing_changed(hall.port.guild_id, ada, False)
        await trio.sleep(10)
        assert chat.text == ""
        hall.port.emit(HearingChanged(ada, True))
        await hall.say(ada)
        await trio.sleep(10)
        assert await chats.count(hall.port.guild_id, ada) == 1
        assert await chats.erase(hall.port.guild_id, ada) == 1
        await chats.finish()
        assert "Ada" not in "".join(chat.files.values())


async def test_a_thread_for_each_call(autojump_clock):
    """In the text channel that is named for the voice channel."""
    settings = ChatSettings(mirror="thread", channels={str(MemoryPort().channel_id): str(TEXT_CHANNEL)})
    async with written_hall(settings) as (hall, chat, _):
        await hall.say(hall.port.join(1, "Ada"))
        await hall.wait_report()
        await trio.sleep(10)
        assert chat.deeds[0][1] == "thread Otto 2026-11-30"
        assert chat.places == {TEXT_CHANNEL, THREAD}


async def test_a_chat_that_refuses_is_left_alone(autojump_clock):
    """No permission: told once, asked again after 30 s at the soonest, and the conversation goes on."""
    async with written_hall(MIRROR) as (hall, chat, _):
        chat.refuses = True
        ada = hall.port.join(1, "Ada")
        for number in range(3):
            await hall.say(ada)
            assert (await hall.wait_report(number)).outcome == "answered"
        starts = [at for at, _ in chat.deeds]
        assert all(later - earlier >= 30 for earlier, later in itertools.pairwise(starts))


async def test_what_cannot_be_spoken_stands_there_once(autojump_clock):
    """The voice is down: the answer is in the mirror, and not written a second time."""
    async with written_hall(MIRROR) as (hall, chat, _):
        hall.tts.lasting_fault = Fault("status", status=503)
        await hall.say(hall.port.join(1, "Ada"))
        assert (await hall.wait_report()).outcome == "failed"
        await trio.sleep(10)
        everything = chat.text + " ".join(text for _, text in hall.port.posted)
        assert everything.count("One. Two.") == 1


async def test_chat_can_be_turned_on_and_off_while_it_runs(autojump_clock):
    """Each option is asked for with each line; where it is written is decided with the first message of a call."""
    current = ChatSettings()
    chat, chats = MemoryChat(), Chats(lambda: current, lambda _guild, _user: True)
    port = MemoryPort()
    ada = Speaker(UserId(1), "Ada", port.guild_id, port.channel_id)
    call = Call(port.guild_id, port.channel_id, lambda: "Otto")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: chats.run(call, chat, file_note="Here.", wall_day="2026-11-30"))
        await trio.testing.wait_all_tasks_blocked()
        chats.on_notice(FinalTranscript(ada, "t1", "one"))
        current = ChatSettings(mirror="channel", captions=True, channels={str(port.guild_id): str(TEXT_CHANNEL)})
        chats.on_notice(FinalTranscript(ada, "t2", "two"))
        await trio.sleep(5)
        current = attrs.evolve(current, captions=False, transcript="text")
        chats.on_notice(FinalTranscript(ada, "t3", "three"))
        chats.on_notice(TurnTaken(ada, "t4", "four"))
        await trio.sleep(5)
        await chats.finish()
    assert chat.text == "**Ada:** two\n**Ada:** four"
    assert chat.places == {TEXT_CHANNEL}
    assert list(chat.files) == ["transcript.txt"]
