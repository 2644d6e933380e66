"""Every answer that a real n8n was seen to give, by name: what is spoken, which error, how many requests.

The names are those of the 54 request shapes run against n8n 2.8.4 and 2.40.7. After each, the next turn must work.
"""

from __future__ import annotations

import traceback
from typing import Any

import attrs
import pytest

from tests.integration.stages.agent.agent_client import SECRET_PATH, SPEAKER, WORDS, ask, request, stage_for
from voxbridge.config.secrets import Secret
from voxbridge.errors import AgentFailed, NoReply, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.stages.agent.settings import AgentAuthSettings
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.n8n import N8nServer, Question, Script
from voxbridge.testing.servers.n8n_credentials import Credentials
from voxbridge.testing.servers.n8n_plans import (
    RESPOND,
    Head,
    Line,
    Plan,
    Wait,
    Whole,
    Write,
    agent,
    failure,
    nothing,
    spoken,
    stream,
    text,
    whole,
)

pytestmark = pytest.mark.integration

HELLO = "Hello there."
HEADER = Credentials("header", "k3y-value", name="X-Api-Key")
BASIC = Credentials("basic", "passw0rd", name="voxbridge")
JWT = Credentials("jwt", "signing-k3y")
AHEAD = Credentials("jwt", "signing-k3y", clock_ahead_s=120)
RIGHT_HEADER = {"headers": {"X-Api-Key": Secret("k3y-value")}}
RIGHT_BASIC = {"api_key": Secret("passw0rd"), "auth": AgentAuthSettings(kind="basic", user="voxbridge")}
RIGHT_JWT = {"api_key": Secret("signing-k3y"), "auth": AgentAuthSettings(kind="jwt")}
WRONG_BASIC = {"api_key": Secret("an0ther"), "auth": AgentAuthSettings(kind="basic", user="voxbridge")}
WRONG_JWT = {"api_key": Secret("another-k3y"), "auth": AgentAuthSettings(kind="jwt")}


def echo(question: Question) -> Plan:
    request_ = {"headers": {}, "params": {}, "query": {}, "body": dict(question.body)}
    return whole({**request_, "webhookUrl": "http://localhost/webhook/x", "executionMode": "production"})


def sse() -> Plan:
    return Plan((Whole(200, b'data: {"text":"Hello there."}\n\ndata: [DONE]\n\n', "text/event-stream"),))


def twice() -> Plan:
    """An agent followed by a Respond node: the answer comes as tokens, then whole."""
    respond = spoken(['{"output":"Hello there."}'], node=RESPOND)
    return stream(*spoken(["Hello ", "there."]), *respond)


@attrs.frozen
class Case:
    """``says`` is all that may be spoken; ``words`` must stand in the error; ``tries`` with two retries allowed."""

    script: Script
    says: str = ""
    error: type[Exception] | None = None
    tries: int = 1
    words: str = ""
    settings: dict[str, Any] = attrs.field(factory=dict)
    server: dict[str, Any] = attrs.field(factory=dict)
    path: str = SECRET_PATH
    flushes: int = 0


