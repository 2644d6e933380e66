"""Every kind of speech-to-text server but WhisperX, in virtual time: what a line promises, whoever serves it.

Words are tones, which the simulated servers read back from the PCM that arrived: "0 words lost, none twice" is what
the transcript says, not what a counter believes.
"""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio

from tests.support.scheduling import over_seeds
from tests.support.stt_kinds import KINDS, LATENCY_S, PORT, Kind, connected, feed, heard, said, speak, speaker, until
from voxbridge.config.secrets import Secret
from voxbridge.core.sound.pcm import FRAME_S, HeardSound
from voxbridge.errors import StageError, StageProtocolError, StageTimeout, StageUnavailable
from voxbridge.rehearsal.tones import PACKETS_PER_WORD, packets_of
from voxbridge.stages.contracts import Transcript
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.hearing import HearingScript

pytestmark = pytest.mark.integration

WORD_S = PACKETS_PER_WORD * FRAME_S
MODEL_S = 0.3


@pytest.fixture(params=list(KINDS))
def kind(request) -> Kind:
    return KINDS[request.param]


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-9)


def script(**changes: Any) -> HearingScript:
    return attrs.evolve(HearingScript(final_delay_s=MODEL_S), **changes)


async def test_final_comes_after_the_model_and_one_round_trip(autojump_clock, kind):
    """A line adds nothing to the model's time but the network's round trip, and connects once."""
    async with connected(kind, script()) as (server, line, _):
        await speak(line, range(12))
        began = trio.current_time()
        transcript = await line.finish()
        took_s = trio.current_time() - began
    assert transcript.text == said(range(12))
    assert transcript.duration_s == exactly(12 * WORD_S)
    network_s = 4 * LATENCY_S if kind.name == "openai" else 2 * LATENCY_S  # its connection is new
    if kind.final_s:
        # two more passes of the model at most, each of its own time and the second between them, and a ping
        assert MODEL_S < took_s <= kind.final_s + 2 * MODEL_S + 4 * LATENCY_S, f"the final came after {took_s:.6f} s"
    else:
        assert took_s == exactly(MODEL_S + network_s), f"the final came after {took_s:.6f} s"
    assert server.connections <= 2, "nothing was wrong, yet it connected again"


async def test_each_utterance_is_itself(autojump_clock, kind):
    """Utterances one after the other keep their own words, without a reconnect."""
    async with connected(kind) as (server, line, _):
        for number in range(3):
            words = range(number * 10, number * 10 + 8)
            await speak(line, words)
            assert (await line.finish()).text == said(words)
        assert line.reconnect_count == 0
        assert server.connections <= 4


async def test_nothing_fed_is_nothing_said(autojump_clock, kind):
    """The end of an utterance without sound is an empty transcript, and asks nobody."""
    async with connected(kind) as (server, line, _):
        connections = server.connections
        assert await line.finish() == Transcript("")
        line.discard()
        assert server.connections == connections


async def test_a_word_shorter_than_a_second_is_heard(autojump_clock, kind):
    """WhisperLive transcribes nothing under one second: the client fills it up."""
    async with connected(kind) as (_, line, _net):
        feed(line, [7])
        assert (await line.finish()).text == "w7"


async def test_an_utterance_may_begin_while_the_last_final_is_due(autojump_clock, kind):
    """Who goes on speaking while his words are still due loses nothing of either utterance."""
    async with connected(kind, script(final_delay_s=1.0)) as (_, line, _net):
        feed(line, range(15))
        first = line.end()
        feed(line, range(15, 30))
        second = line.end()
        assert (await first.wait()).text == said(range(15))
        assert (await second.wait()).text == said(range(15, 30))


