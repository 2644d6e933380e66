"""Random histories: whatever Discord did, once it behaves we are where we are wanted within ten seconds.

``VOXBRIDGE_FUZZ=100000`` plays more of them; a failure names its seed, which plays the same history again.
"""

from __future__ import annotations

import os

import pytest

from tests.support.pure_discord import CHANNELS, CODES, PureDiscord
from voxbridge.core.ids import ChannelId

pytestmark = pytest.mark.unit

HISTORIES = int(os.environ.get("VOXBRIDGE_FUZZ", "3000"))
STEPS = 25
SETTLE_S = 10.0
ANSWER_S = 60.0  # a wish is answered long before


def something_happens(world: PureDiscord, number: int) -> int:
    """Do one random thing; return the number of the next wish."""
    dice = world.dice
    match dice.randrange(22):
        case 0 | 1 | 2:
            world.wish(number, dice.choice(CHANNELS))
            number += 1
        case 3:
            world.wish(number, None)
            number += 1
        case 4:
            world.wish(number, dice.choice(CHANNELS), stands=True)
            number += 1
        case 5:
            world.kick()
        case 6 | 7:
            world.move(dice.choice(CHANNELS))
        case 8 | 9:
            world.change_server()
        case 10 | 11:
            world.close_voice(dice.choice(CODES))
        case 12:
            world.go_silent()
        case 13:
            world.stall(dice.choice((1.0, 20.0, 45.0, 75.0)))
        case 14:
            world.lose_gateway()
        case 15:
            world.resume_gateway()
        case 16:
            world.renew_gateway()
        case 17:
            world.delay_s = dice.choice((0.001, 0.05, 1.0, 3.0))
        case 18:
            world.is_deaf_to_discovery = not world.is_deaf_to_discovery
        case 19:
            world.is_mute_about_servers = not world.is_mute_about_servers
        case 20:
            world.is_rest_down = not world.is_rest_down
        case _:
            world.full ^= {dice.choice(CHANNELS)}
    return number


def history(seed: int) -> tuple[PureDiscord, int]:
    world = PureDiscord(seed)
    number = 1
    for _ in range(STEPS):
        number = something_happens(world, number)
        world.run(world.dice.choice((0.0, 0.001, 0.03, 0.3, 1.0, 4.0, 15.0)))
    return world, number


def test_after_any_history_we_are_where_we_are_wanted() -> None:
    """In our place in Discord, linked to the server that is good, with one room; or out, with nothing left over."""
    for seed in range(HISTORIES):
        world, number = history(seed)
        world.behave()
        world.run(SETTLE_S)
        complaint = world.complaint()
        tail = "\n".join(world.log[-40:])
        assert not complaint, f"seed {seed}, {SETTLE_S} s later: {complaint}; {world.presence.state}\n{tail}"
        world.run(ANSWER_S)
        unanswered = set(range(1, number)) - world.answers.keys()
        assert not unanswered, f"seed {seed}: wishes {unanswered} were never answered\n{tail}"


def test_the_last_word_holds() -> None:
    """A command, a kick or a move that comes when all is well is what we end up with."""
    for seed in range(HISTORIES // 3):
        world, number = history(seed)
        world.behave()
        world.run(80.0)  # what the history still had in store
        if world.complaint():
            continue  # the other test's affair
        wanted: ChannelId | None
        match seed % 4:
            case 0:
                world.wish(number, CHANNELS[0])
                wanted = CHANNELS[0]
            case 1:
                world.wish(number, None)
                wanted = None
            case 2:
                world.kick()
                wanted = None
            case _:
                wanted = CHANNELS[1] if world.place is not None else None
                world.move(CHANNELS[1])
        world.run(SETTLE_S)
        tail = "\n".join(world.log[-20:])
        assert world.presence.wish == wanted, f"seed {seed}: {world.presence.wish} instead of {wanted}\n{tail}"
        assert not world.complaint(), f"seed {seed}: {world.complaint()}\n{tail}"
