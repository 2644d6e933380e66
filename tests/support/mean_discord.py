"""What Discord, its people and its moderators may do to a bot, each as one step of a random history."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import trio

from tests.support.discord_bench import Bench
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.errors import VoiceHandshakeError
from voxbridge.rehearsal.discord import Member

VOICE_CODES = (1000, 4001, 4004, 4006, 4009, 4011, 4012, 4014, 4015, 4016, 4017, 4020, 4022)
GATEWAY_CODES = (1001, 4000, 4001, 4007, 4009)


class History:
    """One random sequence of mishaps and commands, in a guild with ``ada`` in it and in another one."""

    def __init__(self, bench: Bench, ada: Member, seed: int, nursery: trio.Nursery) -> None:
        self.bench, self.ada, self.dice, self.nursery = bench, ada, random.Random(seed), nursery
        self.discord = bench.discord
        self.told: list[str] = []
        self.ada_is_busy = False
        self.annex = self.discord.add_channel("Annex").id
        self.abroad = self.discord.add_guild("Abroad")
        self.place_abroad = self.discord.add_channel("Embassy", guild=self.abroad.id).id

    @property
    def channels(self) -> list[ChannelId]:
        both = [self.discord.voice_channel_id, self.discord.other_voice_channel_id]
        return both if self.discord.world.channel(self.annex) is None else [*both, self.annex]

    @property
    def place(self) -> ChannelId | None:
        channel = self.discord.channel_of(self.discord.bot_id)
        return channel.id if channel is not None else None

    def step(self) -> None:
        """Do one random thing."""
        kind = self.dice.choice(STEPS)
        self.told.append(kind.__name__.removeprefix("_"))
        kind(self)

    def say(self, word: object) -> None:
        """Add to what the last step is told with."""
        self.told[-1] += f" {word}"

    def start(self, deed: Callable[..., Awaitable[None]], *args: object) -> None:
        self.nursery.start_soon(deed, *args)

    async def command(self, guild_id: GuildId, channel_id: ChannelId | None) -> None:
        bridge = self.bench.bridge
        try:
            await (bridge.leave(guild_id) if channel_id is None else bridge.join(guild_id, channel_id))
        except VoiceHandshakeError as error:
            self.told.append(f"({error})")

    def behave(self) -> None:
        """From now on everything is as it should be."""
        discord, knobs = self.discord, self.discord.knobs
        knobs.gateway_late_s, knobs.lose_discovery_replies, knobs.lose_voice_servers = 0.03, 0, 0
        knobs.server_before_state = knobs.sound_only_after_sound = False
        discord.break_network(on=False)
        discord.permit_connect(on=True)
        discord.limit_channel(discord.voice_channel_id, 0)
        discord.bring_back_bot()
        self.ada.ready_after_s = None
        if self.place is not None:
            discord.mute(discord.bot_id, on=False)
            discord.deafen(discord.bot_id, on=False)
            if discord.is_in_call(discord.bot_id, self.place):
                discord.upgrade_dave(self.place)


def _join(h: History) -> None:
    channel = h.dice.choice(h.channels)
    h.say(h.channels.index(channel))
    h.start(h.command, h.discord.guild_id, channel)


def _leave(h: History) -> None:
    h.start(h.command, h.discord.guild_id, None)


def _abroad(h: History) -> None:
    match h.dice.choice(("join", "leave", "kick", "close")):
        case "join":
            h.start(h.command, h.abroad.id, h.place_abroad)
        case "leave":
            h.start(h.command, h.abroad.id, None)
        case "kick" if h.discord.channel_of(h.discord.bot_id, h.abroad.id) is not None:
            h.discord.kick(h.discord.bot_id, h.abroad.id)
        case _:
            h.discord.close_voice(h.discord.bot_id, 4006, h.abroad.id)


def _move(h: History) -> None:
    if h.place is not None:
        h.discord.move(h.discord.bot_id, h.dice.choice(h.channels))


def _move_twice(h: History) -> None:
    async def move() -> None:
        _move(h)
        await trio.sleep(h.dice.choice((0.0, 0.05, 0.1)))
        _move(h)

    h.start(move)


def _kick(h: History) -> None:
    if h.place is not None:
        h.discord.kick(h.discord.bot_id)


def _kick_while_joining(h: History) -> None:
    async def kick() -> None:
        await trio.sleep(h.dice.choice((0.01, 0.03, 0.06)))
        _kick(h)

    _join(h)
    h.start(kick)


def _server(h: History) -> None:
    if h.place is None:
        return
    kind = h.dice.choice(("", "dead", "gone", "lost", "untold", "twice", "keys"))
    h.say(kind)
    discord, bot = h.discord, h.discord.bot_id
    discord.knobs.lose_discovery_replies = 3 * (kind == "lost")
    discord.knobs.lose_voice_servers += kind == "untold"
    discord.change_voice_server(bot, old_is_dead=kind == "dead", gone_for_s=0.3 if kind == "gone" else 0.0)
    if kind == "twice":
        discord.change_voice_server(bot)
    if kind == "keys":
        discord.restart_dave(h.place)


def _close(h: History) -> None:
    code = h.dice.choice(VOICE_CODES)
    h.say(code)
    h.discord.close_voice(h.discord.bot_id, code)


def _cut(h: History) -> None:
    h.discord.cut_voice(h.discord.bot_id)


def _gateway(h: History) -> None:
    code = h.dice.choice(GATEWAY_CODES)
    h.say(code)
    h.discord.close_gateway(code)


def _both(h: History) -> None:
    h.discord.close_gateway(4000)
    h.discord.cut_voice(h.discord.bot_id)


def _invalid(h: History) -> None:
    is_resumable = h.dice.random() < 0.5
    h.say(is_resumable)
    h.discord.invalidate_gateway_session(resumable=is_resumable)


def _reconnect_storm(h: History) -> None:
    async def storm() -> None:
        for _ in range(3):
            h.discord.ask_to_reconnect()
            await trio.sleep(0.05)

    h.start(storm)


def _late(h: History) -> None:
    h.discord.knobs.gateway_late_s = h.dice.choice((0.0, 0.03, 1.0, 2.5))
    h.say(h.discord.knobs.gateway_late_s)


def _order(h: History) -> None:
    h.discord.knobs.server_before_state ^= True


def _silent_first(h: History) -> None:
    h.discord.knobs.sound_only_after_sound ^= True


def _outage(h: History) -> None:
    async def outage() -> None:
        h.discord.break_network()
        await trio.sleep(h.dice.choice((0.3, 2.0, 5.0)))
        h.discord.break_network(on=False)

    h.start(outage)


def _keys(h: History) -> None:
    place, discord, bot = h.place, h.discord, h.discord.bot_id
    if place is None or not discord.is_in_call(bot, place):
        return
    kind = h.dice.choice(("bad", "two bad", "new", "spoilt", "plain", "plain for a moment"))
    h.say(kind)
    if "bad" in kind:
        discord.send_bad_commit(bot, place)
    if kind in ("two bad", "spoilt"):
        discord.spoil_next_commit(bot, place)
    if kind in ("new", "spoilt"):
        discord.restart_dave(place)
    if "plain" in kind:
        discord.downgrade_dave(place)
    if kind == "plain for a moment":
        discord.upgrade_dave(place)


def _moderate(h: History) -> None:
    if h.place is not None:
        h.dice.choice((h.discord.mute, h.discord.deafen))(h.discord.bot_id, on=h.dice.random() < 0.7)


def _permissions(h: History) -> None:
    h.discord.permit_connect(on=h.dice.random() < 0.4)


def _full(h: History) -> None:
    h.discord.limit_channel(h.discord.voice_channel_id, h.dice.choice((0, 1)))


def _delete_channel(h: History) -> None:
    """The third channel, perhaps just when we go there."""
    if h.annex not in h.channels:
        return
    if h.dice.random() < 0.6:
        h.start(h.command, h.discord.guild_id, h.annex)
    h.nursery.start_soon(_delete_after, h, h.dice.choice((0.0, 0.02, 0.05, 0.5)))


async def _delete_after(h: History, wait_s: float) -> None:
    await trio.sleep(wait_s)
    if h.annex in h.channels:
        h.discord.delete_channel(h.annex)


def _guild(h: History) -> None:
    """Thrown out of the guild and added again, or a guild that is out of order for a moment."""
    discord, is_removed = h.discord, h.dice.random() < 0.5
    h.say("left" if is_removed else "unavailable")
    if is_removed:
        if discord.bot_id in discord.world.guilds[discord.guild_id].member_ids:
            discord.remove_bot()
    else:
        discord.dispatch("GUILD_DELETE", {"id": str(discord.guild_id), "unavailable": True})

    async def back() -> None:
        await trio.sleep(h.dice.choice((0.1, 1.0)))
        discord.bring_back_bot()

    h.start(back)


def _company(h: History) -> None:
    """Ada goes and comes, slow to get her keys or not; or moves with us."""

    async def go() -> None:
        h.ada.ready_after_s = h.dice.choice((None, 0.5, 1.9))
        if h.ada.is_in_call:
            await h.ada.leave()
        await trio.sleep(h.dice.choice((0.0, 0.3)))
        await h.ada.join(h.place or h.discord.voice_channel_id)

    if not h.ada_is_busy:
        h.start(_one_at_a_time, h, go)


async def _one_at_a_time(h: History, go: Callable[[], Awaitable[None]]) -> None:
    h.ada_is_busy = True
    try:
        await go()
    finally:
        h.ada_is_busy = False


def _odd(h: History) -> None:
    name = h.dice.choice(("VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE", "CHANNEL_UPDATE", "GUILD_UPDATE"))
    h.discord.dispatch(name, h.dice.choice(({}, None, [], {"guild_id": "x"}, {"guild_id": str(h.discord.guild_id)})))


STEPS: tuple[Callable[[History], None], ...] = (
    *(_join, _join, _leave, _move, _move_twice, _kick, _kick_while_joining, _server, _server, _server, _close, _close),
    *(_cut, _gateway, _both, _invalid, _reconnect_storm, _late, _order, _silent_first, _outage, _keys, _keys),
    *(_moderate, _permissions, _full, _delete_channel, _guild, _company, _company, _abroad, _odd),
)
