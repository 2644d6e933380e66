"""Outages that are known: the apology does not wait for the limit again, and who is back is heard at once."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.support.stt_kinds import HOST, KINDS, LATENCY_S, PORT, Kind, connected, said, speak, speaker
from tests.support.stt_spoiling import WEBSOCKETS, WHISPERX, mend, spoil, times_asked, whisperx_script
from voxbridge.errors import StageError, StageTimeout
from voxbridge.stages.contracts import tell_outage
from voxbridge.stages.stt.line import SttLine
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.hearing import HearingScript

pytestmark = pytest.mark.integration

LIMIT_S = 5.0
ALL = {**KINDS, "whisperx": WHISPERX}


@pytest.fixture(params=list(ALL))
def kind(request) -> Kind:
    return ALL[request.param]


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


async def fails(line: SttLine, *, voiced_s: float = 1.0) -> tuple[StageError, float]:
    """Speak in vain; return the error, and how long it took from the end of the utterance."""
    await speak(line, range(10))
    began = trio.current_time()
    with pytest.raises(StageError) as failed:
        await line.end(voiced_s).wait()
    return failed.value, trio.current_time() - began


async def test_the_second_utterance_of_an_outage_is_told_at_once(autojump_clock, kind):
    """Only the first utterance of an outage waits for its limit; the others wait for a few round trips."""
    async with connected(kind) as (server, line, _):
        await server.stop()
        error, took_s = await fails(line)
        assert took_s == exactly(LIMIT_S)
        for _ in range(2):
            error, took_s = await fails(line)
            assert "connection refused" in str(error)
            assert took_s <= 4 * LATENCY_S + 1e-9, f"told {took_s:.3f} s after its end"
        await server.start()
        await speak(line, range(10, 20))
        assert (await line.end(1.0).wait()).text == said(range(10, 20))
        # that outage is over: the next one is new
        await server.stop()
        _, took_s = await fails(line)
        assert took_s == exactly(LIMIT_S)


async def test_a_server_that_is_back_when_the_utterance_ends_is_used(autojump_clock, kind):
    """In a known outage a server that is back in time has the whole utterance."""
    async with connected(kind) as (server, line, _):
        await server.stop()
        await fails(line)
        await speak(line, range(10))
        await server.start()
        assert (await line.end(1.0).wait()).text == said(range(10))


@pytest.mark.parametrize("name", [*WEBSOCKETS, "whisperx"])
async def test_a_server_that_refuses_to_serve_is_asked_once_more(autojump_clock, name):
    """A server that answers 503 is asked once when the utterance begins and once at its end."""
    async with connected(ALL[name]) as (server, line, net):
        spoil(server, name, "503")
        net.reset()
        _, took_s = await fails(line)
        assert took_s == exactly(LIMIT_S)
        await trio.sleep(8)
        before = times_asked(server)
        error, took_s = await fails(line)
        assert took_s <= 6 * LATENCY_S
        assert "HTTP 503" in str(error)
        assert times_asked(server) - before <= 3, "one when it began, and one when it had ended"
        mend(server, HearingScript(), whisperx_script())
        await speak(line, range(10))
        assert (await line.end(1.0).wait()).text == said(range(10))


async def test_what_others_have_found_is_known_to_every_line(autojump_clock, kind):
    """A server that hangs: whoever owns the health tells the stage, and the speaker waits half of the limit at most."""
    net = MemNet(latency_s=LATENCY_S).install()
    async with (
        kind.make_server(HearingScript()).running(HOST, PORT) as server,
        kind.make_stage(kind.settings(connect_limit_ms=4000)) as stage,
        stage.open(speaker()) as line,
    ):
        server.connection_fault = "hang"
        net.reset()
        await trio.sleep(0.5)
        tell_outage(stage, is_known=True)
        _, took_s = await fails(line)
        assert took_s <= LIMIT_S / 2 + 1e-9, f"told {took_s:.3f} s after its end"
        tell_outage(stage, is_known=False)
        _, took_s = await fails(line)
        assert took_s == exactly(LIMIT_S), "a server that is only slow has all its time"


async def test_a_server_that_is_mute_gets_half_of_the_limit_and_is_heard_when_it_answers(autojump_clock, kind):
    """It takes connections and sound as ever, so that nothing but its answers can tell."""
    MemNet(latency_s=LATENCY_S).install()
    async with (
        kind.make_server(HearingScript()).running(HOST, PORT) as server,
        kind.make_stage(kind.settings()) as stage,
        stage.open(speaker()) as line,
    ):
        spoil(server, kind.name, "hang after")
        _, took_s = await fails(line)
        assert took_s == exactly(LIMIT_S), "nobody knows yet"
        tell_outage(stage, is_known=False, is_mute=True)
        for _ in range(3):
            error, took_s = await fails(line)
            assert isinstance(error, StageTimeout)
            assert took_s <= LIMIT_S / 2 + 0.06, f"told {took_s:.3f} s after its end"
        mend(server, HearingScript(), whisperx_script())
        await speak(line, range(10))
        assert (await line.end(1.0).wait()).text == said(range(10))
