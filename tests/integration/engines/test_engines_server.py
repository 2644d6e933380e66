"""The engines' server on the wire, with engines that do as they are told: real clients over a unix socket and TCP."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.support.engines import ToldListener, ToldVoice, http, line, served, told_engines
from tests.support.speech import clips
from voxbridge.core.wire.wav import streaming_header
from voxbridge.engines.server import serve_engines
from voxbridge.errors import EngineError

pytestmark = pytest.mark.integration

SPEECH = clips()[1].pcm[:48_000]  # 1.5 s
PAUSE = bytes(9600)  # 0.3 s
SPEECH_PATH = "/v1/audio/speech/stream/upload"


@pytest.fixture
def socket(tmp_path):
    return str(tmp_path / "engines.sock")


async def test_plain_protocol_answers_finals_only(socket):
    """No answer to start, one final per finalize, "" when nothing was said; close comes after the finals."""
    async with served(told_engines(), socket), line(socket, "/any/path") as client:
        await client.send("start", userId="42", language="en", audio_format="opus")
        await client.speak(SPEECH)
        await client.send("finalize")
        await client.send("finalize", id=5)
        assert await client.hear() == {"type": "final", "text": "call 1", "userId": "42"}
        assert await client.hear() == {"type": "final", "text": "", "userId": "42"}
        await client.speak(SPEECH)
        await client.send("finalize")
        await client.send("close")
        assert await client.hear() == {"type": "final", "text": "call 2", "userId": "42"}
        with pytest.raises(ConnectionClosed) as closed:
            await client.hear()
        assert closed.value.reason is not None
        assert closed.value.reason.code == 1000


async def test_nonsense_is_ignored(socket):
    """As with the real server: bad JSON, unknown types, sound or finalize before start, what is no Opus."""
    listener = ToldListener()
    async with served(told_engines(listener), socket), line(socket) as client:
        await client.ws.send_message(b"sound before start")
        for text in (
            "{",
            "[" * 100_000,
            "[]",
            "7",
            '{"type":"dance"}',
            '{"type":"finalize"}',
            '{"type":"peek","id":1}',
        ):
            await client.ws.send_message(text)
        await client.send("start", userId="1")
        await client.ws.send_message(b"\xff" * 50)
        await client.send("peek", id=1)  # not asked for the extension
        await client.send("discard")
        await client.speak(SPEECH)
        await client.send("finalize")
        assert (await client.hear())["text"] == "call 1"
    assert listener.calls == [len(SPEECH)]


async def test_pcm_may_be_cut_anywhere(socket):
    """48 kHz stereo in pieces of any length, odd ones too."""
    listener = ToldListener()
    stereo = b"\1\2\1\2" * 48_000
    async with served(told_engines(listener), socket), line(socket) as client:
        await client.send("start", userId="1", audio_format="pcm")
        for at in range(0, len(stereo), 4099):
            await client.ws.send_message(stereo[at : at + 4099])
        await client.send("finalize")
        await client.final()
    assert listener.calls == [pytest.approx(32_000, abs=200)], "one second should be one second at 16 kHz"


async def test_extension_peeks_and_echoes_ids(socket):
    """A peek leaves the utterance open; after nothing but silence the final has its answer, else it is made anew."""
    listener = ToldListener()
    async with served(told_engines(listener), socket), line(socket) as client:
        await client.send("start", userId="42", protocol="voxbridge/1", partials=False)
        assert await client.hear() == {"type": "ready", "protocol": "voxbridge/1"}
        await client.speak(SPEECH + PAUSE)
        await client.send("peek", id=7)
        known = {"noSpeech": 0.05, "confidence": 0.9, "duration": 1.8}
        assert await client.hear() == {"type": "peeked", "id": 7, "text": "call 1", **known}
        await client.speak(PAUSE)
        await client.send("finalize", id=8)
        assert await client.hear() == {"type": "final", "id": 8, "text": "call 1", "userId": "42", **known}
        await client.speak(SPEECH)
        await client.send("peek", id=9)
        await client.speak(SPEECH)
        await client.send("finalize", id=10)
        assert [(await client.hear())["text"] for _ in range(2)] == ["call 2", "call 3"]
    assert listener.calls == [57_600, 48_000, 96_000]


async def test_discarded_utterance_is_forgotten(socket):
    """What was said before is not in the next final, and the open peek is answered with nothing."""
    gate = threading.Event()
    listener = ToldListener(gate=gate)
    async with served(told_engines(listener), socket), line(socket) as client:
        await client.send("start", userId="42", protocol="voxbridge/1")
        await client.hear()
        await client.speak(SPEECH)
        await client.send("peek", id=1)
        await client.send("discard")
        peeked = await client.hear()
        assert (peeked["id"], peeked["text"], peeked["noSpeech"]) == (1, "", 1.0)
        gate.set()
        await client.speak(SPEECH[:32_000])
        await client.send("finalize", id=2)
        assert (await client.final())["duration"] == 1.0


async def test_partials_come_while_a_worker_is_idle_and_never_before_a_final(socket):
    """The first after two seconds; none while the spare worker is taken."""
    gate = threading.Event()
    listener = ToldListener()
    async with served(told_engines(listener), socket), line(socket) as client, line(socket) as busy:
        await client.send("start", userId="42")
        await client.speak(clips()[0].pcm[: 2 * 32_000])
        assert await client.hear() == {"type": "partial", "text": "call 1", "userId": "42"}
        await listener.began.receive()
        listener.gate = gate
        await busy.send("start", userId="7", protocol="voxbridge/1")
        await busy.hear()
        await busy.speak(SPEECH)
        await busy.send("peek", id=1)
        await listener.began.receive()
        await client.speak(clips()[0].pcm[: 3 * 32_000])  # a partial would be due
        await client.send("finalize")
        assert await listener.began.receive() == 5 * 32_000, "the second call for this speaker must be the final's"
        gate.set()
        assert (await client.hear())["type"] == "final"


async def test_engine_failure_is_an_error_then_the_end(socket):
    """As the real server: error, then close 1000; the next connection works."""
    listener = ToldListener(error=RuntimeError("the text of an engine"))
    async with served(told_engines(listener), socket):
        async with line(socket) as client:
            await client.send("start", userId="42")
            await client.speak(SPEECH)
            await client.send("finalize")
            failed = await client.hear()
            assert failed == {"type": "error", "error": "transcription failed (RuntimeError)", "userId": "42"}
            with pytest.raises(ConnectionClosed):
                await client.hear()
        listener.error = None
        async with line(socket) as client:
            await client.send("start", userId="42")
            await client.speak(SPEECH)
            await client.send("finalize")
            assert (await client.hear())["type"] == "final"


async def test_lost_client_keeps_its_worker_until_the_call_ends(socket):
    """Cancelled work must not pile up behind the limit: the next speaker waits for the thread, then is served."""
    gate = threading.Event()
    listener = ToldListener(gate=gate)
    async with served(told_engines(listener, workers=1), socket), line(socket) as stays:
        async with line(socket) as leaves:
            await leaves.send("start", userId="1")
            await leaves.speak(SPEECH)
            await leaves.send("finalize")
            await listener.began.receive()
        await stays.send("start", userId="2")
        await stays.speak(SPEECH)
        await stays.send("finalize")
        with trio.move_on_after(0.1) as waited:
            await stays.ws.get_message()
        assert waited.cancelled_caught, "the second call began while the first thread was still running"
        assert len(listener.calls) == 1
        gate.set()
        assert (await stays.hear())["text"] == "call 2"


def raw_pieces(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Return the pieces as they come. httpx makes a generator of them and says iterator."""
    pieces = response.aiter_raw()
    assert isinstance(pieces, AsyncGenerator)
    return pieces


