"""Two profiles in one channel, in virtual time: who answers, with whose voice, agent, prompt and memory."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from tests.support.hall import Hall, open_hall
from tests.support.voices import CHANNEL, GUILD
from voxbridge.config.profiles import ChannelSettings, ProfileSettings
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.turns import FloorSettings
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import UserId
from voxbridge.people.chosen import Chosen
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.storage.archive import Archive, NoStore
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words

pytestmark = pytest.mark.integration

ADA, BOB = UserId(1), UserId(2)
ADDRESSED = FloorSettings(mode="addressed")


@attrs.define
class Pair:
    """A room in which Iris and Otto answer. ``texts`` is what the next utterances are heard as."""

    hall: Hall
    otto: N8nServer
    chosen: Chosen
    texts: deque[str]
    settings: Settings
    _changes: list[Settings]

    def reload(self, **changes: Any) -> None:
        """Change something of Iris, as a reload does."""
        iris = attrs.evolve(self.settings.profile["iris"], **changes)
        self._changes.append(attrs.evolve(self.settings, profile={**self.settings.profile, "iris": iris}))
        self.hall.room.review()

    async def ask(self, user: UserId, text: str) -> str:
        """Let somebody say something; return who answered it, if anybody did."""
        number = len(self.hall.reports)
        self.texts.append(text)
        await self.hall.say(user)
        report = await self.hall.wait_report(number)
        return report.profile if report.outcome == "answered" else report.outcome

    @property
    def voices(self) -> list[str]:
        """Return the voice of each sentence that was asked for."""
        return [spoken.fields.voice for spoken in self.hall.tts.spoken]


@asynccontextmanager
async def open_pair(floor: FloorSettings = ADDRESSED, **profile: ProfileSettings) -> AsyncIterator[Pair]:
    """Open the room. Iris has the file's agent, Otto one of his own; a keyword puts another profile in place of one."""
    net = MemNet().install()
    otto = N8nServer(lambda _question: agent(words("Otto says no."), first_s=0.2))
    async with otto.running():
        profiles = {
            "iris": ProfileSettings(voice="alice", prompt="You are Iris."),
            "otto": ProfileSettings(voice="bob", agent=N8nSettings(url=Secret(otto.webhook_url))),
            **profile,
        }
        settings = Settings(profile=profiles, channel=(ChannelSettings(str(CHANNEL), ("iris", "otto")),))
        changes: list[Settings] = []

        def now(settings: Settings) -> Settings:
            return attrs.evolve(settings, profile=changes[-1].profile) if changes else settings

        chosen = Chosen(Archive(NoStore(), pauses=Backoff()))
        async with open_hall(net=net, settings=settings, settings_now=now, floor=floor, chosen=chosen) as hall:
            pair = Pair(hall, otto, chosen, deque(), settings, changes)
            hall.stt.script.has_partials = False
            hall.stt.script.text = lambda _heard: pair.texts.popleft()
            yield pair


async def test_a_called_name_picks_who_answers(autojump_clock) -> None:
    """Iris and Otto answer to their names, each with its agent, prompt and voice; a follow-up stays with the last."""
    async with open_pair() as pair:
        pair.hall.port.join(ADA, "Ada")
        pair.hall.port.join(BOB, "Bob")
        await trio.sleep(5)
        who = [
            await pair.ask(ADA, "Iris, is it going to rain?"),
            await pair.ask(ADA, "Otto, do you agree?"),
            await pair.ask(ADA, "Why not?"),
            await pair.ask(BOB, "Nobody has asked you."),
            await pair.ask(BOB, "What do you say, Iris?"),
            await pair.ask(ADA, "Are you sure, Otto?"),
        ]
        iris, otto = pair.hall.agent.questions, pair.otto.questions
        voices = pair.voices
    assert who == ["iris", "otto", "otto", "not-addressed", "iris", "otto"]
    assert voices == ["alice", "alice", "bob", "bob", "alice", "alice", "bob"]
    assert [question.text for question in iris] == ["Iris, is it going to rain?", "What do you say, Iris?"]
    assert [question.text for question in otto] == ["Otto, do you agree?", "Why not?", "Are you sure, Otto?"]
    assert {question.body["metadata"]["prompt"] for question in iris} == {"You are Iris."}
    assert {question.body["metadata"]["profile"] for question in otto} == {"otto"}
    assert "prompt" not in otto[0].body["metadata"]
    session = f"discord:{GUILD}:{CHANNEL}:{ADA}"
    assert (iris[0].session_id, otto[0].session_id) == (f"{session}:iris", f"{session}:otto"), "a memory each"


async def test_alone_with_them_a_name_is_needed_to_change_only(autojump_clock) -> None:
    """The first one answers; who was called answers on; after two minutes it is the first one again."""
    async with open_pair() as pair:
        pair.hall.port.join(ADA, "Ada")
        await trio.sleep(5)
        who = [
            await pair.ask(ADA, "Is it going to rain?"),
            await pair.ask(ADA, "Otto, is it?"),
        ]
        await trio.sleep(60)
        who.append(await pair.ask(ADA, "And tomorrow?"))
        await trio.sleep(125)
        who.append(await pair.ask(ADA, "Good morning."))
    assert who == ["iris", "otto", "otto", "iris"]


