"""A room in virtual time: the real session and the real clients, simulated servers, a network in memory."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Self

import attrs
import trio

from tests.support.voices import LoudnessDetector, MemoryPort, tone_packets, tone_pcm
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import carried
from voxbridge.config.thinking import ThinkingSettings
from voxbridge.config.turns import FloorSettings
from voxbridge.core.health.backend import HealthRules
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.people.chosen import Chosen
from voxbridge.people.profiles import Profiles
from voxbridge.session.context import Tools
from voxbridge.session.judge import no_judge
from voxbridge.session.mouth import PlayoutClock
from voxbridge.session.report import TurnReport
from voxbridge.session.room import Room
from voxbridge.session.rules import rules_now
from voxbridge.session.utterance import Judge
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.contracts import AgentRequest, AgentStage, AnswerSink, warm_up
from voxbridge.stages.health import Health
from voxbridge.stages.registry import open_stages
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.supervise import supervise
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

APOLOGY = Pcm(tone_pcm(0.5, 880.0), SPEECH_RATE_HZ)
ANSWER = "Hello there. This is the answer."
EVERYONE = FloorSettings(mode="everyone")
"""Several people are answered without a name: what is tested is something else."""
NOT_ASKED_WHILE_WELL = HealthRules(at_start=False, recheck_s=math.inf)
"""What the servers are asked is what the test has them asked."""
SILENT = ThinkingSettings(sound="off")
"""What leaves is the answer, however late it comes: what sounds until then is tested by itself."""


@attrs.define
class Hall:
    """Everything in one place, for a test to speak into and look at."""

    net: MemNet | None
    port: MemoryPort
    stt: WhisperXServer
    agent: N8nServer
    tts: ChatterboxServer
    room: Room
    reports: list[TurnReport]
    reported_at: list[float]
    nursery: trio.Nursery
    breaking: deque[Exception]
    """What the agent stage raises in the next turns, as a plug-in with a bug would."""
    tools: Tools
    clock: PlayoutClock

    @property
    def health(self) -> Health:
        return self.tools.health

    def another_room(self) -> MemoryPort:
        """Open a further room on the same stages."""
        port = MemoryPort()
        self.nursery.start_soon(Room(port, self.tools, self.clock).run)
        return port

    async def say(self, user: UserId, frames: int = 50) -> float:
        """Let ``user`` speak for ``frames`` of 20 ms; return when the last packet was sent."""
        return await self.port.speak(user, tone_packets(frames))

    async def wait_report(self, number: int = 0, timeout_s: float = 300.0) -> TurnReport:
        """Return the report of a turn once it is there, by its number from 0."""
        await self.port.wait_for(lambda: len(self.reports) > number, timeout_s, recheck_s=timeout_s)
        return self.reports[number]


class _Breakable:
    """The agent stage, which can be told to raise."""

    def __init__(self, stage: AgentStage, breaking: deque[Exception]) -> None:
        self._stage, self._breaking, self.name = stage, breaking, stage.name

    @property
    def retry_count(self) -> int:
        return self._stage.retry_count

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """The stage inside is closed by who opened it."""

    async def warm(self) -> None:
        await warm_up(self._stage)

    async def probe(self) -> str:
        return await self._stage.probe()

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        if self._breaking:
            raise self._breaking.popleft()
        await self._stage.answer(request, out)


def settings_for(stt: WhisperXServer, agent_: N8nServer, tts: ChatterboxServer, base: Settings) -> Settings:
    """Point the settings' three stages at the servers."""
    return attrs.evolve(
        base,
        stt=carried(WhisperXSettings, base.stt, url=stt.url),
        agent=carried(N8nSettings, base.agent, url=Secret(agent_.webhook_url)),
        tts=carried(ChatterboxSettings, base.tts, url=tts.url),
    )


