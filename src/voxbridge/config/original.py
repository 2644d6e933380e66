"""The original VoxBridge's environment variables that mean nothing here, and what stands in their place.

Many of them are names that other programs use too (``PORT``), so they are spoken of only beside a name that is the
original's alone. Sources: its README, compose files and code (early and 2.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

_BUILT_IN = "always on"
_SERVER = "a setting of the WhisperX server, not of the bridge"
_CONTROL = "there is no web server for control: use `voxbridge ctl`, and [health] listen for health and metrics"
_AGENTS = "agents stand in [agent] of the configuration; there is no database of them"
_DATABASE = "no database server is used"
_MEMORY = "the agent keeps the conversation: see docs/agents.md"
_MODEL = 'set [agent] kind = "openai" or "ollama" with url, model and api_key'
_RETRY = "each stage has its own limits and retries: see docs/settings.md"
_LOGS = "there is one level for all: LOG_LEVEL, or [log] level"
_PIECES = "the first clause leaves as soon as it is whole, later ones by sentence; nothing is to be set"


@attrs.frozen
class Elsewhere:
    """A variable of the original that is set and has no effect, and what to do instead."""

    file: str
    key: str
    says: str

    def __str__(self) -> str:
        return f"{self.file}: has no effect here: {self.says}"


# The body that its workflows read held the words under this name; here they are called chatInput.
TEXT_KEY = "text"

# A name that ends in * stands for all that begin so.
REPLACED: Mapping[str, str] = {
    "PORT": _CONTROL,
    "FRONTEND_PORT": "there is no web page; `voxbridge talk` has one for trying things out",
    "USE_STREAMING": _BUILT_IN,
    "STREAMING_ENABLED": _BUILT_IN,
    "USE_PARALLEL_TTS": "[tts] concurrency says how many sentences are asked for at once",
    "STREAMING_MAX_CONCURRENT_TTS": "[tts] concurrency says how many sentences are asked for at once",
    "USE_CLAUSE_SPLITTING": _PIECES,
    "MIN_CLAUSE_LENGTH": _PIECES,
    "MIN_SENTENCE_LENGTH": _PIECES,
    "STREAMING_CHUNKING_STRATEGY": _PIECES,
    "STREAMING_MIN_CHUNK_LENGTH": _PIECES,
    "STREAMING_ERROR_STRATEGY": _RETRY,
    "STREAMING_INTERRUPTION_STRATEGY": "see [barge_in]",
    "USE_PROGRESSIVE_TTS_PLAYBACK": _BUILT_IN,
    "USE_THINKING_INDICATORS": "see [turn] and [voice] in docs/settings.md",
    "THINKING_INDICATOR_PROBABILITY": "nothing is left to chance; see [turn] and [voice] in docs/settings.md",
    "TTS_STREAM_CHUNK_SIZE": "sound is read as it comes",
    "TTS_STREAMING_STRATEGY": "text goes to the voice by sentence",
    "TTS_STREAMING_BUFFER_SIZE": "sound is played as it comes",
    "TTS_STREAMING_QUALITY": "the server's own default is used",
    "DISCORD_AUDIO_QUEUE_SIZE": "queues have fixed bounds, and what is dropped is counted: see docs/metrics.md",
    "MIN_SPEECH_DURATION_MS": "[barge_in] min_speech_ms, and the voice activity model",
    "SPEECH_ENERGY_THRESHOLD": "a voice activity model decides, not loudness",
    "WHISPER_RECONNECT_MAX_RETRIES": _RETRY,
    "WHISPER_RECONNECT_BACKOFF": _RETRY,
    "WHISPER_TIMEOUT_S": "[stt] limit_ms",
    "WHISPER_SERVER_PORT": _SERVER,
    "WHISPERX_*": _SERVER,
    "DATABASE_URL": _DATABASE,
    "POSTGRES_*": _DATABASE,
    "DEFAULT_AGENT_ID": _AGENTS,
    "CONVERSATION_CACHE_TTL_MINUTES": _MEMORY,
    "MAX_CONTEXT_MESSAGES": _MEMORY,
    "CACHE_CLEANUP_INTERVAL_SECONDS": _MEMORY,
    "OPENROUTER_API_KEY": _MODEL,
    "LOCAL_LLM_BASE_URL": _MODEL,
    "LLM_*": _RETRY,
    "USE_LEGACY_DISCORD_BOT": "there is one bot, with end-to-end encryption",
    "PLUGIN_ENCRYPTION_KEY": "plug-ins are Python packages: see docs/backends.md",
    "AUTH_*": _CONTROL,
    "LOG_LEVEL_*": _LOGS,
}
_MARKS = ("WHISPER_SERVER_URL", "N8N_WEBHOOK_URL", "N8N_WEBHOOK_TEST_URL", "CHATTERBOX_URL")


def replaced_in(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that are set and have no effect, with what to do instead; none in another's environment."""
    if not any(environ.get(name) for name in _MARKS):
        return
    for name in sorted(environ):
        says = REPLACED.get(name) or next(
            (text for known, text in REPLACED.items() if known.endswith("*") and name.startswith(known[:-1])), None
        )
        if environ[name].strip() and says is not None:
            yield name, says
