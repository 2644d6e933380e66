"""The daemon as a service: what it tells systemd and its operator, and what they may ask of it.

watchdog            petted while Trio, asyncio and the playout clock beat
status line         follows what goes on
control socket      ``voxbridge ctl``: status, join, leave, say, stop, reload, events; health and metrics too
health on TCP       /healthz /readyz /metrics
SIGHUP              reload
health              of the backends, as stages/health.py knows it: told as events, shown in status and metrics
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import assert_never

import attrs
import structlog
import trio
from starlette.applications import Starlette
from starlette.routing import Route

from voxbridge.config import load_noting, secret_values
from voxbridge.config.settings import Settings
from voxbridge.core.health.backoff import Backoff
from voxbridge.core.health.slowness import Slowness
from voxbridge.core.health.words import health_lines
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.core.messages.catalogue import Line
from voxbridge.core.turns.speculation import Speculation
from voxbridge.discord import DiscordBridge
from voxbridge.discord.bridge import parse_seats
from voxbridge.discord.counters import BridgeStatus
from voxbridge.errors import ConfigError, VoiceHandshakeError
from voxbridge.ops import logs
from voxbridge.ops.control import Control
from voxbridge.ops.events import EventHub
from voxbridge.ops.health import HealthRoutes
from voxbridge.ops.heartbeat import pet_watchdog
from voxbridge.ops.last_turns import LastTurns
from voxbridge.ops.masking import SecretMask
from voxbridge.ops.metrics import Metrics, Sources
from voxbridge.ops.notify import Notifier, take_listen_fds
from voxbridge.ops.reload import Moves, Reloaded, change, moves, refused
from voxbridge.ops.serving import serve_app
from voxbridge.ops.sockets import CONTROL, CannotListen, bind_tcp, bind_unix, control_path
from voxbridge.ops.statusline import follow_status
from voxbridge.ops.view import Phase, SettledSetting, View
from voxbridge.session.counters import SessionCounters
from voxbridge.session.report import TurnReport
from voxbridge.session.room import Room
from voxbridge.session.rules import speculation_rules
from voxbridge.session.voice import VoicePort
from voxbridge.stages.health import BackendChanged, Health, HealthEvent, StageBack
from voxbridge.stages.registry import Stages, tool_servers
from voxbridge.supervise import supervise

_log = structlog.get_logger(__name__)

# Beyond the engines' own limit: their process, the login and the first probes.
_START_SLACK_S = 30.0
# What an exit takes once the drain is over: child processes, the interpreter.
_STOP_SLACK_S = 5.0
_NOT_YET = BridgeStatus(is_logged_in=False, user_name="", latency_s=None, loop_errors=0, rooms=())


@attrs.frozen
class Conversation:
    """What the service needs from the daemon's other half: the rooms, and what can be asked of them."""

    rooms: Mapping[GuildId, Room]
    say: Callable[[GuildId, str], Awaitable[bool]]
    stop: Callable[[GuildId], Awaitable[bool]]
    playout_beat: Callable[[], Awaitable[None]]
    settings_in: Callable[[GuildId, ChannelId], Sequence[SettledSetting]] = lambda _guild, _channel: ()


