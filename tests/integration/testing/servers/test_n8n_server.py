"""The simulated n8n held against what was captured from real ones: bytes, refusals, memory, manners."""

from __future__ import annotations

import base64
import gzip
import json

import httpx
import pytest
import trio

from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_credentials import Credentials, Version
from voxbridge.testing.servers.n8n_plans import Break, Head, Line, Plan, Wait, agent, failure, nothing, stream

pytestmark = pytest.mark.integration

QUESTION = {"sessionId": "s1", "chatInput": "hi"}


@pytest.fixture
async def net() -> MemNet:
    return MemNet().install()


def token(head: dict[str, str], signature: str = "") -> dict[str, str]:
    """Return the header with a token without claims."""
    encoded = base64.urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip("=")
    return {"Authorization": f"Bearer {encoded}.e30.{signature}"}


async def exchange(server: N8nServer, head: str, body: bytes = b"") -> bytes:
    """Send raw HTTP and return every byte of the answer until the server has nothing more to say for a second."""
    answer = bytearray()
    stream_ = await trio.open_tcp_stream(server.host, server.port)
    async with stream_:
        await stream_.send_all(f"{head}\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        with trio.move_on_after(1):
            while data := await stream_.receive_some():
                answer += data
    return bytes(answer)


async def test_stream_is_n8ns_byte_by_byte(autojump_clock, net):
    """Head, chunk framing, order of keys and the odd error line are those of the captured stream."""
    script = stream(
        Line("begin"), Line("item", "Well "), Line("end"), Line("error", None), Line("error", has_content=False)
    )
    async with N8nServer(script).running() as server:
        answer = await exchange(server, "POST /webhook/test HTTP/1.1", json.dumps(QUESTION).encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    assert status.startswith("HTTP/1.1 200")
    names = [field.partition(":")[0] for field in fields]
    assert {"Content-Type: application/json; charset=utf-8", "Cache-Control: no-cache", "Vary: Accept-Encoding"} <= set(
        fields
    )
    assert {name.lower() for name in names} == {
        "content-type",
        "cache-control",
        "connection",
        "vary",
        "date",
        "transfer-encoding",
    }
    chunks = body.split(b"\r\n")
    lines = [json.loads(chunk) for chunk in chunks if chunk.startswith(b"{")]
    assert [int(chunk, 16) for chunk in chunks[0:-3:2]] == [len(chunk) for chunk in chunks[1:-3:2]]
    assert body.endswith(b"0\r\n\r\n")
    assert [line["type"] for line in lines] == ["begin", "item", "end", "error", "error"]
    assert list(lines[1]) == ["type", "content", "metadata"]
    assert list(lines[1]["metadata"]) == ["nodeId", "nodeName", "itemIndex", "runIndex", "timestamp"]
    assert list(lines[3]["metadata"]) == ["nodeId", "nodeName", "runIndex", "itemIndex"]
    assert lines[3]["content"] is None
    assert "content" not in lines[4]


async def test_head_leaves_before_any_node_has_worked(autojump_clock, net):
    """Status 200 is no sign of success: it is there while the model still thinks."""
    async with (
        N8nServer(agent(["Hi."], head_s=0.005, first_s=12.0)).running() as server,
        httpx.AsyncClient(timeout=60) as client,
    ):
        began = trio.current_time()
        async with client.stream("POST", server.webhook_url, json=QUESTION) as answer:
            assert answer.status_code == 200
            assert trio.current_time() - began == pytest.approx(0.005, abs=1e-9)
            await answer.aread()
            assert trio.current_time() - began == pytest.approx(12.0, abs=1e-9)


@pytest.mark.parametrize(
    ("credentials", "headers", "status", "body"),
    [
        (Credentials("basic", "pw", "me"), {}, 401, "Authorization is required!"),
        (Credentials("basic", "pw", "me"), {"Authorization": "Basic bm8="}, 401, "Authorization is required!"),
        (Credentials("basic", "pw", "me"), {"Authorization": "Bearer pw"}, 401, "Authorization is required!"),
        (Credentials("header", "v", "X-Key"), {}, 403, "Authorization data is wrong!"),
        (Credentials("jwt", "k"), {}, 401, "No token provided"),
        (Credentials("jwt", "k"), {"Authorization": "Bearer a.b.c"}, 403, "invalid token"),
        (Credentials("jwt", "k"), {"Authorization": "Bearer nonsense"}, 403, "jwt malformed"),
        (Credentials("jwt", "k"), {"Authorization": "Basic eDp5"}, 403, "jwt malformed"),
        (Credentials("jwt", "k"), token({"alg": "none"}), 403, "jwt signature is required"),
        (Credentials("jwt", "k"), token({"alg": "HS512"}, "YWJj"), 403, "invalid algorithm"),
        (Credentials("jwt", "k"), token({"alg": "HS256"}, "YWJj"), 403, "invalid signature"),
    ],
)
async def test_refusal_has_no_content_type_and_claims_basic(autojump_clock, net, credentials, headers, status, body):
    """The captured refusals: no label, chunked, WWW-Authenticate Basic whatever is asked for; the connection stays."""
    async with N8nServer(credentials=credentials).running() as server, httpx.AsyncClient(timeout=60) as client:
        for _ in range(2):
            answer = await client.post(server.webhook_url, json=QUESTION, headers=headers)
        assert server.connections == 1
    assert (answer.status_code, answer.text) == (status, body)
    assert "content-type" not in answer.headers
    assert answer.headers["www-authenticate"] == 'Basic realm="Webhook"'
    assert server.questions == []


@pytest.mark.parametrize(
    ("version", "is_chat_trigger", "status", "body", "realm"),
    [
        ("2.8", False, 403, "Authorization data is wrong!", "Webhook"),
        ("2.8", True, 403, "Authorization data is wrong!", "Webhook"),
        ("2.40", False, 401, "Authentication data is wrong!", "Webhook"),
        ("2.40", True, 403, "Authorization data is wrong!", "Webhook chat-1"),
    ],
)
async def test_wrong_password_is_refused_in_each_versions_way(
    autojump_clock, net, version: Version, is_chat_trigger, status, body, realm
):
    """The one refusal that changed between 2.8.4 and 2.40.7, and for the Webhook only; the realm for the other."""
    server = N8nServer(credentials=Credentials("basic", "pw", "me"), version=version, is_chat_trigger=is_chat_trigger)
    async with server.running(), httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(server.webhook_url, json=QUESTION, auth=("me", "no"))
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["www-authenticate"] == f'Basic realm="{realm}"'


@pytest.mark.parametrize(
    ("version", "cache_control", "varies"), [("2.8", "no-cache", True), ("2.40", "no-cache, no-transform", False)]
)
async def test_chat_trigger_streams_with_the_head_of_its_version(autojump_clock, net, version, cache_control, varies):
    """A Chat Trigger of 2.40 has a head of its own; in 2.8 it is the Webhook's."""
    async with (
        N8nServer(version=version, is_chat_trigger=True).running() as server,
        httpx.AsyncClient(timeout=60) as client,
    ):
        answer = await client.post(server.webhook_url, json=QUESTION)
    assert answer.headers["cache-control"] == cache_control
    assert ("vary" in answer.headers) == varies


async def test_addresses_and_their_refusals(autojump_clock, net):
    """Unknown, test and wrong-method addresses, bad JSON and a starting server answer in n8n's words."""
    async with N8nServer().running() as server, httpx.AsyncClient(base_url=server.url) as client:
        unknown = (await client.post("/webhook/x", json=QUESTION)).json()
        assert unknown["message"] == 'The requested webhook "POST x" is not registered.'
        assert "hint" in unknown
        test = (await client.post("/webhook-test/x", json=QUESTION)).json()
        assert test["message"] == 'The requested webhook "x" is not registered.'
        wrong = (await client.get("/webhook/test")).json()
        assert wrong["message"].endswith("GET requests. Did you mean to make a POST request?")
        server.methods = ("GET", "POST")
        wrong = (await client.put("/webhook/test")).json()
        assert wrong["message"].endswith("PUT requests. Did you mean to make a GET or POST request?")
        bad = await client.post("/webhook/test", content=b"{")
        assert (bad.status_code, bad.json()["message"]) == (422, "Failed to parse request body")
        server.state = "starting"
        page = await client.post("/webhook/test", json=QUESTION)
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"chatInput": "hi"}, "No session ID found"),
        ({"sessionId": "s1"}, "chatInput"),
        ({"transcript": "hi"}, None),
        ({"text": "hi"}, None),
    ],
)
async def test_missing_fields_are_an_error_line(autojump_clock, net, body, error):
    """200 and an error line without session or text; the early VoxBridge's names need no session."""
    async with N8nServer().running() as server, httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(server.webhook_url, json=body)
    last = json.loads(answer.text.splitlines()[-1])
    assert answer.status_code == 200
    assert (error in last["content"]) if error else ("hello" in answer.text.lower())


