"""The daemon: what is started, in which order, and how it all ends.

signals, playout clock, service (ops/service.py: systemd, control socket, health, reload)
  supervise(engines)          if a stage is embedded: a child process, warm before anything else
    stages                    open for the daemon's life, warm connections
      supervise(apology)      rendered ahead, so that it needs no server when it is due
      bridge                  Discord; its crash is the daemon's, since nobody could be heard any more
        supervise(room)       one per voice channel
      supervise(health)       probes, in the background: the one place
READY when logged in; channels and probes are waited for no longer than _SETTLE_S.
SIGTERM: rooms drain -> Discord is left -> the rest is cancelled. A second one, or one while starting: at once.
"""

from __future__ import annotations

import gc
import random
import signal
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import structlog
import trio

from voxbridge.audio.vad import VoiceActivity
from voxbridge.clock import wall_iso
from voxbridge.config.profiles import DEFAULT
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AUTO
from voxbridge.core.agents.conversation import AgentMemories
from voxbridge.core.agents.threads import Threads
from voxbridge.core.call.events import MemberJoined
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.messages.catalogue import Line, line
from voxbridge.discord import DiscordBridge
from voxbridge.engines.process import EnginesProcess
from voxbridge.errors import EngineError
from voxbridge.ops.crash import speak_last_words
from voxbridge.ops.journal import Journal
from voxbridge.ops.only_one import the_only_one
from voxbridge.ops.service import Conversation, Service
from voxbridge.ops.stalls import StallWatch
from voxbridge.ops.turnlog import log_turn
from voxbridge.ops.view import SettledSetting
from voxbridge.people.chat import Call
from voxbridge.people.desk import Desk
from voxbridge.people.house import House
from voxbridge.people.privacy import PrivacyWish, Records
from voxbridge.people.profiles import Profiles
from voxbridge.session.allowance import words_of
from voxbridge.session.apologies import Apologies
from voxbridge.session.context import Tools
from voxbridge.session.judge import no_judge, open_judge
from voxbridge.session.mouth import PlayoutClock, Punctual
from voxbridge.session.notices import Notice
from voxbridge.session.report import TurnReport
from voxbridge.session.room import Room
from voxbridge.session.rules import rules_now
from voxbridge.session.typed import Tell
from voxbridge.session.utterance import Judge
from voxbridge.stages.contracts import Remembering, Threaded
from voxbridge.stages.health import Health
from voxbridge.stages.registry import Stages, needs_engines, open_stages
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)

# Discord's leave takes 5 to 16 ms and its close up to 3 s; the rest of the drain's time belongs to the speakers.
_LEAVE_S = 4.0
# Joining takes 0.3 s and a probe some milliseconds; what takes longer is told as degraded, not waited for.
_SETTLE_S = 3.0
_DAY_CHARS = 10  # of an ISO time: its day


def run(settings: Settings, file: Path | None = None) -> int:
    """Run the daemon until a signal ends it; return the exit code. ``file`` is what a reload reads again.

    Raises: VoxBridgeError, in Trio's groups, when it cannot start (wrong token, engines missing, a second daemon).
    """
    speak_last_words()
    with the_only_one(settings.discord):
        trio.run(Daemon(settings, file).serve)
    return 0


