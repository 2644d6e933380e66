"""The WhisperX client against the simulated server, in virtual time on the in-memory network.

Every packet carries its word as a mark, and the server's transcript names the marks of what it decoded: "0 words
lost, none twice" is what the transcript says, not what a counter believes.
"""

from __future__ import annotations

import functools
import gc
import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from tests.support.scheduling import over_seeds, run_virtual
from voxbridge.audio.opus import Decoder, Encoder
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.sound.pcm import FRAME_S
from voxbridge.errors import (
    ConfigError,
    StageProtocolError,
    StageRefused,
    StageTimeout,
    StageUnavailable,
)
from voxbridge.rehearsal.marked import mark, marks_of
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.stt.line import SttLine
from voxbridge.stages.stt.whisperx import WhisperXSettings, WhisperXStage
from voxbridge.stages.ws import WsAddress
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.whisperx import Heard, WhisperXScript, WhisperXServer

pytestmark = pytest.mark.integration

HOST, PORT = "127.0.0.1", 4901
UDS = "/run/voxbridge/engines.sock"
LATENCY_S = 0.005
TONE = Encoder().encode(b"".join((n % 60 * 300).to_bytes(2, "little", signed=True) for n in range(480)))


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


def named(heard: Heard) -> str:
    return marks_of(heard.packets)


def script(**changes: Any) -> WhisperXScript:
    return attrs.evolve(WhisperXScript(text=named, final_delay_s=0.3), **changes)


def settings(**changes: Any) -> WhisperXSettings:
    return WhisperXSettings(url=f"ws://{HOST}:{PORT}/", **changes)


def speaker(user_id: int = 42) -> Speaker:
    return Speaker(UserId(user_id), "Ada", GuildId(1), ChannelId(2))


def feed(line: SttLine, *words: str, user_id: int = 42) -> None:
    for word in words:
        line.feed(Decoder().hear(mark(TONE, word)))


async def speak(line: SttLine, words: Iterable[str], user_id: int = 42) -> None:
    """Feed a packet every 20 ms, as a microphone does."""
    for word in words:
        feed(line, word, user_id=user_id)
        await trio.sleep(FRAME_S)


def words(count: int, prefix: str = "w") -> list[str]:
    return [f"{prefix}{n}" for n in range(count)]


async def until(condition: Callable[[], bool], within_s: float = 30, *, every_s: float = 0.001) -> None:
    with trio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110 -- the line has no event for it, and needs none
            await trio.sleep(every_s)


@asynccontextmanager
async def connected(
    what: WhisperXScript | None = None, *, latency_s: float = LATENCY_S, uds: str = "", **changes: Any
) -> AsyncIterator[tuple[WhisperXServer, SttLine, MemNet]]:
    """Yield a server, a connected line and the network; at the end nothing may be left open."""
    net = MemNet(latency_s=latency_s, chunk_bytes=61).install()
    stage = WhisperXStage(settings(**changes), uds=uds, rng=lambda: 1.0)
    async with WhisperXServer(what or script()).running(HOST, PORT, uds=uds) as server, stage:
        async with stage.open(speaker()) as line:
            await until(lambda: line.is_connected)
            yield server, line, net
        await until(lambda: server.open_connections == 0, 1)
        net.assert_all_closed()


# -- one utterance --


async def test_final_comes_after_the_model_and_one_round_trip(autojump_clock):
    """A line adds nothing to the model's time but one round trip, and sends each packet once."""
    async with connected() as (server, line, _):
        feed(line, *words(50))
        began = trio.current_time()
        transcript = await line.finish()
        took_s = trio.current_time() - began
    assert transcript == Transcript(" ".join(words(50)))
    assert took_s == exactly(0.300 + 2 * LATENCY_S), f"the final came after {took_s:.6f} s"
    assert server.packets == {"42": 50}
    assert server.undecodable == server.overlapping_finalizes == 0
    assert server.starts == [{"type": "start", "userId": "42", "language": "en", "audio_format": "opus"}]
    assert server.connections == 1, "nothing was wrong, yet it connected again"


async def test_utterances_share_one_warm_connection(autojump_clock):
    """Utterances one after the other share one connection, which is introduced once."""
    async with connected() as (server, line, _):
        for number in range(3):
            await speak(line, words(5, f"u{number}-"))
            assert (await line.finish()).text == " ".join(words(5, f"u{number}-"))
    assert server.connections == len(server.starts) == 1
    assert line.reconnect_count == 0