async def test_killed_in_mid_utterance_and_back_2_s_later(autojump_clock, kind):
    """0 words lost, none twice, and used again within 300 ms of its return."""
    async with connected(kind) as (server, line, _):
        served: list[float] = []
        back_at: list[float] = []

        async def outage() -> None:
            await trio.sleep(12 * WORD_S)
            await server.stop()
            before = server.connections
            await trio.sleep(2)
            await server.start()
            back_at.append(trio.current_time())
            await until(lambda: server.connections > before, 10)
            served.append(trio.current_time())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(outage)
            await speak(line, range(38))
            # the server of an upload does not notice the outage; let it fail there, too
            pending = line.end()
            text = (await pending.wait()).text
        assert text == said(range(38))
        late_s = served[0] - back_at[0]
        assert late_s <= 0.3, f"connected {late_s * 1000:.0f} ms after the server's return"
        if kind.name != "openai":
            assert line.reconnect_count == 1
        await speak(line, [1, 2])
        assert (await line.finish()).text == "w1 w2"


async def test_down_when_the_utterance_ends_and_back_2_s_later(autojump_clock, kind):
    """A server that returns within the limit is called within 300 ms, and has every word."""
    async with connected(kind) as (server, line, _):
        await speak(line, range(20))
        await server.stop()
        pending = line.end()
        await trio.sleep(2)
        await server.start()
        back_at, before = trio.current_time(), server.connections
        await until(lambda: server.connections > before, 1)
        assert trio.current_time() - back_at <= 0.3
        assert (await pending.wait()).text == said(range(20))
        assert line.reconnect_count == (0 if kind.name == "openai" else 1)


@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.9])
async def test_a_loss_in_mid_utterance_loses_no_word_and_doubles_none(autojump_clock, kind, after_s):
    """A connection that dies while somebody speaks costs no word and repeats none."""
    async with connected(kind, script(dies_after_s=after_s)) as (_, line, _net):
        await speak(line, range(16))
        assert (await line.finish()).text == said(range(16))
        feed(line, [3])
        assert (await line.finish()).text == "w3"


async def test_a_loss_while_the_final_is_due_replays_the_utterance(autojump_clock, kind):
    """A connection that dies while the words are due is made anew, and the utterance is sent again."""
    async with connected(kind, script(final_delay_s=0.5)) as (_, line, net):
        feed(line, range(15))
        pending = line.end()
        feed(line, [20])
        await trio.sleep(0.4)
        net.reset()
        assert (await pending.wait()).text == said(range(15))
        assert (await line.finish()).text == "w20"


async def test_a_final_that_never_comes_is_given_up_at_the_limit_exactly(autojump_clock, kind):
    """A server that hangs ends the utterance at its limit, and the next utterance is heard."""
    what = script(text="") if kind.name == "whisperlive" else script(ignored_ends=1)
    async with connected(kind, what) as (server, line, net):
        feed(line, range(15))
        pending, began = line.end(), trio.current_time()
        if kind.name == "whisperlive":
            await trio.sleep(0.1)
            net.link("127.0.0.1", PORT).stall()  # its silence is a hang only if it does not answer pings either
        with pytest.raises(StageTimeout, match="total deadline of 5000 ms"):
            await pending.wait()
        assert trio.current_time() - began == exactly(5.0)
        net.link("127.0.0.1", PORT).resume()
        server.script.text = script().text
        feed(line, [1, 2])
        assert (await line.finish()).text == "w1 w2"


async def test_a_peer_that_accepts_and_never_answers_is_left_at_its_deadline(autojump_clock, kind):
    """A peer that takes connections and says nothing holds no utterance longer than its limit."""
    async with connected(kind, connect_limit_ms=1000) as (server, line, _):
        server.connection_fault = "hang"
        if kind.name != "openai":
            feed(line, [0])
            await trio.sleep(0.02)
            line.discard()  # whatever was connected ahead is of no use now
        feed(line, [1])
        began = trio.current_time()
        with pytest.raises(StageTimeout):
            await line.finish()
        assert trio.current_time() - began == exactly(5.0)
        server.connection_fault = None
        await until(lambda: server.open_connections == 0 or line.is_connected)
        feed(line, [2])
        assert (await line.finish()).text == "w2"