OK = agent(["Hello ", "there."])
CASES: dict[str, Case] = {
    "immediate": Case(whole({"message": "Workflow was started"}), error=NoReply, words="acknowledges"),
    "lastnode-object": Case(whole({"output": HELLO}), HELLO),
    "lastnode-array": Case(whole([{"output": HELLO}]), HELLO),
    "lastnode-no-body": Case(nothing(), error=NoReply, words="empty"),
    "echoed-request": Case(echo, error=NoReply, words="own request"),
    "lastnode-zero-items": Case(
        whole({"code": 0, "message": "No item to return was found"}, 500), error=AgentFailed, tries=3, words="No item"
    ),
    "lastnode-error": Case(failure("status"), error=AgentFailed, tries=3, words="Error in workflow"),
    "respond-text-as-html": Case(text(HELLO), HELLO),
    "respond-text-plain": Case(text(HELLO, "text/plain"), HELLO),
    "respond-json": Case(whole({"output": HELLO}), HELLO),
    "respond-all-items": Case(whole([{"output": "Hello"}, {"output": "there."}]), "Hello\nthere."),
    "respond-no-data": Case(nothing(), error=NoReply, words="empty"),
    "respond-redirect": Case(
        Plan((Whole(307, b"", headers=(("location", "http://elsewhere.example/"),)),)),
        error=StageRefused,
        words="final address",
    ),
    "respond-503": Case(
        whole({"busy": "a word"}, 503, headers=(("retry-after", "1"),)), error=StageUnavailable, tries=3, words="503"
    ),
    "respond-sse": Case(sse(), HELLO),
    "failed-before-respond-2.8": Case(failure("empty"), error=NoReply, words="empty"),
    "failed-before-respond-2.40": Case(failure("status"), error=AgentFailed, tries=3),
    "stream-text": Case(stream(*spoken([HELLO], node=RESPOND)), HELLO, flushes=1),
    "stream-json-item": Case(stream(*spoken(['{"output":"Hello there."}'], node=RESPOND)), HELLO, flushes=1),
    "stream-items": Case(
        stream(*spoken(['{"output":"Hello "}'], node=RESPOND), *spoken(['{"output":"there."}'], node=RESPOND, item=1)),
        HELLO,
        flushes=2,
    ),
    "stream-two-nodes": Case(
        stream(*spoken(["Hello "], node="First"), *spoken(["there."], node="Second")), HELLO, flushes=2
    ),
    "stream-no-node": Case(nothing(), error=NoReply),
    "stream-off": Case(nothing(), error=NoReply),
    "stream-error-first": Case(failure("line"), error=AgentFailed, tries=3, words="Original error: TypeError"),
    "stream-error-null": Case(
        stream(Line("error", None)), error=AgentFailed, tries=3, words="the workflow failed: no message"
    ),
    "stream-error-mid": Case(
        stream(Line("begin"), Line("item", "Hello "), Wait(0.1), Line("error", None)), "Hello ", AgentFailed
    ),
    "agent": Case(OK, HELLO, flushes=1),
    "agent-memory": Case(OK, HELLO, flushes=1),
    "agent-unicode": Case(agent(["Grüße, ", "世界", " 😀."]), "Grüße, 世界 😀.", flushes=1),
    "agent-tool": Case(stream(*spoken([]), Wait(5), *spoken([HELLO])), HELLO, flushes=1),
    "agent-pretool-speech": Case(
        stream(*spoken(["Hello. "]), Wait(12), *spoken(["It is noon."])), "Hello. It is noon.", flushes=2
    ),
    "agent-json-looking-token": Case(
        agent(["It says ", '[{"response":"x"}]', "."]), 'It says [{"response":"x"}].', flushes=1
    ),
    "agent-llm-500": Case(
        stream(Line("begin"), Line("error", "The service was not able to process your request")),
        error=AgentFailed,
        tries=3,
        words="not able",
    ),
    "agent-max-iterations": Case(
        stream(*(step for _ in range(10) for step in spoken([])), Line("error", has_content=False)),
        error=AgentFailed,
        tries=3,
    ),
    "agent-dies-mid-answer": Case(
        stream(Line("begin"), Line("item", "Hello "), Line("error", "Original error: TypeError")), "Hello ", AgentFailed
    ),
    "agent-empty-answer": Case(agent([]), error=NoReply),
    "agent-on-error-continue": Case(stream(Line("begin")), error=NoReply),
    "agent-last-node": Case(whole({"output": HELLO}, after_s=0.3), HELLO),
    "agent-last-node-500": Case(failure("status", after_s=0.1), error=AgentFailed, tries=3),
    "agent-respond-text": Case(text(HELLO), HELLO),
    "agent-then-respond-duplicate": Case(twice(), HELLO, flushes=1),
    "agent-slow-first-token": Case(agent(["Hello ", "there."], first_s=12.0), HELLO, flushes=1),
    "unknown-line": Case(stream(Line("other"), *spoken([HELLO])), HELLO, flushes=1),
    "garbage-after-text": Case(
        Plan((Head(), Line("begin"), Line("item", "Hello "), Write(b"oops\n"))), "Hello ", StageProtocolError
    ),
    "garbage-first": Case(
        Plan((Head(), Line("begin"), Write(b"oops\n"))), error=StageProtocolError, words="cannot be read"
    ),
    "page-with-status-200": Case(
        text("<!DOCTYPE html><html><body>Log in</body></html>"), error=NoReply, words="HTML page"
    ),
    "page-with-status-502": Case(
        text("<html><h1>Bad Gateway</h1></html>", status=502), error=StageUnavailable, tries=3, words="Bad Gateway"
    ),
    "sound": Case(Plan((Whole(200, b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),)), error=NoReply, words="binary"),
    "bad-request": Case(
        whole({"code": 422, "message": "Failed to parse request body", "hint": "The body is not valid JSON"}, 422),
        error=StageRefused,
        words="Failed to parse",
    ),
    "chat-stream": Case(OK, HELLO, server={"is_chat_trigger": True}, path="/webhook/chat-1/chat", flushes=1),
    "chat-last": Case(whole({"output": HELLO}), HELLO, server={"is_chat_trigger": True}, path="/webhook/chat-1/chat"),
    "chat-basic-missing": Case(
        OK, error=StageRefused, words="kind = basic", server={"is_chat_trigger": True, "credentials": BASIC}
    ),
    "chat-basic-ok": Case(
        OK, HELLO, settings=RIGHT_BASIC, server={"is_chat_trigger": True, "credentials": BASIC}, flushes=1
    ),
    "chat-basic-wrong": Case(
        OK,
        error=StageRefused,
        words="agent.headers and agent.auth",
        settings=WRONG_BASIC,
        server={"is_chat_trigger": True, "credentials": BASIC},
    ),
    "chat-respond-nodes": Case(
        whole({"executionStarted": True, "executionId": "129", "resumeToken": "4f5e"}), error=NoReply, words="streaming"
    ),
    "no-respond-node": Case(
        whole({"code": 0, "message": "No Respond to Webhook node found in the workflow"}, 500),
        error=AgentFailed,
        tries=3,
        words="No Respond to Webhook node",
    ),
    "bearer-ok": Case(
        OK,
        HELLO,
        settings={"api_key": Secret("k3y-value")},
        server={"credentials": Credentials("header", "Bearer k3y-value", name="Authorization")},
        flushes=1,
    ),
    "header-missing": Case(OK, error=StageRefused, words="agent.headers", server={"credentials": HEADER}),
    "header-ok": Case(OK, HELLO, settings=RIGHT_HEADER, server={"credentials": HEADER}, flushes=1),
    "basic-missing": Case(OK, error=StageRefused, words="kind = basic", server={"credentials": BASIC}),
    "basic-wrong": Case(
        OK,
        error=StageRefused,
        words="user name and password; check",
        settings=WRONG_BASIC,
        server={"credentials": BASIC},
    ),
    "basic-wrong-2.8": Case(
        OK,
        error=StageRefused,
        words="agent.headers and agent.auth",
        settings=WRONG_BASIC,
        server={"credentials": BASIC, "version": "2.8"},
    ),
    "basic-given-bearer": Case(
        OK,
        error=StageRefused,
        words="kind = basic",
        settings={"api_key": Secret("k3y-value")},
        server={"credentials": BASIC},
    ),
    "basic-ok": Case(OK, HELLO, settings=RIGHT_BASIC, server={"credentials": BASIC}, flushes=1),
    "jwt-missing": Case(OK, error=StageRefused, words="kind = jwt", server={"credentials": JWT}),
    "jwt-wrong": Case(OK, error=StageRefused, words="signed token", settings=WRONG_JWT, server={"credentials": JWT}),
    "jwt-given-basic": Case(
        OK, error=StageRefused, words="kind = jwt", settings=RIGHT_BASIC, server={"credentials": JWT}
    ),
    "jwt-late": Case(
        OK, error=StageRefused, words="both hosts' clocks", settings=RIGHT_JWT, server={"credentials": AHEAD}
    ),
    "jwt-ok": Case(OK, HELLO, settings=RIGHT_JWT, server={"credentials": JWT}, flushes=1),
    "unknown-path": Case(OK, error=StageRefused, words="activate", path="/webhook/s3cret-typo"),
    "test-url": Case(OK, error=StageRefused, words="/webhook-test/", path="/webhook-test/s3cret-path"),
    "missing-session": Case(
        OK, error=AgentFailed, tries=3, words="No session ID", settings={"session_key": "conversation"}
    ),
    "missing-chat-input": Case(OK, error=AgentFailed, tries=3, words="chatInput", settings={"input_key": "question"}),
}
SECRETS = ("s3cret", "k3y", "passw0rd", "elsewhere", *WORDS.split(), SPEAKER.name)
DIALECTS: dict[str, dict[str, Any]] = {
    "line by line": {},
    "in one write": {"is_coalesced": True},
    "in odd pieces": {"piece_bytes": 7},
}