async def test_nothing_fed_is_nothing_said(autojump_clock):
    """The end of an utterance without sound is an empty transcript, and asks nobody."""
    async with connected() as (server, line, _):
        assert await line.finish() == Transcript("")
    assert server.finalizes == 0


async def test_words_fed_before_the_connection_is_up_are_not_lost(autojump_clock):
    """What is said before the connection is up is heard, after connect, upgrade, request and model."""
    MemNet(latency_s=0.5).install()
    stage = WhisperXStage(settings())
    async with WhisperXServer(script()).running(HOST, PORT), stage.open(speaker()) as line:
        feed(line, "early")
        assert not line.is_connected
        began = trio.current_time()
        assert (await line.finish()).text == "early"
        assert trio.current_time() - began == exactly(1.0 + 1.0 + 1.0 + 0.3), "connect, upgrade, request, model"


async def test_partials_reach_the_caller_while_the_utterance_is_open(autojump_clock):
    """Early words arrive at the instant the server tells them, and never after the final."""
    heard: list[tuple[str, float]] = []
    MemNet(latency_s=LATENCY_S).install()
    stage = WhisperXStage(settings())
    async with (
        WhisperXServer(script()).running(HOST, PORT),
        stage.open(speaker(), lambda text: heard.append((text, trio.current_time()))) as line,
    ):
        await until(lambda: line.is_connected)
        began = trio.current_time()
        await speak(line, words(160))
        text = (await line.finish()).text
        done_at = trio.current_time()
        await trio.sleep(1)
    assert text == " ".join(words(160))
    assert [at - began for _, at in heard] == [exactly(1.98 + 2 * LATENCY_S), exactly(2.98 + 2 * LATENCY_S)]
    assert [text.split()[0] for text, _ in heard] == ["w0", "w50"], "a partial covers the last two seconds only"
    assert all(at < done_at for _, at in heard)


async def test_partials_after_the_end_are_kept_back(autojump_clock):
    """A partial that is still under way when the utterance ends could be taken for the next one's."""
    heard: list[str] = []
    MemNet().install()
    stage = WhisperXStage(settings())
    async with (
        WhisperXServer(script(partial_delay_s=0.5)).running(HOST, PORT),
        stage.open(speaker(), heard.append) as line,
    ):
        await until(lambda: line.is_connected)
        feed(line, *words(100))
        await trio.sleep(0.1)
        pending = line.end()
        feed(line, "next")
        assert (await pending.wait()).text == " ".join(words(100))
        assert (await line.finish()).text == "next"
    assert heard == []


# -- two at once --


async def test_two_speakers_do_not_mix(autojump_clock):
    """Two who speak at once each have their own words."""
    MemNet(latency_s=LATENCY_S).install()
    stage = WhisperXStage(settings())
    got: dict[int, list[str]] = {1: [], 2: []}

    async def talk(user_id: int) -> None:
        async with stage.open(speaker(user_id)) as line:
            for number in range(3):
                await speak(line, words(30, f"{user_id}:{number}:"), user_id)
                got[user_id].append((await line.finish()).text)

    async with WhisperXServer(script()).running(HOST, PORT) as server, trio.open_nursery() as nursery:
        nursery.start_soon(talk, 1)
        nursery.start_soon(talk, 2)
    for user_id, texts in got.items():
        assert texts == [" ".join(words(30, f"{user_id}:{number}:")) for number in range(3)]
    assert server.packets == {"1": 90, "2": 90}
    assert {each.user_id for each in server.heard} == {"1", "2"}


async def test_an_utterance_may_begin_while_the_last_final_is_due(autojump_clock):
    """Who goes on speaking while his words are due loses none, and the server has one final to make at a time."""
    async with connected(script(final_delay_s=1.0)) as (server, line, _):
        feed(line, *words(5, "a"))
        first, began = line.end(), trio.current_time()
        feed(line, *words(5, "b"))
        second = line.end()
        assert (await first.wait()).text == "a0 a1 a2 a3 a4"
        assert (await second.wait()).text == "b0 b1 b2 b3 b4"
        assert trio.current_time() - began == exactly(2.0 + 4 * LATENCY_S)
    assert server.overlapping_finalizes == 0


