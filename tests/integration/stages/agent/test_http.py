"""``kind = http``: a body of the operator's own, and X-TTS-Options, which any answer may carry."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.integration.stages.agent.agent_client import WORDS, ask, request, stage_for
from tests.support.agents import agent_of
from voxbridge.config.secrets import Secret
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.errors import ConfigError, NoReply, StageRefused, StageUnavailable
from voxbridge.stages.agent.custom import HttpAgentSettings, HttpDialect
from voxbridge.stages.contracts import AgentRequest, AnswerOptions, Previous, Speaker, TtsOptions
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.http import HttpServer, Reply, Request
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import Plan, Whole

pytestmark = pytest.mark.integration


def exactly(seconds: float):
    return pytest.approx(seconds, abs=1e-9)


@pytest.fixture
async def net() -> MemNet:
    """The in-memory network, installed."""
    return MemNet().install()


def server_that(handler, *, method: str = "POST", path: str = "/s3cret-ask") -> HttpServer:
    server = HttpServer()
    server.route(method, path, handler)
    return server


def stage_on(server: HttpServer, *, path: str = "/s3cret-ask", **more):
    return agent_of(HttpAgentSettings(url=Secret(server.url + path), **more))


async def hello(_request: Request, reply: Reply) -> None:
    await reply.send_json({"reply": "Hello there."})


async def test_request_is_the_filled_template(autojump_clock, net):
    """Method, query, headers and body are the operator's; what users say is escaped."""
    server = server_that(hello, method="PUT")
    template = (
        '{"msg": "{text}", "by": {"id": "{user_id}", "name": "{user_name}"}, "n": 3, "s": "{session_id}/{turn_id}"}'
    )
    fields: dict[str, Any] = {
        "method": "PUT",
        "body": template,
        "headers": {"X-Api-Key": Secret("k3y")},
        "path": "/s3cret-ask?v=2",
    }
    async with server.running(), stage_on(server, **fields) as stage:
        heard = await ask(stage, request('Say "hi"\n{user_id}'))
    assert heard.text == "Hello there."
    (sent,) = server.requests
    assert sent.method == "PUT"
    assert sent.query == {"v": "2"}
    assert sent.headers["x-api-key"] == "k3y"
    assert json.loads(sent.body) == {
        "msg": 'Say "hi"\n{user_id}',
        "by": {"id": "3", "name": "Ada"},
        "n": 3,
        "s": "discord:1:2:3/turn-1",
    }


async def test_request_with_get_has_its_fields_in_the_query(autojump_clock, net):
    """What users say is escaped there as well; the URL's own query stays."""
    server = server_that(hello, method="GET")
    fields = {"method": "GET", "body": '{"q": "{text}", "opts": {"n": 1}}', "path": "/s3cret-ask?v=2"}
    async with server.running(), stage_on(server, **fields) as stage:
        heard = await ask(stage, request("a&b=c? ü"))
    assert heard.text == "Hello there."
    (sent,) = server.requests
    assert sent.query == {"v": "2", "q": "a&b=c? ü", "opts": '{"n": 1}'}
    assert sent.body == b""
    assert "content-type" not in sent.headers


async def test_get_needs_an_object():
    """A list has no names for a query."""
    with pytest.raises(ConfigError, match="must be an object"):
        agent_of(HttpAgentSettings(url=Secret("http://localhost/x"), method="GET", body='["{text}"]'))


async def test_request_as_it_is_by_default(autojump_clock, net):
    """Without a template of one's own."""
    server = server_that(hello)
    async with server.running(), stage_on(server) as stage:
        await ask(stage, request(previous=Previous(interrupted=True, heard="Well")))
    assert json.loads(server.requests[0].body) == {
        "text": WORDS,
        "user_id": "3",
        "user_name": "Ada",
        "session_id": "discord:1:2:3",
        "turn_id": "turn-1",
        "language": "en",
    }


@pytest.mark.parametrize(
    ("body", "content_type", "path", "text"),
    [
        ("Hello there.", "text/plain", "", "Hello there."),
        ('{"data": {"say": "Hello there."}, "text": "no"}', "application/json", "data.say", "Hello there."),
        ('data: {"token": "Hello "}\n\ndata: {"token": "there."}\n\n', "text/event-stream", "", "Hello there."),
        ('{"delta": "Hello "}\n{"delta": "there."}\n', "application/json", "", "Hello there."),
    ],
)
async def test_answer_in_any_shape(autojump_clock, net, body, content_type, path, text):
    """One reader for all; ``output_path`` says where to look."""

    async def handler(_request: Request, reply: Reply) -> None:
        await reply.send(200, body.encode(), content_type)

    server = server_that(handler)
    async with server.running(), stage_on(server, output_path=path) as stage:
        assert (await ask(stage)).text == text


