"""The real daemon in the simulated Discord, within this process: real discord.py, DAVE, sockets and clock.

Its three servers are stand-ins: one notes each packet of speech that comes, one answers what it is told to, one hums.
The daemon speaks a text without an end, and everybody in the call talks all the time; so whatever is lost shows.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio
from structlog.testing import LogCapture

from tests.scenes.people import WORD_S, Talker, read_word
from tests.support.discord_bench import settings_for as discord_settings_for
from tests.support.hall import plain_failures, settings_for
from voxbridge.clock import monotonic_s
from voxbridge.config.service import ControlSettings, HealthSettings
from voxbridge.config.settings import Settings
from voxbridge.core.ids import ChannelId
from voxbridge.daemon import Daemon
from voxbridge.discord.counters import RoomStatus
from voxbridge.rehearsal.discord import SimulatedDiscord
from voxbridge.rehearsal.discord.ends import DaveLibrary
from voxbridge.rehearsal.discord.world import BOT_ID, GUILD_ID
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer, hum
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

SETTLE_S = 10.0  # so long after Discord behaves again all must be well
_START_S = 60.0
_STOP_S = 30.0
_RECENT_S = 1.0
_SENTENCE = "This sentence is one of very many, and all of them are said one after the other. "
# Four minutes: a longer text would be made into sentences for longer than it takes to begin.
SPEECH = _SENTENCE * 50
_HUM = hum(_SENTENCE, 0)


@attrs.define
class LiveCall:
    """A call that is on."""

    discord: SimulatedDiscord
    daemon: Daemon
    stt: WhisperXServer
    agent: N8nServer
    tts: ChatterboxServer
    log: list[dict[str, Any]]
    nursery: trio.Nursery
    talkers: dict[int, Talker] = attrs.field(factory=dict)
    began_at: float = 0.0

    # Who is there

    async def come(self, name: str, *, dave: DaveLibrary = "davey", channel: int | None = None) -> Talker:
        """Let somebody join the call and begin to talk."""
        member = self.discord.add_member(name, dave=dave)
        talker = self.talkers[member.id] = Talker(member)
        await member.join(ChannelId(channel or self.discord.voice_channel_id))
        self.nursery.start_soon(talker.run)
        return talker

    def dismiss(self, talker: Talker) -> None:
        """Count no more what is said by somebody who has left."""
        talker.hush()
        del self.talkers[talker.member.id]

    def forget(self) -> None:
        """Throw away what was said and heard so far: a long call would keep every packet."""
        self.discord.record.clear()
        for kept in (self.stt.heard, self.agent.questions, self.agent.requests, self.tts.spoken, self.tts.requests):
            kept.clear()
        for talker in self.talkers.values():
            talker.forget()
        del self.log[:-100]

    @property
    def ada(self) -> Talker:
        """The one who was there first."""
        return next(iter(self.talkers.values()))

    @property
    def room(self) -> RoomStatus | None:
        """The room that we sit in, or mean to."""
        rooms = self.daemon.service.view().bridge.rooms
        return rooms[0] if rooms else None

    @property
    def identifies(self) -> int:
        """How often the bot has come to a voice server."""
        return self.discord.record.voice_ops(BOT_ID).count(0)

    @property
    def asked_gateway(self) -> int:
        """How often the bot has said where it wants to be (op 4)."""
        return sum((e.source, e.direction, e.op) == ("gateway", "in", 4) for e in self.discord.events)

    @property
    def is_up(self) -> bool:
        """Tell whether the daemon takes itself for connected and heard."""
        return self.room is not None and self.room.is_connected and self.room.can_send

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines with this message."""
        return [line for line in self.log if line["event"] == event]

    # What happens

    async def until(self, condition: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
        """Wait for a condition. Raises: AssertionError, with the last of the log."""
        try:
            await self.discord.wait_until(condition, timeout_s=timeout_s)
        except trio.TooSlowError as error:
            last = [{k: v for k, v in line.items() if k != "log_level"} for line in self.log[-8:]]
            raise AssertionError(f"{what}: {error}; the daemon's last words: {last}") from None

    def command(self, name: str, channel: int | None = None) -> None:
        """Let Ada type a command, without waiting for what comes of it."""
        options = {"channel": channel} if channel is not None else {}
        self.nursery.start_soon(partial(self.discord.interaction, self.ada.member, name, options, timeout_s=60.0))

    async def until_well(self, talkers: list[Talker] | None = None, *, limit_s: float = SETTLE_S) -> float:
        """Wait until each talker is heard with what he says from now on, and hears the bot; return how long it took."""
        began = monotonic_s()
        for talker in talkers if talkers is not None else list(self.talkers.values()):
            await self.until(
                partial(self._is_well, talker, began),
                f"{talker.name} is not heard, or does not hear the bot, {limit_s:g} s later",
                max(0.1, began + limit_s - monotonic_s()),
            )
        return monotonic_s() - began

    async def until_caught_up(self, *, limit_s: float = 3.0) -> float:
        """Return now, once what was said before now has come to the speech server: late is not lost."""
        now = monotonic_s()
        last = {
            talker: max((number for number, at in talker.said if at + WORD_S <= now), default=-1)
            for talker in self.talkers.values()
        }
        with trio.move_on_after(limit_s):
            for talker, number in last.items():
                while number >= 0 and not talker.is_understood(number):  # noqa: ASYNC110 - and it may never be
                    await trio.sleep(0.02)
        return now

    def _is_well(self, talker: Talker, since: float) -> bool:
        is_heard = any(at >= since and talker.is_understood(number) for number, at in talker.said[-20:])
        return is_heard and len(talker.voice_of_bot(since, monotonic_s())) >= 20

    async def keep_speaking(self) -> None:
        """Have the daemon speak for as long as there is a room to speak in."""
        while True:
            if not await self.daemon.say(GUILD_ID, SPEECH):
                await trio.sleep(0.05)

    def hear_packet(self, _user_id: str, packet: bytes) -> None:
        """Note a packet that came to the speech-to-text server."""
        word = read_word(packet)
        if word is not None and word[0] in self.talkers:
            self.talkers[word[0]].take(*word[1:])
            self.discord.record.touch()


def _same_hum(text: str, _index: int) -> bytes:
    return _HUM if text == _SENTENCE.strip() else hum(text, 0)


@contextmanager
def _captured_log() -> Any:
    before, capture = structlog.get_config(), LogCapture()
    structlog.configure(processors=[capture])
    try:
        yield capture.entries
    finally:
        structlog.configure(**before)


def _settings(
    base: Settings,
    discord: SimulatedDiscord,
    servers: tuple[Any, Any, Any],
    directory: Path,
    *,
    has_engines: bool,
) -> Settings:
    pointed = settings_for(*servers, base)
    if has_engines:
        pointed = attrs.evolve(pointed, stt=base.stt, tts=base.tts)
    network = discord_settings_for(discord, directory / "ca.pem")
    return attrs.evolve(
        pointed,
        discord=attrs.evolve(
            base.discord,
            token=network.token,
            join=network.join,
            network=network.network,
            guild_ready_timeout_ms=network.guild_ready_timeout_ms,
        ),
        endpointing=attrs.evolve(
            base.endpointing, turn_model=has_engines
        ),  # 20 ms of a core, and else nothing hangs on it
        control=ControlSettings(socket=str(directory / "control.sock")),
        health=HealthSettings(listen=""),
    )


@asynccontextmanager
async def open_live_call(
    directory: Path,
    discord: SimulatedDiscord,
    *,
    settings: Settings | None = None,
    answer: str = "",
    is_speaking: bool = True,
    are_talking: bool = True,
    has_engines: bool = False,
) -> AsyncIterator[LiveCall]:
    """Start everything, let Ada join and talk, and yield when both hear each other; stop it with SIGTERM.

    ``answer``: what the agent says to each question. ``is_speaking``: the daemon speaks without an end.
    With ``are_talking`` off nobody comes and nothing is said. ``has_engines``: the built-in ones hear and speak.
    """
    stt = WhisperXServer(WhisperXScript(text="and so on", has_partials=False))
    n8n = N8nServer(lambda _question: agent(words(answer)))
    tts = ChatterboxServer(attrs.evolve(PROMPT, synthesis_s=0.0), synthesize=_same_hum)
    with plain_failures(), _captured_log() as log:
        async with AsyncExitStack() as stack:
            for server in (stt, n8n, tts):
                await stack.enter_async_context(server.running())
            nursery = await stack.enter_async_context(trio.open_nursery())
            await nursery.start(discord.run)
            daemon = Daemon(
                _settings(settings or Settings(), discord, (stt, n8n, tts), directory, has_engines=has_engines)
            )
            call = LiveCall(discord, daemon, stt, n8n, tts, log, nursery)
            if are_talking:
                stt.on_packet = call.hear_packet
            has_ended = trio.Event()
            nursery.start_soon(_serve, daemon, has_ended)
            await call.until(lambda: discord.is_in_call(BOT_ID), "the daemon did not come", _START_S)
            await call.until(lambda: not daemon.service.is_starting, "the daemon did not get ready", _START_S)
            if are_talking:
                ada = await call.come("Ada")
                await ada.member.wait_dave_ready()
            if are_talking and is_speaking:
                nursery.start_soon(call.keep_speaking)
                await call.until_well(limit_s=_START_S)
            call.began_at = monotonic_s()
            yield call
            losses = len(call.logged("the main gateway is lost"))
            signal.raise_signal(signal.SIGTERM)
            with trio.fail_after(_STOP_S):
                await has_ended.wait()
            assert len(call.logged("the main gateway is lost")) == losses, "a stop that was asked for is no loss"
            nursery.cancel_scope.cancel()


async def _serve(daemon: Daemon, has_ended: trio.Event) -> None:
    try:
        await daemon.serve()
    finally:
        gc.unfreeze()
        has_ended.set()
