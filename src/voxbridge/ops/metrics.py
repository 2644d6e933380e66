"""The metrics in Prometheus' text form. Names and meanings: docs/metrics.md, held in step by a test.

Histograms are fed as turns end; all else is read off the daemon's own counters when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from voxbridge import __version__
from voxbridge.core.counting import counts_of
from voxbridge.discord.counters import VoiceCounters
from voxbridge.ops.view import View
from voxbridge.session.counters import SessionCounters
from voxbridge.session.report import TurnReport

# Each series would come twice, once as the time of its making; Prometheus' text form has no use for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# At the targets: 50 ms first byte, 200 ms a sentence, 400 ms transcript, 500 ms agent, 1 s first audio.
_LATENCY_BUCKETS_S = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
# A frame is 20 ms; half of one is late, three and more are made up in a burst.
_LATENESS_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.5)
_STALL_BUCKETS_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)

# name, meaning, from this mark of the turn to that one
_STRETCHES: tuple[tuple[str, str, str, str], ...] = (
    (
        "end_of_turn_delay",
        "Last voiced frame to the decision that the turn is over (endpointing).",
        "speech_end",
        "turn_decided",
    ),
    ("transcription_delay", "Decision to final transcript (STT).", "turn_decided", "stt_final"),
    ("agent_ttft", "Request to the agent's first text that is not blank.", "agent_request", "agent_first_text"),
    ("tts_ttfb", "Request to the first byte of the first sentence's synthesis.", "tts_request", "tts_first_byte"),
    ("tts_first_pcm", "Request to the first sample of the first sentence.", "tts_request", "tts_first_pcm"),
    ("ttfa", "Decision that the turn is over to the first frame of the answer out.", "turn_decided", "first_audio"),
    ("e2e_latency", "Last voiced frame to the first frame of the answer out.", "speech_end", "first_audio"),
)


@attrs.frozen
class Sources:
    """Where the figures come from that are read when somebody asks."""

    view: Callable[[], View]
    counters: SessionCounters
    agent_retries: Callable[[], int]


class Metrics:
    """The daemon's registry. Nothing is registered globally: two daemons in one process do not meet."""

    def __init__(self, sources: Sources) -> None:
        self.registry = CollectorRegistry()
        self._stretches = [
            (self._histogram(name, about, _LATENCY_BUCKETS_S), begin, end) for name, about, begin, end in _STRETCHES
        ]
        self._turns = Counter("voxbridge_turns", "Turns by outcome.", ["outcome"], registry=self.registry)
        self._failures = Counter(
            "voxbridge_stage_failures",
            "Turns that failed, by the stage that failed them.",
            ["stage"],
            registry=self.registry,
        )
        self._lateness = self._histogram(
            "playout_lateness", "How late frames left against their 20 ms schedule.", _LATENESS_BUCKETS_S
        )
        self._stalls = self._histogram(
            "loop_stall", "Steps of one task that kept all others waiting for more than 20 ms.", _STALL_BUCKETS_S
        )
        self.registry.register(_Scrape(sources))
        ProcessCollector(namespace="voxbridge", registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"voxbridge_{name}_seconds", about, buckets=buckets, registry=self.registry)

    def on_report(self, report: TurnReport) -> None:
        """Count a turn and measure its stretches."""
        self._turns.labels(report.outcome).inc()
        if report.failed_stage is not None:
            self._failures.labels(report.failed_stage).inc()
        for histogram, begin, end in self._stretches:
            if begin in report.marks and end in report.marks:
                # what was ready before it was asked for took no time
                histogram.observe(max(0.0, report.marks[end] - report.marks[begin]))

    def on_lateness(self, seconds: float) -> None:
        """Measure a frame that has left."""
        self._lateness.observe(seconds)

    def on_stall(self, seconds: float) -> None:
        """Measure a step of the loop that was too long."""
        self._stalls.observe(seconds)

    def text(self) -> bytes:
        """Return what Prometheus reads."""
        return generate_latest(self.registry)


