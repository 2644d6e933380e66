"""The scripted objects as scripts use them: their background work, their failures, their end."""

from __future__ import annotations

import pytest
import trio

from tests.fixtures.audio_samples import get_sample_opus_audio
from tests.mocks.mock_discord import MockBot
from tests.utils.helpers import wait_for_condition
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings
from voxbridge.core.text.pauses import SENTENCE_MS
from voxbridge.errors import ConfigError, StageError, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.scripting import SpeakerManager, WhisperClient
from voxbridge.scripting.background import Background, Started
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = pytest.mark.integration


async def test_answer_is_played_while_the_script_does_something_else(autojump_clock) -> None:
    """Work goes on between awaited calls, and the whole answer leaves, frame by frame."""
    MemNet().install()
    async with N8nServer().running() as n8n, ChatterboxServer(PROMPT).running() as chatterbox:
        bot = MockBot()
        manager = SpeakerManager(bot, n8n_url=n8n.url, chatterbox_url=chatterbox.url)
        await manager.send_to_n8n("good morning", 42)
        report = await manager.wait_for_turn_end()
        samples = sum(spoken.samples for spoken in chatterbox.spoken)
    assert report.outcome == "answered"
    assert report.spoken == manager.last_ai_response
    sentences = len(chatterbox.spoken)
    assert len(bot.voice) == pytest.approx(samples / 480 + (sentences - 1) * SENTENCE_MS / 20, abs=2)
    gaps = {round(b.at - a.at, 9) for a, b in zip(bot.voice, bot.voice[1:], strict=False)}
    assert gaps == {0.02}, f"frames left at other distances than 20 ms: {sorted(gaps)}"
    assert not manager.tts_playing


async def test_user_who_speaks_cuts_the_answer_short(autojump_clock) -> None:
    """After ``on_speaking_start`` returns no frame of the answer leaves, and the next turn is answered."""
    MemNet().install()
    async with (
        WhisperXServer(WhisperXScript("stop it")).running() as whisper,
        N8nServer(agent(["One two three four five six seven eight nine ten. ", "And so on."])).running() as n8n,
        ChatterboxServer(PROMPT).running() as chatterbox,
    ):
        bot = MockBot()
        async with SpeakerManager(bot, whisper.url, n8n.url, chatterbox.url) as manager:
            await manager.start_transcription("ada")
            await manager.send_to_n8n("count", "ada")
            await manager.wait_for_tts_start()
            await trio.sleep(1.2)
            await manager.on_speaking_start("ada")
            frames = len(bot.voice)
            report = await manager.wait_for_turn_end()
            assert report.outcome == "interrupted"
            assert len(bot.voice) == frames, f"{len(bot.voice) - frames} frames left after the cut"
            assert report.spoken in (manager.last_ai_response or "")

            await manager.send_audio(get_sample_opus_audio())
            assert await manager.on_silence_detected() == "stop it"
            await manager.wait_for_tts_start()
            assert len(bot.voice) > frames


async def test_scripts_obey_the_settings_of_barge_in(autojump_clock) -> None:
    """With barge-in off the answer is heard to its end, though the user begins to speak."""
    MemNet().install()
    settings = Settings(barge_in=BargeInSettings(policy="ignore"))
    async with (
        WhisperXServer(WhisperXScript("go on")).running() as whisper,
        N8nServer(agent(["One two three four five six seven eight nine ten."])).running() as n8n,
        ChatterboxServer(PROMPT).running() as chatterbox,
        SpeakerManager(MockBot(), whisper.url, n8n.url, chatterbox.url, settings=settings) as manager,
    ):
        await manager.send_to_n8n("count", "ada")
        await manager.wait_for_tts_start()
        await manager.on_speaking_start("ada")
        report = await manager.wait_for_turn_end()
        assert (report.outcome, report.spoken) == ("answered", report.answer)


async def test_without_chatterbox_answers_stay_text(autojump_clock) -> None:
    """A manager without a voice answers in text only, and says so when its voice is waited for."""
    MemNet().install()
    async with N8nServer().running() as n8n:
        manager = SpeakerManager(MockBot(), n8n_url=n8n.url)
        assert "good morning" in (await manager.send_to_n8n("good morning", "ada") or "")
        with pytest.raises(StageProtocolError, match="without a sound"):
            await manager.wait_for_tts_start()


