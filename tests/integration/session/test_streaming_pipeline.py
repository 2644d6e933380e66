"""The nine workflows of the users' document, each twice.

``virtual``: on the in-memory network with a clock that jumps; stages take what the script says (STT 300 ms, agent
400 ms, TTS 40 ms) and every figure is exact. ``sockets``: on loopback with the real clock, a tenth of the script's
delays, and the document's own limits.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import httpx
import pytest
import trio
from trio.testing import MockClock

from tests.fixtures.audio_samples import get_sample_opus_packets
from tests.mocks.mock_discord import MockBot
from tests.utils.helpers import LatencyAssertions, LatencyTracker, StreamValidator, wait_for_condition
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.errors import NoReply, StageUnavailable
from voxbridge.rehearsal.marked import mark, marks_of
from voxbridge.scripting import SpeakerManager, StreamingResponseHandler, WhisperClient
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.contracts import TtsRequest
from voxbridge.stages.sinks import SoundInto
from voxbridge.stages.tts.chatterbox import ChatterboxSettings, ChatterboxStage
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import ChatterboxServer, Fault, Timing
from voxbridge.testing.servers.n8n import N8nServer, Question
from voxbridge.testing.servers.n8n_plans import Break, Head, Plan, agent, nothing, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = [pytest.mark.integration, pytest.mark.latency, pytest.mark.streaming]

STT_S, AGENT_S, TTS_HEAD_S, TTS_SYNTHESIS_S = 0.300, 0.400, 0.003, 0.037
TTS_S = TTS_HEAD_S + TTS_SYNTHESIS_S
FIRST_AUDIO_S = STT_S + AGENT_S + TTS_S
DEFAULTS = Settings()
HEARD = "hello, can you hear me"
ANSWER = "Hello there. I can hear you well. What shall we talk about?"
SENTENCES = ["Hello there.", "I can hear you well.", "What shall we talk about?"]


@pytest.fixture(params=["virtual", "sockets"])
def clock(request: pytest.FixtureRequest) -> MockClock | None:
    """The clock the test runs on: pytest-trio takes a clock among a test's fixtures, and the real one if it is None."""
    return MockClock(autojump_threshold=0) if request.param == "virtual" else None


@attrs.define
class Stopwatch:
    """Compares times: exactly in virtual time, with the document's limits on real sockets."""

    is_exact: bool

    @property
    def scale(self) -> float:
        return 1.0 if self.is_exact else 0.1

    def check(self, what: str, seconds: float, exact_s: float, limit_s: float) -> None:
        LatencyAssertions.assert_low_latency(seconds, limit_s, what)
        if self.is_exact:
            off_ms = (seconds - exact_s) * 1000
            assert math.isclose(seconds, exact_s, abs_tol=1e-9), f"{what}: {seconds:.6f} s, {off_ms:+.3f} ms off"
        else:
            assert seconds >= exact_s * self.scale * 0.99, f"{what}: {seconds:.3f} s is less than the script takes"


@attrs.define
class Pipeline:
    """Three servers with their scripts, a bot, and a manager between them."""

    watch: Stopwatch
    whisper: WhisperXServer
    n8n: N8nServer
    chatterbox: ChatterboxServer
    bot: MockBot
    manager: SpeakerManager

    async def speak(self) -> float:
        """Let the user say ten packets; return when the turn was decided."""
        await self.manager.on_speaking_start("user_123")
        for packet in get_sample_opus_packets(10):
            await self.manager.send_audio(packet)
        await wait_for_condition(lambda: self.whisper.packets.total() >= 10, message="the packets to arrive")
        return trio.current_time()