async def test_run_goes_on_when_the_client_leaves_and_memory_shows_it(autojump_clock, net):
    """A is cut off, B is answered first: memory holds B before A, and all of A. Failed runs are not kept."""
    async with (
        N8nServer(agent(["long ", "answer."], gap_s=5)).running() as server,
        httpx.AsyncClient(timeout=60) as client,
    ):
        with trio.move_on_after(1):
            await client.post(server.webhook_url, json={"sessionId": "s1", "chatInput": "A"})
        server.plans.extend([agent(["short."]), failure("status"), failure("line"), nothing()])
        for _ in range(4):
            await client.post(server.webhook_url, json={"sessionId": "s1", "chatInput": "B"})
        assert server.running_runs == 1
        await trio.sleep(10)
        assert server.memory == {"s1": [("B", "short."), ("A", "long answer.")]}
        history = await client.post(server.webhook_url, json={"action": "loadPreviousSession", "sessionId": "s1"})
    contents = [message["kwargs"]["content"] for message in history.json()["data"]]
    assert contents == ["B", "short.", "A", "long answer."]
    assert server.disconnects == 1
    assert server.finished_runs == 5


async def test_run_that_died_is_not_remembered(autojump_clock, net):
    """A killed n8n keeps nothing of the turn."""
    dying = Plan((Head(), Line("item", "Hel"), Wait(1), Break("cut")), answer="Hel")
    async with N8nServer(dying).running() as server, httpx.AsyncClient(timeout=60) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(server.webhook_url, json=QUESTION)
    assert server.memory == {}


