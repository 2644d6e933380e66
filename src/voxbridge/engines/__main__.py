"""``python -m voxbridge.engines``: the engines' process as the daemon starts it, log lines as JSON on stderr."""

from __future__ import annotations

import argparse
import logging
import sys

import structlog

from voxbridge.config.service import EnginesSettings
from voxbridge.engines import run


def _main() -> int:
    parser = argparse.ArgumentParser(prog="voxbridge.engines", description="Serve the embedded engines.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", help="path of a unix socket to listen on")
    where.add_argument("--listen", help="host:port to listen on")
    parser.add_argument("--model-dir", default="", help="a Whisper for ctranslate2 to use instead")
    parser.add_argument("--workers", type=int, default=EnginesSettings().workers, help="calls into an engine at once")
    parser.add_argument("--parent-pipe", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    _log_as_json()
    settings = EnginesSettings(model_dir=options.model_dir, workers=options.workers)
    return run(settings, listen=options.socket or options.listen, parent_pipe=options.parent_pipe)


def _log_as_json() -> None:
    """Write structlog's lines as JSON, so that the parent can log them as its own; other libraries' as they are."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")


if __name__ == "__main__":
    sys.exit(_main())
