"""A scene: what happens in a call, whether the bot is to be in it at the end, and what got through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import attrs
import trio

from tests.scenes.live import LiveCall, open_live_call
from tests.scenes.people import Account
from voxbridge.clock import monotonic_s
from voxbridge.config.settings import Settings
from voxbridge.rehearsal.discord import Knobs, SimulatedDiscord
from voxbridge.rehearsal.discord.world import BOT_ID, GUILD_ID

_OUT_FOR_S = 1.5  # who stays out for so long was not about to come back


@attrs.frozen
class Scene:
    """``line`` is its place in the list of complaints; ``is_quick``: CI plays it as well.

    CI plays those that no test of the adapter alone (``tests/integration/discord``) stands for.
    """

    line: str
    name: str
    play: Callable[[LiveCall], Awaitable[None]] = attrs.field(repr=False)
    is_quick: bool = False
    ends_inside: bool = True
    words_lost_max: int | None = None
    """Where nothing may be lost but what the machine itself is late by."""
    knobs: Callable[[], Knobs] = Knobs
    is_encrypted: bool = True
    settings: Settings = attrs.field(factory=Settings, repr=False)
    answer: str = ""
    is_speaking: bool = True


@attrs.frozen
class Played:
    """How a scene went. ``well_after_s``: from the end of the trouble until everybody is heard and hears the bot."""

    scene: Scene
    trouble_s: float
    well_after_s: float | None
    accounts: tuple[Account, ...]
    rejoins: int


async def perform(scene: Scene, directory: Path) -> Played:
    """Play a scene. Raises: AssertionError, with what was seen, when it does not end as it should."""
    discord = SimulatedDiscord(require_dave=scene.is_encrypted, knobs=scene.knobs())
    async with open_live_call(
        directory, discord, settings=scene.settings, answer=scene.answer, is_speaking=scene.is_speaking
    ) as call:
        await scene.play(call)
        trouble_s, well_after_s = monotonic_s() - call.began_at, None
        if scene.ends_inside:
            if scene.is_speaking:
                well_after_s = await call.until_well()
            until = await call.until_caught_up()
        else:
            await stays_out(call)
            until = monotonic_s()
        accounts = tuple(talker.account(call.began_at, until) for talker in call.talkers.values())
        room = call.room
        played = Played(scene, trouble_s, well_after_s, accounts, room.counters.rejoins if room is not None else 0)
        if scene.words_lost_max is not None:
            for account in accounts:
                assert account.words_lost <= scene.words_lost_max, f"{scene.name}: {account}"
        return played


async def stays_out(call: LiveCall) -> None:
    """Check that the bot is gone, by everybody's account, and does not come back by itself."""
    await call.until(lambda: call.discord.channel_of(BOT_ID) is None, "the bot did not leave")
    await trio.sleep(_OUT_FOR_S)
    assert call.discord.channel_of(BOT_ID) is None, "the bot came back by itself"
    assert GUILD_ID not in call.daemon.rooms, "its room is open"
    assert call.room is None, f"it still means to be in {call.room}"


def table(played: Iterable[Played]) -> str:
    """Return the scenes as a table: what was heard of what was said, and how long nothing was."""
    head = f"{'':4} {'scene':58} {'trouble':>8} {'well after':>10} {'who':>6} {'words heard':>12}"
    lines = [head + f" {'longest deaf':>13} {'frames':>7} {'longest mute':>13}"]
    for each in played:
        well = "out" if not each.scene.ends_inside else f"{each.well_after_s:.1f} s" if each.well_after_s else "-"
        for number, account in enumerate(each.accounts):
            first = f"{each.scene.line:4} {each.scene.name:58} {each.trouble_s:6.1f} s {well:>10}"
            heard = f"{account.words_heard} of {account.words_said}"
            lines.append(
                f"{first if number == 0 else ' ' * len(first)} {account.name:>6} {heard:>12}"
                f" {account.longest_deaf_s:11.2f} s {account.frames_heard:7} {account.longest_mute_s:11.2f} s"
            )
    return "\n".join(lines)