class Daemon:
    """The running daemon, as the commands and the status see it."""

    def __init__(self, settings: Settings, file: Path | None = None) -> None:
        self.rooms: dict[GuildId, Room] = {}
        self._clock = PlayoutClock(lambda seconds: self.service.metrics.on_lateness(seconds))
        asked = Conversation(self.rooms, self.say, self.stop, self._clock.beat, self._settings_in)
        self.service = Service(settings, asked, file=file)
        self._journal = Journal(lambda: self.settings.journal.file)
        self._rules_now = rules_now(lambda: self.settings)
        self.house = House(lambda: self.settings, [self._journal, self.service.last_turns])
        self.service.when_reloaded(self.house.review)
        self.profiles = Profiles(lambda: self.settings, self._rules_now, self.house.chosen)
        self.desk = Desk(lambda: self.settings, self.profiles, self.house.chosen)
        self.service.when_reloaded(self._review_rooms)
        self.house.chosen.when_changed(self._review_rooms)
        self._stop_asked = trio.Event()

    @property
    def settings(self) -> Settings:
        """Return the settings that hold now."""
        return self.service.settings

    async def serve(self) -> None:
        """Start everything, live until a signal, and end everything in order."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._clock.run)
            signals = await nursery.start(_catch_signals)
            nursery.start_soon(self._obey, signals, nursery)
            await nursery.start(self.service.run)
            async with AsyncExitStack() as stack:
                socket = await stack.enter_async_context(self._engines())
                stages = await stack.enter_async_context(open_stages(self.settings, engines_socket=socket))
                self.desk.stages = stages
                await self.house.open()
                for agent in (stages.agent, *stages.agents.values()):
                    if isinstance(agent, Records):
                        self.house.privacy.covers(agent)
                agents = {DEFAULT: stages.agent, **stages.agents}
                await self.house.remember(kept_for(agents), threads_of(agents))
                bridge = DiscordBridge(
                    self.settings.discord,
                    self,
                    company=self.house,
                    messages_now=lambda: self.settings.discord.messages,
                )
                bridge.before_leaving = self.house.signs.clear
                self.house.consent.when_changed(bridge.hearing_changed)
                health = Health.of(stt=stages.stt, agent=stages.agent, tts=stages.tts, own=stages.own)
                self.service.attend(bridge, stages, health)
                with health.listening(self.service.on_health):
                    apologies = Apologies(stages.tts, self._rules_now)
                    judge: Judge = no_judge
                    if self.settings.endpointing.turn_model:
                        judge = await stack.enter_async_context(open_judge(self.service.counters))
                    tools = await self._tools(stages, health, apologies, judge)
                    apologies.want(*self._rules_now().languages.all - {AUTO})
                    await self._live(bridge, tools, apologies, stages)
            nursery.cancel_scope.cancel(reason="drain")

    async def _live(self, bridge: DiscordBridge, tools: Tools, apologies: Apologies, stages: Stages) -> None:
        async with trio.open_nursery() as conversation:
            conversation.start_soon(supervise, "storage", self.house.run)
            conversation.start_soon(supervise, "health", tools.health.run)
            conversation.start_soon(supervise, "apologies", apologies.run)
            conversation.start_soon(self._host_rooms, bridge, tools, apologies, stages, conversation)
            has_joined = await conversation.start(_run_bridge, bridge)
            conversation.start_soon(supervise, "presence", lambda: self.house.presence.run(bridge))
            with trio.move_on_after(_SETTLE_S):
                await has_joined.wait()
                await tools.health.asked.wait()
            # From now on: while all is loaded and nobody is in a call a stall hurts nobody.
            trio.lowlevel.add_instrument(StallWatch(self.service.metrics.on_stall))
            trio.lowlevel.add_instrument(Punctual(self._clock))
            # What start-up made lives as long as the daemon: the collector need not look at it in mid-speech.
            gc.collect()
            gc.freeze()
            self.service.ready()
            await self._stop_asked.wait()
            await self._drain(bridge)
            conversation.cancel_scope.cancel(reason="drain")

    async def _obey(self, signals: trio.MemoryReceiveChannel[int], nursery: trio.Nursery) -> None:
        """Drain on the first signal; end everything at once on the second, or when nothing has begun yet."""
        await signals.receive()
        is_starting = self.service.is_starting
        self.service.stopping()
        self._stop_asked.set()
        if is_starting:
            _log.info("stopped while starting")
        else:
            await signals.receive()
            _log.warning("second signal: stopping at once")
        nursery.cancel_scope.cancel(reason="drain")

    async def _drain(self, bridge: DiscordBridge) -> None:
        """Let sentences end, then leave Discord, all within the limit."""
        self.house.presence.end()
        rules = self.settings.drain
        _log.info("draining", turns=sum(room.open_turns for room in self.rooms.values()))
        speaking_s, leave_s = drain_times_s(rules.limit_ms / 1000)
        with trio.move_on_after(speaking_s):
            async with trio.open_nursery() as nursery:
                for room in list(self.rooms.values()):
                    nursery.start_soon(room.drain, rules.sentence_ms / 1000)
        with trio.move_on_after(leave_s / 2):
            for guild_id in list(self.rooms):
                await self.house.signs.clear(guild_id)
            await self.house.chats.finish()
        with trio.move_on_after(leave_s):
            await bridge.close()
        _log.info("left")

    @asynccontextmanager
    async def _engines(self) -> AsyncIterator[str]:
        """Keep the embedded engines' process alive, if a stage needs it; yield its socket ("" if none)."""
        if not needs_engines(self.settings) or self.settings.engines.socket:
            yield self.settings.engines.socket
            return
        async with EnginesProcess.directory() as directory, trio.open_nursery() as nursery:
            self.service.loading(self.settings.engines.start_limit_ms / 1000)
            engines = EnginesProcess(self.settings.engines, directory)
            socket = await nursery.start(_keep_engines, engines)
            yield socket
            nursery.cancel_scope.cancel(reason="drain")

    async def _tools(self, stages: Stages, health: Health, apologies: Apologies, judge: Judge) -> Tools:
        await trio.to_thread.run_sync(VoiceActivity)  # opens the network that all speakers share, 40 ms
        return Tools(
            rules_now=self._rules_now,
            stt=stages.stt,
            agent=stages.agent,
            tts=stages.tts,
            new_detector=VoiceActivity,
            judge=judge,
            on_report=self._on_report,
            new_turn_id=lambda: str(uuid.uuid4()),
            wall_iso=wall_iso,
            apology=partial(apologies.get, "apology"),
            mute_apology=partial(apologies.get, "mute_apology"),
            apology_of=apologies.of,
            filler=apologies.filler,
            on_notice=self._on_notice,
            counters=self.service.counters,
            speculation=self.service.speculation,
            allowance_of=self.house.limits.of,
            is_mirrored=self.house.chats.is_on,
            health=health,
        )

    async def _host_rooms(
        self, bridge: DiscordBridge, tools: Tools, apologies: Apologies, stages: Stages, nursery: trio.Nursery
    ) -> None:
        async for port in bridge.ports:
            room = Room(port, self.profiles.tools_in(port.guild_id, port.channel_id, tools, stages), self._clock)
            apologies.want(*room.languages)
            for persona in self.profiles.cast_in(port.guild_id, port.channel_id, stages):
                languages = {persona.language} if persona.language else room.languages
                apologies.want(*languages, persona=persona)
            nursery.start_soon(self._host, bridge, room)
            nursery.start_soon(supervise, "chat", partial(self._write_down, bridge, room))

    async def _host(self, bridge: DiscordBridge, room: Room) -> None:
        port = room.port
        self.rooms[port.guild_id] = room
        self.service.room_changed(port, is_open=True)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._live_in, room)
                nursery.start_soon(supervise, "sign", partial(self._show_sign, bridge, room))
                if not await supervise("room", room.run, guild=str(port.guild_id), channel=str(port.channel_id)):
                    await bridge.leave(port.guild_id)  # a bot that sits there and hears nobody is worse than none
                nursery.cancel_scope.cancel(reason="left")
        finally:
            if self.rooms.get(port.guild_id) is room:
                del self.rooms[port.guild_id]
                self.house.chats.over(port.guild_id)
                self.house.signs.forget(port.guild_id)
            self.service.room_changed(port, is_open=False)

    def _settings_in(self, guild_id: GuildId, channel_id: ChannelId) -> list[SettledSetting]:
        return [
            SettledSetting(f"{what} {profile}".rstrip(), settled.value, settled.origin)
            for what, profile, settled in self.desk.settled(guild_id, channel_id)
        ]

    def _review_rooms(self) -> None:
        for room in self.rooms.values():
            room.review()

    async def _write_down(self, bridge: DiscordBridge, room: Room) -> None:
        """Write the conversation of a room into its chat; the file at the end comes when the room is gone already."""
        call = Call(room.port.guild_id, room.port.channel_id, lambda: room.port.own_name)
        note = self._rules_now().messages.text(line("transcript_attached"), room.port.locale)
        await self.house.chats.run(call, bridge.chat, file_note=note, wall_day=wall_iso()[:_DAY_CHARS])

    async def _show_sign(self, bridge: DiscordBridge, room: Room) -> None:
        text = self._rules_now().messages.text(line("sign_listening"), room.port.locale)
        await self.house.signs.run(room, bridge.chat, text)

    async def _live_in(self, room: Room) -> None:
        greeting = self.settings.presence.greeting
        await supervise("notices", lambda: self.house.live_in(room, greeting), guild=str(room.port.guild_id))

    def _on_notice(self, notice: Notice) -> None:
        self.service.events.on_notice(notice)
        self.house.on_notice(notice)

    def _on_report(self, report: TurnReport) -> None:
        log_turn(report)
        self.service.on_report(report)
        self._journal.write(report)
        self.house.chats.on_report(report)

    # What the slash commands ask for.

    def status(self, guild_id: GuildId) -> Line:
        """Return a few sentences for a person in the guild; nothing secret, nothing that was said."""
        room, settings = self.rooms.get(guild_id), self.settings
        stages = line("status_stages", stt=settings.stt.kind, agent=settings.agent.kind, tts=settings.tts.kind)
        health = self.service.health_lines()
        if room is not None:
            health = (*health, self.desk.brief(guild_id, room.port.channel_id))
        if room is None:
            return line("status_away", stages=stages, health=health)
        count = sum(member.is_heard and not member.is_bot for member in room.members)
        why = self.house.presence.why(guild_id) or line("here_asked")
        return line("status_here", count=count, why=why, stages=stages, health=health, turns=self._turns())

    def _turns(self) -> Line:
        counts = self.service.turns_by_outcome
        answered, interrupted = counts.get("answered", 0), counts.get("interrupted", 0)
        failed = sum(counts.get(outcome, 0) for outcome in ("failed", "timed-out", "no-reply"))
        if answered + interrupted + failed == 0:
            return line("status_no_turns")
        return line("status_turns", answered=answered, interrupted=interrupted, failed=failed)

    async def privacy(self, guild_id: GuildId, member: MemberJoined, wish: PrivacyWish) -> Line:
        """Do what a member wishes of us, and say what holds now."""
        return await self.house.privacy.answer(guild_id, member, wish)

    async def stop(self, guild_id: GuildId) -> bool:
        """Cut short what is being said in the guild."""
        room = self.rooms.get(guild_id)
        return room is not None and room.stop()

    async def ask(self, guild_id: GuildId, member: MemberJoined, text: str, tell: Tell) -> Line | None:
        """Have a typed question answered in the guild's channel; return what went wrong, if anything."""
        room = self.rooms.get(guild_id)
        return line("cannot_speak") if room is None else await room.ask(member, text, tell)

    async def repeat(self, guild_id: GuildId) -> Line:
        """Say the last answer again, or its unheard rest."""
        room = self.rooms.get(guild_id)
        return line("cannot_speak") if room is None else await room.repeat()

    def silence(self, guild_id: GuildId) -> Line | None:
        """Return why nothing may be said aloud in the guild now, if so."""
        refusal = self.house.limits.of(guild_id).silence()
        return None if refusal is None else words_of(refusal, "")

    async def say(self, guild_id: GuildId, text: str) -> bool:
        """Speak a text in the guild's channel."""
        room = self.rooms.get(guild_id)
        return room is not None and await room.say(text)


