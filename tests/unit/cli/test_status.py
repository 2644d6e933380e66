"""What `voxbridge ctl` shows to a person."""

from __future__ import annotations

import attrs
import click
import pytest

from tests.unit.ops.test_events import REPORT
from tests.unit.ops.test_metrics import ROOM, VIEW
from voxbridge.cli.status import show_event, show_status
from voxbridge.cli.waterfall import waterfall
from voxbridge.ops.events import make_event

pytestmark = pytest.mark.unit


@pytest.fixture
async def status() -> dict:
    """A daemon in one channel, with a backend down and a failed turn."""
    muted = attrs.evolve(ROOM, is_dave_ready=False, is_server_muted=True)
    bridge = attrs.evolve(VIEW.bridge, rooms=(muted,))
    view = attrs.evolve(VIEW, bridge=bridge, turns_by_outcome={"failed": 1, "answered": 12}, last_turns=[REPORT] * 3)
    return view.to_json(speech=False)


async def test_everything_that_is_wrong_is_named(status: dict) -> None:
    """A person sees at a glance what is down, and why nobody is heard."""
    lines = [click.unstyle(line) for line in show_status(status, turns=1)]
    text = "\n".join(lines)
    assert "degraded: agent (n8n) is down" in lines[0]
    assert "logged in as bot, heartbeat 50 ms" in lines[1]
    assert "Guild / Channel: connected, not (yet) end-to-end encrypted, muted by the server; 0 turns open" in text
    assert any(line.startswith("agent     down") for line in lines)
    assert "turns     12 answered, 1 failed" in lines
    assert text.count("t1") == 1, "one turn was asked for"
    assert "error    tts: refused" in text
    assert "planted" not in text


async def test_who_is_waited_for_longer_is_told(status: dict) -> None:
    """The status says by how much, and why."""
    speaker = {"user_id": "1", "is_speaking": False, "is_line_up": True}
    learned = {**speaker, "user_id": "2", "waits_longer_ms": 180.0, "typical_pause_ms": 630.0}
    status["rooms"][0]["speakers"] = [speaker, learned]
    lines = list(show_status(status, turns=0))
    assert "          1: silent" in lines
    assert "          2: silent, waited for 180 ms longer, since pauses last up to 630 ms" in lines


async def test_how_loud_somebody_usually_is_is_told(status: dict) -> None:
    """With the level below which a voice is taken for somebody else's."""
    speaker = {"user_id": "1", "is_speaking": False, "is_line_up": True}
    status["rooms"][0]["speakers"] = [{**speaker, "usual_dbfs": -21.0, "background_below_dbfs": -33.0}]
    told = "          1: silent, speaks at -21 dBFS (a voice below -33 is taken for background)"
    assert told in list(show_status(status, turns=0))


async def test_what_was_asked_ahead_is_told(status: dict) -> None:
    """How often, how often for nothing, what it won, and why it is off; nothing where it is never done."""
    assert not any(line.startswith("ahead") for line in show_status(status, turns=0))
    status["speculation"] = {"off": "slow", "asked": 12, "wasted": 3, "won_ms": 2400}
    (line,) = [line for line in show_status(status, turns=0) if line.startswith("ahead")]
    assert "12 questions" in line
    assert "3 for nothing, 2.4 s won in all; off at the moment (slow)" in line


async def test_what_we_were_too_slow_for_is_told() -> None:
    """Datagrams dropped by us and by the kernel, and events: one figure, against what was heard."""
    counters = attrs.evolve(ROOM.counters, received=90, datagrams_shed=5, datagrams_overflowed=4, events_dropped=1)
    bridge = attrs.evolve(VIEW.bridge, rooms=(attrs.evolve(ROOM, counters=counters),))
    status = attrs.evolve(VIEW, bridge=bridge).to_json(speech=False)
    assert "          10 of 100 packets dropped, since we were too slow" in list(show_status(status, turns=0))


async def test_no_turns_where_none_are_wanted(status: dict) -> None:
    """With `--turns 0` no turn is shown."""
    assert "t1" not in "\n".join(show_status(status, turns=0))


def test_waterfall_parts_follow_each_other() -> None:
    """Each bar begins where the one before ended; the whole is the last row, without a bar."""
    parts = [
        {"name": "stt", "ms": 100.0, "budget_ms": 400.0, "verdict": "ok"},
        {"name": "agent", "ms": 300.0, "budget_ms": 200.0, "verdict": "late"},
        {"name": "playout", "ms": 0.0, "budget_ms": None, "verdict": "-"},
        {"name": "first_audio", "ms": 400.0, "budget_ms": 1000.0, "verdict": "ok"},
    ]
    rows = waterfall(parts, width=8)
    assert [row[:21] for row in rows] == [
        "stt         ██       ",
        "agent         ██████ ",
        "playout              ",
        "first_audio          ",
    ]
    assert rows[1].endswith("300 ms of 200 ms  late")
    assert rows[2].endswith("0 ms")


def test_an_event_is_one_line() -> None:
    """Time, name, and what there is to say; nothing for what is not known."""
    event = make_event("turn", outcome="answered", firstAudioMs=None)
    at, name, said = show_event(event).split(maxsplit=2)
    assert (at, name, said) == (event["data"]["timestamp"], "turn", "outcome=answered")