async def test_speech_streams_header_first_then_each_piece(socket):
    """The exact 44 bytes come alone, and a piece does not wait for the next one; with and without /v1."""
    gate = threading.Event()
    voice = ToldVoice(pieces=[b"\1\0" * 100, b"\2\0" * 100], gate=gate)
    async with served(told_engines(voice=voice), socket), http(socket) as client:
        for path, body in (
            (SPEECH_PATH, {"data": {"input": "Hello."}}),
            (SPEECH_PATH[3:], {"files": {"input": (None, "Hello.")}}),
        ):
            gate.clear()
            async with client.stream("POST", path, **body) as response, aclosing(raw_pieces(response)) as chunks:
                assert (response.status_code, response.headers["content-type"]) == (200, "audio/wav")
                received = b""
                while len(received) < 44 + 200:
                    received += await anext(chunks)
                assert received == streaming_header() + b"\1\0" * 100
                gate.set()
                assert b"".join([chunk async for chunk in chunks]) == b"\2\0" * 100
    assert voice.texts == ["Hello.", "Hello."]


async def test_nothing_to_say_is_a_header_and_a_clean_end(socket):
    """Other scripts and marks alone: success without sound."""
    async with served(told_engines(voice=ToldVoice(pieces=[])), socket), http(socket) as client:
        response = await client.post(SPEECH_PATH, data={"input": "..."})
        assert (response.status_code, response.content) == (200, streaming_header())


