"""The daemon's own tables: engines, log, journal, drain, control socket, health."""

from __future__ import annotations

import attrs

from voxbridge.config.rules import LIMIT, between, host_and_port, one_of, option


@attrs.frozen
class EnginesSettings:
    """[engines]."""

    socket: str = option(
        "",
        "The unix socket of the engines, if they run as a separate service. If not set, the daemon starts them.",
        example="/run/voxbridge-engines/engines.sock",
    )
    model_dir: str = option(
        "", "A directory with models to use instead of the installed ones.", example="/var/lib/voxbridge/models"
    )
    workers: int = option(2, "Number of threads that compute.", between(1, 64))
    start_limit_ms: int = option(30_000, "Longest wait for the engines' start.", LIMIT)


@attrs.frozen
class LogSettings:
    """[log]."""

    level: str = option("info", "Lowest level that is logged.", one_of("debug", "info", "warning", "error"), live=True)
    format: str = option(
        "auto",
        "console is for people, json writes JSON lines; auto is console on a terminal and json elsewhere.",
        one_of("auto", "console", "json"),
        live=True,
    )
    speech: bool = option(False, "Write transcripts, answers and names into the log.", live=True)


@attrs.frozen
class JournalSettings:
    """[journal]."""

    file: str = option(
        "",
        "The file: one JSON line per turn, with its transcript. No file is written if this is not set.",
        example="/var/lib/voxbridge/turns.jsonl",
        live=True,
    )


@attrs.frozen
class DrainSettings:
    """[drain]."""

    limit_ms: int = option(15_000, "Longest time from the signal to the exit.", LIMIT, live=True)
    sentence_ms: int = option(
        8000, "How long a sentence may go on before it is faded out.", between(0, 60_000), live=True
    )


@attrs.frozen
class ControlSettings:
    """[control]."""

    socket: str = option(
        "",
        "The unix socket that `voxbridge ctl` talks to; by default control.sock in systemd's RuntimeDirectory= or in "
        "$XDG_RUNTIME_DIR/voxbridge. Everybody who may open the socket may use it.",
        example="/run/voxbridge/control.sock",
    )


@attrs.frozen
class HealthSettings:
    """[health]."""

    listen: str = option(
        "127.0.0.1:4910",
        "Address of the HTTP server for /healthz, /readyz and /metrics. It answers everybody who can "
        "connect. If empty, there is none.",
        host_and_port(),
    )
