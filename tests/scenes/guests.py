"""``python -m tests.scenes.guests [--only TEXT]``: a good guest in a room with people, through the daemon's process.

In real time: people talk among themselves, come and go, object, are followed, leave. In each scene the daemon is killed
(-9) and another one started on its files: it is as it was.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import click
import trio

from tests.e2e.conftest import Bridge, open_bridge
from tests.integration.session.test_addressed import NAMES, SCENE
from tests.support.hall import plain_failures, settings_for
from tests.support.lives import START_S, next_life
from tests.support.speech import clips
from voxbridge.config.people import PresenceSettings, PrivacySettings
from voxbridge.config.settings import Settings
from voxbridge.config.turns import FloorSettings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.call import SimulatedCall, opus_of
from voxbridge.rehearsal.discord import Member
from voxbridge.rehearsal.discord.world import BOT_ID, OTHER_VOICE_CHANNEL_ID, VOICE_CHANNEL_ID

IRIS = FloorSettings(names=("Iris",))
PROOF_PACKETS = 10_000
_TURN_S = 60.0


@cache
def packets() -> list[bytes]:
    """Return a second and a half of a person reading."""
    (clip,) = [clip for clip in clips() if clip.name == "0930"]
    return opus_of(Pcm(clip.pcm, 16_000))[:75]


@attrs.define
class Party:
    """The daemon among people; what is said next is in ``text``, since it is the server that hears."""

    bridge: Bridge
    settings: Settings
    folder: Path
    text: str = ""

    @property
    def call(self) -> SimulatedCall:
        return self.bridge.simulated_call

    async def guest(self, name: str, channel: int = VOICE_CHANNEL_ID) -> Member:
        member = self.call.discord.add_member(name)
        await member.join(channel)  # type: ignore[arg-type]
        await self.settle(member)
        return member

    async def settle(self, *members: Member) -> None:
        """Wait until everybody can be heard."""
        for member in members:
            await member.wait_dave_ready(timeout_s=START_S)
        await self.call.discord.wait_until(self.call.discord.is_dave_settled, timeout_s=START_S)

    async def answered(self, call: SimulatedCall, member: Member, text: str) -> None:
        """Let somebody say something that is answered. Raises: AssertionError, with what came of it."""
        outcome = await self.say(call, member, text)
        assert outcome == "answered", f"{text!r} of {member.name}: {outcome}"

    async def say(self, call: SimulatedCall, member: Member, text: str) -> str:
        """Let somebody say something; return the outcome of the turn."""
        number = len(call.daemon.read_turns())
        self.text = text  # not taken out: a guess that comes to nothing hears it as well
        await member.speak(packets())
        return str((await call.daemon.wait_turn(number, timeout_s=_TURN_S))["outcome"])

    def life(self, **where: Any) -> AbstractAsyncContextManager[SimulatedCall]:
        """Return the daemon's next life."""
        return next_life(self.call, self.settings, self.folder, **where)


@asynccontextmanager
async def open_party(
    folder: Path, settings: Settings | None = None, floor: FloorSettings = IRIS
) -> AsyncIterator[Party]:
    """Start the daemon, and let Ada join."""
    given = settings or Settings()
    async with open_bridge(folder, answer="Certainly.", settings=given, floor=floor) as bridge:
        quiet = attrs.evolve(given, floor=floor, privacy=attrs.evolve(given.privacy, notice="none"))
        party = Party(bridge, settings_for(bridge.stt, bridge.agent, bridge.tts, quiet), folder)
        bridge.stt.script.has_partials = False
        bridge.stt.script.text = lambda _heard: party.text
        yield party


async def forty_utterances(folder: Path) -> str:
    """Four people, 40 utterances, 12 for the bot: at least 11 are answered, at most one of the others."""
    async with open_party(folder) as party:
        ids = list(NAMES)
        people = {ids[0]: party.call.ada}
        for who in ids[1:]:
            people[who] = await party.guest(NAMES[who])
        outcomes = []

        async def part(call: SimulatedCall, first: int, last: int) -> None:
            for who, pause_s, text, _ in SCENE[first:last]:
                await trio.sleep(pause_s)
                outcomes.append(await party.say(call, people[who], text))

        half = 11  # behind a pause in which every follow-up has ended
        await part(party.call, 0, half)
        async with party.life() as again:
            await party.settle(*people.values())
            await part(again, half, len(SCENE))
        answered = [outcome == "answered" for outcome in outcomes]
        right = sum(was for was, line in zip(answered, SCENE, strict=True) if line[3])
        wrong = [line[2] for was, line in zip(answered, SCENE, strict=True) if was and not line[3]]
        missed = [line[2] for was, line in zip(answered, SCENE, strict=True) if line[3] and not was]
        assert right >= 11, f"not answered: {missed}"
        assert len(wrong) <= 1, f"answered: {wrong}"
        assert len(party.bridge.agent.questions) == sum(answered), "who is not answered costs no agent call"
        return f"{right} of 12 for it answered, {len(wrong)} of 28 others, kill -9 behind utterance {half}"