class Service:
    """Holds the settings in force, and everything that faces systemd and the operator. Implements ``Operator``."""

    def __init__(
        self,
        settings: Settings,
        conversation: Conversation,
        *,
        file: Path | None = None,
        environ: MutableMapping[str, str] = os.environ,
        inherited: Mapping[str, int] | None = None,
    ) -> None:
        self.settings = settings
        self.counters = SessionCounters()
        self.speculation = Speculation()
        self.events = EventHub(lambda: self.may_show_speech)
        self.turns_by_outcome: dict[str, int] = {}
        self._conversation, self._file, self._environ = conversation, file, environ
        self._mask = SecretMask(secret_values(settings))
        self._notifier = Notifier.from_environ(environ)
        self._inherited = dict(take_listen_fds(environ) if inherited is None else inherited)
        self.last_turns = LastTurns()
        self._phase: Phase = "starting"
        self._started_at = 0.0
        self._bridge: DiscordBridge | None = None
        self._stages: Stages | None = None
        self._health = Health()
        self._slowness = Slowness()
        self._reloading = trio.Lock()
        self._reload_listeners: list[Callable[[], None]] = []
        self._beats = {"asyncio": self._asyncio_beat, "playout": conversation.playout_beat}
        self.metrics = Metrics(Sources(self.view, self.counters, lambda: self._agent_retries))

    # The daemon's life, in order.

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the operator and systemd for the daemon's whole life, until cancelled."""
        self._started_at = trio.current_time()
        with closing(self._notifier):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(supervise, "watchdog", partial(pet_watchdog, self._notifier, self._beats))
                status = partial(follow_status, self._notifier, lambda: self.view().line())
                nursery.start_soon(supervise, "status line", status)
                await nursery.start(self._reload_on_sighup)
                await self._open_doors(nursery)
                task_status.started()

    def loading(self, limit_s: float) -> None:
        """Ask systemd for time: models are loaded, which takes up to ``limit_s``."""
        self._notifier.extend(limit_s + _START_SLACK_S, "starting: models are loaded")

    def attend(self, bridge: DiscordBridge, stages: Stages, health: Health) -> None:
        """Know the parts that are there once the stages are open."""
        self._bridge, self._stages, self._health = bridge, stages, health

    def on_health(self, event: HealthEvent) -> None:
        """Take note of what has changed in the backends' health."""
        match event:
            case BackendChanged(backend, was):
                if backend.state == "down":
                    _log.warning("backend down", stage=backend.stage, backend=backend.kind, reason=backend.detail)
                elif was == "down":
                    _log.info("backend up again", stage=backend.stage, backend=backend.kind)
                self.events.on_backend(event)
            case StageBack():
                pass  # the rooms tell it
            case _:
                assert_never(event)

    def when_reloaded(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each reload that was taken."""
        self._reload_listeners.append(listener)

    def ready(self) -> None:
        """Say that the start is over."""
        self._phase = "ready"
        line = self.view().line()
        _log.info("ready", rooms=len(self._conversation.rooms), status=line)
        self._notifier.ready(line)
        self.events.publish("status_update", connected=True, phase=self._phase)

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._phase = "draining"
        self._notifier.stopping(self._phase)
        # TimeoutStopSec= is made for the default limit; a longer one of the operator's holds as well.
        self._notifier.extend(self.settings.drain.limit_ms / 1000 + _STOP_SLACK_S, self._phase)
        self.events.publish("status_update", connected=True, phase=self._phase)

    @property
    def is_starting(self) -> bool:
        """Tell whether ``ready`` was not said yet."""
        return self._phase == "starting"

    def on_report(self, report: TurnReport) -> None:
        """Take note of a turn."""
        self.turns_by_outcome[report.outcome] = self.turns_by_outcome.get(report.outcome, 0) + 1
        self.last_turns.add(report)
        self.metrics.on_report(report)
        self.events.on_report(report)
        now = trio.current_time()
        for part in report.parts:
            if part.budget_ms is not None:
                self._slowness.took(part.name, part.ms, part.budget_ms, now)

    def health_lines(self) -> tuple[Line, ...]:
        """Return what is slow or down, in sentences for people."""
        now = trio.current_time()
        return health_lines(self._health.all, self._slowness.slow(now), now)

    def room_changed(self, port: VoicePort, *, is_open: bool) -> None:
        """Tell that we came into a voice channel or left it."""
        place = {"guildId": str(port.guild_id), "channelId": str(port.channel_id)}
        self.events.publish("room_opened" if is_open else "room_closed", **place)

    # Operator

    @property
    def may_show_speech(self) -> bool:
        """Tell whether the operator asked for speech in the log, and so in what is shown."""
        return self.settings.log.speech

    def mask(self, text: str) -> str:
        """Return the text without the secrets in it."""
        return self._mask(text)

    def view(self) -> View:
        """Return how things are."""
        return View(
            phase=self._phase,
            started_at=self._started_at,
            bridge=_NOT_YET if self._bridge is None else self._bridge.status(),
            rooms=self._conversation.rooms,
            backends=self._health.all,
            slow=self._slowness.slow(trio.current_time()),
            turns_by_outcome=self.turns_by_outcome,
            last_turns=self.last_turns.reports,
            wanted=parse_seats(self.settings.discord.join),
            speculation=self.speculation.status(speculation_rules(self.settings), trio.current_time()),
            tools=() if self._stages is None else tool_servers(self._stages),
            settings_in=self._conversation.settings_in,
        )

    async def join(self, guild_id: GuildId, channel_id: ChannelId) -> None:
        """Sit in a channel. Raises: VoiceHandshakeError."""
        if self._bridge is None:
            raise VoiceHandshakeError("not logged in to Discord yet", code=None, should_reconnect=True)
        await self._bridge.join(guild_id, channel_id)

    async def leave(self, guild_id: GuildId) -> bool:
        """Leave the guild's channel; False if we are in none."""
        if self._bridge is None or self._bridge.seat(guild_id) is None:
            return False
        await self._bridge.leave(guild_id)
        return True

    async def say(self, guild_id: GuildId, text: str) -> bool:
        """Speak a text to its end; False if it could not be."""
        return await self._conversation.say(guild_id, text)

    async def stop(self, guild_id: GuildId) -> bool:
        """Fall silent; False if nothing was being said."""
        return await self._conversation.stop(guild_id)

    async def reload(self) -> Reloaded:
        """Read the configuration anew: what is live takes effect, a bad one changes nothing."""
        async with self._reloading:
            self._notifier.reloading("reloading the configuration")
            try:
                outcome = await self._reload()
            except ConfigError as error:
                outcome = refused(error)
                _log.error("reload refused: the old configuration stays in force", problems=outcome.problems)
            else:
                _log.info("reloaded", applied=outcome.applied, needs_restart=outcome.needs_restart)
            finally:
                if self._phase == "ready":  # systemd waits for it, whatever came of it
                    self._notifier.ready(self.view().line())
            self.events.publish("reloaded", **outcome.to_json())
            return outcome

    async def _reload(self) -> Reloaded:
        """Raises: ConfigError."""
        # In a thread, since a file system may be slow; a cancel waits for it.
        loaded = await trio.to_thread.run_sync(load_noting, self._file)
        new, self._file = loaded.settings, loaded.file  # one that was found is missed from now on when it vanishes
        seats = moves(self.settings.discord.join, new.discord.join)
        found = change(self.settings, new)
        secrets = {*secret_values(self.settings), *secret_values(new)}
        self.settings, self._mask = found.settings, SecretMask(secrets)
        if found.applied or found.needs_restart:
            logs.configure(self.settings.log, secrets)
        logs.warn_of_notes(loaded.notes)
        for listener in self._reload_listeners:
            listener()
        return Reloaded(
            is_taken=True,
            applied=found.applied,
            needs_restart=found.needs_restart,
            problems=await self._move(seats),
            warnings=tuple(map(str, loaded.notes)),
        )

    async def _move(self, seats: Moves) -> tuple[str, ...]:
        problems: list[str] = []

        async def join(guild_id: GuildId, channel_id: ChannelId) -> None:
            try:
                await self.join(guild_id, channel_id)
            except VoiceHandshakeError as error:
                problems.append(f"channel {channel_id} was not joined: {error}")

        async with trio.open_nursery() as nursery:
            for guild_id in seats.leave:
                nursery.start_soon(self.leave, guild_id)
            for guild_id, channel_id in seats.join:
                nursery.start_soon(join, guild_id, channel_id)
        return tuple(problems)

    # Within

    @property
    def _agent_retries(self) -> int:
        return 0 if self._stages is None else self._stages.agent.retry_count

    async def _asyncio_beat(self) -> None:
        if self._bridge is None:
            await trio.lowlevel.checkpoint()
            return
        await self._bridge.beat()

    async def _reload_on_sighup(self, *, task_status: trio.TaskStatus[None]) -> None:
        # On a terminal SIGHUP means that it was closed: who started us there wants us to end with it.
        if sys.stdin is not None and sys.stdin.isatty():
            task_status.started()
            return
        with trio.open_signal_receiver(signal.SIGHUP) as hangups:
            task_status.started()
            async for _ in hangups:
                await supervise("reload", self._reload_once, backoff=Backoff(circuit=1))

    async def _reload_once(self) -> None:
        await self.reload()

    async def _open_doors(self, nursery: trio.Nursery) -> None:
        """Open the control socket and the health port. One that cannot be opened is a warning, not the end.

        Raises: AlreadyRunning when another daemon answers on the control socket.
        """
        health = HealthRoutes(self.view, self.metrics, self._beats)
        control = [*Control(self).routes, *health.routes]
        await self._open_door(nursery, "control", self._bind_control, control)
        await self._open_door(nursery, "health", self._bind_health, health.routes)

    @staticmethod
    async def _open_door(
        nursery: trio.Nursery, door: str, bind: Callable[[], socket.socket | None], routes: list[Route]
    ) -> None:
        try:
            listener = bind()
        except CannotListen as error:
            _log.warning("cannot listen", door=door, reason=str(error))
            return
        if listener is None:
            return
        address = listener.getsockname()
        await nursery.start(serve_app, Starlette(routes=routes), listener)
        _log.info("listening", door=door, address=address if isinstance(address, str) else ":".join(map(str, address)))

    def _bind_control(self) -> socket.socket | None:
        if CONTROL in self._inherited:
            return socket.socket(fileno=self._inherited.pop(CONTROL))
        path = control_path(self.settings.control.socket, self._environ)
        if path is None:
            raise CannotListen("there is no runtime directory: set [control] socket to use `voxbridge ctl`")
        return bind_unix(path)

    def _bind_health(self) -> socket.socket | None:
        listen = self.settings.health.listen
        return bind_tcp(listen) if listen else None