# -- the connection fails --


@pytest.mark.parametrize("after", [1, 7, 20, 39])
@pytest.mark.parametrize("fault", ["close_after_packets", "reset_after_packets"])
async def test_a_loss_in_mid_utterance_loses_no_word_and_doubles_none(autojump_clock, fault, after):
    """A connection that dies while somebody speaks costs no word and repeats none."""
    async with connected(script(**{fault: after})) as (server, line, _):
        await speak(line, words(40))
        assert (await line.finish()).text == " ".join(words(40))
        assert line.reconnect_count == 1
        feed(line, "second")
        assert (await line.finish()).text == "second"
    assert server.connections == 2
    assert len(server.starts) == 2, "each connection has one start"


async def test_a_loss_while_the_final_is_due_replays_the_utterance(autojump_clock):
    """A connection that dies while the words are due is made anew, and the utterance is sent again."""
    async with connected(script(final_delay_s=1.0)) as (_, line, net):
        feed(line, *words(10))
        pending, began = line.end(), trio.current_time()
        feed(line, "next")
        await trio.sleep(0.5)
        net.reset(HOST, PORT)
        assert (await pending.wait()).text == " ".join(words(10))
        # lost at 0.5, the longest wait of the first try, connect, upgrade, request, model
        assert trio.current_time() - began == exactly(0.5 + 0.25 + 6 * LATENCY_S + 1.0)
        assert (await line.finish()).text == "next"


@pytest.mark.parametrize("outage_s", [2.0, 7.3])
async def test_a_server_that_returns_is_used_within_300_ms_while_somebody_speaks(autojump_clock, outage_s):
    """A server that returns while somebody speaks is connected within 300 ms, and has every word."""
    async with connected() as (server, line, _):
        await speak(line, words(10, "a"))
        await server.stop()
        assert not line.is_connected or await _gone(line)
        back_at: list[float] = []

        async def come_back() -> None:
            await trio.sleep(outage_s)
            await server.start()
            back_at.append(trio.current_time())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come_back)
            await speak(line, words(math.ceil(outage_s / FRAME_S), "b"))
            await until(lambda: line.is_connected)
            late_s = trio.current_time() - back_at[0]
        assert late_s <= 0.3, f"connected {late_s * 1000:.0f} ms after the server's return"
        expected = words(10, "a") + words(math.ceil(outage_s / FRAME_S), "b")
        assert (await line.finish()).text == " ".join(expected)
        assert line.reconnect_count == 1


async def _gone(line: SttLine) -> bool:
    await until(lambda: not line.is_connected, 1)
    return True


async def test_an_idle_line_backs_off_and_wakes_when_somebody_speaks(autojump_clock):
    """A line on which nobody speaks tries every 10 s, and at once when somebody does."""
    async with connected() as (server, line, net):
        await server.stop()
        await trio.sleep(4 * 3600)
        tries = len(net.sockets)
        await trio.sleep(60)
        assert len(net.sockets) - tries <= 7, "an idle line tries every 10 s"
        await server.start()
        began = trio.current_time()
        feed(line, "hello")
        assert (await line.finish()).text == "hello"
        took_s = trio.current_time() - began
        assert took_s <= 0.25 + 6 * LATENCY_S + 0.3 + 1e-9, f"the first words after an outage took {took_s:.3f} s"


async def test_a_cut_network_is_noticed_by_the_keepalive(autojump_clock):
    """A network that is cut without a word is noticed within half a minute."""
    async with connected() as (server, line, net):
        net.link(HOST, PORT).stall()
        lost_after = trio.current_time()
        await until(lambda: not line.is_connected, 60, every_s=0.1)
        assert 20 <= trio.current_time() - lost_after <= 31
        net.link(HOST, PORT).resume()
        feed(line, "again")
        assert (await line.finish()).text == "again"
        assert server.pongs >= 0


# -- the server says no, or later --


def http_answer(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "Content-Length: 0", "", ""]).encode()