@asynccontextmanager
async def open_pipeline(clock: MockClock | None, settings: Settings = DEFAULTS) -> AsyncIterator[Pipeline]:
    """Run everything; at the end, in virtual time, no socket may be left open."""
    watch = Stopwatch(is_exact=clock is not None)
    net = MemNet().install() if clock is not None else None
    scale = watch.scale
    timing = Timing(TTS_HEAD_S * scale, TTS_SYNTHESIS_S * scale, late_eof_every=0, stall_every=0)
    plan = agent(words(ANSWER), first_s=AGENT_S * scale)
    async with (
        WhisperXServer(WhisperXScript(HEARD, final_delay_s=STT_S * scale)).running() as whisper,
        N8nServer(plan).running() as n8n,
        ChatterboxServer(timing).running() as chatterbox,
    ):
        bot = MockBot()
        manager = SpeakerManager(bot, whisper.url, n8n.webhook_url, chatterbox.url, settings=settings)
        async with manager:
            yield Pipeline(watch, whisper, n8n, chatterbox, bot, manager)
        if net is not None:
            await wait_for_condition(lambda: whisper.open_connections == 0, message="the server to see us leave")
    if net is not None:
        net.assert_all_closed()


async def test_full_streaming_pipeline(clock) -> None:
    """Packets become words, words an answer, the answer sound; each stage gets what the one before gave."""
    async with open_pipeline(clock) as pipeline:
        manager, latencies = pipeline.manager, LatencyTracker()
        began = await pipeline.speak()
        await manager.finalize_transcript()
        latencies.record("stt", trio.current_time() - began)
        await manager.wait_for_ai_response()
        latencies.record("agent", trio.current_time() - began - latencies.get_total())
        await manager.wait_for_tts_start()
        latencies.record("first audio", pipeline.bot.voice[0].at - began)
        print(latencies.report())

        assert manager.last_transcript == HEARD
        assert [question.text for question in pipeline.n8n.questions] == [HEARD]
        assert manager.last_ai_response == ANSWER
        assert pipeline.chatterbox.spoken[0].fields.text == SENTENCES[0]
        assert pipeline.whisper.heard[0].packets == get_sample_opus_packets(10)
        pipeline.watch.check("STT", latencies.get_average("stt"), STT_S, 0.5)
        pipeline.watch.check("agent", latencies.get_average("agent"), AGENT_S, 1.5)
        pipeline.watch.check("first audio", latencies.get_average("first audio"), FIRST_AUDIO_S, 1.0)


async def test_n8n_streaming_response(clock) -> None:
    """Sentences come out while the agent is still writing, not at its end."""
    watch = Stopwatch(is_exact=clock is not None)
    if clock is not None:
        MemNet().install()
    gap_s = 0.05 * watch.scale
    async with N8nServer(agent(words(ANSWER), first_s=AGENT_S * watch.scale, gap_s=gap_s)).running() as n8n:
        stream = StreamValidator()

        async def on_sentence(sentence: str) -> None:
            stream.record_chunk(sentence)

        handler = StreamingResponseHandler(on_sentence=on_sentence)
        async with (
            httpx.AsyncClient() as client,
            client.stream("POST", n8n.webhook_url, json={"transcript": "test input"}) as response,
        ):
            async for chunk in response.aiter_text():
                await handler.process_chunk(chunk)

    assert [sentence for _, sentence in stream.chunks] == SENTENCES
    assert n8n.questions[0].text == "test input"
    LatencyAssertions.assert_streaming(stream, "the answer")
    # a sentence is known to be one when the first word of the next has come; the last when n8n says "end"
    for (at, sentence), word in zip(stream.chunks, (2, 7, 11), strict=True):
        watch.check(f"sentence {sentence!r}", at, AGENT_S + 0.05 * word, 1.5)


async def test_chatterbox_tts_streaming(clock) -> None:
    """Sound comes piece by piece: the first byte within 50 ms, the first sample within 200 ms of the request."""
    watch = Stopwatch(is_exact=clock is not None)
    if clock is not None:
        MemNet().install()
    timing = Timing(TTS_HEAD_S * watch.scale, TTS_SYNTHESIS_S * watch.scale, late_eof_every=0, stall_every=0)
    marks: dict[str, float] = {}
    async with ChatterboxServer(timing).running() as chatterbox:
        settings = ChatterboxSettings(url=chatterbox.url, streaming_chunk_size=50)
        async with ChatterboxStage(settings) as stage:
            stream = StreamValidator()

            def out(pcm: Pcm) -> None:
                stream.record_chunk(pcm.data)

            def note(name: str, at: float) -> None:
                marks.setdefault(name, at - stream.began)

            text = "This is a sentence of some length. And here is another one, which is not short either."
            await stage.speak(TtsRequest(text, "turn-1", 0), SoundInto(out, note))

    LatencyAssertions.assert_streaming(stream, "the sound")
    assert sum(len(chunk) for _, chunk in stream.chunks) == 2 * chatterbox.spoken[0].samples > 0
    watch.check("TTS first byte", marks["tts_first_byte"], TTS_HEAD_S, 0.05)
    watch.check("TTS first PCM", marks["tts_first_pcm"], TTS_S, 0.2)


