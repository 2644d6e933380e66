"""What is at the other end of a Chatterbox URL, in words for the operator."""

from __future__ import annotations

import json
from collections.abc import Mapping

import structlog

from voxbridge.config.settings import TtsSettings
from voxbridge.core.quote import quotable
from voxbridge.errors import StageRefused, StageUnavailable
from voxbridge.stages.deadline import StageDeadline
from voxbridge.stages.http import Client, error_body, open_response, raise_for_status, read_body, status_error

log = structlog.get_logger(__name__)

PROBE_LIMIT_S = 5.0
# The server takes OpenAI's names for its default voice.
DEFAULT_VOICES = frozenset({"", "alloy", "echo", "fable", "onyx", "nova", "shimmer"})
_BODY_BYTES_MAX = 1 << 20


async def probe(client: Client, settings: TtsSettings, *, backend: str, speech_path: str) -> str:
    """Check health, the speech route and the voice without having anything spoken; return one line.

    A server without ``/health`` or ``/voices`` is taken as it is. An unknown voice is no error, since the server
    speaks with its default one: it stands in the line and in the log.

    Raises: StageUnavailable (not there, model loading or failed), StageRefused (another kind of server),
    StageProtocolError, StageTimeout.
    """
    with StageDeadline("tts", first_s=PROBE_LIMIT_S, backend=backend):
        words = _judge_health(await _ask(client, "/health", backend), backend)
        await _check_route(client, speech_path, backend)
        library = await _ask(client, "/voices", backend)
    return f"{words}; {_judge_voice(settings.voice, library)}"


async def _ask(client: Client, path: str, backend: str) -> Mapping[str, object]:
    """Return the JSON object at ``path``; an empty one if the server has none there."""
    async with open_response(client, "tts", "GET", path, backend=backend) as response:
        if response.status_code in (404, 405, 501):
            await error_body(response)  # read, so that the connection is kept
            return {}
        await raise_for_status(response, "tts", backend=backend)
        body = bytearray()

        async def take(data: bytes) -> bool:  # read_body awaits it
            body.extend(data)
            return len(body) > _BODY_BYTES_MAX

        await read_body(response, take)
    try:
        value = json.loads(bytes(body))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _judge_health(health: Mapping[str, object], backend: str) -> str:
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


def _judge_voice(voice: str, library: Mapping[str, object]) -> str:
    if voice in DEFAULT_VOICES:
        return "the server's default voice"
    entries = library.get("voices")
    if not isinstance(entries, list):
        return f"voice {voice!r} (the server lists none)"
    names = {name for entry in entries if isinstance(name := _name_of(entry), str)}
    if voice in names:
        return f"voice {voice!r}"
    log.warning("the voice is unknown to the speech server, which will use its default one", voice=voice)
    return f"voice {voice!r} is UNKNOWN to the server, which uses its default one: add it there, or change tts.voice"


def _name_of(entry: object) -> object:
    return entry.get("name") if isinstance(entry, dict) else entry