@asynccontextmanager
async def refusing(answer: bytes, **changes: Any) -> AsyncIterator[tuple[WhisperXServer, SttLine]]:
    """Yield a server that answers no upgrade, and a line that has tried once."""
    MemNet(latency_s=LATENCY_S).install()
    stage = WhisperXStage(settings(**changes), rng=lambda: 1.0)
    async with (
        WhisperXServer(script(http_answer=answer)).running(HOST, PORT) as server,
        stage,
        stage.open(speaker()) as line,
    ):
        await trio.sleep(0.1)
        assert server.connections == 1
        yield server, line


@pytest.mark.parametrize(
    "answer",
    [
        http_answer("401 Unauthorized"),
        http_answer("403 Forbidden"),
        http_answer("404 Not Found"),
        http_answer("422 Unprocessable Entity"),
        http_answer("200 OK"),
        http_answer("200 OK", "Content-Type: text/html"),
    ],
)
async def test_a_refusal_is_asked_for_once_per_utterance(autojump_clock, answer):
    """It is told at the end of the utterance without another try; the first utterance after it is mended is heard."""
    async with refusing(answer) as (server, line):
        for number in range(1, 4):
            await speak(line, words(150))
            asked, ended_at = server.connections, trio.current_time()
            with pytest.raises(StageRefused):
                await line.finish()
            assert trio.current_time() == exactly(ended_at), "what was refused is told at once"
            assert server.connections == asked
            assert asked <= 1 + 2 * number, f"{asked} connections for {number} utterances of 3 s"
        server.script.http_answer = b""
        feed(line, "mended")
        assert (await line.finish()).text == "mended"


async def test_an_idle_line_that_is_refused_looks_again_now_and_then(autojump_clock):
    """So that it is connected, and can give early transcripts, when somebody speaks."""
    async with refusing(http_answer("401 Unauthorized")) as (server, line):
        await trio.sleep(60)
        assert 5 <= server.connections <= 13, f"{server.connections} connections in a minute without a word"
        server.script.http_answer = b""
        await until(lambda: line.is_connected, 11)


async def test_an_utterance_that_lasts_until_the_refusal_is_mended_loses_nothing(autojump_clock):
    """A server that refuses while somebody speaks, and is mended before the end, has every word."""
    async with refusing(http_answer("401 Unauthorized")) as (server, line):
        await speak(line, words(100))
        server.script.http_answer = b""
        await speak(line, words(550)[100:])
        assert (await line.finish()).text == " ".join(words(550))


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_retry_after_is_kept_while_somebody_speaks(autojump_clock, status):
    """One try at the instant that the server named; nothing of what was said meanwhile is lost."""
    async with refusing(http_answer(status, "Retry-After: 3")) as (server, line):
        await speak(line, words(100))
        assert server.connections == 1, "the server asked to be left alone for 3 s"
        server.script.http_answer = b""
        await speak(line, words(140)[100:])
        await until(lambda: line.is_connected)
        # twice connecting and upgrading, and the wait between
        assert trio.current_time() == pytest.approx(3.0 + 2 * 4 * LATENCY_S, abs=0.002)
        assert (await line.finish()).text == " ".join(words(140))
        assert server.connections == 2


async def test_retry_after_that_outlasts_the_utterance_fails_it_at_once(autojump_clock):
    """Also the utterance that had ended before the server said so; the error is the server's."""
    async with refusing(http_answer("429 Too Many Requests", "Retry-After: 20")) as (server, line):
        feed(line, "one")
        began = trio.current_time()
        with pytest.raises(StageUnavailable, match="HTTP 429"):
            await line.finish()
        assert trio.current_time() == exactly(began)
        await trio.sleep(17)
        feed(line, "two")
        server.script.http_answer = b""
        assert (await line.finish()).text == "two", "what is left of the wait fits into this one's limit"
        assert server.connections == 2


async def test_retry_after_of_a_day_is_a_minute(autojump_clock):
    """A header that a proxy got wrong does not leave the bot deaf until somebody restarts it."""
    async with refusing(http_answer("503 Service Unavailable", "Retry-After: 86400")) as (server, line):
        await trio.sleep(30)
        assert server.connections == 1
        server.script.http_answer = b""
        await until(lambda: line.is_connected, 31)


# -- the server fails --


