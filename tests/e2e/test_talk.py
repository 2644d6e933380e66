"""`voxbridge talk`, as its page uses it: sound in and out over one websocket, words and times as JSON."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import h11
import numpy as np
import pytest
import trio
import trio_websocket

from voxbridge.core.sound.pcm import Pcm
from voxbridge.rehearsal.embedded import own_voice

pytestmark = pytest.mark.e2e

_RATE_HZ = 24_000
_PIECE_S = 0.02


@attrs.frozen
class Talk:
    """A running `voxbridge talk`, by the address that it has printed."""

    process: trio.Process
    port: int
    token: str

    @property
    def origin(self) -> str:
        """Return the page's own origin."""
        return f"http://127.0.0.1:{self.port}"

    async def get(self, target: str, headers: dict[str, str] | None = None) -> h11.Response:
        """Ask the page's server."""
        client = h11.Connection(h11.CLIENT)
        wanted = {"host": f"127.0.0.1:{self.port}", "connection": "close"} | (headers or {})
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
            await stream.send_all(
                client.send(h11.Request(method="GET", target=target, headers=list(wanted.items()))) or b""
            )
            while True:
                event = client.next_event()
                if event is h11.NEED_DATA:
                    client.receive_data(await stream.receive_some(65_536))
                elif isinstance(event, h11.Response):
                    return event

    @asynccontextmanager
    async def call(self, *, origin: str, cookie: str) -> AsyncIterator[Any]:
        """Open the websocket, as a page of some origin would."""
        headers = [(b"origin", origin.encode()), (b"cookie", f"voxbridge_talk={cookie}".encode())]
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        try:
            async with trio.open_nursery() as nursery:
                host = f"127.0.0.1:{self.port}"
                yield await trio_websocket.wrap_client_stream(nursery, stream, host, "/call", extra_headers=headers)
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)  # trio-websocket 0.12 leaves it open when the server has closed


@asynccontextmanager
async def running_talk(tmp_path: Path, *args: str) -> AsyncIterator[Talk]:
    """Run the command in an empty directory until its page is served."""
    command = [sys.executable, "-m", "voxbridge", "talk", *args]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path)
    assert process.stdout is not None
    said = ""
    try:
        with trio.fail_after(90):
            while (address := re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)\n", said)) is None:
                piece = await process.stdout.receive_some(4096)
                assert piece, f"it ended: {said}"
                said += piece.decode()
        yield Talk(process, int(address[1]), address[2])
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(30):
            process.send_signal(2)
            await process.wait()
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True), trio.move_on_after(10):
            await process.wait()
            await process.stdout.aclose()


async def speak(call: Any, sound: Pcm) -> None:
    """Send a sound as a microphone would, and then the silence of a room."""
    pcm = sound.data + bytes(_RATE_HZ * 2)
    start, step = trio.current_time(), round(_RATE_HZ * _PIECE_S) * 2
    for number, at in enumerate(range(0, len(pcm), step)):
        await trio.sleep_until(start + number * _PIECE_S)
        await call.send_message(pcm[at : at + step])


async def listen(call: Any, until: str) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the sound and the messages up to the first of a type."""
    pcm = b""
    messages: list[dict[str, Any]] = []
    with trio.fail_after(60):
        while not messages or messages[-1]["type"] != until:
            message = await call.get_message()
            if isinstance(message, bytes):
                pcm += message
            else:
                messages.append(json.loads(message))
    return pcm, messages


async def refusal(talk: Talk, *, origin: str, cookie: str) -> int:
    """Return the code with which the websocket is closed on somebody."""
    async with talk.call(origin=origin, cookie=cookie) as call:
        with pytest.raises(trio_websocket.ConnectionClosed) as closed:
            await call.get_message()
    assert closed.value.reason is not None
    return closed.value.reason.code


async def test_talk_answers_a_microphone_and_a_typed_text_and_lets_in_nobody_else(tmp_path, nursery):
    """The page's own browser is heard and answered aloud; other hosts, origins, tokens and a second tab are refused."""
    async with running_talk(tmp_path) as talk:
        assert (await talk.get("/")).status_code == 403
        assert (await talk.get("/?token=wrong")).status_code == 403
        assert (await talk.get("/", {"host": f"elsewhere.example:{talk.port}"})).status_code == 400
        let_in = await talk.get(f"/?token={talk.token}")
        headers = {name.decode(): value.decode() for name, value in let_in.headers}
        assert (let_in.status_code, headers["location"]) == (303, "/")
        assert re.search(r"httponly.*samesite=strict", headers["set-cookie"].lower())
        page = await talk.get("/", {"cookie": f"voxbridge_talk={talk.token}"})
        assert page.status_code == 200
        assert "default-src 'none'" in dict(page.headers)[b"content-security-policy"].decode()
        assert await refusal(talk, origin="http://elsewhere.example", cookie=talk.token) == 4003
        assert await refusal(talk, origin=talk.origin, cookie="wrong") == 4003

        async with talk.call(origin=talk.origin, cookie=talk.token) as call:
            await call.send_message(json.dumps({"type": "hello", "rate_hz": _RATE_HZ}))
            nursery.start_soon(speak, call, own_voice()("What is seven times eight?"))
            pcm, messages = await listen(call, "turn")
            report = messages[-1]["report"]
            assert "56" in report["answer"], f"heard {report['heard']!r}, answered {report['answer']!r}"
            loudest = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)).max()
            assert loudest > 1000, f"the answer reached the page as silence ({len(pcm)} bytes, peak {loudest})"
            assert {"speaker_started", "final_transcript"} <= {message.get("event") for message in messages}

            assert await refusal(talk, origin=talk.origin, cookie=talk.token) == 4001

            await call.send_message(json.dumps({"type": "say", "text": "What is two plus two?"}))
            _pcm, messages = await listen(call, "turn")
            assert "4" in messages[-1]["report"]["answer"], messages[-1]["report"]

        async with talk.call(origin=talk.origin, cookie=talk.token) as call:
            await call.send_message(json.dumps({"type": "hello", "rate_hz": 48_000}))
            _pcm, messages = await listen(call, "turn")
            assert messages[-1]["report"]["answer"] == report["answer"], "a page that comes again gets the story so far"


async def test_talk_says_when_its_port_is_taken(tmp_path):
    """A port that is asked for and taken is one line, and exit 1; nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "voxbridge", "talk", "--port", str(port)]
        done = await trio.run_process(command, cwd=tmp_path, capture_stderr=True, capture_stdout=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert f"port {port} cannot be used" in line