async def a_second_person_comes_and_goes(folder: Path) -> str:
    """Alone no name is needed; with Bob it is, in the next life as well; when he has gone, none is."""
    async with open_party(folder) as party:
        ada = party.call.ada
        await party.answered(party.call, ada, "What time is it?")
        bob = await party.guest("Bob")
        await trio.sleep(IRIS.follow_up_ms / 1000)
        assert await party.say(party.call, ada, "What time is it?") == "not-addressed"
        async with party.life() as again:
            await party.settle(ada, bob)
            assert await party.say(again, ada, "What time is it?") == "not-addressed"
            await party.answered(again, bob, "Iris, what time is it?")
            await bob.leave()
            await party.settle(ada)
            await party.answered(again, ada, "What time is it?")
        return f"{len(party.bridge.agent.questions)} agent calls for 3 answers"


async def an_objection_in_mid_sentence(folder: Path) -> str:
    """Nothing of the sentence is asked or written; in the next life the no still holds, and a yes is heard."""
    async with open_party(folder) as party:
        call, ada = party.call, party.call.ada
        party.text = "This must not be heard by the pineapple."
        await ada.speak(packets()[:40], tail=False)
        await call.discord.interaction(ada, "privacy ignore-me")
        await ada.speak(packets()[40:])
        await ada.speak(packets())
        async with party.life() as again:
            await ada.speak(packets())
            shown = await call.discord.interaction(ada, "status")
            assert "Listening to 0" in (shown.content or "")
            assert (party.bridge.agent.questions, again.daemon.read_turns()) == ([], [])
            assert "pineapple" not in words_of(party.folder, again)
            await call.discord.interaction(ada, "privacy hear-me")
            await party.answered(again, ada, "Hello?")
        return "0 words of it anywhere; heard again at the first word after the yes"


async def somebody_without_the_role_speaks(folder: Path) -> str:
    """Only a role may be heard: Ada, who has it, is; Mallory is not, before and after kill -9."""
    role = 77_777
    privacy = PrivacySettings(allow_roles=(str(role),))
    async with open_party(folder, Settings(privacy=privacy), FloorSettings(mode="everyone")) as party:
        ada, discord = party.call.ada, party.call.discord
        discord.world.guilds[ada.guild_id].roles[role] = "heard"
        ada.user.role_ids.append(role)
        mallory = await party.guest("Mallory")
        async with party.life() as first:
            await party.settle(ada, mallory)
            await mallory.speak(packets())
            await party.answered(first, ada, "Hello?")
            lines = {start["userId"] for start in party.bridge.stt.starts} - {"0"}
            assert lines == {str(ada.id)}, "a line was opened for who may not be heard"
            assert "Mallory" not in words_of(party.folder, first)
        people = [question.body["metadata"].get("people") for question in party.bridge.agent.questions]
        assert people == [["Ada"]]
        return "1 line to the speech server, 1 agent call, the other's name nowhere"


async def a_followed_user_moves(folder: Path) -> str:
    """Through three channels, with kill -9 in the second: the bot is where she is, and answers there."""
    async with open_party(folder, floor=FloorSettings(mode="everyone")) as party:
        ada, elsewhere = party.call.ada, OTHER_VOICE_CHANNEL_ID
        third = party.call.discord.add_channel("Roof").id
        party.settings = attrs.evolve(party.settings, presence=PresenceSettings(follow=(str(ada.id),)))
        async with party.life(is_sent=False) as first:
            await follow(first, ada, elsewhere)
            await party.answered(first, ada, "Hello?")
            second = attrs.evolve(party, bridge=attrs.evolve(party.bridge, simulated_call=first))
            async with second.life(channel=elsewhere, left=elsewhere, is_sent=False) as again:
                await party.answered(again, ada, "Hello?")
                for channel in (third, VOICE_CHANNEL_ID):
                    await follow(again, ada, channel)
                    await party.answered(again, ada, "Hello?")
        return "answered in each of three channels, and after kill -9 in the second"