def kept_for(agents: Mapping[str, object]) -> AgentMemories:
    """Return the conversations that are kept for agents, by name; not of those that remember by themselves."""
    kept = {name: agent.conversations for name, agent in agents.items() if isinstance(agent, Remembering)}
    return AgentMemories({name: conversations for name, conversations in kept.items() if conversations is not None})


def threads_of(agents: Mapping[str, object]) -> list[Threads]:
    """Return the conversations that the agents' own servers keep."""
    return [threads for agent in agents.values() if isinstance(agent, Threaded) for threads in agent.threads]


def drain_times_s(limit_s: float) -> tuple[float, float]:
    """Share a drain's time between those who speak and Discord, which gets half of a short one."""
    leave_s = min(_LEAVE_S, limit_s / 2)
    return limit_s - leave_s, leave_s


async def _run_bridge(bridge: DiscordBridge, *, task_status: trio.TaskStatus[trio.Event]) -> None:
    """Run the bridge; ``started`` when it is logged in, with the event that its first joins are over."""
    has_joined = trio.Event()

    async def note_joined() -> None:
        await nursery.start(bridge.run)
        has_joined.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(note_joined)
        await bridge.logged_in.wait()
        task_status.started(has_joined)


async def _catch_signals(*, task_status: trio.TaskStatus[trio.MemoryReceiveChannel[int]]) -> None:
    # 2: the polite signal and the second one that hurries; more say nothing new.
    send, receive = trio.open_memory_channel[int](2)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started(receive)
        async for number in signals:
            try:
                send.send_nowait(number)
            except trio.WouldBlock:
                continue


async def _keep_engines(engines: EnginesProcess, *, task_status: trio.TaskStatus[str]) -> None:
    """Run the engines' process for ever. The first start must succeed; a later death is mended, with backoff.

    Raises: EngineError, in Trio's groups, when the first start fails.
    """
    is_warm = False
    try:
        async with trio.open_nursery() as nursery:
            task_status.started(await nursery.start(engines.run))
            is_warm = True
    except* EngineError as group:
        if not is_warm:
            raise
        _log.error("the engines died and are started again", error=str(group.exceptions[0]))

    async def again() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(engines.run)

    await supervise("engines", again, backoff=Backoff(rng=random.random))