def assert_as_promised(name: str, case: Case, heard, tries: int) -> None:
    seen = f"{name}: heard {heard.text!r} and {heard.error!r} after {tries} requests and {heard.ended:.3f} s"
    assert heard.text == case.says, seen
    assert heard.flushes == case.flushes, f"{seen}; flushed {heard.flushes} times"
    assert tries == case.tries, seen
    if case.error is None:
        assert heard.error is None, seen
        return
    assert type(heard.error) is case.error, seen
    assert case.words in str(heard.error), seen
    told = "".join(traceback.format_exception(heard.error)) + repr(heard.error)
    assert not [secret for secret in SECRETS if secret in str(heard.error)], f"{name}: the error tells a secret: {told}"


@pytest.mark.parametrize("wire", DIALECTS)
@pytest.mark.parametrize("name", CASES)
async def test_case(autojump_clock, name, wire):
    """In virtual time, however the bytes are cut: the right words, the right error, the right number of requests."""
    MemNet().install()
    case = CASES[name]
    server = N8nServer(case.script, **case.server, **DIALECTS[wire])
    async with server.running(), stage_for(server, path=case.path, **case.settings) as stage:
        heard = await ask(stage)
        tries = len(server.requests)
        assert_as_promised(name, case, heard, tries)
        assert stage.retry_count == tries - 1
        # the next turn works, whatever this one was
        server.credentials, server.script = None, agent(["Hello ", "again."])
        server.paths.add(case.path)
        if case.settings.keys() & {"session_key", "input_key"} or "webhook-test" in case.path:
            return
        again = await ask(stage, request(turn_id="turn-2"))
        assert again.text == "Hello again.", f"{name}: the next turn got {again.error!r}"