async def test_load_and_coldness_stretch_the_waits(autojump_clock, net):
    """The first run is slow, and so are runs that share the machine."""
    server = N8nServer(agent(["Hi."], first_s=0.1))
    server.cold_s, server.slowdown_per_run = 1.8, 1.0
    took: list[float] = []

    async def post() -> None:
        began = trio.current_time()
        await client.post(server.webhook_url, json=QUESTION)
        took.append(trio.current_time() - began)

    async with server.running(), httpx.AsyncClient(timeout=60) as client:
        await post()
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(post)
    assert took == [pytest.approx(seconds, abs=1e-9) for seconds in (1.9, 0.1, 0.2, 0.3)]
    assert server.in_flight_max == 3


async def test_idle_connection_is_closed_after_six_seconds(autojump_clock, net):
    """Keep-alive ends at 6 s; a client's wish to close is ignored while streaming, so EOF costs as much."""
    async with N8nServer().running() as server:
        for wish in ("keep-alive", "close"):
            body = json.dumps(QUESTION).encode()
            began = trio.current_time()
            async with await trio.open_tcp_stream(server.host, server.port) as connection:
                head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: {wish}\r\nContent-Length: {len(body)}\r\n\r\n"
                await connection.send_all(head.encode() + body)
                while await connection.receive_some():
                    pass
            assert trio.current_time() - began == pytest.approx(6.0, abs=1e-9), wish


async def test_compression_is_flushed_line_by_line(autojump_clock, net):
    """Asked for gzip, each line still leaves at once."""
    async with N8nServer(agent(["Hi ", "you."], gap_s=1)).running() as server, httpx.AsyncClient(timeout=60) as client:
        headers = {"Accept-Encoding": "gzip, deflate, br"}
        began, times, raw = trio.current_time(), [], b""
        async with client.stream("POST", server.webhook_url, json=QUESTION, headers=headers) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            async for chunk in answer.aiter_raw():
                raw += chunk
                times.append(trio.current_time() - began)
    assert gzip.decompress(raw).count(b"\n") == 4
    assert {round(at) for at in times} == {0, 1}


async def test_writes_can_be_joined_and_cut(autojump_clock, net):
    """The wire may carry a whole answer in one segment, or a letter in two."""
    body = json.dumps(QUESTION).encode()
    request = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    for options, is_one in (({"is_coalesced": True}, True), ({"piece_bytes": 1}, False)):
        pieces: list[bytes] = []
        server = N8nServer(agent(["Grüße, ", "世界."]), **options)
        async with server.running(), await trio.open_tcp_stream(server.host, server.port) as connection:
            await connection.send_all(request)
            while not b"".join(pieces).endswith(b"0\r\n\r\n"):
                pieces.append(await connection.receive_some())
        assert "世界.".encode() in b"".join(pieces)
        assert (len(pieces) == 1) is is_one, f"{options}: came in {len(pieces)} pieces"


async def test_fails_each_turn_counts_by_turn(autojump_clock, net):
    """Each turn's own first attempts fail, so that turns do not use up each other's failures."""
    async with N8nServer().running() as server, httpx.AsyncClient(timeout=60) as client:
        server.fail_each_turn(1, "empty")
        sizes = []
        for turn in ("a", "b", "a", "b"):
            answer = await client.post(server.webhook_url, json={**QUESTION, "metadata": {"turnId": turn}})
            sizes.append(len(answer.content) > 0)
    assert sizes == [False, False, True, True]