async def test_blank_transcript_asks_nobody(autojump_clock) -> None:
    """Silence is no question: no agent call, no answer, no error."""
    MemNet().install()
    async with WhisperXServer(WhisperXScript("")).running() as whisper, N8nServer().running() as n8n:
        async with SpeakerManager(MockBot(), whisper.url, n8n.url) as manager:
            await manager.start_transcription("ada")
            await manager.send_audio(get_sample_opus_audio())
            assert await manager.finalize_transcript() == ""
            assert await manager.wait_for_ai_response() is None
        assert n8n.questions == []


async def test_failures_are_raised_by_the_call_that_meets_them(autojump_clock) -> None:
    """No server, a refusing webhook, a wrong address, a wrong order of calls: each says so at once."""
    net = MemNet().install()
    with pytest.raises(StageUnavailable, match="refused"):
        await WhisperClient().connect("ws://localhost:4901", "ada")
    with pytest.raises(ConfigError):
        await WhisperClient().connect("http://localhost:4901", "ada")
    with pytest.raises(StageUnavailable, match="connect"):
        await WhisperClient().send_audio(get_sample_opus_audio())
    with pytest.raises(ConfigError):
        SpeakerManager(MockBot())
    async with (
        N8nServer().running() as n8n,
        SpeakerManager(MockBot(), n8n_url=f"{n8n.url}/webhook/no-such") as manager,
    ):
        with pytest.raises(StageError):
            await manager.wait_for_ai_response()
        with pytest.raises(StageError):
            await manager.finalize_transcript()
        with pytest.raises(StageRefused):
            await manager.send_to_n8n("hello", "ada")
        assert manager.retry_count == 0
    net.assert_all_closed()


async def test_packet_to_a_server_that_stays_away_raises_in_time(autojump_clock) -> None:
    """``send_audio`` waits for a new connection, but not for ever; the packet is there when the server is back."""
    MemNet().install()
    async with WhisperXServer().running() as server:
        async with WhisperClient() as client:
            await client.connect(server.url, "ada")
            await server.stop()
            await wait_for_condition(lambda: not client.is_connected, message="the loss to be noticed")
            began = trio.current_time()
            with pytest.raises(StageUnavailable):
                await client.send_audio(get_sample_opus_audio())
            assert trio.current_time() - began == pytest.approx(5.0, abs=1e-9)
            await server.start()
            assert await client.finalize() == "hello, can you hear me"
        await wait_for_condition(lambda: server.open_connections == 0, message="the server to see us leave")


async def test_partial_words_are_kept(autojump_clock) -> None:
    """What the server says of an utterance in progress can be read while it is spoken."""
    MemNet().install()
    async with WhisperXServer().running() as server, WhisperClient() as client:
        await client.connect(server.url, 42)
        assert client.last_partial == ""
        for _ in range(100):  # partials come after two seconds of sound
            await client.send_audio(get_sample_opus_audio())
        await wait_for_condition(lambda: client.last_partial != "", message="a partial transcript")
        assert server.starts[0]["userId"] == "42"


async def test_crash_of_background_work_is_raised_by_the_next_call() -> None:
    """A bug in the background ends neither the run nor in silence."""
    background = Background()
    go_on = trio.Event()

    async def life(status: Started[str]) -> None:
        status.started("usable")
        await go_on.wait()
        raise RuntimeError("a bug")

    assert await background.start(life) == "usable"
    go_on.set()
    with pytest.raises(RuntimeError, match="a bug"):
        await background.until(lambda: False)
    await background.stop()


async def test_work_that_cannot_start_is_raised_where_it_was_asked_for() -> None:
    """A failure before the work is usable belongs to the caller, who may try again."""
    background = Background()

    async def life(status: Started[None]) -> None:
        raise OSError("no")

    for _ in range(2):
        with pytest.raises(OSError, match="no"):
            await background.start(life)
    await background.stop()


def test_work_ends_with_its_run() -> None:
    """A script that closes nothing leaves nothing: its connections are closed when the run ends."""
    seen: list[WhisperXServer] = []
    net = MemNet()

    async def script() -> None:
        net.install()
        server = WhisperXServer()
        seen.append(server)
        async with server.running():
            client = WhisperClient()
            await client.connect(server.url, "ada")
            await client.send_audio(get_sample_opus_audio())
            assert await client.finalize()

    trio.run(script)
    trio.run(script)  # a second run has a home of its own
    net.assert_all_closed()
    assert [server.connections for server in seen] == [1, 1]
