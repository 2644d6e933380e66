"""What the end-to-end tests share: a directory, servers, and the daemon in the simulated Discord."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
import pytest

from tests.support.hall import EVERYONE, plain_failures, settings_for
from voxbridge.config.settings import Settings
from voxbridge.config.turns import FloorSettings
from voxbridge.rehearsal.call import SimulatedCall, open_simulated_call
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent, words
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer


@attrs.define
class Bridge:
    """The daemon's process in the simulated Discord, on simulated servers that this test holds in its hand."""

    simulated_call: SimulatedCall
    stt: WhisperXServer
    agent: N8nServer
    tts: ChatterboxServer


@asynccontextmanager
async def open_bridge(
    directory: Path,
    *,
    answer: str,
    settings: Settings | None = None,
    floor: FloorSettings = EVERYONE,
    notice: str = "none",
) -> AsyncIterator[Bridge]:
    """Start all of it; servers answer within milliseconds."""
    stt = WhisperXServer(WhisperXScript())
    n8n = N8nServer(lambda _question: agent(words(answer)))
    tts = ChatterboxServer(PROMPT)
    with plain_failures():
        async with AsyncExitStack() as stack:
            for server in (stt, n8n, tts):
                await stack.enter_async_context(server.running())
            given = settings or Settings()
            quiet = attrs.evolve(given.privacy, notice=notice)  # what is written into the chat is asserted elsewhere
            pointed = settings_for(stt, n8n, tts, attrs.evolve(given, floor=floor, privacy=quiet))
            simulated_call = await stack.enter_async_context(open_simulated_call(pointed, directory))
            yield Bridge(simulated_call, stt, n8n, tts)


@pytest.fixture
def descendants():
    """Return a function that lists the live processes below a process."""

    def list_them(pid: int) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == pid:
                found += [int(entry.name), *list_them(int(entry.name))]
        return found

    return list_them


def is_alive(pid: int) -> bool:
    """Tell whether a process is still there (and no zombie)."""
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
