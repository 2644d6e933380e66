"""The metrics: what is measured, under which names, and that the page of the docs says so."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from tests.support.service import Hosted
from tests.unit.ops.test_events import REPORT
from voxbridge.config.settings import Settings
from voxbridge.core.counting import counts_of
from voxbridge.core.health.backend import BackendStatus
from voxbridge.core.ids import ChannelId, GuildId
from voxbridge.discord.counters import BridgeStatus, RoomStatus, VoiceCounters
from voxbridge.ops.metrics import Metrics, Sources
from voxbridge.ops.service import Service
from voxbridge.ops.view import View
from voxbridge.session.counters import SessionCounters

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"

ROOM = RoomStatus(
    guild_id=GuildId(1),
    guild_name="Guild",
    channel_id=ChannelId(2),
    channel_name="Channel",
    is_connected=True,
    can_send=True,
    is_dave_ready=True,
    dave_version=1,
    privacy_code=None,
    is_server_muted=False,
    is_server_deafened=False,
    is_suppressed=False,
    udp_ping_s=0.02,
    counters=VoiceCounters(sent=12, rejoins=3),
)
VIEW = View(
    phase="ready",
    started_at=0.0,
    bridge=BridgeStatus(is_logged_in=True, user_name="bot", latency_s=0.05, loop_errors=0, rooms=(ROOM,)),
    rooms={},
    backends=[
        BackendStatus("stt", "whisperx", "up"),
        BackendStatus("agent", "n8n", "down"),
        BackendStatus("tts", "chatterbox"),
        BackendStatus("stt", "embedded", "failing", number=1),
    ],
    turns_by_outcome={},
    last_turns=[],
)


def make(view: View = VIEW, counters: SessionCounters | None = None) -> Metrics:
    return Metrics(Sources(lambda: view, counters or SessionCounters(), lambda: 4))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"voxbridge_{name}", labels)


def test_a_turn_is_measured_by_its_marks_and_counted_by_its_outcome() -> None:
    """Each stretch that the turn got through, in seconds; what it did not reach is not measured as nothing."""
    metrics = make()
    metrics.on_report(REPORT)
    metrics.on_report(attrs.evolve(REPORT, outcome="answered", failed_stage=None, error=None))
    assert value(metrics, "turns_total", outcome="failed") == 1
    assert value(metrics, "turns_total", outcome="answered") == 1
    assert value(metrics, "stage_failures_total", stage="tts") == 1
    assert value(metrics, "end_of_turn_delay_seconds_sum") == pytest.approx(1.0)
    assert value(metrics, "ttfa_seconds_bucket", le="0.4") == 0
    assert value(metrics, "ttfa_seconds_bucket", le="0.5") == 2
    assert value(metrics, "e2e_latency_seconds_count") == 2
    assert value(metrics, "tts_ttfb_seconds_count") == 0


def test_a_transcript_that_was_there_early_took_no_time() -> None:
    """A speculative final lies before the decision; a negative duration would spoil the sum."""
    metrics = make()
    metrics.on_report(attrs.evolve(REPORT, marks={"turn_decided": 1.5, "stt_final": 1.2}))
    assert value(metrics, "transcription_delay_seconds_sum") == 0
    assert value(metrics, "transcription_delay_seconds_count") == 1


def test_counters_are_read_when_somebody_asks() -> None:
    """The daemon's own numbers, as they are at that moment."""
    counters = SessionCounters()
    metrics = make(counters=counters)
    counters.barge_ins, counters.concealed_frames = 2, 7
    metrics.on_lateness(0.003)
    metrics.on_stall(0.04)
    assert value(metrics, "barge_ins_total") == 2
    assert value(metrics, "concealed_frames_total") == 7
    assert value(metrics, "agent_retries_total") == 4
    assert value(metrics, "voice_packets_sent_total", guild="1") == 12
    assert value(metrics, "voice_reconnects_total", guild="1") == 3
    assert value(metrics, "backend_up", stage="stt") == 1
    assert value(metrics, "backend_up", stage="agent") == 0
    assert value(metrics, "backup_up", stage="stt", number="1") == 1, "it answers, though it fails at its work"
    assert value(metrics, "backend_up", stage="tts") is None, "one that was never asked is neither up nor down"
    assert value(metrics, "playout_lateness_seconds_bucket", le="0.002") == 0
    assert value(metrics, "playout_lateness_seconds_bucket", le="0.005") == 1
    assert value(metrics, "loop_stall_seconds_count") == 1


def test_nothing_that_was_said_is_in_it() -> None:
    """Labels are outcomes, stages and guild ids."""
    metrics = make()
    metrics.on_report(REPORT)
    text = metrics.text().decode()
    assert "planted" not in text
    assert "Guild" not in text
    assert "_created" not in text


async def test_it_can_be_asked_before_there_is_anything() -> None:
    """Prometheus may come while the models are loaded."""
    service = Service(Settings(), Hosted().conversation(), environ={})
    assert b"voxbridge_ready 0.0" in service.metrics.text()


def rows() -> list[str]:
    """The table of the page, as it has to be: name, kind, labels, meaning."""
    found = []
    for family in make().registry.collect():
        if family.name.startswith("voxbridge_process_"):
            continue  # the library's own, with its own documentation
        labels = sorted({key for sample in family.samples for key in sample.labels} - {"le"})
        suffix = "_total" if family.type == "counter" else ""
        named = ", ".join(_known(family.name, labels))
        found.append(f"| `{family.name}{suffix}` | {family.type} | {named} | {family.documentation} |")
    return found


def _known(name: str, labels: list[str]) -> list[str]:
    # those without a sample yet show no label
    own = {"voxbridge_profile_backend_up": ["number", "profile", "stage"]}
    return {"voxbridge_turns": ["outcome"], "voxbridge_stage_failures": ["stage"], **own}.get(name, labels)


def test_the_page_of_the_docs_has_every_metric_and_no_other() -> None:
    """The rows are written by this test: copy what it says into docs/metrics.md."""
    shown = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `voxbridge_")]
    assert shown == rows(), "docs/metrics.md should hold:\n" + "\n".join(rows())


@pytest.mark.parametrize("counters", [SessionCounters(), VoiceCounters()], ids=lambda counters: type(counters).__name__)
def test_no_counter_is_kept_that_nobody_can_read(counters: SessionCounters | VoiceCounters) -> None:
    """Each number of the two classes is a metric; the lines' reconnects are added to those of the open lines."""
    numbers = {field.name for field in attrs.fields(type(counters)) if field.type in {int, "int"}}
    described = {field.name for field in attrs.fields(type(counters)) if field.metadata}
    assert numbers - described <= {"stt_reconnects"}
    assert len(list(counts_of(counters))) == len(described)


def test_a_wanted_channel_that_is_missing_is_not_ready() -> None:
    """Readiness goes by what the configuration wants, also where the bot has given its seat up."""
    missing = (GuildId(77), ChannelId(78))
    assert "not in channel 78" in attrs.evolve(VIEW, wanted=[missing]).unready()
    there = [(room.guild_id, room.channel_id) for room in VIEW.bridge.rooms]
    assert attrs.evolve(VIEW, wanted=there).unready() == VIEW.unready()
