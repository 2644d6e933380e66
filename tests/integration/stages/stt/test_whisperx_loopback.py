"""The WhisperX client and the simulated server again, on kernel sockets and the real clock: order and loose bounds."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from tests.integration.stages.stt.test_whisperx import feed, script, speak, speaker, until, words
from voxbridge.errors import StageTimeout, StageUnavailable
from voxbridge.stages.stt.whisperx import WhisperXSettings, WhisperXStage
from voxbridge.testing.servers.whisperx import WhisperXServer

pytestmark = pytest.mark.integration


def stage_for(server: WhisperXServer, **changes: Any) -> WhisperXStage:
    return WhisperXStage(WhisperXSettings(url=server.url, **changes))


async def test_utterances_on_one_warm_connection():
    """On real sockets utterances share one connection, and the final adds little to the model's time."""
    async with (
        WhisperXServer(script(final_delay_s=0.05)).running() as server,
        stage_for(server).open(speaker()) as line,
    ):
        await until(lambda: line.is_connected)
        for number in range(3):
            await speak(line, words(5, f"u{number}-"))
            began = trio.current_time()
            assert (await line.finish()).text == " ".join(words(5, f"u{number}-"))
            took_s = trio.current_time() - began
            assert 0.05 <= took_s < 1, f"the final took {took_s:.3f} s"
        assert server.connections == 1
        assert server.undecodable == 0


@pytest.mark.parametrize("fault", ["close_after_packets", "reset_after_packets"])
async def test_a_loss_in_mid_utterance_loses_no_word(fault):
    """On real sockets a connection that dies while somebody speaks costs no word."""
    async with WhisperXServer(script(**{fault: 7})).running() as server, stage_for(server).open(speaker()) as line:
        await speak(line, words(15))
        assert (await line.finish()).text == " ".join(words(15))
        assert line.reconnect_count == 1


async def test_a_server_killed_and_started_again_is_used_at_once():
    """A server that is killed while somebody speaks, and comes back, has every word."""
    async with WhisperXServer(script(final_delay_s=0.0)).running() as server, stage_for(server).open(speaker()) as line:
        await until(lambda: line.is_connected)
        feed(line, *words(10, "a"))
        await trio.sleep(0.02)
        await server.stop()
        await until(lambda: not line.is_connected)
        feed(line, *words(10, "b"))
        await trio.sleep(0.6)
        await server.start()
        back_at = trio.current_time()
        await until(lambda: line.is_connected)
        late_s = trio.current_time() - back_at
        assert late_s < 1.0, f"connected {late_s:.3f} s after the server's return"  # 0.3 s in virtual time
        assert (await line.finish()).text == " ".join(words(10, "a") + words(10, "b"))


async def test_a_final_that_never_comes():
    """On real sockets a final that never comes ends at its limit, and the next utterance is heard."""
    async with (
        WhisperXServer(script(ignored_finalizes=1, final_delay_s=0.0)).running() as server,
        stage_for(server, limit_ms=300).open(speaker()) as line,
    ):
        feed(line, "x")
        began = trio.current_time()
        with pytest.raises(StageTimeout):
            await line.finish()
        assert 0.3 <= trio.current_time() - began < 1.3
        feed(line, "y")
        assert (await line.finish()).text == "y"


async def test_unix_socket_with_the_extension(tmp_path: Path):
    """The engines' socket carries the extension, a missing file is named, and a restart costs no word."""
    uds = str(tmp_path / "engines.sock")
    server = WhisperXServer(script(extension=True, final_delay_s=0.0))
    stage = WhisperXStage(WhisperXSettings(url="ws://engines/"), uds=uds)
    with pytest.raises(StageUnavailable, match="socket file does not exist"):
        await stage.probe()
    async with server.running(uds=uds), stage.open(speaker()) as line:
        assert "with voxbridge/1" in await stage.probe()
        await until(lambda: line.can_peek)
        feed(line, "a")
        assert (await line.peek()).text == "a"
        await server.stop()
        await server.start()
        feed(line, "b")
        assert (await line.finish()).text == "a b"


async def test_tls_is_verified(nursery):
    """A certificate that is trusted carries words; one that is not, and plain text, are refused."""
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server_side)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    server = WhisperXServer(script(final_delay_s=0.0))
    [listener] = await trio.open_ssl_over_tcp_listeners(0, server_side, host="127.0.0.1", https_compatible=True)
    nursery.start_soon(trio.serve_listeners, server.handle, [listener])
    assert isinstance(listener.transport_listener, trio.SocketListener)
    port = listener.transport_listener.socket.getsockname()[1]
    settings = WhisperXSettings(url=f"wss://localhost:{port}/")
    async with WhisperXStage(settings, tls=trusting).open(speaker()) as line:
        feed(line, "sealed")
        assert (await line.finish()).text == "sealed"
    with pytest.raises(StageUnavailable, match="certificate is not trusted"):
        await WhisperXStage(settings).probe()
    plain = WhisperXSettings(url=f"ws://localhost:{port}/", connect_limit_ms=2000)
    with pytest.raises(StageUnavailable):
        await WhisperXStage(plain).probe()
    nursery.cancel_scope.cancel()
