"""Hostile servers of every kind: our own error or an answer in time, and the next turn an ordinary one."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from tests.integration.stages.test_poisons import costs_one_turn_each
from tests.integration.stages.test_trickles import HEADLESS, NAMES
from tests.support.hostile import Change, answer, frame, http_answers, wrong_types, ws_streams, wyoming_lines

pytestmark = pytest.mark.integration

_WRONG_TYPES = 40
_SHARE = 5  # of what there is, CI takes one in so many; ``--whole`` takes all

MESSAGES: dict[str, tuple[Any, ...]] = {
    "agent n8n": (
        {"type": "item", "content": "Hi", "metadata": {"nodeId": "1", "nodeName": "AI", "itemIndex": 0, "runIndex": 0}},
        [{"output": "Hi", "json": {"text": "a"}}, {"message": "b"}],
        {"code": 404, "message": "The requested webhook is not registered", "hint": "x", "stacktrace": ["a"]},
    ),
    "agent openai": (
        {"id": "1", "choices": [{"index": 0, "delta": {"content": "Hi", "tool_calls": [{"index": 0, "id": "a",
         "function": {"name": "f", "arguments": "{}"}}]}, "finish_reason": None}], "usage": {"total_tokens": 1}},
        {"choices": [{"message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}}]},
        {"error": {"message": "quota", "code": "insufficient_quota", "type": "x", "param": None}},
        {"type": "response.output_text.delta", "delta": "Hi", "item": {"content": [{"text": "a"}]}},
    ),
    "agent ollama": (
        {"model": "m", "message": {"role": "assistant", "content": "Hi", "tool_calls": [{"function": {"name": "f",
         "arguments": {}}}]}, "done": False, "done_reason": "stop", "eval_count": 5},
        {"error": "model not found", "StatusError": {"code": 404}},
    ),
    "agent dify": (
        {"event": "message", "answer": "Hi", "task_id": "t", "conversation_id": "c", "metadata": {"usage": {"a": 1}}},
        {"event": "error", "status": 400, "code": "x", "message": "no", "params": ["a"]},
        {"event": "node_finished", "data": {"outputs": {"answer": "Hi"}, "status": "succeeded", "error": None}},
    ),
    "tts chatterbox": (
        {"detail": [{"loc": ["body", "input"], "msg": "too long", "type": "x", "ctx": {"limit": 1}}]},
        {"detail": {"error": {"message": "no", "code": 1}}},
    ),
    "tts openai": ({"error": {"message": "no", "code": "x", "type": "y"}}, {"detail": [{"loc": ["a"], "msg": "b"}]}),
    "tts wyoming": (
        {"type": "audio-start", "data": {"rate": 22050, "width": 2, "channels": 1, "timestamp": 1}},
        {"type": "audio-chunk", "data": {"rate": 22050, "width": 2, "channels": 1}, "payload_length": 2},
        {"type": "error", "data": {"text": "no", "code": "x"}},
        {"type": "info", "data": {"tts": [{"name": "p", "voices": [{"name": "v", "languages": ["en"]}]}]}},
    ),
    "stt wyoming": (
        {"type": "transcript", "data": {"text": "Hi", "language": "en"}, "data_length": None},
        {"type": "info", "data": {"asr": [{"name": "p", "models": [{"name": "m", "languages": ["en"]}]}]}},
    ),
    "stt whisperx": (
        {"type": "final", "text": "Hi", "id": 1, "confidence": 0.5, "noSpeech": 0.1, "duration": 1.5, "userId": "1"},
        {"type": "ready", "protocol": "voxbridge/1"},
        {"type": "error", "message": "no", "id": 1},
    ),
    "stt whisperlive": (
        {"uid": "a", "segments": [{"start": "0.0", "end": "1.0", "text": " Hi", "completed": True}]},
        {"uid": "a", "status": "WAIT", "message": 1.5},
        {"uid": "a", "message": "SERVER_READY", "backend": "x"},
        {"uid": "a", "language": "en", "language_prob": 0.9},
    ),
    "stt whisperlivekit": (
        {"status": "active_transcription", "lines": [{"text": "Hi", "speaker": 1, "start": "0:00:01",
         "end": "0:00:02"}], "buffer_transcription": "b", "buffer_diarization": "",
         "remaining_time_transcription": 0.5},
        {"type": "config", "useAudioWorklet": True},
        {"type": "ready_to_stop"},
    ),
    "stt deepgram": (
        {"type": "Results", "is_final": True, "speech_final": True, "from_finalize": True, "start": 0.0,
         "duration": 1.0, "channel_index": [0, 1], "channel": {"alternatives": [{"transcript": "Hi",
         "confidence": 0.9, "words": [
         {"word": "hi", "start": 0, "end": 1, "confidence": 0.9}]}]}},
        {"type": "Error", "description": "no", "message": "x", "variant": "y"},
        {"type": "Metadata", "request_id": "r", "duration": 1.0, "channels": 1},
    ),
    "stt openai": (
        {"text": "Hi", "language": "en", "duration": 1.0, "segments": [{"start": 0, "end": 1, "text": "Hi",
         "avg_logprob": -0.2, "no_speech_prob": 0.1, "compression_ratio": 1.0}], "usage": {"type": "duration"}},
        {"error": {"message": "no", "code": "x", "type": "y"}},
    ),
}  # fmt: skip


def _wrong(name: str) -> Iterator[Change]:
    rng = random.Random(name)
    for message in MESSAGES[name]:
        for changed in wrong_types(message, rng, _WRONG_TYPES // len(MESSAGES[name])):
            data = json.dumps(changed).encode()
            if name in HEADLESS:
                yield "poisoned", data + b"\nab"
            elif _is_ws(name):
                yield "poisoned body", frame(1, data)
            else:
                status = rng.choice(("200 OK", "422 Unprocessable Entity", "500 Internal Server Error"))
                kind = rng.choice(("application/json", "text/event-stream"))
                yield "poisoned", answer(b"data: " * (kind != "application/json") + data + b"\n\n", "", status, kind)


def _is_ws(name: str) -> bool:
    return name.startswith("stt") and name not in {*HEADLESS, "stt openai"}


def changes_for(name: str) -> Iterator[Change]:
    """Yield what a hostile server of this kind may say, each with the manner in which it comes."""
    common = wyoming_lines() if name in HEADLESS else ws_streams() if _is_ws(name) else http_answers()
    return itertools.chain(common, _wrong(name))


def _some(changes: Iterator[Change], rng: random.Random) -> Iterator[Change]:
    return (change for change in changes if rng.randrange(_SHARE) == 0)


@pytest.mark.parametrize("name", NAMES)
async def test_a_hostile_server_costs_one_turn(
    autojump_clock: trio.testing.MockClock, name: str, pytestconfig: pytest.Config
) -> None:
    """Whatever a server says: no crash, no hang, a bounded time of the CPU, and the next turn is an ordinary one."""
    changes = changes_for(name) if pytestconfig.getoption("--whole") else _some(changes_for(name), random.Random(name))
    await costs_one_turn_each(name, changes)