QUICK = [name for name, case in CASES.items() if case.error is None and "slow" not in name and "tool" not in name]


@pytest.mark.parametrize("name", [*QUICK, "stream-error-mid", "jwt-wrong", "respond-redirect", "page-with-status-200"])
async def test_case_on_loopback(name):
    """The same on kernel sockets, for the cases that take no time."""
    case = CASES[name]
    server = N8nServer(case.script, **case.server)
    async with server.running(), stage_for(server, path=case.path, **case.settings) as stage:
        heard = await ask(stage)
        assert_as_promised(name, case, heard, len(server.requests))


async def test_case_inactive(autojump_clock):
    """A workflow that was imported and not activated: one request, and the advice to activate it."""
    MemNet().install()
    server = N8nServer(OK)
    server.state = "inactive"
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageRefused)
    assert "activate" in str(heard.error)
    assert len(server.requests) == 1


async def test_case_agent_fails_twice_then_ok(autojump_clock):
    """The memory keeps only the run that succeeded: the retry did not double the turn."""
    MemNet().install()
    server = N8nServer(OK)
    server.fail_each_turn(2, "line")
    async with server.running(), stage_for(server) as stage:
        assert (await ask(stage)).text == HELLO
        assert (await ask(stage, request(turn_id="turn-2"))).text == HELLO
        assert stage.retry_count == 4
    assert server.memory == {"discord:1:2:3": [(WORDS, HELLO)] * 2}
