"""In which language the bridge itself writes and speaks. In virtual time."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio
import trio.testing

from tests.support.hall import APOLOGY, open_hall
from tests.support.stages import ScriptedAgent, ScriptedStt, ScriptedTts
from voxbridge.config.discord import DiscordSettings
from voxbridge.config.settings import Settings
from voxbridge.config.stages import SttSettings
from voxbridge.config.turns import TurnSettings
from voxbridge.core.messages.catalogue import OURS, line
from voxbridge.core.sound.pcm import Pcm
from voxbridge.errors import AgentFailed, StageUnavailable
from voxbridge.session.apologies import Apologies
from voxbridge.session.cast import Cast, Persona
from voxbridge.session.rules import Rules, rules_of
from voxbridge.stages.contracts import SoundSink, TtsRequest

pytestmark = pytest.mark.integration

SETTINGS = Settings()
GERMAN = attrs.evolve(SETTINGS.stt, language="de", languages={"1": "fr"})


@attrs.define
class Asked(ScriptedTts):
    """A voice that remembers what it was asked."""

    asked: list[tuple[str, str]] = attrs.field(factory=list)

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        self.asked.append((request.language, request.text))
        await super().speak(request, out)


def rules(**parts: Any) -> Rules:
    return rules_of(attrs.evolve(Settings(), **parts))


@pytest.mark.parametrize(
    ("settings", "locale", "language"),
    [(DiscordSettings(), "de", "de"), (DiscordSettings(), "pt-BR", "en"), (DiscordSettings(language="ja"), "de", "ja")],
)
async def test_a_notice_is_in_the_servers_language(
    settings: DiscordSettings, locale: str, language: str, autojump_clock: trio.testing.MockClock
) -> None:
    """An outage in a German server is told in German; the operator may have one language for all."""
    agent = ScriptedAgent(outcomes=[AgentFailed("agent", "no")])
    async with open_hall(
        settings=Settings(discord=settings),
        change=lambda tools: attrs.evolve(tools, stt=ScriptedStt(), agent=agent),
    ) as hall:
        hall.port.locale = locale
        ada = hall.port.join(1)
        await hall.say(ada)
        await hall.wait_report(0)
        assert [text for _, text in hall.port.posted] == [OURS.text(line("agent_down"), language)]


async def test_each_language_that_is_spoken_has_its_apologies(autojump_clock: trio.testing.MockClock) -> None:
    """In the speaker's language and its voice, before the first one is due; English where we have no words."""
    voice = Asked()
    apologies = Apologies(voice, lambda: rules(stt=GERMAN))
    apologies.want("de", "fr", "pl")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(apologies.run)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert voice.asked == [
        (language, OURS.spoken(line(key), language))
        for language in ("de", "fr", "pl")
        for key in ("apology", "mute_apology")
    ]
    assert OURS.spoken(line("apology"), "pl") == OURS.spoken(line("apology"), "en")
    assert apologies.get("apology", "fr") is not None


async def test_apologies_are_made_when_the_voice_is_back(autojump_clock: trio.testing.MockClock) -> None:
    """A server that is not there yet is asked again, and a language that comes later is made too."""
    voice = Asked(outcomes=[StageUnavailable("tts", "not yet"), StageUnavailable("tts", "not yet")])
    apologies = Apologies(voice, rules)
    apologies.want("en")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(apologies.run)
        await trio.sleep(60)
        assert apologies.get("apology", "en") is not None
        assert apologies.get("apology", "ja") is None
        await trio.sleep(10)
        assert apologies.get("apology", "ja") is not None
        nursery.cancel_scope.cancel()


async def test_who_answers_apologises_in_their_own_voice(autojump_clock: trio.testing.MockClock) -> None:
    """Otto's is made by his server; one that is down holds up nobody, and the usual voice speaks for it."""
    usual, ottos = Asked(), Asked()
    dead = Asked(outcomes=[StageUnavailable("tts", "down")] * 100)
    otto = Persona(ScriptedAgent(), ottos, name="otto", voice="bob", has_own_tts=True)
    iris = Persona(ScriptedAgent(), dead, name="iris", has_own_tts=True)
    apologies = Apologies(usual, rules)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(apologies.run)
        for persona in (iris, otto):
            apologies.want("en", persona=persona)
        apologies.want("en")
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert len(ottos.asked) == len(usual.asked) == 2
    assert apologies.of(otto, "apology", "en") is not apologies.get("apology", "en")
    assert apologies.of(iris, "apology", "en") is apologies.get("apology", "en")


async def test_a_failed_turn_is_apologised_for_by_who_was_to_answer(autojump_clock: trio.testing.MockClock) -> None:
    """The apology is asked for with the one who was called, in the language in which that one answers."""
    agent, asked = ScriptedAgent(outcomes=[AgentFailed("agent", "no")]), []
    otto = Persona(agent, ScriptedTts(), name="otto", language="de")

    def of(persona: Persona, key: str, language: str) -> Pcm:
        asked.append((persona.name, key, language))
        return APOLOGY

    changes: dict[str, Any] = {"stt": ScriptedStt(), "cast_now": lambda: Cast((otto,)), "apology_of": of}
    async with open_hall(apology=None, change=lambda tools: attrs.evolve(tools, **changes)) as hall:
        await hall.say(hall.port.join(1))
        await hall.wait_report(0)
        assert hall.port.voice != []
    assert asked == [("otto", "apology", "de")]


async def test_an_operators_apology_is_spoken_as_it_is(autojump_clock: trio.testing.MockClock) -> None:
    """``turn.apology`` stands in for ours in all languages; a language's own text goes before it."""
    voice = Asked()
    own: dict[str, Any] = {
        "discord": DiscordSettings(texts={"fr.apology": "Zut."}),
        "turn": TurnSettings(apology="Oops."),
    }
    apologies = Apologies(voice, lambda: rules(**own))
    apologies.want("de", "fr")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(apologies.run)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert [text for _, text in voice.asked if text in ("Oops.", "Zut.")] == ["Oops.", "Zut."]


@pytest.mark.parametrize(
    ("stt", "locale", "language"),
    [(GERMAN, "en-US", "de"), (SETTINGS.stt, "ja", "en")],
)
async def test_a_text_to_be_said_is_said_by_the_rules_of_the_rooms_language(
    stt: SttSettings, locale: str, language: str, autojump_clock: trio.testing.MockClock
) -> None:
    """/say in a German room is cut into German sentences and spoken by the German voice."""
    voice = Asked()
    async with open_hall(settings=Settings(stt=stt), change=lambda tools: attrs.evolve(tools, tts=voice)) as hall:
        hall.port.locale = locale
        hall.port.join(2)
        assert await hall.room.say("Am 5. Mai kommt Dr. Weber. Gut.")
    assert {asked for asked, _ in voice.asked} == {language}
    if language == "de":
        assert [text for _, text in voice.asked] == ["Am 5. Mai kommt Dr. Weber.", "Gut."]