async def test_a_server_that_fails_is_asked_three_times_at_most(autojump_clock, kind):
    """A server that fails each time is asked three times for one utterance, and is used for the next."""
    async with connected(kind, script(failed_ends=9)) as (server, line, _):
        feed(line, range(15))
        with pytest.raises(StageError) as failed:
            await line.finish()
        assert server.script.failed_ends == 6
        assert type(failed.value) in {StageProtocolError, StageUnavailable}
        server.script.failed_ends = 0
        feed(line, [1, 2])
        assert (await line.finish()).text == "w1 w2"


async def test_a_server_that_fails_once_is_asked_again(autojump_clock, kind):
    """One failure of a server costs no word."""
    async with connected(kind, script(failed_ends=1)) as (_, line, _net):
        feed(line, range(15))
        assert (await line.finish()).text == said(range(15))


async def test_barge_in_leaves_the_line_clean(autojump_clock, kind):
    """An utterance that nobody waits for any more leaves no words in the next one."""
    async with connected(kind, script(final_delay_s=1.0)) as (server, line, _):
        feed(line, range(15))
        with trio.move_on_after(0.2) as barge_in:
            await line.finish()
        assert barge_in.cancelled_caught
        server.script.final_delay_s = 0.0
        feed(line, [8, 9])
        assert (await line.finish()).text == "w8 w9"


async def test_discard_forgets(autojump_clock, kind):
    """What was discarded is in no transcript, and a line without sound has none."""
    async with connected(kind) as (_, line, _net):
        await speak(line, [30, 31])
        line.discard()
        await speak(line, [1, 2])
        assert (await line.finish()).text == "w1 w2"
        line.discard()
        assert await line.finish() == Transcript("")


@pytest.mark.parametrize("when_s", [0.0, 0.001, 0.0125, 0.02, 0.5, 5.1])
async def test_a_line_that_is_cancelled_is_closed_at_once(autojump_clock, kind, when_s):
    """A cancelled line closes its connections at that instant, whatever it was doing."""
    net = MemNet(latency_s=LATENCY_S).install()
    async with kind.make_server(script(final_delay_s=99.0)).running("127.0.0.1", PORT) as server:
        with trio.move_on_after(when_s) as leaving:
            async with kind.make_stage(kind.settings()) as stage, stage.open(speaker()) as line:
                feed(line, [1, 2, 3])
                line.end()
                await trio.sleep_forever()
        assert leaving.cancelled_caught
        assert trio.current_time() == exactly(leaving.deadline)
        await trio.sleep(1)  # virtual: whatever is still under way arrives
        if kind.name != "wyoming":  # which reads nothing while it works, so that it does not notice
            assert server.open_connections == 0
        assert all(connection.client.fileno() == -1 for connection in net.connections)
    net.assert_all_closed()


async def test_a_final_that_nobody_waits_for_ends_with_its_limit(autojump_clock, kind):
    """A final that nobody waits for is given up at its limit and holds no connection."""
    async with connected(kind, script(final_delay_s=9.0)) as (_, line, net):
        feed(line, [1])
        line.end()
        await trio.sleep(5.1)
        still_open = [each for each in net.connections if each.client.fileno() != -1]
        assert len(still_open) == (1 if kind.name in {"wyoming", "deepgram"} else 0), "none but the one made ahead"
        await trio.sleep(5)


async def test_sound_in_pieces_of_any_length_is_sent_whole(autojump_clock, kind):
    """What the ear made up for a loss has no packet, and a packet of 60 ms is one piece: the server hears the sound."""
    async with connected(kind) as (_, line, _net):
        feed(line, [1])
        line.feed(HeardSound(bytes(1280)))
        whole = b"".join(heard(opus).pcm for opus in packets_of(2))
        line.feed(HeardSound(whole[:1000]))
        line.feed(HeardSound(whole[1000:]))
        assert (await line.finish()).text == "w1 w2"