async def test_n8n_timeout_retry(clock) -> None:
    """An agent that says nothing within its limit is asked again, and the second answer is spoken."""
    limit_ms = 200
    settings = Settings(agent=N8nSettings(url=Secret("http://x/"), first_limit_ms=limit_ms, target_ms=10))
    async with open_pipeline(clock, settings) as pipeline:
        pipeline.n8n.plans.append(Plan((Head(), Break("hang")), succeeds=False))
        pipeline.n8n.script = agent(words(ANSWER), first_s=AGENT_S * 0.1)
        began = trio.current_time()
        assert await pipeline.manager.send_to_n8n("are you there", "user_123") == ANSWER
        await pipeline.manager.wait_for_tts_start()
        took_s = trio.current_time() - began

    first, second = pipeline.n8n.questions
    waited_s = second.at - first.at
    print(f"asked again after {waited_s:.3f} s, answered after {took_s:.3f} s")
    assert pipeline.manager.retry_count == 1
    assert [question.attempt for question in (first, second)] == [1, 2]
    assert limit_ms / 1000 - 1e-9 <= waited_s < 0.4, f"asked again after {waited_s:.3f} s, the limit is {limit_ms} ms"
    expected_s = waited_s + AGENT_S * 0.1 + TTS_S
    if clock is not None:
        assert took_s == pytest.approx(expected_s, abs=1e-9), f"{(took_s - expected_s) * 1000:+.3f} ms off"


async def test_whisperx_reconnection(clock) -> None:
    """A connection lost in mid-utterance costs no word and doubles none."""
    watch = Stopwatch(is_exact=clock is not None)
    net = MemNet().install() if clock is not None else None
    script = WhisperXScript(lambda heard: marks_of(heard.packets), final_delay_s=STT_S * watch.scale)
    async with WhisperXServer(script).running() as server:
        client = WhisperClient()
        await client.connect(server.url, "user_123")
        said = [f"word{n}" for n in range(20)]
        packets = [mark(packet, word) for packet, word in zip(get_sample_opus_packets(20), said, strict=True)]
        for packet in packets[:12]:
            await client.send_audio(packet)
        await wait_for_condition(lambda: server.packets.total() >= 12, message="12 packets to arrive")
        began = trio.current_time()
        await client.ws.close()
        for packet in packets[12:]:
            await client.send_audio(packet)
        reconnected_s = trio.current_time() - began
        assert client.is_connected
        transcript = await client.finalize()
        reconnect_count = client.reconnect_count
        await client.aclose()

    print(f"connected again after {reconnected_s:.3f} s")
    assert transcript.split() == said, f"heard {transcript!r}"
    assert reconnect_count == 1
    assert server.connections == 2
    assert server.starts[0] == server.starts[1]
    assert reconnected_s < 0.3, f"connected again after {reconnected_s:.3f} s"
    if net is not None:
        net.assert_all_closed()


async def test_chatterbox_500_error(clock) -> None:
    """A voice that fails is no silence: the words are written, the error is told, and the next turn is spoken."""
    async with open_pipeline(clock) as pipeline:
        pipeline.chatterbox.lasting_fault = Fault("status", status=500)
        assert await pipeline.manager.send_to_n8n("say it", "user_123") == ANSWER
        with pytest.raises(StageUnavailable, match="500"):
            await pipeline.manager.wait_for_tts_start()
        first_asked = [each for each in pipeline.chatterbox.spoken if each.fields.text == SENTENCES[0]]
        assert len(first_asked) == 3, "a server error is tried again twice"
        assert [text for _, text in pipeline.bot.posted] == [ANSWER]
        assert not pipeline.bot.voice

        pipeline.chatterbox.lasting_fault = None
        began = trio.current_time()
        await pipeline.manager.send_to_n8n("say it again", "user_123")
        await pipeline.manager.wait_for_tts_start()
        assert pipeline.manager.tts_playing
        pipeline.watch.check("first audio of the next turn", pipeline.bot.voice[0].at - began, AGENT_S + TTS_S, 1.0)


