"""The daemon's own tables: engines, log, journal, drain, control socket, health."""

from __future__ import annotations

import attrs

from voxbridge.config.rules import HOST_AND_PORT, LIMIT, between, matches, one_of, option


@attrs.frozen
class EnginesSettings:
    """[engines]."""

    socket: str = option(
        "",
        "The engines' unix socket when they run as a service of their own; otherwise the daemon starts them.",
        example="/run/voxbridge-engines/engines.sock",
    )
    model_dir: str = option("", "A directory of models to use instead.", example="/var/lib/voxbridge/models")
    workers: int = option(2, "Threads that compute.", between(1, 64))
    start_limit_ms: int = option(30_000, "Longest wait for the engines' start.", LIMIT)


@attrs.frozen
class LogSettings:
    """[log]."""

    level: str = option("info", "How much is logged.", one_of("debug", "info", "warning", "error"), live=True)
    format: str = option(
        "auto", "auto: for people on a terminal, JSON lines elsewhere.", one_of("auto", "console", "json"), live=True
    )
    speech: bool = option(False, "Let transcripts, answers and names into the log.", live=True)


@attrs.frozen
class JournalSettings:
    """[journal]."""

    file: str = option(
        "",
        "One JSON line per turn, transcripts included; off when not set.",
        example="/var/lib/voxbridge/turns.jsonl",
        live=True,
    )


@attrs.frozen
class DrainSettings:
    """[drain]."""

    limit_ms: int = option(15_000, "From the signal to the exit.", LIMIT, live=True)
    sentence_ms: int = option(
        8000, "How long a sentence may go on before it is faded out.", between(0, 60_000), live=True
    )


@attrs.frozen
class ControlSettings:
    """[control]."""

    socket: str = option(
        "",
        "The unix socket that `voxbridge ctl` talks to; by default control.sock in systemd's RuntimeDirectory= or in "
        "$XDG_RUNTIME_DIR/voxbridge. Who may open it may use it.",
        example="/run/voxbridge/control.sock",
    )


@attrs.frozen
class HealthSettings:
    """[health]."""

    listen: str = option(
        "127.0.0.1:4910",
        "Where /healthz, /readyz and /metrics are served, to whoever can connect; off when empty.",
        matches(HOST_AND_PORT, "address:port"),
    )