async def test_sound_goes_out_in_batches_of_40_to_100_ms(autojump_clock, kind):
    """Sound is sent in batches, so that a packet of 20 ms costs few bytes of its own."""
    if kind.name == "openai":
        pytest.skip("one upload, no batches")
    async with connected(kind) as (_, line, net):
        before = sum(connection.sent_bytes("client") for connection in net.connections)
        await speak(line, range(12))
        await line.finish()
        sent = sum(connection.sent_bytes("client") for connection in net.connections) - before
    sound_bytes = 12 * PACKETS_PER_WORD * 640 * (2 if kind.name == "whisperlive" else 1)
    batches = 12 * PACKETS_PER_WORD / 3
    overhead = sent - sound_bytes
    per_message = {"wyoming": 200, "whisperlive": 16}.get(kind.name, 16)
    assert overhead < 3000 + per_message * batches, f"{overhead} bytes beside {sound_bytes} of sound"


async def test_a_replay_of_two_minutes_is_whole(autojump_clock, kind):
    """After a loss two minutes of speech are sent again to the last sample."""
    what = script(text=lambda sound: f"{sound.duration_s:.2f}")
    async with connected(kind, what, chunk_bytes=None, limit_ms=60_000) as (_, line, net):
        packets = packets_of(*range(40)) * 39  # 124.8 s
        for opus in packets[:6000]:
            line.feed(heard(opus))
        await trio.sleep(0.5)
        net.reset()
        for opus in packets[6000:]:
            line.feed(heard(opus))
        assert (await line.finish()).text == "124.80"


@pytest.mark.parametrize("language", ["de-AT", "auto"])
async def test_language_of_the_speaker_is_passed_on(autojump_clock, kind, language):
    """``auto`` is what each protocol has for it: nothing, null, a word of its own."""
    MemNet().install()
    async with kind.make_server(script()).running("127.0.0.1", PORT) as server:
        async with kind.make_stage(kind.settings()) as stage, stage.open(speaker(language=language)) as line:
            feed(line, [1])
            assert (await line.finish()).text == "w1"
        found = {
            "wyoming": lambda: server.languages[-1],
            "openai": lambda: server.forms[-1].get("language"),
            "whisperlive": lambda: server.hellos[-1]["language"],
            "whisperlivekit": lambda: server.languages[-1],
            "deepgram": lambda: server.queries[-1]["language"][0],
        }[kind.name]()
    auto = {"wyoming": "", "openai": None, "whisperlive": None, "whisperlivekit": "auto", "deepgram": "multi"}
    de = {"deepgram": "de-AT"}
    assert found == (auto[kind.name] if language == "auto" else de.get(kind.name, "de"))


@pytest.mark.parametrize("name", ["whisperlive", "openai", "deepgram"])
async def test_names_of_the_members_are_expected_as_well(autojump_clock, name):
    """Behind the operator's own words, each once; who has joined meanwhile is expected from the next connection on."""
    kind = KINDS[name]
    MemNet().install()
    names = ["Ada", "Hibari"]
    who = attrs.evolve(speaker(), names_now=lambda: names)
    async with (
        kind.make_server(script()).running("127.0.0.1", PORT) as server,
        kind.make_stage(kind.settings(hints=("Hibari", "VoxBridge"))) as stage,
        stage.open(who) as line,
    ):
        if name == "deepgram":  # its connection is there before the utterance
            await until(lambda: line.is_connected)
            names.append("Zoe")
        feed(line, [1])
        assert (await line.finish()).text == "w1"
        names[:] = ["Ada", "Eve"]
        feed(line, [2])
        assert (await line.finish()).text == "w2"
    found = {
        "whisperlive": lambda: [hello["hotwords"].split(", ") for hello in server.hellos],
        "openai": lambda: [form["prompt"].split(", ") for form in server.forms],
        "deepgram": lambda: [query["keyterm"] for query in server.queries],
    }[name]()
    first, second = ["Hibari", "VoxBridge", "Ada"], ["Hibari", "VoxBridge", "Ada", "Eve"]
    ahead = [["Hibari", "VoxBridge", "Ada", "Zoe"], second]
    assert found == ([first, *ahead] if name == "deepgram" else [first, second])