async def test_echo_of_our_request_is_not_spoken(autojump_clock, net):
    """A server that sends the body back has not answered."""

    async def echo(request_: Request, reply: Reply) -> None:
        await reply.send(200, request_.body, "application/json")

    server = server_that(echo)
    async with server.running(), stage_on(server) as stage:
        heard = await ask(stage)
    assert heard.text == ""
    assert isinstance(heard.error, NoReply)


@pytest.mark.parametrize("shape", ["status", "line", "empty"])
async def test_two_failures_then_success(autojump_clock, net, shape):
    """Fails twice, in each shape, then speaks; the waits are the only added time."""
    tries = 0

    async def handler(_request: Request, reply: Reply) -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            await hello(_request, reply)
        elif shape == "status":
            await reply.send_json({"message": "no"}, 500)
        else:
            await reply.send(200, b'{"error": "no"}' if shape == "line" else b"", "application/json")

    server = server_that(handler)
    async with server.running(), stage_on(server, retry_empty=True) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 2
    assert heard.text == "Hello there."
    assert heard.marks["agent_first_text"] == exactly(0.25 + 0.5)


@pytest.mark.parametrize(
    "body", ["{text}", '{"q": {text}}', '{"q": "{txt}"}', '{"q": "hello"}'], ids=["no JSON", "bare", "typo", "no text"]
)
async def test_template_that_cannot_work_is_a_configuration_error(body):
    """Found when the configuration is read, not at the first word."""
    with pytest.raises(ConfigError, match="placeholders"):
        HttpAgentSettings(url=Secret("http://localhost/x"), body=body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, None),
        (204, None),
        (404, None),
        (405, None),
        (401, StageRefused),
        (403, StageRefused),
        (503, StageUnavailable),
    ],
)
async def test_probe_in_words(autojump_clock, net, status, kind):
    """OPTIONS changes nothing; refusals and failures are told, and the path is in no sentence."""

    async def options(_request: Request, reply: Reply) -> None:
        await reply.send(status)

    server = server_that(options, method="OPTIONS")
    async with server.running(), stage_on(server) as stage:
        if kind is None:
            said = await stage.probe()
            assert said.startswith(f"http: a server answers at this address (HTTP {status}")
        else:
            with pytest.raises(kind) as caught:
                await stage.probe()
            said = str(caught.value)
    assert "s3cret" not in said


@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1), name=st.text())
def test_any_words_make_a_body_that_is_json(text, name):
    """Nothing that is said can break out of its string."""
    stage_settings = HttpAgentSettings(url=Secret("http://localhost/x"))
    speaker = Speaker(UserId(3), name, GuildId(1), ChannelId(2))
    call = HttpDialect(stage_settings, wall_s=lambda: 0.0).begin(AgentRequest("t", text, speaker), 0.0).call(1)
    assert call.body is not None
    body = json.loads(call.body)
    assert body["text"] == text.encode("utf-8", "replace").decode()
    assert len(body) == 6


# -- X-TTS-Options, with n8n


async def options_of(header: str) -> tuple[list[AnswerOptions], str, list[EventDict]]:
    answer = Plan((Whole(200, b'{"output":"Hello there."}', headers=(("X-TTS-Options", header),)),))
    server = N8nServer(answer)
    with capture_logs() as logs:
        async with server.running(), stage_for(server) as stage:
            heard = await ask(stage)
    options = [event for _at, event in heard.events if isinstance(event, AnswerOptions)]
    assert not options or heard.events[0][1] is options[0], "options come before the text"
    return options, heard.text, logs


async def test_tts_options_come_before_the_text(autojump_clock, net):
    """The workflow's wishes reach the turn once, within their ranges."""
    options, text, logs = await options_of('{"voice":"alloy","exaggeration":9,"cfgWeight":0.3,"seed":4}')
    assert options == [AnswerOptions(TtsOptions(voice="alloy", exaggeration=2.0, cfg_weight=0.3))]
    assert text == "Hello there."
    assert [(log["clamped"], log["ignored"]) for log in logs] == [(("exaggeration",), ("seed",))]


async def test_tts_options_that_are_nonsense_do_no_harm(autojump_clock, net):
    """A bad header costs a log line, not the answer."""
    options, text, logs = await options_of("voice=alloy")
    assert options == [AnswerOptions(TtsOptions())]
    assert text == "Hello there."
    assert len(logs) == 1


async def test_tts_options_of_a_failed_attempt_do_not_count(autojump_clock, net):
    """Only the attempt that speaks says how."""
    header = (("X-TTS-Options", '{"voice":"alloy"}'),)
    server = N8nServer(Plan((Whole(200, b'{"output":"Hello there."}'),)))
    server.plans.append(Plan((Whole(200, b'{"error":"no"}', headers=header),)))
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 1
    assert not [event for _at, event in heard.events if isinstance(event, AnswerOptions)]
