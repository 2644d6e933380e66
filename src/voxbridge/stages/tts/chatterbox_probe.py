"""What is at the other end of a Chatterbox URL, in words for the operator."""

from __future__ import annotations

import json
from collections.abc import Mapping

from voxbridge.core.wire.quote import quotable
from voxbridge.errors import StageRefused, StageUnavailable
from voxbridge.stages.deadline import StageDeadline
from voxbridge.stages.http import Client, error_body, open_response
from voxbridge.stages.http_status import status_error
from voxbridge.stages.tts.probing import PROBE_LIMIT_S, VoiceJudge, ask_json, voice_names

# The server takes OpenAI's names for its default voice.
DEFAULT_VOICES = frozenset({"", "alloy", "echo", "fable", "onyx", "nova", "shimmer"})


async def probe(client: Client, voice: str, judge: VoiceJudge, *, backend: str, speech_path: str) -> str:
    """Check health, the speech route and the voice without having anything spoken; return one line.

    A server without ``/health`` or ``/voices`` is taken as it is. An unknown voice is no error, since the server
    speaks with its default one: it stands in the line and in the log.

    Raises: StageUnavailable (not there, model loading or failed), StageRefused (another kind of server),
    StageProtocolError, StageTimeout.
    """
    with StageDeadline("tts", first_s=PROBE_LIMIT_S, backend=backend):
        words = judge_health(await ask_json(client, "/health", backend), backend)
        await _check_route(client, speech_path, backend)
        library = await ask_json(client, "/voices", backend)
        judge.saw(voice_names(library))
    if voice in DEFAULT_VOICES:
        return f"{words}; the server's default voice"
    return judge.line(words, voice_names(library))


def judge_health(answer: object, backend: str) -> str:
    """Say in words what a health report says. Raises: StageUnavailable."""
    health: Mapping[str, object] = answer if isinstance(answer, dict) else {}
    status, loaded = health.get("status"), health.get("model_loaded")
    if loaded is True or (loaded is None and status in ("healthy", "ok", "ready")):
        device = health.get("device")
        return f"ready on {device}" if isinstance(device, str) else "ready"
    if status == "error":
        reason = quotable(json.dumps({"error": str(health.get("initialization_error") or "")}).encode())
        detail = f"the server could not load its model{f' ({reason})' if reason else ''}: see its own log"
        raise StageUnavailable("tts", detail, backend=backend)
    if loaded is False:
        raise StageUnavailable(
            "tts", "the server is still loading its model: wait, or see its own log", backend=backend
        )
    return "there, without a health report"


async def _check_route(client: Client, speech_path: str, backend: str) -> None:
    """Post an empty form: the right route refuses it before it does anything (422, seen; others 400)."""
    async with open_response(client, "tts", "POST", speech_path, backend=backend, data={}) as response:
        body = await error_body(response)  # read, so that the connection is kept
        if response.status_code in (404, 405):
            detail = (
                f"the server has no {speech_path}: tts.url must be the base URL of a Chatterbox that streams "
                "(travisvn/chatterbox-tts-api), with or without /v1"
            )
            raise StageRefused("tts", response.status_code, detail, backend=backend)
        if response.status_code not in (400, 422) and not response.is_success:
            raise status_error("tts", response.status_code, response.headers, body, backend=backend)