async def everybody_leaves(folder: Path) -> str:
    """Left alone it goes; killed while it is away it does not come back by itself, and comes when it is asked."""
    presence = PresenceSettings(leave_alone_ms=2000)
    async with open_party(folder, Settings(presence=presence), FloorSettings(mode="everyone")) as party:
        ada, discord = party.call.ada, party.call.discord

        async def asked_in(call: SimulatedCall) -> None:
            await discord.interaction(ada, "join")
            await discord.wait_until(lambda: discord.is_in_call(BOT_ID), timeout_s=START_S)
            await party.settle(ada)
            await party.answered(call, ada, "Hello?")

        async with party.life(channel=None, is_sent=False) as first:
            await asked_in(first)
            await ada.leave()
            await discord.wait_until(lambda: not discord.is_in_call(BOT_ID), timeout_s=START_S)
            second = attrs.evolve(party, bridge=attrs.evolve(party.bridge, simulated_call=first))
            async with second.life(channel=None, is_sent=False) as again:
                await trio.sleep(3.0)
                assert not discord.is_in_call(BOT_ID), "it came back to an empty channel"
                await ada.join(VOICE_CHANNEL_ID)
                await asked_in(again)
        return "gone 2 s after the last person, away over kill -9, back when asked"


async def the_consent_proof(folder: Path) -> str:
    """opt-in, 10,000 packets of who did not agree, through the daemon: nothing goes anywhere; after a yes it does."""
    settings = Settings(privacy=PrivacySettings(mode="opt-in"))
    async with open_party(folder, settings, FloorSettings(mode="everyone")) as party:
        call, ada = party.call, party.call.ada
        party.text = "pineapple"
        said = packets()
        for number in range(0, PROOF_PACKETS, 50):
            await ada.speak([said[(number + at) % len(said)] for at in range(50)], gap_s=0.0005, tail=False)
        shown = await call.discord.interaction(ada, "privacy show")
        assert "Turns in the journal: 0." in (shown.content or "")
        starts = [start for start in party.bridge.stt.starts if start["userId"] != "0"]
        gone = (starts, party.bridge.stt.heard, party.bridge.agent.questions)
        assert gone == ([], [], []), f"to servers: {gone}"
        found = words_of(party.folder, call)
        assert not (words := [word for word in ("pineapple", "Ada") if word in found]), f"written down: {words}"
        async with party.life() as again:
            await ada.speak(said)
            assert party.bridge.stt.heard == [], "heard after kill -9, without a yes"
            await call.discord.interaction(ada, "privacy hear-me")
            await party.answered(again, ada, "Hello?")
        return f"{PROOF_PACKETS} packets: 0 lines, 0 requests, 0 words in logs, journal and database; then heard"


async def follow(call: SimulatedCall, ada: Member, channel: int) -> None:
    """Move, and wait until the bot has come after."""
    await ada.join(channel)  # type: ignore[arg-type]
    await call.discord.wait_until(lambda: call.discord.is_in_call(BOT_ID, channel), timeout_s=START_S)
    await ada.wait_dave_ready(timeout_s=START_S)
    await call.discord.wait_until(lambda: call.discord.is_dave_settled(channel), timeout_s=START_S)


def words_of(folder: Path, call: SimulatedCall) -> str:
    """Return all that the daemon has written: its files and its log."""
    files = (file for file in folder.iterdir() if file.is_file() and file.suffix not in (".toml", ".pem"))
    return "".join(file.read_bytes().decode(errors="replace") for file in files) + "\n".join(call.daemon.log)


SCENES: tuple[Callable[[Path], Awaitable[str]], ...] = (
    forty_utterances,
    a_second_person_comes_and_goes,
    an_objection_in_mid_sentence,
    somebody_without_the_role_speaks,
    a_followed_user_moves,
    everybody_leaves,
    the_consent_proof,
)


@click.command()
@click.option("--only", default="", help="A part of the scene's name.")
def main(only: str) -> None:
    """Play the scenes; five minutes in all. Exits with 1 if one does not end as it should."""
    failed = 0
    for scene in SCENES:
        if only not in scene.__name__:
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                with plain_failures():
                    told = trio.run(scene, Path(folder))
            except Exception as error:  # noqa: BLE001 - one scene's failure is not the next one's
                failed += 1
                told = f"FAILED: {type(error).__name__}: {error}"
        click.echo(f"{scene.__name__.replace('_', ' '):40} {told}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