async def test_a_final_that_never_comes_is_given_up_at_the_limit_exactly(autojump_clock):
    """A final that never comes ends at its limit, and the next utterance has a new connection."""
    async with connected(script(ignored_finalizes=1)) as (_, line, _net):
        feed(line, *words(3))
        began = trio.current_time()
        with pytest.raises(StageTimeout, match="total deadline of 5000 ms"):
            await line.finish()
        assert trio.current_time() - began == exactly(5.0)
        feed(line, "second")
        assert (await line.finish()).text == "second"
        assert line.reconnect_count == 1, "a server that owes a final gets a new connection"


async def test_an_overdue_server_does_not_hold_up_the_next_utterance(autojump_clock):
    """The finalize was sent late, after an outage: its own limit is not over yet when nobody waits any more."""
    async with connected(script(ignored_finalizes=1)) as (server, line, _):
        feed(line, "lost")
        pending = line.end()
        await server.stop()
        await trio.sleep(3)
        await server.start()
        with pytest.raises(StageTimeout):
            await pending.wait()
        feed(line, "next")
        began = trio.current_time()
        assert (await line.finish()).text == "next"
        took_s = trio.current_time() - began
        assert took_s <= 0.25 + 6 * LATENCY_S + 0.3 + 1e-9, f"the next utterance waited {took_s:.3f} s for a dead one"


async def test_a_limit_runs_from_the_end_of_the_utterance(autojump_clock):
    """The limit runs from the end of the utterance, however late somebody begins to wait."""
    async with connected(script(ignored_finalizes=1)) as (_, line, _net):
        feed(line, "x")
        pending, began = line.end(), trio.current_time()
        await trio.sleep(3)
        with pytest.raises(StageTimeout):
            await pending.wait()
        assert trio.current_time() - began == exactly(5.0)


async def test_a_late_final_is_nobodys(autojump_clock):
    """A final that comes too late is not taken for that of the next utterance."""
    async with connected(script(final_delay_s=6.0)) as (server, line, _):
        feed(line, "late")
        with pytest.raises(StageTimeout):
            await line.finish()
        server.script.final_delay_s = 0.3
        feed(line, "prompt")
        assert (await line.finish()).text == "prompt"


async def test_doubled_finals_are_counted_and_dropped(autojump_clock):
    """A final that comes twice is counted and answers nobody else."""
    async with connected(script(finals_each=2, extra_final_delay_s=0.1)) as (_, line, _net):
        for word in ("one", "two", "three"):
            feed(line, word)
            assert (await line.finish()).text == word
            await trio.sleep(0.2)
        assert line.stray_count == 3


async def test_a_failed_finalize_is_replayed_once(autojump_clock):
    """A server that fails at the end of an utterance is sent it once more."""
    async with connected(script(finalize_errors=1)) as (_, line, _net):
        feed(line, *words(5))
        assert (await line.finish()).text == " ".join(words(5))
        assert line.reconnect_count == 1


async def test_a_finalize_that_fails_twice_is_an_error_and_the_next_utterance_works(autojump_clock):
    """A second failure is told as one, and the next utterance is heard."""
    async with connected(script(finalize_errors=2)) as (_, line, _net):
        feed(line, *words(5))
        with pytest.raises(StageProtocolError, match="failed twice"):
            await line.finish()
        feed(line, "next")
        assert (await line.finish()).text == "next"


async def test_errors_of_partials_cost_nothing(autojump_clock):
    """A server whose partials fail repeats its error for each packet, also behind a finalize."""
    async with connected(script(partial_errors=30)) as (server, line, _):
        feed(line, *words(120))
        assert (await line.finish()).text == " ".join(words(120))
        await speak(line, words(120, "x"))
        assert (await line.finish()).text == " ".join(words(120, "x"))
    assert server.connections == 1


async def test_a_blocked_server_is_waited_for(autojump_clock):
    """No pong and nothing read for less than the hard limit is no loss: servers run the model on their loop."""
    async with connected() as (server, line, _):
        async with trio.open_nursery() as nursery:
            await trio.sleep(19)
            nursery.start_soon(server.block, 4.5)  # the keepalive's ping falls into it
            await trio.sleep(0.5)
            feed(line, *words(5))
            began = trio.current_time()
            assert (await line.finish()).text == " ".join(words(5))
            assert trio.current_time() - began == exactly(4.0 + 0.3 + LATENCY_S)
        assert line.reconnect_count == 0
        assert server.pongs == 1


