"""``python -m voxbridge.testing.conformance``: the cases against servers, a line for each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import trio

from voxbridge.config import load
from voxbridge.config.secrets import Secret
from voxbridge.config.service import LogSettings
from voxbridge.config.settings import Settings
from voxbridge.config.stages import EMBEDDED
from voxbridge.errors import VoxBridgeError
from voxbridge.ops import logs
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.registry import in_order, make_agent, make_stt, make_tts
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings
from voxbridge.testing.conformance import AGENT, STT, TTS, Case, Subject, run


def main(argv: list[str]) -> int:
    """Run what the arguments name; return 1 if a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m voxbridge.testing.conformance", description=__doc__)
    parser.add_argument("--whisperx", metavar="URL", help="a WhisperX server's WebSocket")
    parser.add_argument("--n8n", metavar="URL", help="an n8n webhook (its workflow runs some ten times)")
    parser.add_argument("--chatterbox", metavar="URL", help="a Chatterbox server")
    parser.add_argument("--config", type=Path, help="a configuration file: its stages, backups and plug-ins included")
    chosen = parser.parse_args(argv)
    try:
        backends = list(_backends(chosen))
    except VoxBridgeError as error:
        parser.error(str(error))
    if not backends:
        parser.error("name a server or a configuration file")
    logs.configure(LogSettings(level="error"), ())  # what goes wrong is told by the results
    return trio.run(_run_all, backends)


Backend = tuple[str, Any, tuple[Case[Any], ...]]
"""Its name, the stage, the cases."""


def _backends(chosen: argparse.Namespace) -> Iterator[Backend]:
    if chosen.whisperx:
        yield "whisperx", make_stt(WhisperXSettings(url=chosen.whisperx), ""), STT
    if chosen.n8n:
        yield "n8n", make_agent(N8nSettings(url=Secret(chosen.n8n)), ""), AGENT
    if chosen.chatterbox:
        yield "chatterbox", make_tts(ChatterboxSettings(url=chosen.chatterbox), ""), TTS
    if chosen.config:
        yield from _configured(load(chosen.config))


def _configured(settings: Settings) -> Iterator[Backend]:
    socket = settings.engines.socket
    for stt in in_order(settings.stt):
        if stt.kind != EMBEDDED or socket:
            yield f"stt {stt.kind}", make_stt(stt, socket), STT
    for agent in in_order(settings.agent):
        if agent.kind != EMBEDDED or socket:
            yield f"agent {agent.kind}", make_agent(agent, socket), AGENT
    for tts in in_order(settings.tts):
        if tts.kind != EMBEDDED or socket:
            yield f"tts {tts.kind}", make_tts(tts, socket), TTS


async def _run_all(backends: list[Backend]) -> int:
    failures = 0
    for name, stage, cases in backends:
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(stage)
            for case in cases:
                result = await run(case, Subject(opened))
                failures += result.verdict == "failed"
                detail = f": {result.detail}" if result.detail else ""
                _write(f"{result.verdict:8} {name}: {case.name} - {case.promise}{detail}")
    _write(f"{failures} promises not kept" if failures else "all promises kept")
    return min(1, failures)


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