@contextmanager
def plain_failures() -> Iterator[None]:
    """Let a failed assertion out of the nurseries' groups, so that its message is what pytest shows."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from None


@asynccontextmanager
async def open_hall(
    *,
    net: MemNet | None = None,
    settings: Settings | None = None,
    stt_s: float = 0.3,
    agent_s: float = 0.4,
    tts_s: float = 0.04,
    answer: str = ANSWER,
    judge: Judge = no_judge,
    apology: Pcm | None = APOLOGY,
    mute_apology: Pcm | None = None,
    in_memory: bool = True,
    settings_now: Callable[[Settings], Settings] | None = None,
    change: Callable[[Tools], Tools] = lambda tools: tools,
    supervised: bool = False,
    point: Callable[[Settings], Settings] = lambda settings: settings,
    engines_socket: str = "",
    health_rules: HealthRules = NOT_ASKED_WHILE_WELL,
    floor: FloorSettings = EVERYONE,
    chosen: Chosen | None = None,
    thinking: ThinkingSettings = SILENT,
) -> AsyncIterator[Hall]:
    """Open a room whose servers take these times, on the in-memory network (or on loopback sockets).

    ``change`` may put other stages into the tools. A crash of the room fails the test, unless it is ``supervised``
    as in the daemon. ``point`` may lead the settings to other servers; embedded ones are behind ``engines_socket``.
    ``chosen`` is what was chosen in Discord; with it, the settings' profiles answer.
    """
    if in_memory:
        net = (net or MemNet()).install()
    stt = WhisperXServer(WhisperXScript(final_delay_s=stt_s))
    n8n = N8nServer(lambda _question: agent(words(answer), first_s=agent_s))
    timing = attrs.evolve(PROMPT, head_s=tts_s, synthesis_s=0.0)
    tts = ChatterboxServer(timing)
    numbers = itertools.count(1)
    with plain_failures():
        async with AsyncExitStack() as stack:
            for server in (stt, n8n, tts):
                await stack.enter_async_context(server.running())
            settings = point(
                settings_for(stt, n8n, tts, attrs.evolve(settings or Settings(), floor=floor, thinking=thinking))
            )
            stages = await stack.enter_async_context(open_stages(settings, engines_socket=engines_socket))
            reports: list[TurnReport] = []
            reported_at: list[float] = []
            breaking: deque[Exception] = deque()
            port = MemoryPort()

            def on_report(report: TurnReport) -> None:
                reports.append(report)
                reported_at.append(trio.current_time())
                port.touch()

            tools = Tools(
                rules_now=rules_now(lambda: settings if settings_now is None else settings_now(settings)),
                stt=stages.stt,
                agent=_Breakable(stages.agent, breaking),
                tts=stages.tts,
                new_detector=LoudnessDetector,
                judge=judge,
                on_report=on_report,
                new_turn_id=lambda: f"turn-{next(numbers)}",
                wall_iso=lambda: "2026-11-25T10:00:00.000+00:00",
                apology=lambda _language: apology,
                mute_apology=lambda _language: mute_apology,
            )
            clock = PlayoutClock()
            tools = change(tools)
            if chosen is not None:
                profiles = Profiles(
                    lambda: settings if settings_now is None else settings_now(settings), tools.rules_now, chosen
                )
                stages = attrs.evolve(stages, agent=tools.agent, tts=tools.tts)
                tools = profiles.tools_in(port.guild_id, port.channel_id, tools, stages)
            health = Health.of(stt=tools.stt, agent=tools.agent, tts=tools.tts, own=stages.own, rules=health_rules)
            tools = attrs.evolve(tools, health=health)
            room = Room(port, tools, clock)
            nursery = await stack.enter_async_context(trio.open_nursery())
            if chosen is not None:
                chosen.when_changed(room.review)
            nursery.start_soon(clock.run)
            if supervised:
                nursery.start_soon(supervise, "health", health.run)
                nursery.start_soon(supervise, "room", room.run)
            else:
                nursery.start_soon(health.run)
                nursery.start_soon(room.run)
            yield Hall(net, port, stt, n8n, tts, room, reports, reported_at, nursery, breaking, tools, clock)
            nursery.cancel_scope.cancel(reason="test over")