async def test_failure_after_the_header_truncates_the_body(socket):
    """A clean end would mean that all was said; the server goes on."""
    voice = ToldVoice(pieces=[b"\1\0" * 100] * 2, error=RuntimeError("x"))
    async with served(told_engines(voice=voice), socket), http(socket) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(SPEECH_PATH, data={"input": "Hello."})
        voice.error = None
        assert (await client.post(SPEECH_PATH, data={"input": "Hello."})).status_code == 200


async def test_refusals_have_the_real_servers_shapes(socket):
    """An empty form is 422, JSON sent to a form route too, blank text 400, other paths 404 and methods 405."""
    async with served(told_engines(), socket), http(socket) as client:
        assert (await client.post(SPEECH_PATH, data={})).json()["detail"][0]["type"] == "missing"
        assert (await client.post(SPEECH_PATH, json={"input": "Hello."})).status_code == 422
        assert (await client.post(SPEECH_PATH, data={"input": " "})).status_code == 400
        missing = await client.get("/nothing/here")
        assert (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
        wrong = await client.get(SPEECH_PATH)
        assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})


async def test_barge_in_closes_the_stream_and_the_next_sentence_is_served(socket):
    """A client that leaves in the middle costs the piece in work, no more."""
    gate = threading.Event()
    voice = ToldVoice(pieces=[b"\1\0"] * 50, gate=gate)
    async with served(told_engines(voice=voice), socket):
        async with await trio.open_unix_socket(socket) as stream:
            form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\ninput=Hello."
            await stream.send_all(f"POST {SPEECH_PATH} HTTP/1.1\r\nHost: engines\r\n".encode() + form)
            received = b""
            while streaming_header() not in received:
                received += await stream.receive_some(4096)
        async with http(socket) as client:
            gate.set()
            whole = await client.post(SPEECH_PATH, data={"input": "Hello."})
            assert len(whole.content) == 44 + 2 * 50


async def test_webhook_streams_the_lines_of_n8n(socket):
    """begin, one item per sentence, end; the answer is the concatenation of the items."""
    async with served(told_engines(), socket), http(socket) as client:
        body = {"action": "sendMessage", "sessionId": "s", "chatInput": "Hello.", "metadata": {"turnId": "t"}}
        response = await client.post("/webhook/any/thing", json=body)
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.headers["transfer-encoding"] == "chunked"
        lines = [json.loads(row) for row in response.text.splitlines()]
        assert [row["type"] for row in lines] == ["begin", "item", "item", "end"]
        assert "".join(row["content"] for row in lines[1:3]) == "Hello. How can I help you?"
        assert set(lines[0]["metadata"]) == {"nodeId", "nodeName", "itemIndex", "runIndex", "timestamp"}
        assert lines[0]["metadata"]["timestamp"] > 1.7e12


async def test_webhook_fails_as_n8n_does(socket):
    """Missing fields are an error line in a 200, bad JSON 422, GET 404 with n8n's words."""
    async with served(told_engines(), socket), http(socket) as client:
        for body in ({"chatInput": "Hello."}, {"sessionId": "s"}, ["not", "an", "object"]):
            failed = json.loads((await client.post("/webhook/x", json=body)).text)
            assert failed["type"] == "error"
            assert "timestamp" not in failed["metadata"]
        assert (await client.post("/webhook/x", content=b"{")).status_code == 422
        assert (await client.post("/webhook/x", content=b"[" * 100_000)).status_code == 422
        wrong = await client.get("/webhook/x")
        assert (wrong.status_code, wrong.json()["code"]) == (404, 404)
        history = await client.post("/webhook/x", json={"action": "loadPreviousSession", "sessionId": "s"})
        assert history.json() == {"data": []}


async def test_health_and_voices_serve_both_protocols(socket):
    """What WhisperX's and Chatterbox's clients look for, at once."""
    async with served(told_engines(), socket), http(socket) as client:
        for prefix in ("", "/v1"):
            health = (await client.get(f"{prefix}/health")).json()
            assert (health["status"], health["model_loaded"], health["device"]) == ("ready", True, "cpu")
            assert (await client.get(f"{prefix}/voices")).json()["count"] == 1


async def test_tcp_listener_tells_its_real_port():
    """Port 0 is any free one; the same server, other clients."""
    async with served(told_engines(), "127.0.0.1:0") as address:
        assert not address.endswith(":0")
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://{address}/health")).status_code == 200
        async with line(address) as client:
            await client.send("start", userId="1", protocol="voxbridge/1")
            assert (await client.hear())["type"] == "ready"


async def test_address_in_use_is_named():
    """The message says where it wanted to listen."""
    async with served(told_engines(), "127.0.0.1:0") as address:
        with pytest.raises(EngineError, match=address):
            await serve_engines(told_engines(), listen=address, on_ready=print)