async def test_no_server_at_all_tells_the_reason_at_the_limit(autojump_clock):
    """Without a server the utterance ends at its limit, with the reason."""
    MemNet().install()
    async with WhisperXStage(settings()).open(speaker()) as line:
        feed(line, "hello?")
        began = trio.current_time()
        with pytest.raises(StageUnavailable, match="connection refused"):
            await line.finish()
        assert trio.current_time() - began == exactly(5.0)


async def test_a_peer_that_never_answers_the_upgrade_is_left_at_the_limit(autojump_clock):
    """A peer that never answers the upgrade is left, and its socket closed, at the limit of a connect."""
    net, began = MemNet().install(), trio.current_time()
    stage = WhisperXStage(settings(connect_limit_ms=2000), rng=lambda: 1.0)
    async with (
        WhisperXServer(script(answers_upgrade=False)).running(HOST, PORT) as server,
        stage.open(speaker()) as line,
    ):
        await until(lambda: server.connections == 2)
        assert net.connections[0].client.fileno() == -1, "the first try was not given up"
        assert trio.current_time() - began == pytest.approx(2.0 + 0.25, abs=0.002)
        server.script.answers_upgrade = True
        feed(line, "at last")
        assert (await line.finish()).text == "at last"


async def test_a_refused_connection_during_a_pause_does_not_end_the_line(autojump_clock):
    """A server that is away for a second in the wait for the final costs no word."""
    async with connected() as (server, line, net):
        net.refuse(HOST, PORT)
        net.reset(HOST, PORT)
        feed(line, "hello")
        pending = line.end()
        await trio.sleep(1)
        net.allow(HOST, PORT)
        assert (await pending.wait()).text == "hello"
        assert server.connections == 2


@pytest.mark.parametrize("when_s", [0.0, 0.001, 0.0125, 0.02, 0.5, 5.1])
async def test_a_line_that_is_cancelled_is_closed_at_once(autojump_clock, when_s):
    """A drain or a restart of the speaker does not wait for the server, whatever state the line is in."""
    net = MemNet(latency_s=LATENCY_S).install()
    async with WhisperXServer(script(ignored_finalizes=99)).running(HOST, PORT) as server:
        with trio.move_on_after(when_s) as leaving:
            async with WhisperXStage(settings()).open(speaker()) as line:
                feed(line, "x")
                line.end()
                await trio.sleep_forever()
        assert leaving.cancelled_caught
        assert trio.current_time() == exactly(leaving.deadline)
        await trio.sleep(1)  # virtual: whatever is still under way arrives
        assert server.open_connections == 0
        net.assert_all_closed()


# -- giving up --


async def test_a_cancelled_finish_leaves_the_line_clean(autojump_clock):
    """An utterance that nobody waits for any more leaves no words in the next one, and costs no connection."""
    async with connected() as (server, line, _):
        feed(line, *words(5, "old"))
        with trio.move_on_after(0.1) as barge_in:
            await line.finish()
        assert barge_in.cancelled_caught
        feed(line, "new")
        assert (await line.finish()).text == "new"
    assert server.connections == 1, "a barge-in costs no connection"


async def test_discard_forgets(autojump_clock):
    """What was discarded is in no transcript."""
    async with connected() as (server, line, _):
        feed(line, *words(5, "cough"))
        await trio.sleep(0.1)
        line.discard()
        feed(line, "speech")
        assert (await line.finish()).text == "speech"
        line.discard()
        assert await line.finish() == Transcript("")
    assert server.connections == len(server.starts) == 1
    assert server.overlapping_finalizes == 0


async def test_an_abandoned_utterance_does_not_hold_up_the_next_for_ever(autojump_clock):
    """The server owes the final of an utterance nobody waits for; its own limit then ends the connection."""
    async with connected(script(ignored_finalizes=1)) as (_, line, _net):
        feed(line, "given up")
        with trio.move_on_after(0.1):
            await line.finish()
        await trio.sleep(3)
        feed(line, "next")
        assert (await line.finish()).text == "next"
        assert line.reconnect_count == 1


