"""Live events: what is in them, and that nobody can hold the daemon up."""

from __future__ import annotations

import pytest
import trio

from voxbridge.core.health.backend import BackendStatus
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.turns.timeline import Part
from voxbridge.ops.events import Event, EventHub
from voxbridge.session.notices import (
    BargeIn,
    FinalTranscript,
    Notice,
    PartialTranscript,
    SpeakerStarted,
    SpeakerStopped,
)
from voxbridge.session.report import TurnReport
from voxbridge.stages.contracts import Speaker
from voxbridge.stages.health import BackendChanged

pytestmark = pytest.mark.unit

ADA = Speaker(UserId(7), "Ada Lovelace", GuildId(1), ChannelId(2))
WHO = {"guildId": "1", "userId": "7"}
REPORT = TurnReport(
    turn_id="t1",
    guild_id=GuildId(1),
    channel_id=ChannelId(2),
    user_id=UserId(7),
    outcome="failed",
    heard="planted phrase",
    answer="planted answer",
    spoken="planted",
    started_at="2026-11-25T10:00:00.000+00:00",
    started_monotonic_s=1.0,
    marks={"speech_end": 1.0, "turn_decided": 1.5, "first_audio": 2.0},
    parts=(Part("endpointing", 500.0, 532.0, "ok"),),
    first_audio=Part("first_audio", 500.0, 1000.0, "ok"),
    error="tts: refused",
    failed_stage="tts",
)


def published(hub: EventHub) -> list[tuple[str, dict[str, object]]]:
    """The events so far without their times."""
    return [(e["event"], {k: v for k, v in e["data"].items() if k != "timestamp"}) for e in hub.recent]


@pytest.mark.parametrize(
    ("notice", "name", "quiet", "loud"),
    [
        (SpeakerStarted(ADA), "speaker_started", {}, {}),
        (SpeakerStopped(ADA, 1.2345, True), "speaker_stopped", {"durationMs": 1234, "isTurn": True}, None),
        (PartialTranscript(ADA, "planted"), "partial_transcript", None, {"text": "planted"}),
        (
            FinalTranscript(ADA, "t1", "planted"),
            "final_transcript",
            {"turnId": "t1", "characters": 7},
            {"turnId": "t1", "text": "planted"},
        ),
        (
            BargeIn(ADA, "t1", UserId(8)),
            "user_interruption",
            {"turnId": "t1", "answered": "8", "strategy": "barge-in"},
            None,
        ),
    ],
)
def test_words_and_names_only_where_the_operator_asked(
    notice: Notice, name: str, quiet: dict[str, object] | None, loud: dict[str, object] | None
) -> None:
    """Without [log] speech an event says who (by id) and how much; a partial transcript is not told at all."""
    hub = EventHub(lambda: False)
    hub.on_notice(notice)
    assert published(hub) == ([] if quiet is None else [(name, WHO | quiet)])
    assert "planted" not in repr(hub.recent)
    assert "Lovelace" not in repr(hub.recent)
    hub = EventHub(lambda: True)
    hub.on_notice(notice)
    more = quiet if loud is None else loud
    assert published(hub) == [(name, WHO | {"username": "Ada Lovelace"} | (more or {}))]


def test_a_failed_turn_is_an_answer_a_turn_and_an_error() -> None:
    """The error names the stage; what was answered is only counted."""
    hub = EventHub(lambda: False)
    hub.on_report(REPORT)
    names = [name for name, _ in published(hub)]
    assert names == ["ai_response", "turn", "service_error"]
    assert published(hub)[1][1] == {"id": "t1", **WHO, "outcome": "failed", "firstAudioMs": 500.0}
    assert published(hub)[2][1]["service_name"] == "tts"
    assert "planted" not in repr(hub.recent)


def test_backends_come_and_go() -> None:
    """A dead server is an error with a cause, its return an event of its own."""
    hub = EventHub(lambda: False)
    hub.on_backend(BackendChanged(BackendStatus("agent", "n8n", "failing"), "up"))
    hub.on_backend(BackendChanged(BackendStatus("agent", "n8n", "up"), "failing"))
    hub.on_backend(BackendChanged(BackendStatus("agent", "n8n", "down", "connection refused"), "failing"))
    hub.on_backend(BackendChanged(BackendStatus("agent", "n8n", "up"), "down"))
    (first, error), (second, up) = published(hub)
    assert (first, error["service_name"], error["technical_details"]) == (
        "service_error",
        "agent",
        "connection refused",
    )
    assert (second, up) == ("service_up", {"service_name": "agent"})


async def test_a_follower_that_does_not_read_loses_events_and_is_told_how_many(autojump_clock) -> None:
    """The queue is bounded and publishing never waits; the others lose nothing."""
    hub = EventHub(lambda: False)
    seen: list[Event] = []

    async def read(follower, count: int) -> None:
        while len(seen) < count:
            seen.append(await follower.next())

    with hub.follow() as slow, hub.follow() as quick:
        for number in range(300):
            hub.publish("tick", number=number)
            if number % 50 == 49:
                with trio.fail_after(1):
                    await read(quick, number + 1)
        assert [event["data"]["number"] for event in seen] == list(range(300))
        assert slow.dropped == 300 - 256
        seen.clear()
        await read(slow, 256)
        hub.publish("tick", number=300)
        seen.clear()
        with trio.fail_after(1):
            await read(slow, 2)
        assert [(e["event"], e["data"].get("count", e["data"].get("number"))) for e in seen] == [
            ("dropped", 44),
            ("tick", 300),
        ]
    hub.publish("tick", number=301)
    assert len(hub.recent) == 100
