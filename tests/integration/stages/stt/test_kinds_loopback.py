"""The kinds of speech-to-text servers again, on kernel sockets and the real clock: order and loose bounds."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trustme

from tests.support.stt_kinds import KINDS, Kind, Server, feed, said, speak, speaker, until
from voxbridge.errors import StageTimeout, StageUnavailable
from voxbridge.stages.stt.deepgram import deepgram_stage
from voxbridge.stages.stt.line import SttLine
from voxbridge.stages.stt.openai import openai_stage
from voxbridge.testing.servers.deepgram import DeepgramServer
from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.transcriptions import TranscriptionServer
from voxbridge.testing.servers.whisperlive import WhisperLiveServer

pytestmark = pytest.mark.integration


@pytest.fixture(params=list(KINDS))
def kind(request) -> Kind:
    return KINDS[request.param]


def make(kind: Kind, script: HearingScript | None = None) -> Server:
    """Make a server; the seconds between WhisperLive's passes are tenths here."""
    if kind.name == "whisperlive":
        return WhisperLiveServer(script, pass_every_s=0.1)
    return kind.make_server(script or HearingScript())


@asynccontextmanager
async def line_to(kind: Kind, server: Server) -> AsyncIterator[SttLine]:
    async with kind.make_stage(kind.settings(server.port)) as stage, stage.open(speaker()) as line:
        yield line


async def test_utterances_one_after_the_other(kind):
    """On real sockets utterances are heard one after the other, without a reconnect."""
    async with make(kind).running() as server, line_to(kind, server) as line:
        for number in range(3):
            words = range(number * 8, number * 8 + 6)
            await speak(line, words)
            began = trio.current_time()
            assert (await line.finish()).text == said(words)
            took_s = trio.current_time() - began
            assert took_s < 2, f"the final took {took_s:.3f} s"
        assert line.reconnect_count == 0


async def test_killed_in_mid_utterance_and_started_again(kind):
    """A server that is killed while somebody speaks, and comes back, has every word."""
    async with make(kind).running() as server, line_to(kind, server) as line:
        await speak(line, range(5))
        await server.stop()
        feed(line, range(5, 10))
        await trio.sleep(0.5)
        await server.start()
        back_at, before = trio.current_time(), server.connections
        pending = line.end()
        await until(lambda: server.connections > before)
        late_s = trio.current_time() - back_at
        assert late_s < 1.0, f"connected {late_s:.3f} s after the server's return"  # 0.3 s in virtual time
        assert (await pending.wait()).text == said(range(10))


async def test_a_final_that_never_comes(kind):
    """On real sockets a final that never comes ends near its limit."""
    async with make(kind, HearingScript(final_delay_s=99.0)).running() as server:
        stage = kind.make_stage(kind.settings(server.port, limit_ms=1200))
        async with stage, stage.open(speaker()) as line:
            feed(line, range(15))
            began = trio.current_time()
            if kind.name == "whisperlive":  # it answers pings, so it is taken to have heard nothing
                assert (await line.finish()).text == ""
            else:
                with pytest.raises(StageTimeout):
                    await line.finish()
            assert 0.5 <= trio.current_time() - began < 10


@pytest.mark.parametrize(
    ("make_server", "make_stage", "scheme"),
    [(DeepgramServer, deepgram_stage, "wss"), (TranscriptionServer, openai_stage, "https")],
)
async def test_tls_is_verified(nursery, make_server, make_stage, scheme):
    """A certificate that is trusted carries words; one that is not is refused and named."""
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server_side)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    server = make_server(HearingScript())
    [listener] = await trio.open_ssl_over_tcp_listeners(0, server_side, host="127.0.0.1", https_compatible=True)
    nursery.start_soon(trio.serve_listeners, server.handle, [listener])
    assert isinstance(listener.transport_listener, trio.SocketListener)
    port = listener.transport_listener.socket.getsockname()[1]
    kind = KINDS["deepgram" if scheme == "wss" else "openai"]
    settings = type(kind.settings())(kind=kind.name, url=f"{scheme}://localhost:{port}")
    async with make_stage(settings, tls=trusting) as stage, stage.open(speaker()) as line:
        feed(line, [1, 2])
        assert (await line.finish()).text == "w1 w2"
    async with make_stage(settings) as stage:
        with pytest.raises(StageUnavailable, match="certificate is not trusted"):
            await stage.probe()
    nursery.cancel_scope.cancel()