async def _turns_with_a_cancel(cancel_at: int) -> int:
    """Speak two utterances, cancel the first at the scheduler's n-th step; return how many steps it took."""
    steps = 0

    class Steps(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002
            nonlocal steps
            steps += 1
            if steps == cancel_at:
                scope.cancel(reason="barge-in")

    async with connected(script(final_delay_s=0.05)) as (server, line, _):
        counter = Steps()
        scope = trio.CancelScope()
        trio.lowlevel.add_instrument(counter)
        with scope:
            await speak(line, words(3, "a"))
            await line.finish()
        trio.lowlevel.remove_instrument(counter)
        line.discard()  # what the conversation does with an utterance that was given up while it was spoken
        feed(line, *words(3, "b"))
        text = (await line.finish()).text
        assert text == "b0 b1 b2", f"cancelled at step {cancel_at}, the next utterance became {text!r}"
        assert server.connections == 1
        assert line.reconnect_count == 0
    return steps


def test_barge_in_at_every_checkpoint():
    """Whenever a barge-in comes, the next utterance is itself, on the same connection, and nothing is left open."""
    total = run_virtual(functools.partial(_turns_with_a_cancel, 0))
    assert total > 30
    for cancel_at in range(1, total + 1):
        run_virtual(functools.partial(_turns_with_a_cancel, cancel_at))


async def test_a_final_that_nobody_holds_leaves_nothing_behind(autojump_clock):
    """Finals that nobody kept are not remembered."""
    async with connected() as (_, line, _net):
        for number in range(3):
            feed(line, f"{number}")
            line.end()
            await trio.sleep(1)
        gc.collect()
        assert not line._finals
        feed(line, "next")
        assert (await line.finish()).text == "next"


# -- the ring --


async def test_a_long_utterance_is_told_again_whole(autojump_clock):
    """Three minutes, longer than the ordinary limit of an utterance, said while the server is away: not a word less."""
    net = MemNet().install()
    net.refuse(HOST, PORT)
    stage = WhisperXStage(settings(limit_ms=20_000))
    async with (
        WhisperXServer(script(has_partials=False)).running(HOST, PORT) as server,
        stage.open(speaker()) as line,
    ):
        feed(line, *words(9000))
        net.allow(HOST, PORT)
        text = (await line.finish()).text
    assert text.split() == words(9000)
    assert server.packets["42"] == 9000


# -- the extension --


async def test_peek_leaves_the_utterance_open(autojump_clock):
    """An early transcript has the words so far, and the final has all of them."""
    what = script(extension=True, peek_delay_s=0.1, no_speech=0.25)
    async with connected(what, uds=UDS) as (server, line, _):
        await until(lambda: line.can_peek)
        feed(line, *words(3, "a"))
        began = trio.current_time()
        assert await line.peek() == Transcript("a0 a1 a2", is_final=False, confidence=0.9, no_speech=0.25)
        assert trio.current_time() - began == exactly(0.1 + 2 * LATENCY_S)
        feed(line, *words(2, "b"))
        assert await line.finish() == Transcript(
            "a0 a1 a2 b0 b1", confidence=0.9, duration_s=exactly(0.1), no_speech=0.25
        )
        assert (await line.peek()).text == ""
    assert server.peeks == 1
    assert server.starts[0]["protocol"] == "voxbridge/1"
    assert server.starts[0]["partials"] is False, "nobody listens to them"


async def test_a_cancelled_peek_costs_nothing(autojump_clock):
    """An early transcript that nobody waits for costs no word; its answer is counted and dropped."""
    async with connected(script(extension=True, peek_delay_s=1.0), uds=UDS) as (_, line, _net):
        await until(lambda: line.can_peek)
        feed(line, "a")
        with trio.move_on_after(0.2):
            await line.peek()
        feed(line, "b")
        assert (await line.finish()).text == "a b"
        assert line.stray_count == 1


async def test_discard_with_the_extension_costs_no_transcription(autojump_clock):
    """With the extension a discarded utterance is not transcribed."""
    async with connected(script(extension=True), uds=UDS) as (server, line, _):
        await until(lambda: line.can_peek)
        feed(line, "cough")
        await trio.sleep(0.1)
        line.discard()
        feed(line, "speech")
        assert (await line.finish()).text == "speech"
    assert (server.discards, server.finalizes) == (1, 1)


async def test_a_peek_is_lost_with_the_connection_and_the_final_is_not(autojump_clock):
    """A connection that dies costs the early transcript and not the final."""
    async with connected(script(extension=True, peek_delay_s=1.0), uds=UDS) as (server, line, net):
        await until(lambda: line.can_peek)
        feed(line, "kept")
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def outage() -> None:
                await trio.sleep(0.2)
                net.reset()

            with pytest.raises(StageUnavailable, match="early transcript was lost"):
                await line.peek()
        assert not line.can_peek
        with pytest.raises(StageUnavailable):
            await line.peek()
        assert (await line.finish()).text == "kept"
        assert server.connections == 2


async def test_a_plain_server_that_is_asked_for_the_extension_serves_as_one(autojump_clock):
    """A server that does not know the extension is used without it."""
    async with connected(script(), extension=True) as (_, line, _net):
        feed(line, "plain")
        assert not line.can_peek
        assert (await line.finish()).text == "plain"


# -- probe --


async def test_probe(autojump_clock):
    """A probe says who answers, and else what is wrong: no host, no socket, nobody, no engine of ours, no answer."""
    MemNet().install()
    stage = WhisperXStage(settings())
    with pytest.raises(StageUnavailable, match="connection refused"):
        await stage.probe()
    with pytest.raises(StageUnavailable, match="cannot be resolved"):
        await WhisperXStage(attrs.evolve(settings(), url="ws://whisper.test/")).probe()
    with pytest.raises(StageUnavailable, match="socket file does not exist"):
        await WhisperXStage(settings(), uds=UDS).probe()
    with pytest.raises(ConfigError, match=r"stt\.url"):
        WsAddress.parse("stt", "ws://whisper.test:http/")
    async with WhisperXServer(script()).running(HOST, PORT) as server:
        assert await stage.probe() == f"a WhisperX server answers at {HOST}:{PORT}"
        with pytest.raises(StageProtocolError, match="not a VoxBridge engine"):
            await WhisperXStage(settings(extension=True)).probe()
        server.script.extension = True
        assert await WhisperXStage(settings(extension=True)).probe() == (
            f"a WhisperX server answers at {HOST}:{PORT}, with voxbridge/1"
        )
        server.script.answers_upgrade = False
        with pytest.raises(StageTimeout, match="upgrade was not answered"):
            await stage.probe()


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nHi!\n"


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (PAGE, StageRefused, "a web page answers there"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", StageRefused, "does not speak WebSocket"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", StageRefused, "refuses our credentials"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", StageRefused, "redirects"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", StageUnavailable, "cannot serve now"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", StageProtocolError, "no WebSocket server speaks there"),
    ],
)
async def test_probe_names_what_answers_instead(autojump_clock, answer, error, says):
    """A probe of something else than a WhisperX server says what it met."""
    MemNet(chunk_bytes=5).install()
    async with WhisperXServer(script(http_answer=answer)).running(HOST, PORT):
        with pytest.raises(error, match=says):
            await WhisperXStage(settings()).probe()