@pytest.mark.parametrize("name", ["whisperlive", "openai", "deepgram"])
async def test_hints_and_model_go_where_a_server_takes_them(autojump_clock, name):
    """Hints and the model's name reach the server in the field that its protocol has for them."""
    kind = KINDS[name]
    MemNet().install()
    settings = kind.settings(hints=("Hibari", "VoxBridge"), model="gpt-4o-transcribe")
    async with (
        kind.make_server(script()).running("127.0.0.1", PORT) as server,
        kind.make_stage(settings) as stage,
        stage.open(speaker()) as line,
    ):
        feed(line, [1])
        assert (await line.finish()).text == "w1"
    match name:
        case "whisperlive":
            assert server.hellos[-1]["hotwords"] == "Hibari, VoxBridge"
            assert server.hellos[-1]["model"] == "gpt-4o-transcribe"
        case "openai":
            form = server.forms[-1]
            assert (form["prompt"], form["model"], form["response_format"]) == (
                "Hibari, VoxBridge",
                "gpt-4o-transcribe",
                "json",
            )
        case "deepgram":
            assert server.queries[-1]["keyterm"] == ["Hibari", "VoxBridge"]
            assert server.queries[-1]["model"] == ["gpt-4o-transcribe"]


async def test_partials_are_the_words_so_far(autojump_clock, kind):
    """Early words have no gap and no word twice, and none comes after the end."""
    if kind.name in {"openai", "wyoming"}:
        pytest.skip("has no partials")
    heard: list[str] = []
    async with connected(kind, script(), on_partial=heard.append) as (_, line, _net):
        await speak(line, range(35))
        count = len(heard)
        assert (await line.finish()).text == said(range(35))
        assert len(heard) == count, "a partial came after the end"
    assert count >= (1 if kind.name == "whisperlive" else 2)
    for text in heard:
        words = [int(word[1:]) for word in text.split()]
        if kind.name == "whisperlive":
            assert words == list(range(len(words)))
        # what was cut in the middle of a word may read wrongly there
        assert words[:-1] == list(range(len(words) - 1)), f"a partial has a gap, or words twice: {text}"


async def test_probe(autojump_clock, kind):
    """A probe says who answers, that nobody listens, or, after exactly 5 s, that a peer hangs."""
    MemNet(latency_s=LATENCY_S, chunk_bytes=5).install()
    async with kind.make_stage(kind.settings()) as stage:
        with pytest.raises(StageUnavailable, match="connection refused"):
            await stage.probe()
        async with kind.make_server(script()).running("127.0.0.1", PORT) as server:
            assert f"127.0.0.1:{PORT}" in await stage.probe()
            server.connection_fault = "hang"
            if kind.name == "openai":
                server.close_idle()
                await trio.sleep(1)
            began = trio.current_time()
            with pytest.raises(StageTimeout):
                await stage.probe()
            assert trio.current_time() - began == exactly(5.0)


async def test_a_secret_is_in_no_message(autojump_clock, kind):
    """An error shows no part of a key, in its text or its cause."""
    MemNet().install()
    settings = kind.settings(**({} if kind.name == "wyoming" else {"api_key": Secret("precious-token")}))
    async with kind.make_stage(settings) as stage:
        with pytest.raises(StageUnavailable) as caught:
            await stage.probe()
        assert "precious" not in repr(caught.value) + repr(caught.value.__cause__) + str(caught.value)


def _a_busy_minute(kind: Kind):
    async def scenario() -> None:
        """A loss, a barge-in, a cough and an outage, one after the other."""
        async with connected(kind, script(dies_after_s=0.7)) as (server, line, _):
            await speak(line, range(14))
            assert (await line.finish()).text == said(range(14))
            feed(line, [20])
            with trio.move_on_after(0.1):
                await line.finish()
            feed(line, [21])
            await trio.sleep(0.05)
            line.discard()
            feed(line, [22, 23])
            pending = line.end()
            await server.stop()
            await trio.sleep(1)
            await server.start()
            feed(line, [24, 25])
            assert (await pending.wait()).text == "w22 w23"
            assert (await line.finish()).text == "w24 w25"

    return scenario


def test_order_of_tasks_does_not_matter(kind):
    """A minute of speech, losses and barge-in is heard whole in any order of tasks."""
    over_seeds(_a_busy_minute(kind), range(8))
