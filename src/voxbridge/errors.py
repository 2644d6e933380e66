"""The whole error taxonomy.

Every class says whether trying again can help (``retryable``) and with which code the process ends when
nobody can handle it (``exit_code``). A message says what was wanted, what came, and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from voxbridge.core.messages.catalogue import Line

StageName = Literal["stt", "agent", "tts"]
DeadlineKind = Literal["connect", "first", "idle", "total"]

EXIT_FAILURE = 1
EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h; systemd is told not to restart on it


class VoxBridgeError(Exception):
    """Base of everything VoxBridge raises on purpose."""

    retryable: bool = False
    exit_code: ClassVar[int] = EXIT_FAILURE


class ConfigError(VoxBridgeError):
    """The configuration is wrong: names file, key, value and what is allowed."""

    exit_code = EXIT_CONFIG

    def __init__(self, message: str, *, file: str = "", key: str = "", value: object = None, allowed: str = "") -> None:
        super().__init__(message)
        self.message, self.file, self.key, self.value, self.allowed = message, file, key, value, allowed

    def __str__(self) -> str:
        parts = []
        if self.file:
            parts.append(f"{printable(self.file)}: ")
        if self.key:
            parts.append(f"{printable(self.key)}: ")
        parts.append(printable(self.message))
        if self.value is not None:
            parts.append(f" (got {shown(self.value)})")
        if self.allowed:
            parts.append(f". Allowed: {self.allowed}")
        return "".join(parts)


_SHOWN_CHARS_MAX = 200
_DIGITS_MAX = 60  # Python writes no number of more than 4,300 digits; nobody reads one of a hundred


def shown(value: object) -> str:
    """Return a value of the configuration as a message quotes it: short, and whatever it is."""
    if isinstance(value, int) and value.bit_length() > _DIGITS_MAX * 10 // 3:
        return f"a number of some {value.bit_length() * 3 // 10} digits"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS_MAX else f"{text[:_SHOWN_CHARS_MAX]}..."


def printable(text: str) -> str:
    """Return a text without what a terminal would obey; what is left out stands there as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class StageError(VoxBridgeError):
    """A stage could not do its work. ``detail`` is for the operator and is never spoken."""

    def __init__(self, stage: StageName, detail: str, *, backend: str = "") -> None:
        super().__init__(detail)
        self.stage, self.detail, self.backend = stage, detail, backend

    def __str__(self) -> str:
        where = f"{self.stage} ({self.backend})" if self.backend else self.stage
        return f"{where}: {self.detail}"


class StageTimeout(StageError):
    """A hard deadline of a stage passed. ``which`` names the timer, ``limit_s`` its length in seconds."""

    retryable = True

    def __init__(self, stage: StageName, which: DeadlineKind, limit_s: float, *, backend: str = "") -> None:
        super().__init__(stage, f"no answer within the {which} deadline of {limit_s * 1000:.0f} ms", backend=backend)
        self.which, self.limit_s = which, limit_s


class StageUnavailable(StageError):
    """The server cannot be reached or says that it cannot serve now (refused, DNS, TLS, 408, 429, 5xx)."""

    retryable = True

    def __init__(self, stage: StageName, detail: str, *, backend: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(stage, detail, backend=backend)
        self.retry_after_s = retry_after_s


class StageProtocolError(StageError):
    """The peer broke the dialogue: cut body, undecodable message, wrong kind of answer."""

    retryable = True


class StageRefused(StageError):
    """The peer understood and said no (4xx but 408, 425, 429): asking again gives the same answer."""

    def __init__(self, stage: StageName, status: int, detail: str, *, backend: str = "") -> None:
        super().__init__(stage, detail, backend=backend)
        self.status = status


class AgentFailed(StageError):
    """The agent's workflow itself reported an error (n8n's ``error`` line, its 500)."""

    retryable = True


class NoReply(StageError):
    """The peer answered, but nothing in it can be spoken (acknowledgement, echo, HTML, unknown keys, empty)."""


class TurnTooLong(VoxBridgeError):
    """A turn reached its limit in the middle of its answer: the rest was written, and no stage is to blame alone."""


class DiscordError(VoxBridgeError):
    """Something on Discord's side of the house."""


class LoginRefused(DiscordError):
    """Discord does not accept the token or the intents: a configuration fault."""

    exit_code = EXIT_CONFIG


class VoiceHandshakeError(DiscordError):
    """The voice connection could not be made. ``should_reconnect`` says whether another try makes sense."""

    def __init__(self, message: str, *, code: int | None, should_reconnect: bool, told: Line | None = None) -> None:
        super().__init__(message)
        self.code, self.should_reconnect = code, should_reconnect
        self.told = told
        """The same for a person in Discord, to end a sentence with."""
        self.retryable = should_reconnect


class EngineError(VoxBridgeError):
    """An embedded engine is missing, its model has the wrong digest, or it did not start."""


class SoundFileError(VoxBridgeError, ValueError):
    """A file that should hold sound does not, or in a way that we do not read."""

    def __init__(self, path: object, complaint: str) -> None:
        super().__init__(
            f"{path}: {complaint}. Wanted: a WAV file with integer samples of 8, 16, 24 or 32 bits or float samples"
        )


class StorageError(VoxBridgeError):
    """What is to last cannot be read or written. Nothing depends on it but what should outlive a restart."""

    retryable = True

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


class InternalError(VoxBridgeError):
    """A bug of ours: ends this turn or this speaker, never the daemon."""


def leaf_of(error: BaseException) -> BaseException:
    """Return the first exception that is no group: what a chain of Trio's nurseries has wrapped."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