class _Scrape(Collector):
    """Reads the daemon's own counters."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterable[Metric]:
        """Name no metric in advance: the registry would ask the daemon before there is one."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the figures as they are now."""
        view, counters = self._sources.view(), self._sources.counters
        yield from self._build()
        yield from _conversation(view, counters)
        yield _counter("agent_retries", "Requests to the agent that were repeated.", self._sources.agent_retries())
        up = GaugeMetricFamily("voxbridge_backend_up", "1 if a stage's server answered last time.", labels=["stage"])
        spare = GaugeMetricFamily(
            "voxbridge_backup_up",
            "1 if a backup of a stage answered last time; the first backup's number is 1.",
            labels=["stage", "number"],
        )
        own = GaugeMetricFamily(
            "voxbridge_profile_backend_up",
            "1 if a server that a profile has of its own answered last time.",
            labels=["stage", "profile", "number"],
        )
        for backend in view.backends:
            if backend.state == "unknown":
                continue
            is_up = float(backend.state != "down")
            if backend.profile:
                own.add_metric([backend.stage, backend.profile, str(backend.number)], is_up)
            elif backend.number:
                spare.add_metric([backend.stage, str(backend.number)], is_up)
            else:
                up.add_metric([backend.stage], is_up)
        yield from (up, spare, own)
        yield from _discord(view)

    @staticmethod
    def _build() -> Iterator[Metric]:
        build = GaugeMetricFamily("voxbridge_build_info", "1, with the version as a label.", labels=["version"])
        build.add_metric([__version__], 1.0)
        yield build


def _conversation(view: View, counters: SessionCounters) -> Iterator[Metric]:
    rooms = list(view.rooms.values())
    sessions = [session for room in rooms for session in room.speakers]
    yield _gauge("ready", "1 if the daemon can serve now (as /readyz says).", float(not view.unready()))
    yield _gauge("rooms", "Voice channels that VoxBridge is in.", len(rooms))
    yield _gauge("speaker_sessions", "Speakers who are listened to.", len(sessions))
    yield _gauge("open_turns", "Turns that are going on.", sum(room.open_turns for room in rooms))
    for name, about, value in counts_of(counters):
        yield _counter(name, about, value)
    reconnects = counters.stt_reconnects + sum(session.line_reconnects for session in sessions)
    yield _counter("stt_reconnects", "Connections to the STT server that were lost and restored.", reconnects)


def _discord(view: View) -> Iterator[Metric]:
    bridge = view.bridge
    yield _gauge("discord_up", "1 while the main gateway is connected.", float(bridge.is_logged_in))
    if bridge.latency_s is not None:
        yield _gauge("discord_latency_seconds", "Round trip of the main gateway's heartbeat.", bridge.latency_s)
    yield _counter("asyncio_errors", "Errors on the asyncio side that nobody caught.", bridge.loop_errors)
    connected = GaugeMetricFamily(
        "voxbridge_voice_connected", "1 while in the guild's voice channel.", labels=["guild"]
    )
    encrypted = GaugeMetricFamily(
        "voxbridge_voice_encrypted", "1 while end-to-end encryption is in force.", labels=["guild"]
    )
    ping = GaugeMetricFamily("voxbridge_voice_ping_seconds", "Round trip of the voice connection.", labels=["guild"])
    for room in bridge.rooms:
        guild = [str(room.guild_id)]
        connected.add_metric(guild, float(room.is_connected))
        encrypted.add_metric(guild, float(room.is_dave_ready))
        if room.udp_ping_s is not None:
            ping.add_metric(guild, room.udp_ping_s)
    yield from (connected, encrypted, ping)
    voice = {
        name: CounterMetricFamily(f"voxbridge_{name}", about, labels=["guild"])
        for name, about, _ in counts_of(VoiceCounters())
    }
    for room in bridge.rooms:
        for name, _, value in counts_of(room.counters):
            voice[name].add_metric([str(room.guild_id)], value)
    yield from voice.values()


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"voxbridge_{name}", about, value=value)


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"voxbridge_{name}", about, value=value)
