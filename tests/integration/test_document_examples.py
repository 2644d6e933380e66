# ruff: noqa: TID251 - the document measures with time.time
"""The examples of the users' document, on real sockets and with its own limits; only their imports are ours.

The exact times of the same workflows are in ``test_streaming_pipeline.py``, in virtual time.
"""

from __future__ import annotations

import time

import httpx
import pytest

from tests.fixtures.audio_samples import get_sample_opus_audio
from tests.mocks.mock_chatterbox_server import create_mock_chatterbox_server
from tests.mocks.mock_discord import mock_bot
from tests.mocks.mock_n8n_server import create_failing_n8n_server, create_mock_n8n_server
from tests.mocks.mock_whisperx_server import create_mock_whisperx_server
from voxbridge.scripting import SpeakerManager, StreamingResponseHandler, WhisperClient

pytestmark = pytest.mark.integration


@pytest.mark.asyncio
async def test_stt_to_n8n_workflow():
    """What is said reaches the agent, and the agent's answer comes back, within the document's limits."""
    async with create_mock_whisperx_server() as whisper_port, create_mock_n8n_server() as n8n_url:
        speaker_manager = SpeakerManager(
            bot=mock_bot, whisper_url=f"ws://localhost:{whisper_port}", n8n_url=f"{n8n_url}/webhook/test"
        )

        start_time = time.time()
        await speaker_manager.start_transcription("user_123")
        await speaker_manager.send_audio(get_sample_opus_audio())
        stt_latency = time.time() - start_time

        await speaker_manager.finalize_transcript()
        await speaker_manager.wait_for_ai_response()
        total_latency = time.time() - start_time

        print(f"STT {stt_latency:.3f}s, total {total_latency:.3f}s")
        assert speaker_manager.last_transcript is not None
        assert speaker_manager.last_ai_response is not None
        assert speaker_manager.last_transcript in speaker_manager.last_ai_response, "the agent got other words"
        assert stt_latency < 0.5, f"STT latency too high: {stt_latency:.3f}s"
        assert total_latency < 2.0, f"Total latency too high: {total_latency:.3f}s"


@pytest.mark.asyncio
async def test_full_streaming_pipeline_latency():
    """The whole way from the first packet to the first sound takes less than the document allows."""
    async with (
        create_mock_whisperx_server() as whisper_port,
        create_mock_n8n_server() as n8n_url,
        create_mock_chatterbox_server() as chatterbox_url,
    ):
        speaker_manager = SpeakerManager(
            bot=mock_bot,
            whisper_url=f"ws://localhost:{whisper_port}",
            n8n_url=n8n_url,
            chatterbox_url=chatterbox_url,
        )
        start_time = time.time()
        await speaker_manager.start_transcription("user_123")
        await speaker_manager.send_audio(get_sample_opus_audio())
        await speaker_manager.finalize_transcript()
        await speaker_manager.wait_for_tts_start()
        total_latency = time.time() - start_time

        print(f"first audio {total_latency:.3f}s")
        assert speaker_manager.tts_playing is True
        assert total_latency < 1.0, f"First audio latency too high: {total_latency:.3f}s"


@pytest.mark.asyncio
async def test_whisperx_transcription():
    """A packet becomes words."""
    async with create_mock_whisperx_server() as port:
        client = WhisperClient()
        await client.connect(user_id="user_123", server_url=f"ws://localhost:{port}")
        await client.send_audio(get_sample_opus_audio())
        transcript = await client.finalize()

        assert isinstance(transcript, str)
        assert len(transcript) > 0
        assert "hello" in transcript.lower(), f"heard {transcript!r}"


@pytest.mark.asyncio
async def test_n8n_streaming_response():
    """Sentences come out of the body of a streamed answer, without any call that ends it."""
    async with create_mock_n8n_server() as base_url:
        sentences_received: list[str] = []

        async def on_sentence(sentence: str) -> None:
            sentences_received.append(sentence)

        handler = StreamingResponseHandler(on_sentence=on_sentence)
        async with (
            httpx.AsyncClient() as client,
            client.stream("POST", f"{base_url}/webhook/test", json={"transcript": "test input"}) as response,
        ):
            async for chunk in response.aiter_text():
                await handler.process_chunk(chunk)

        assert len(sentences_received) > 0
        assert "hello" in " ".join(sentences_received).lower(), f"got {sentences_received}"


@pytest.mark.asyncio
async def test_chatterbox_tts_streaming():
    """The speech server streams sound."""
    async with create_mock_chatterbox_server() as base_url:
        chunks: list[bytes] = []
        async with (
            httpx.AsyncClient() as client,
            client.stream(
                "POST", f"{base_url}/audio/speech/stream/upload", data={"input": "Hello there.", "voice": "default"}
            ) as response,
        ):
            assert response.status_code == 200
            async for chunk in response.aiter_bytes():
                chunks.append(chunk)  # noqa: PERF401 - the document's loop

        assert len(chunks) >= 1
        assert sum(len(chunk) for chunk in chunks) > 0


@pytest.mark.asyncio
async def test_full_conversation_loop():
    """A user speaks, the agent answers, the answer is heard; each part within the document's limits."""
    async with (
        create_mock_whisperx_server() as whisper_port,
        create_mock_n8n_server() as n8n_url,
        create_mock_chatterbox_server() as chatterbox_url,
    ):
        speaker_manager = SpeakerManager(
            bot=mock_bot,
            whisper_url=f"ws://localhost:{whisper_port}",
            n8n_url=n8n_url,
            chatterbox_url=chatterbox_url,
        )

        start_time = time.time()
        await speaker_manager.on_speaking_start("user_123")
        await speaker_manager.send_audio(get_sample_opus_audio())
        await speaker_manager.on_silence_detected()
        stt_latency = time.time() - start_time

        ai_start = time.time()
        await speaker_manager.wait_for_ai_response()
        ai_latency = time.time() - ai_start

        tts_start = time.time()
        await speaker_manager.wait_for_tts_start()
        tts_latency = time.time() - tts_start
        total_latency = time.time() - start_time

        print(f"STT {stt_latency:.3f}s, AI {ai_latency:.3f}s, TTS {tts_latency:.3f}s, total {total_latency:.3f}s")
        assert speaker_manager.last_transcript is not None
        assert speaker_manager.last_ai_response is not None
        assert speaker_manager.tts_playing is True
        assert stt_latency < 0.5, f"STT latency too high: {stt_latency:.3f}s"
        assert ai_latency < 1.5, f"AI latency too high: {ai_latency:.3f}s"
        assert tts_latency < 0.3, f"TTS latency too high: {tts_latency:.3f}s"
        assert total_latency < 2.5, f"Total latency too high: {total_latency:.3f}s"


@pytest.mark.asyncio
async def test_n8n_retry_on_failure():
    """An agent that fails twice is asked a third time."""
    async with create_failing_n8n_server(fail_count=2) as base_url:
        speaker_manager = SpeakerManager(bot=mock_bot, n8n_url=base_url)

        result = await speaker_manager.send_to_n8n("test transcript", "user_123")

        assert result is not None
        assert speaker_manager.retry_count == 2


@pytest.mark.asyncio
async def test_whisperx_reconnection():
    """A lost connection is there again when the next packet has been sent."""
    async with create_mock_whisperx_server() as port:
        client = WhisperClient()
        await client.connect(f"ws://localhost:{port}", "user_123")

        await client.ws.close()
        await client.send_audio(get_sample_opus_audio())

        assert client.is_connected
        assert client.reconnect_count == 1
