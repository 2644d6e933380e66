"""One log for everybody: our structlog events and the standard library's records go through the same pipe.

For people on a terminal, journald's own entries under systemd, JSON lines elsewhere. Where the operator wants JSON
or a person's form under systemd, each line starts with ``<N>``, from which journald takes its level (sd-daemon(3)).
Context is bound with ``structlog.contextvars``, which a Trio task inherits when it is started: ``guild``, ``speaker``
and ``turn`` (ids as texts: JavaScript loses 64-bit integers).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO, assert_never

import structlog
from structlog.typing import Processor, ProcessorReturnValue, WrappedLogger

from voxbridge.config.mending import Clamped, Note, Renamed, Unused
from voxbridge.config.original import Elsewhere
from voxbridge.config.service import LogSettings
from voxbridge.core.health.repeats import Repeats
from voxbridge.core.text.terminal import visible, visible_lines, visible_value
from voxbridge.ops import journald
from voxbridge.ops.masking import (
    SecretMask,
    exception_with_words,
    exception_without_words,
    mask_named_secrets,
    withhold_speech,
)

_log = structlog.get_logger(__name__)

# Loggers that say too much: discord.py's debug log holds the voice secret key, httpx's info log every URL, and
# trio-websocket's debug log the messages. They are never more talkative than this, whatever [log] level says.
QUIETEST: Mapping[str, int] = {
    "discord": logging.INFO,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "trio-websocket": logging.INFO,
    "asyncio": logging.INFO,
    "voxbridge.engines.http": logging.WARNING,  # hypercorn's start-up line is for people at a terminal; ours follows
}

_JSON_TYPES = (str, int, float, dict, list, tuple, type(None))
_OF_SEVERAL_LINES = ("exception", "stack")
_FIRST_KEYS = ("timestamp", "level", "event", "logger", "guild", "speaker", "turn")


def configure(
    settings: LogSettings,
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
    journal: Path = journald.SOCKET,
) -> None:
    """Set up logging for this process; calling it again (reload) replaces what was set up before.

    ``secrets`` are masked wherever they turn up (``config.secret_values`` knows them). ``stream`` is stderr
    unless given; ``journal`` is journald's socket.
    """
    out = sys.stderr if stream is None else stream
    in_journal = is_journal(out, environ)
    for_people = settings.format == "console" or (settings.format == "auto" and not in_journal and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_named_secrets,
        *([] if settings.speech else [withhold_speech]),
        structlog.processors.ExceptionRenderer(
            exception_with_words if settings.speech else exception_without_words,
        ),
    ]
    handler = _native_handler(out, journal) if in_journal and settings.format == "auto" else None
    is_native = handler is not None
    handler = handler or logging.StreamHandler(out)
    handler.addFilter(_Damper())
    handler.setFormatter(
        _LineFormatter(
            SecretMask(secrets),
            in_journal=in_journal and not is_native,
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderer(for_people=for_people, colors=out.isatty() and not environ.get("NO_COLOR")),
            ],
        )
    )
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, _LineFormatter):
            root.removeHandler(old)
            old.close()
    root.addHandler(handler)
    root.setLevel(level)
    for name, quietest in QUIETEST.items():
        logging.getLogger(name).setLevel(max(level, quietest))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # not cached: a reload changes the level, and modules took their logger before this ran
        cache_logger_on_first_use=False,
    )


def warn_of_notes(notes: Iterable[Note]) -> None:
    """Log what is not as it stands in the configuration."""
    for note in notes:
        match note:
            case Clamped():
                _log.warning(
                    "a setting is out of range: the nearest legal value is used",
                    file=note.file,
                    key=note.key,
                    value=note.value,
                    allowed=note.allowed,
                    used=note.used,
                )
            case Renamed():
                _log.warning("a setting stands under its former name", file=note.file, key=note.key, name=note.name)
            case Unused():
                _log.warning("a variable has no effect on this kind", file=note.file, key=note.key, kind=note.kind)
            case Elsewhere():
                _log.warning("a variable of the original has no effect here", variable=note.key, instead=note.says)
            case _:
                assert_never(note)


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell whether the stream leads to journald: $JOURNAL_STREAM holds its device and inode (systemd.exec(5))."""
    wanted = environ.get("JOURNAL_STREAM")
    if not wanted:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return wanted == f"{found.st_dev}:{found.st_ino}"


class _Damper(logging.Filter):
    """Drops what a library says again and again; our own lines are one for each thing that happened."""

    def __init__(self) -> None:
        super().__init__()
        self._repeats = Repeats()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] == "voxbridge":
            return True
        dropped = self._repeats.dropped((record.name, record.levelno, str(record.msg)[:200]), record.created)
        if dropped:
            record.repeated = dropped
        return dropped is not None


class _LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record, masks the finished line, and gives each physical line its journal level."""

    def __init__(self, mask: SecretMask, *, in_journal: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._mask, self._in_journal = mask, in_journal

    def format(self, record: logging.LogRecord) -> str:
        text = self._mask(super().format(record))
        if not self._in_journal:
            return text
        prefix = f"<{journald.journal_level(record.levelno)}>"
        return "\n".join(prefix + line for line in text.splitlines())


def _native_handler(out: TextIO, path: Path) -> logging.StreamHandler[TextIO] | None:
    """Return the handler that speaks to journald, or None where it does not listen (a container's stderr)."""
    try:
        return journald.JournalHandler(out, path)
    except journald.NoJournal:
        return None


def _renderer(*, for_people: bool, colors: bool) -> list[Processor]:
    if for_people:
        return [_one_line, structlog.dev.ConsoleRenderer(colors=colors)]
    return [_several_lines, _in_order, structlog.processors.JSONRenderer(ensure_ascii=False, default=_as_text)]


def _one_line(_logger: WrappedLogger, _method: str, event: structlog.typing.EventDict) -> ProcessorReturnValue:
    """Write out what a terminal would obey, wherever it came from: names, errors of peers, records of libraries.

    A line end in a value would be a line of its own, which looks like another of ours.
    """
    return {
        visible(key): _safe(value, visible_lines if key in _OF_SEVERAL_LINES else visible)
        for key, value in event.items()
    }


def _several_lines(_logger: WrappedLogger, _method: str, event: structlog.typing.EventDict) -> ProcessorReturnValue:
    """Write the same out, but for line ends, which JSON and journald's protocol can carry."""
    return {visible(key): _safe(value, visible_lines) for key, value in event.items()}


def _safe(value: object, write_out: Callable[[str], str]) -> object:
    return visible_value(value if isinstance(value, _JSON_TYPES) else str(value), write_out)


def _in_order(_logger: WrappedLogger, _method: str, event: structlog.typing.EventDict) -> ProcessorReturnValue:
    first = {key: event[key] for key in _FIRST_KEYS if key in event}
    return {**first, **event}


def _as_text(value: object) -> str:
    return str(value)