async def test_probe_of_a_peer_that_hangs_up(autojump_clock, nursery):
    """A peer that hangs up in the upgrade is told as that."""
    MemNet().install()

    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.aclose()

    await nursery.start(functools.partial(trio.serve_tcp, hang_up, PORT, host=HOST))
    with pytest.raises(StageUnavailable, match="instead of answering the WebSocket upgrade"):
        await WhisperXStage(settings()).probe()


# -- schedules --


async def _a_busy_minute() -> None:
    """Partials, a loss, a barge-in, a cough and an outage, one after the other."""
    async with connected(script(close_after_packets=70)) as (server, line, _):
        await speak(line, words(110, "a"))
        assert (await line.finish()).text == " ".join(words(110, "a"))
        feed(line, "b")
        with trio.move_on_after(0.1):
            await line.finish()
        feed(line, "cough")
        await trio.sleep(0.05)
        line.discard()
        feed(line, *words(3, "c"))
        pending = line.end()
        await server.stop()
        await trio.sleep(1)
        await server.start()
        feed(line, *words(3, "d"))
        assert (await pending.wait()).text == "c0 c1 c2"
        assert (await line.finish()).text == "d0 d1 d2"
        assert server.overlapping_finalizes == server.undecodable == 0


def test_order_of_tasks_does_not_matter():
    """A minute of speech, losses and barge-in is heard whole in any order of tasks."""
    over_seeds(_a_busy_minute, range(10))