async def test_a_reload_takes_effect_for_those_who_are_there(autojump_clock) -> None:
    """The next answer has the new voice and prompt, and the new name is obeyed."""
    async with open_pair() as pair:
        pair.hall.port.join(ADA, "Ada")
        pair.hall.port.join(BOB, "Bob")
        await trio.sleep(5)
        who = [await pair.ask(ADA, "Iris, is it going to rain?")]
        pair.reload(voice="eve", prompt="You are Eve.", names=("Eve",))
        await trio.sleep(15)
        who += [await pair.ask(ADA, "Iris, is it going to rain?"), await pair.ask(ADA, "Eve, is it going to rain?")]
        prompts = [question.body["metadata"]["prompt"] for question in pair.hall.agent.questions]
        voices = pair.voices
    assert who == ["iris", "not-addressed", "iris"]
    assert prompts == ["You are Iris.", "You are Eve."]
    assert voices == ["alice", "alice", "eve", "eve"]


async def test_what_was_chosen_in_discord_stands_over_a_reload(autojump_clock) -> None:
    """The third layer is not the file's to change."""
    async with open_pair() as pair:
        pair.hall.port.join(ADA, "Ada")
        await trio.sleep(5)
        await pair.chosen.choose(GUILD, None, "voice", "carol", "iris")
        pair.reload(voice="eve")
        assert await pair.ask(ADA, "Is it going to rain?") == "iris"
        voices = pair.voices
    assert voices == ["carol", "carol"]


async def test_another_language_is_listened_for_at_the_next_pause(autojump_clock) -> None:
    """Who is there gets a line in the new language once nothing is owed over the old one; no word is lost."""
    async with open_pair() as pair:
        pair.hall.port.join(ADA, "Ada")
        await trio.sleep(5)
        pair.texts.append("Is it going to rain?")
        speaking = trio.Event()

        async def change() -> None:
            await pair.hall.port.wait_for(lambda: pair.hall.room.speakers[0].is_speaking)
            await pair.chosen.choose(GUILD, None, "language", "de")
            speaking.set()

        pair.hall.nursery.start_soon(change)
        await pair.hall.say(ADA)
        first = await pair.hall.wait_report(0)
        assert speaking.is_set()
        await trio.sleep(5)
        second = await pair.ask(ADA, "Wird es regnen?")
        languages = [start["language"] for start in pair.hall.stt.starts]
        told = [question.body["metadata"]["language"] for question in pair.hall.agent.questions]
    assert (first.outcome, second) == ("answered", "iris")
    assert languages == ["en", "de"]
    assert told[-1] == "de"


async def test_each_has_its_own_manners(autojump_clock) -> None:
    """Who speaks over Otto is let finish his sentence, who speaks over Iris cuts her short; a stop word stops both."""
    async with open_pair(
        otto=ProfileSettings(voice="bob", barge_in="finish"), iris=ProfileSettings(voice="alice", barge_in="yield")
    ) as pair:
        pair.hall.agent.plans.extend([agent(words("This is a long sentence, and it goes on and on. " * 8))] * 3)
        pair.hall.port.join(ADA, "Ada")
        await trio.sleep(5)
        spoken = []
        for number, (name, over) in enumerate(
            [("Iris", "I mean the other one."), ("Otto", "I mean it."), ("Otto", "Stop.")]
        ):
            pair.texts.extend([f"{name}, tell me a story.", over])
            enough = len(pair.hall.port.voice) + 75
            await pair.hall.say(ADA)
            await pair.hall.port.wait_for(partial(lambda frames: len(pair.hall.port.voice) > frames, enough))
            await pair.hall.say(ADA)
            spoken.append((await pair.hall.wait_report(2 * number)).spoken)
            await pair.hall.wait_report(2 * number + 1)
            await trio.sleep(10)
        sentence = "This is a long sentence, and it goes on and on."
    assert not spoken[0].endswith(sentence), "cut in mid-sentence"
    assert spoken[1].endswith(sentence), "finished"
    assert not spoken[2].endswith(sentence), "a stop word is obeyed at once"


async def test_a_server_of_one_s_own_that_is_down_is_nobody_else_s_trouble(autojump_clock) -> None:
    """Otto apologises; Iris answers, no notice says that the agent is down, and ``ctl`` tells whose server it is."""
    async with open_pair() as pair:
        pair.otto.fail_next(100)
        pair.hall.port.join(ADA, "Ada")
        await trio.sleep(5)
        who = [await pair.ask(ADA, "Otto, is it going to rain?"), await pair.ask(ADA, "Iris, is it going to rain?")]
        states = {(backend.stage, backend.profile): backend.state for backend in pair.hall.health.all}
        posts = list(pair.hall.port.posted)
    assert who == ["failed", "iris"]
    assert states["agent", "otto"] == "failing"
    assert states["agent", ""] != "failing"
    assert posts == []
