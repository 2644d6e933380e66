"""The environment variables that users of the original know, as one table.

Only those that have a meaning here, and only their ids, URLs and times. They win over the file, and a URL
selects the kind of server that it names. Nothing else in VoxBridge reads a setting from the environment.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from voxbridge.errors import ConfigError

FROM_ENVIRONMENT = "environment"
CONFIG_FILE = "VOXBRIDGE_CONFIG"  # where the file is: not a setting


def _text(value: str) -> str:
    return value


def _whole(value: str) -> int:
    return int(value)


def _seconds(value: str) -> int:
    return round(float(value) * 1000)


def _level(value: str) -> str:
    return _LEVELS.get(value.lower(), value.lower())


def _longest_utterance(value: str) -> int:
    return int(value) or UTTERANCE_MS_MAX  # 0 was said to mean that there is no limit


_WANTS: dict[Callable[[str], Any], str] = {
    _whole: "a whole number",
    _longest_utterance: "a whole number",
    _seconds: "a number of seconds",
}
_LEVELS = {"warn": "warning", "critical": "error", "fatal": "error", "trace": "debug"}
UTTERANCE_MS_MAX = 600_000


@attrs.frozen
class Variable:
    """One variable: the setting it gives, how its text is read, and which settings it implies."""

    name: str
    key: str
    about: str
    read: Callable[[str], Any] = _text
    implies: tuple[tuple[str, str], ...] = ()


VARIABLES: tuple[Variable, ...] = (
    Variable("DISCORD_TOKEN", "discord.token", "the bot's token"),
    Variable("WHISPER_SERVER_URL", "stt.url", "the WhisperX server", implies=(("stt.kind", "whisperx"),)),
    Variable("WHISPER_LANGUAGE", "stt.language", "the language that is spoken"),
    Variable("N8N_WEBHOOK_URL", "agent.url", "the n8n webhook", implies=(("agent.kind", "n8n"),)),
    Variable("CHATTERBOX_URL", "tts.url", "the Chatterbox server", implies=(("tts.kind", "chatterbox"),)),
    Variable("CHATTERBOX_VOICE_ID", "tts.voice", "the voice"),
    Variable("TTS_TIMEOUT_S", "tts.sentence_limit_ms", "the limit of a synthesis, in seconds", _seconds),
    Variable("TTS_STREAMING_CHUNK_SIZE", "tts.streaming_chunk_size", "characters spoken at a time", _whole),
    Variable("SILENCE_THRESHOLD_MS", "endpointing.commit_ms", "silence that ends the turn", _whole),
    Variable("MAX_SPEAKING_TIME_MS", "endpointing.max_utterance_ms", "the longest utterance", _longest_utterance),
    Variable("MAX_UTTERANCE_TIME_MS", "endpointing.max_utterance_ms", "the same, its later name", _longest_utterance),
    Variable("LOG_LEVEL", "log.level", "how much is logged", _level),
)

# With N8N_TEST_MODE on, the webhook is N8N_WEBHOOK_TEST_URL: n8n's address of a workflow that is being edited.
TEST_MODE = "N8N_TEST_MODE"
TEST_URL = Variable(
    "N8N_WEBHOOK_TEST_URL", "agent.url", "the webhook while N8N_TEST_MODE is true", implies=(("agent.kind", "n8n"),)
)
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@attrs.frozen
class Given:
    """A setting that the environment gives, and the variable it comes from."""

    variable: str
    value: Any


def given(environ: Mapping[str, str]) -> dict[str, Given]:
    """Return what the environment sets, by dotted key. An empty variable counts as not set (compose files do that).

    Raises: ConfigError naming the variable, never a secret.
    """
    found: dict[str, Given] = {}
    for variable in (*VARIABLES, *([TEST_URL] if _test_mode(environ) else [])):
        text = environ.get(variable.name, "").strip()
        if not text:
            continue
        try:
            value = variable.read(text)
        except (ValueError, OverflowError):
            raise ConfigError(
                "cannot be read", file=place(variable.name), key=variable.key, value=text, allowed=_WANTS[variable.read]
            ) from None
        found[variable.key] = Given(variable.name, value)
        found.update({key: Given(variable.name, implied) for key, implied in variable.implies})
    return found


def place(variable: str) -> str:
    """Name a variable where a message names the file otherwise."""
    return f"environment variable {variable}"


def _test_mode(environ: Mapping[str, str]) -> bool:
    text = environ.get(TEST_MODE, "").strip().lower()
    if text not in (*_YES, *_NO):
        raise ConfigError("cannot be read", file=place(TEST_MODE), value=text, allowed="true | false")
    if text in _YES and not environ.get(TEST_URL.name, "").strip():
        raise ConfigError(f"is on, so {TEST_URL.name} must be set", file=place(TEST_MODE))
    return text in _YES


@attrs.frozen
class Proxy:
    """An HTTP proxy, and where it comes from. The URL may hold a password."""

    url: str = attrs.field(repr=False)
    source: str

    @property
    def place(self) -> str:
        """Return its host and port."""
        parts = urlsplit(self.url)
        return parts.netloc.rpartition("@")[2]


def proxy_of(setting: str, url: str, *, key: str) -> Proxy | None:
    """Return the proxy that a ``proxy`` setting names for a server, or None for a direct connection.

    Raises: ConfigError if the environment names one of another kind than HTTP.
    """
    if setting != FROM_ENVIRONMENT:
        return Proxy(setting, key) if setting else None
    found = environment_proxy(url)
    if found is not None and urlsplit(found.url).scheme != "http":
        raise ConfigError("names a proxy that is not used here", file=place(found.source), allowed="http://host:port")
    return found


def environment_proxy(url: str) -> Proxy | None:
    """Return what the variables say that curl and others read; $NO_PROXY names hosts without one."""
    parts = urlsplit(url)
    if not parts.hostname or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = urllib.request.getproxies_environment()
    scheme = next((name for name in (parts.scheme, "all") if proxies.get(name)), "")
    if not scheme:
        return None
    found = proxies[scheme]
    return Proxy(found if "://" in found else f"http://{found}", f"{scheme.upper()}_PROXY")