async def test_empty_n8n_response(clock) -> None:
    """An answer without a word is told as such and not tried again; the user reads that something went wrong."""
    async with open_pipeline(clock) as pipeline:
        pipeline.n8n.script = nothing()
        with pytest.raises(NoReply):
            await pipeline.manager.send_to_n8n("hello", "user_123")
        await pipeline.manager.wait_for_turn_end()
        assert pipeline.manager.last_ai_response is None
        assert pipeline.manager.retry_count == 0
        assert not pipeline.chatterbox.spoken
        assert len(pipeline.bot.posted) == 1, f"written: {pipeline.bot.posted}"


async def test_streaming_latency_under_1s(clock) -> None:
    """From the end of speech to the first sound of the answer it takes less than a second, every part in its budget."""
    async with open_pipeline(clock) as pipeline:
        began = await pipeline.speak()
        await pipeline.manager.finalize_transcript()
        await pipeline.manager.wait_for_tts_start()
        pipeline.watch.check("first audio", pipeline.bot.voice[0].at - began, FIRST_AUDIO_S, 1.0)
        report = await _end_at_once(pipeline)

    for part in report.parts:
        print(f"{part.name:<12} {part.ms:8.3f} ms  {part.verdict}")
    assert {part.name: part.verdict for part in report.parts if part.verdict == "late"} == {}
    assert report.first_audio is not None
    assert sum(part.ms for part in report.parts) == pytest.approx(report.first_audio.ms, abs=1e-6)
    if clock is not None:
        exact = {"stt": 300, "floor": 0, "agent": 400, "sentence": 0, "tts": 40, "playout": 0, "endpointing": 0}
        assert {part.name: part.ms for part in report.parts} == pytest.approx(exact, abs=1e-6)
        assert report.first_audio.ms == pytest.approx(740, abs=1e-6)


async def _end_at_once(pipeline: Pipeline):
    """Speak over the answer, so that a test on real sockets need not hear it to its end."""
    await pipeline.manager.on_speaking_start("user_123")
    return await pipeline.manager.wait_for_turn_end()


async def test_progressive_tts_latency(clock) -> None:
    """Sentences are spoken one by one, each within its time, the next one while the one before is played."""

    def answer_of(_question: Question) -> Plan:
        return agent(words(ANSWER), first_s=AGENT_S * (1.0 if clock is not None else 0.1))

    async with open_pipeline(clock) as pipeline:
        pipeline.n8n.script = answer_of
        await pipeline.manager.send_to_n8n("go on", "user_123")
        spoken = pipeline.chatterbox.spoken
        await wait_for_condition(
            lambda: len(spoken) == 3 and spoken[-1].ended_at is not None, message="three sentences to be spoken"
        )
        still_playing = pipeline.manager.tts_playing
        frames_out = len(pipeline.bot.voice)

    latencies = LatencyTracker()
    for sentence in spoken:
        assert sentence.ended_at is not None
        latencies.record("sentence", sentence.ended_at - sentence.started_at)
    print(latencies.report())
    assert [sentence.fields.text for sentence in spoken] == SENTENCES
    pipeline.watch.check("TTS per sentence, average", latencies.get_average("sentence"), TTS_S, 0.3)
    pipeline.watch.check("TTS per sentence, slowest", latencies.get_p95("sentence"), TTS_S, 0.3)
    starts = [sentence.started_at for sentence in spoken]
    assert starts == sorted(starts), "sentences were asked for out of order"
    total_frames = sum(sentence.samples for sentence in spoken) / 480
    assert still_playing, "all was played before the last sentence was there: nothing was ahead"
    assert frames_out < total_frames, f"{frames_out} of {total_frames:.0f} frames were out"
