"""The agent stage against the simulated n8n: exact times on the in-memory network, the same promises on loopback."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.integration.stages.agent.agent_client import SECRET_PATH, WORDS, ask, request, stage_for
from tests.mocks.mock_n8n_server import create_failing_n8n_server, create_mock_n8n_server
from voxbridge.config.secrets import Secret
from voxbridge.core.text.pace import longest_said_s
from voxbridge.errors import (
    AgentFailed,
    ConfigError,
    InternalError,
    NoReply,
    StageProtocolError,
    StageRefused,
    StageTimeout,
    StageUnavailable,
)
from voxbridge.stages.agent.n8n import ENGINES_URL, N8nSettings, N8nStage
from voxbridge.stages.agent.settings import AgentAuthSettings
from voxbridge.stages.contracts import AgentEvent, Previous, TextDelta
from voxbridge.stages.sinks import AnswerInto
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_credentials import Credentials
from voxbridge.testing.servers.n8n_plans import (
    Break,
    Head,
    Line,
    Plan,
    Wait,
    Whole,
    Write,
    agent,
    spoken,
    stream,
    whole,
)

pytestmark = pytest.mark.integration

ANSWER = ["Hello ", "there", ". ", "How are you?"]


def exactly(seconds: float):
    return pytest.approx(seconds, abs=1e-9)


@pytest.fixture
async def net() -> MemNet:
    """The in-memory network, installed; a test that takes ``autojump_clock`` as well runs in virtual time."""
    return MemNet().install()


# -- times, in virtual time


async def test_answer_first_text_comes_at_its_instant(autojump_clock, net):
    """Head at 50 ms, `begin` with it: the first text is the first token, at 400 ms, and each token passes at once."""
    server = N8nServer(agent(ANSWER, head_s=0.05, first_s=0.4, gap_s=0.03))
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert heard.error is None
    assert heard.marks == {"agent_request": exactly(0.0), "agent_first_text": exactly(0.4)}
    deltas = [(at, event.text) for at, event in heard.events if isinstance(event, TextDelta)]
    assert deltas == [(exactly(0.4 + 0.03 * index), token) for index, token in enumerate(ANSWER)]
    assert heard.ended == exactly(0.49)


async def test_answer_on_a_slow_network_costs_its_round_trips(autojump_clock, net):
    """With 10 ms one way a cold connection costs a round trip, the request another, a warm one only the second."""
    MemNet(latency_s=0.010).install()
    server = N8nServer(agent(ANSWER, first_s=0.4))
    async with server.running(), stage_for(server) as stage:
        cold, warm = await ask(stage), await ask(stage)
    assert cold.marks["agent_first_text"] == exactly(0.44)
    assert warm.marks["agent_first_text"] == exactly(0.42)
    assert server.connections == 1


@pytest.mark.parametrize("shape", ["status", "line", "empty"])
async def test_answer_two_failures_then_success(autojump_clock, net, shape):
    """Fails twice, in each of n8n's shapes, then speaks: two retries counted, their waits the only added time (O2)."""
    server = N8nServer(agent(ANSWER, first_s=0.4))
    server.fail_next(2, shape)
    async with server.running(), stage_for(server, retry_empty=True) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 2
    assert heard.text == "".join(ANSWER)
    assert heard.marks["agent_first_text"] == exactly(0.25 + 0.5 + 0.4)
    assert [question.attempt for question in server.questions] == [1, 2, 3]
    assert {request.headers["idempotency-key"] for request in server.requests} == {"turn-1"}


async def test_answer_refused_connections_then_success(autojump_clock, net):
    """A server that is restarting refuses twice and answers the third time (O2)."""
    server = N8nServer(agent(ANSWER))
    async with server.running(), stage_for(server) as stage, trio.open_nursery() as nursery:
        await server.stop()

        async def come_back() -> None:
            await trio.sleep(0.5)
            await server.start()

        nursery.start_soon(come_back)
        heard = await ask(stage)
        assert stage.retry_count == 2
    assert heard.text == "".join(ANSWER)
    assert heard.marks["agent_first_text"] == exactly(0.75)


async def test_answer_jitter_shortens_the_wait(autojump_clock, net):
    """Full jitter: the injected dice scale each wait."""
    server = N8nServer(agent(ANSWER))
    server.fail_next(2)
    async with server.running(), stage_for(server, jitter=0.5) as stage:
        heard = await ask(stage)
    assert heard.marks["agent_first_text"] == exactly(0.125 + 0.25)


async def test_answer_gives_up_with_the_real_error_when_time_is_short(autojump_clock, net):
    """No attempt is begun that cannot end within the caller's deadline: the error, at once, not a cancel later."""
    server = N8nServer(agent(ANSWER))
    server.fail_next(9)
    async with server.running(), stage_for(server) as stage:
        with trio.move_on_after(1.2) as turn:
            heard = await ask(stage)
    assert not turn.cancelled_caught
    assert isinstance(heard.error, AgentFailed)
    # at 0.25 the second attempt; the third would begin at 0.75 and could not have its 0.5 s before 1.2
    assert heard.ended == exactly(0.25)
    assert len(server.questions) == 2


@pytest.mark.parametrize(("retry_after", "first_text", "tries"), [("2", 2.0, 2), ("3600", None, 1)])
async def test_answer_retry_after_is_honoured_if_it_fits(autojump_clock, net, retry_after, first_text, tries):
    """A server that says when to come back is asked then; if that is too late for the turn, not at all."""
    server = N8nServer(agent(ANSWER))
    server.plans.append(whole({"busy": True}, 503, headers=(("Retry-After", retry_after),)))
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert len(server.questions) == tries
    if first_text is None:
        assert isinstance(heard.error, StageUnavailable)
        assert heard.ended == exactly(0.0)
    else:
        assert heard.marks["agent_first_text"] == exactly(first_text)


async def test_answer_retry_after_date_counts_from_the_servers_own_clock(autojump_clock, net):
    """A date is read against the answer's Date header, so a wrong clock on either side does not matter."""
    server = N8nServer(agent(ANSWER))
    dates = (("Date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("Retry-After", "Wed, 21 Oct 2015 07:28:03 GMT"))
    server.plans.append(whole({}, 429, headers=dates))
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert heard.marks["agent_first_text"] == exactly(3.0)


@pytest.mark.parametrize("plan", [Plan((Wait(99),)), stream(Line("begin"), Wait(99))], ids=["no head", "head, begin"])
async def test_answer_first_deadline_is_text_not_headers(autojump_clock, net, plan):
    """Head and `begin` do not count as an answer: at the first limit the attempt ends, and another one speaks."""
    server = N8nServer(agent(ANSWER, first_s=0.1))
    server.plans.append(plan)
    async with server.running(), stage_for(server, first_limit_ms=1000) as stage:
        heard = await ask(stage)
        assert server.disconnects == 1
    assert heard.text == "".join(ANSWER)
    assert heard.marks["agent_first_text"] == exactly(1.0 + 0.25 + 0.1)


async def test_answer_first_deadline_names_its_limit(autojump_clock, net):
    """When all attempts are silent, the error names the timer and the configured limit."""
    server = N8nServer(Plan((Break("hang"),)))
    async with server.running(), stage_for(server, first_limit_ms=1000, retries=1) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageTimeout)
    assert (heard.error.which, heard.error.limit_s) == ("first", 1.0)
    assert heard.ended == exactly(1.0 + 0.25 + 1.0)


async def test_answer_idle_deadline_cancels_a_stalled_answer(autojump_clock, net):
    """After the first text the idle limit runs from chunk to chunk; no retry, since text was passed on."""
    server = N8nServer(stream(Line("item", "Hello "), Wait(1.9), Line("item", "there"), Wait(99)))
    async with server.running(), stage_for(server, idle_limit_ms=2000) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 0
    assert heard.text == "Hello there"
    assert isinstance(heard.error, StageTimeout)
    assert heard.error.which == "idle"
    assert heard.ended == exactly(1.9 + 2.0)


async def test_answer_total_deadline_ends_a_trickle(autojump_clock, net):
    """A body that trickles, slower than it is said, never meets the idle limit; the total one ends it (O23)."""
    server = N8nServer(agent(["word "] * 100, gap_s=1.5))
    async with server.running(), stage_for(server, total_limit_ms=5250) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageTimeout)
    assert (heard.error.which, heard.error.limit_s) == ("total", 5.25)
    assert heard.text == "word " * 8
    assert heard.ended == exactly(5.25 + longest_said_s(heard.text)), "what is spoken meanwhile is no wait"


async def test_answer_total_deadline_spans_the_attempts(autojump_clock, net):
    """The total limit is the turn's, not an attempt's, and its error names the configured length."""
    server = N8nServer(stream(Line("begin"), Wait(99)))
    server.plans.append(Plan((Wait(1.5), Whole(503, b"")), succeeds=False))
    async with server.running(), stage_for(server, first_limit_ms=2000, total_limit_ms=3000) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 1
    assert isinstance(heard.error, StageTimeout)
    assert (heard.error.which, heard.error.limit_s) == ("total", 3.0)
    assert heard.ended == exactly(3.0)


async def test_answer_silence_is_tried_again_once(autojump_clock, net):
    """However many retries are allowed: the user has waited twice the limit. Other failures keep theirs."""
    server = N8nServer(Plan((Break("hang"),)))
    server.plans += [Plan((Whole(503, b""),), succeeds=False)] * 2
    async with server.running(), stage_for(server, first_limit_ms=1000, retries=9) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 3
    assert isinstance(heard.error, StageTimeout)
    assert heard.error.which == "first"
    assert heard.ended == exactly(0.25 + 0.5 + 1.0 + 1.0 + 1.0)


async def test_answer_failure_after_a_silence_is_tried_again(autojump_clock, net):
    """A workflow that hung and is restarted refuses first, then answers."""
    server = N8nServer(agent(ANSWER))
    server.plans += [Plan((Break("hang"),), succeeds=False), Plan((Whole(503, b""),), succeeds=False)]
    async with server.running(), stage_for(server, first_limit_ms=1000) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 2
    assert heard.text == "".join(ANSWER)
    assert heard.marks["agent_first_text"] == exactly(1.0 + 0.25 + 0.5)


@pytest.mark.parametrize(("total_ms", "tries"), [(2250, 2), (2249, 1)])
async def test_answer_silence_is_not_tried_again_without_time_for_the_whole_limit(autojump_clock, net, total_ms, tries):
    """A retry that would be cut short only makes the apology late."""
    server = N8nServer(Plan((Break("hang"),)))
    async with server.running(), stage_for(server, first_limit_ms=1000, total_limit_ms=total_ms) as stage:
        heard = await ask(stage)
        assert stage.retry_count == tries - 1
    assert isinstance(heard.error, StageTimeout)
    assert heard.ended == exactly(1.0 if tries == 1 else 2.25)


async def test_answer_silence_is_not_tried_again_when_the_turn_has_no_time_left(autojump_clock, net):
    """The turn's own limit counts as the agent's does."""
    server = N8nServer(Plan((Break("hang"),)))
    async with server.running(), stage_for(server, first_limit_ms=1000) as stage:
        with trio.fail_after(2.2):
            heard = await ask(stage)
        assert stage.retry_count == 0
    assert isinstance(heard.error, StageTimeout)
    assert heard.ended == exactly(1.0)


async def test_answer_waits_for_a_slow_consumer_without_losing_time(autojump_clock, net):
    """Time spent in a full channel is the consumer's: neither idle nor total limit strikes."""
    server = N8nServer(agent(["one ", "two ", "three"], gap_s=0.1))
    send, receive = trio.open_memory_channel[AgentEvent](0)
    limits: dict[str, Any] = {"idle_limit_ms": 500, "total_limit_ms": 1000}
    async with server.running(), stage_for(server, **limits) as stage, trio.open_nursery() as nursery:

        async def answer() -> None:
            async with send:
                await stage.answer(request(), AnswerInto(send))

        nursery.start_soon(answer)
        texts = []
        async for event in receive:
            texts.append(event)
            await trio.sleep(3)
    assert [event.text for event in texts if isinstance(event, TextDelta)] == ["one ", "two ", "three"]


async def test_answer_soft_target_does_not_cancel(autojump_clock, net):
    """A cold n8n needs 1.8 s; the target of 500 ms is for reports."""
    server = N8nServer(agent(ANSWER, first_s=0.1))
    server.cold_s = 1.8
    async with server.running(), stage_for(server) as stage:
        cold, warm = await ask(stage), await ask(stage)
    assert cold.marks["agent_first_text"] == exactly(1.9)
    assert warm.marks["agent_first_text"] == exactly(0.1)


async def test_answer_tool_call_flushes_what_was_said_before(autojump_clock, net):
    """A silent tool of 12 s after "One moment." is no failure, and those words are not held back by it."""
    server = N8nServer(stream(*spoken(["One moment."]), Wait(12), *spoken(["It is noon."])))
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert heard.error is None
    assert [(at, type(event).__name__) for at, event in heard.events] == [
        (exactly(0), "TextDelta"),
        (exactly(0), "TextFlush"),
        (exactly(12), "TextDelta"),
        (exactly(12), "TextFlush"),
    ]


async def test_answer_cancel_closes_the_connection_at_once(autojump_clock, net):
    """Barge-in: the server sees the disconnect in the same instant, the next turn works, and n8n's run goes on."""
    server = N8nServer(agent(["word "] * 20, gap_s=0.5))
    async with server.running(), stage_for(server) as stage:
        with trio.CancelScope() as turn:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask, stage)
                await trio.sleep(1.1)
                turn.cancel(reason="barge-in")
        assert trio.current_time() == exactly(server.questions[0].at + 1.1)
        await trio.testing.wait_all_tasks_blocked()
        assert server.disconnects == 1
        assert server.running_runs == 1
        server.script = agent(ANSWER)
        heard = await ask(stage, request(turn_id="turn-2", previous=Previous(interrupted=True, heard="word word")))
        assert heard.text == "".join(ANSWER)
        await trio.sleep(20)
    memory = server.memory["discord:1:2:3"]
    assert [answer for _said, answer in memory] == ["".join(ANSWER), "word " * 20], (
        "n8n remembers B before A, and all of A"
    )


async def test_answer_cancel_at_any_instant_leaves_no_connection_in_use(autojump_clock, net):
    """Cancelled at each 10 ms of a turn, the pool is whole: no request is left, the next one is answered."""
    MemNet(latency_s=0.005).install()
    server = N8nServer(agent(["a ", "b ", "c."], head_s=0.02, first_s=0.05, gap_s=0.02))
    async with server.running(), stage_for(server) as stage:
        for step in range(14):
            with trio.move_on_after(step * 0.01 + 0.001):
                await ask(stage)
            await trio.sleep(0.1)
            assert server.in_flight == 0, f"a request is still open after a cancel at {step * 10} ms"
        assert (await ask(stage)).text == "a b c."


async def test_answer_many_at_once_share_the_pool(autojump_clock, net):
    """Turns of many speakers run side by side, each with its own answer."""
    server = N8nServer(lambda question: agent([f"You are {question.turn_id}."], first_s=0.3))
    async with server.running(), stage_for(server) as stage:
        answers: dict[str, str] = {}

        async def turn(name: str) -> None:
            answers[name] = (await ask(stage, request(turn_id=name))).text

        async with trio.open_nursery() as nursery:
            for index in range(20):
                nursery.start_soon(turn, f"t{index}")
    assert answers == {f"t{index}": f"You are t{index}." for index in range(20)}
    assert server.in_flight_max == 20


async def test_answer_keeps_the_connection_warm_and_survives_its_end(autojump_clock, net):
    """Within n8n's 6 s the connection is used again; when n8n has closed it, a new one is made, and no try is lost."""
    server = N8nServer(agent(ANSWER))
    async with server.running(), stage_for(server, retries=0) as stage:
        await ask(stage)
        await trio.sleep(3)
        await ask(stage)
        assert server.connections == 1
        await trio.sleep(7)
        assert (await ask(stage)).error is None
        assert server.connections == 2


async def test_answer_dead_kept_connection_is_repeated_once(autojump_clock, net):
    """The server closes the kept connection just as our request is on its way: it is sent again, unnoticed."""
    MemNet(latency_s=0.010).install()
    server = N8nServer(agent(ANSWER))
    async with server.running(), stage_for(server, retries=0) as stage:
        await ask(stage)
        async with trio.open_nursery() as nursery:

            async def close() -> None:
                await trio.sleep(0.005)  # the request left at 0, and arrives at 10 ms at a connection that is closed
                server.close_idle()

            nursery.start_soon(close)
            heard = await ask(stage)
        assert heard.text == "".join(ANSWER)
        assert stage.retry_count == 0
    assert server.connections == 2


# -- errors


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_answer_body_cut_before_text_is_tried_again(autojump_clock, net, how):
    """n8n is killed in mid-answer before any text: the next attempt speaks."""
    server = N8nServer(agent(ANSWER))
    server.plans.append(Plan((Head(), Line("begin"), Break(how))))
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert heard.text == "".join(ANSWER)


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_answer_body_cut_after_text_is_reported_not_repeated(autojump_clock, net, how):
    """What was passed on is kept; asking again would say it twice."""
    server = N8nServer(Plan((Head(), Line("begin"), Line("item", "Hello "), Wait(0.1), Break(how))))
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert heard.text == "Hello "
    assert isinstance(heard.error, StageProtocolError)
    assert len(server.questions) == 1


async def test_answer_no_http_at_all(autojump_clock, net):
    """Something else listens on the port: said so, and no crash."""
    server = N8nServer()
    server.connection_fault = "close"
    async with server.running(), stage_for(server, retries=0) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageProtocolError)
    assert "without an answer" in str(heard.error)


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://127.0.0.1:9/webhook/s3cret-path", "refused"), ("http://nowhere.invalid/webhook/s3cret-path", "resolved")],
)
async def test_answer_unreachable_names_the_root_cause_and_no_url(autojump_clock, net, url, words):
    """Refused or unknown host: one sentence that says which, without the URL."""
    async with N8nStage(N8nSettings(url=Secret(url), retries=0)) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageUnavailable)
    assert words in str(heard.error)
    assert "s3cret" not in "".join(traceback.format_exception(heard.error))


async def test_answer_starting_n8n_is_waited_for(autojump_clock, net):
    """A 404 page is a server that starts, not a wrong URL: it is tried again."""
    server = N8nServer()
    server.state = "starting"
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 2
    assert isinstance(heard.error, StageUnavailable)
    assert heard.text == ""


async def test_answer_test_url_is_explained(autojump_clock, net):
    """A /webhook-test/ URL gets its own advice, since n8n's 404 does not name the method there."""
    server = N8nServer()
    async with server.running(), stage_for(server, path="/webhook-test/s3cret-path") as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageRefused)
    assert "/webhook/ instead of /webhook-test/" in str(heard.error)
    assert "s3cret" not in str(heard.error)


async def test_answer_error_that_repeats_the_user_is_not_quoted(autojump_clock, net):
    """A workflow's error may contain what was said; the message says that it is not shown."""
    server = N8nServer(stream(Line("error", f"no tool for: {WORDS}")))
    async with server.running(), stage_for(server, retries=0) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, AgentFailed)
    assert "pineapple" not in str(heard.error)
    assert "not shown" in str(heard.error)


async def test_answer_empty_is_not_repeated_unless_asked_for(autojump_clock, net):
    """An empty 200 may be a failed run or a silent one that had effects: one request, and NoReply."""
    server = N8nServer()
    server.fail_next(1, "empty")
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, NoReply)
    assert len(server.questions) == 1


async def test_answer_endless_is_cut_at_its_length(autojump_clock, net):
    """An agent that never stops is cut at the limit, flushed and disconnected; that is no error."""
    server = N8nServer(agent(["word "] * 1000, gap_s=0.01))
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage, request(answer_chars_max=23))
        await trio.testing.wait_all_tasks_blocked()
        assert server.disconnects == 1
    assert heard.error is None
    assert heard.text == ("word " * 5)[:23]
    assert heard.flushes == 1


async def test_answer_huge_error_body_is_not_read(autojump_clock, net):
    """Of an error page only the first 2 KiB count, however long it goes on."""
    page = Write(b"<html>" + b"x" * 60_000)
    endless = Plan((Whole(502, b"<html><body>" + b"y" * 500_000, "text/html"),))
    server = N8nServer(endless)
    async with server.running(), stage_for(server, retries=0) as stage:
        heard = await ask(stage)
        assert isinstance(heard.error, StageUnavailable)
        server.script = Plan((Head("text/html"), *[page] * 20, Wait(99)))
        assert isinstance((await ask(stage)).error, NoReply)
    assert len(str(heard.error)) < 500


async def test_stage_outside_its_block_is_a_bug_of_ours():
    """Using it before it was entered is an internal error, not a refusal of the server."""
    stage = N8nStage(N8nSettings(url=Secret("http://localhost/webhook/x")))
    send, _receive = trio.open_memory_channel[AgentEvent](0)
    with pytest.raises(InternalError):
        await stage.answer(request(), AnswerInto(send))


@pytest.mark.parametrize(
    "headers", [{"X Y": Secret("v")}, {"X-Key": Secret("gr\u00fc\u00dfe-s3cret")}], ids=["bad name", "not ASCII"]
)
def test_bad_header_is_a_configuration_error(headers):
    """A header that HTTP cannot carry is found when the settings are read, and its value is not shown."""
    with pytest.raises(ConfigError) as caught:
        N8nSettings(url=Secret("http://localhost/webhook/x"), headers=headers)
    assert "s3cret" not in str(caught.value)


# -- the request


async def test_request_carries_what_the_workflow_needs(autojump_clock, net):
    """Body and headers as n8n's triggers want them: ids as strings, unknown values left out, copies under new names."""
    server = N8nServer()
    asked = request(
        text="Grüße 😀",
        confidence=0.93,
        speech_ms=1840,
        previous=Previous(interrupted=True, heard="Well"),
        participants=3,
        people=("Ada", "Bob"),
    )
    async with server.running(), stage_for(server, also_as=("text", "transcript")) as stage:
        assert (await ask(stage, asked)).error is None
    (sent,) = server.requests
    assert json.loads(sent.body) == {
        "action": "sendMessage",
        "sessionId": "discord:1:2:3",
        "chatInput": "Grüße 😀",
        "text": "Grüße 😀",
        "transcript": "Grüße 😀",
        "metadata": {
            "source": "voxbridge",
            "turnId": "turn-1",
            "attempt": 1,
            "guildId": "1",
            "channelId": "2",
            "userId": "3",
            "userName": "Ada",
            "language": "en",
            "sttConfidence": 0.93,
            "speechMs": 1840,
            "participants": 3,
            "people": ["Ada", "Bob"],
            "previous": {"interrupted": True, "heard": "Well"},
        },
    }
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept-encoding"] == "identity"
    assert sent.headers["accept"].startswith("application/json, text/event-stream")
    assert sent.headers["x-request-id"] == sent.headers["idempotency-key"] == "turn-1"
    agent_name = sent.headers["user-agent"]
    assert agent_name.startswith("VoxBridge/")
    assert not any(word in agent_name.lower() for word in ("bot", "crawler")), "n8n's 'ignore bots' refuses these"


async def test_request_names_and_scope_are_settings(autojump_clock, net):
    """Other workflows read other keys; a channel may share one conversation."""
    server = N8nServer(whole({"data": [{"say": "Hello there."}]}))
    options: dict[str, Any] = {
        "input_key": "text",
        "session_key": "conversation",
        "session_scope": "channel",
        "output_path": "data.0.say",
    }
    async with server.running(), stage_for(server, **options) as stage:
        assert (await ask(stage)).text == "Hello there."
    body = json.loads(server.requests[0].body)
    assert (body["text"], body["conversation"]) == (WORDS, "discord:1:2")


async def test_request_query_of_the_url_is_kept(autojump_clock, net):
    """A URL with a query goes out as it was configured."""
    server = N8nServer()
    async with server.running(), stage_for(server, path=SECRET_PATH + "?v=1&k=%20x") as stage:
        assert (await ask(stage)).error is None
    assert server.requests[0].target == SECRET_PATH + "?v=1&k=%20x"


async def test_request_credentials_in_the_url_are_sent_as_basic(autojump_clock, net):
    """A URL of the form http://user:password@host works as people expect, and its password stays out of errors."""
    server = N8nServer(
        stream(Line("error", "login passw0rd failed")), credentials=Credentials("basic", "passw0rd", "me")
    )
    async with server.running():
        url = server.webhook_url.replace("http://", "http://me:passw0rd@")
        async with N8nStage(N8nSettings(url=Secret(url), retries=0)) as stage:
            heard = await ask(stage)
    assert isinstance(heard.error, AgentFailed)
    assert "login *** failed" in str(heard.error)


# -- probe


@pytest.mark.parametrize("is_chat", [False, True])
async def test_probe_finds_the_webhook_without_a_run(autojump_clock, net, is_chat):
    """The operator learns that it is there, and no workflow has run."""
    server = N8nServer(is_chat_trigger=is_chat)
    async with server.running(), stage_for(server, path="/webhook/chat-1/chat") as stage:
        said = await stage.probe()
    assert said.startswith("n8n: ")
    assert "chat-1" not in said
    assert server.questions == []


@pytest.mark.parametrize("streams", [True, False])
async def test_probe_of_a_chat_trigger_tries_the_credentials(autojump_clock, net, streams):
    """Its page is open to all, if it ends at all; the question that runs nothing is not."""
    server = N8nServer(is_chat_trigger=True, credentials=Credentials("basic", "passw0rd", "me"))
    server.is_streaming_trigger = streams
    auth = AgentAuthSettings(kind="basic", user="me")
    async with server.running():
        async with stage_for(server, path="/webhook/chat-1/chat", auth=auth, api_key=Secret("passw0rd")) as stage:
            assert "the Chat Trigger is there" in await stage.probe()
        async with stage_for(server, path="/webhook/chat-1/chat") as stage:
            with pytest.raises(StageRefused, match="kind = basic"):
                await stage.probe()
    assert server.questions == []


@pytest.mark.parametrize(
    ("path", "state", "kind", "words"),
    [
        ("/webhook/s3cret-other", "ready", StageRefused, "activate"),
        (SECRET_PATH, "inactive", StageRefused, "activate"),
        ("/webhook-test/s3cret-path", "ready", StageRefused, "/webhook-test/"),
        (SECRET_PATH, "starting", StageUnavailable, "404"),
    ],
)
async def test_probe_says_how_to_mend_it(autojump_clock, net, path, state, kind, words):
    """Wrong path, inactive workflow, test URL and a starting n8n are told apart, without the URL."""
    server = N8nServer()
    server.state = state
    async with server.running(), stage_for(server, path=path) as stage:
        with pytest.raises(kind) as caught:
            await stage.probe()
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_probe_of_a_hung_server_ends(autojump_clock, net):
    """A port that accepts and says nothing is reported after 5 s."""
    server = N8nServer()
    server.connection_fault = "hang"
    async with server.running(), stage_for(server) as stage:
        with pytest.raises(StageTimeout):
            await stage.probe()


# -- nothing leaks


async def test_logs_hold_neither_url_nor_speech(autojump_clock, net, caplog):
    """At the most talkative level no line of ours or of httpx holds the URL, the words or the answer."""
    server = N8nServer(agent(["Secretanswer ", "there."]))
    server.fail_next(2)
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        async with server.running(), stage_for(server, headers={"X-Key": Secret("k3y-value")}) as stage:
            assert (await ask(stage)).error is None
    written = caplog.text + repr(logs)
    assert len(logs) == 2, "each retry is logged"
    for secret in ("s3cret", "pineapple", "Secretanswer", "k3y-value"):
        assert secret not in written, f"{secret} leaked into the log"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    status=st.sampled_from([200, 201, 301, 307, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504]),
    shape=st.sampled_from(['{"message":"%s"}', '{"error":"%s"}', "%s", "<html><p>%s</p>", '{"output":"%s"}']),
    content_type=st.sampled_from(["application/json", "text/html", "text/plain", "text/event-stream"]),
    marker=st.sampled_from(["Gateway timeout", "Please log in", "stack trace"]),
)
def test_no_text_of_an_error_or_a_page_is_ever_spoken(status, shape, content_type, marker):
    """Of a body with an error status, of headers, and of HTML pages, not a word is passed on, whatever the label."""

    async def run() -> str:
        MemNet().install()
        body = (shape % marker).encode()
        server = N8nServer(Plan((Whole(status, body, content_type, (("X-Note", "Header words"),)),)))
        async with server.running(), stage_for(server, retries=1) as stage:
            heard = await ask(stage)
            server.script = agent(ANSWER)
            assert (await ask(stage)).text == "".join(ANSWER), "the next turn must work"
        is_failed = status >= 300 or "<html" in shape
        assert (heard.error is not None) or not is_failed
        return heard.text if is_failed else heard.text.replace(marker, "")

    spoken_text = trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
    assert marker not in spoken_text
    assert "Header" not in spoken_text
    assert "<" not in spoken_text


# -- on real sockets, with the real clock


async def test_loopback_streams_before_the_end():
    """On a kernel socket the first token is there while the server still speaks."""
    server = N8nServer(agent(ANSWER, gap_s=0.1), piece_bytes=7)
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
    assert heard.text == "".join(ANSWER)
    first, last = heard.events[0][0], heard.ended
    assert last - first >= 0.25, f"first text {first:.3f} s, end {last:.3f} s: it did not stream"


async def test_loopback_failures_then_success():
    """The user's case, on kernel sockets: two failures, then the answer, and `retry_count == 2`."""
    async with create_failing_n8n_server(fail_count=2) as url:
        settings_ = N8nSettings(url=Secret(url), retry_delay_ms=10)
        async with N8nStage(settings_) as stage:
            heard = await ask(stage)
            assert stage.retry_count == 2
    assert "hello" in heard.text.lower()


@pytest.mark.parametrize("path", ["", "/webhook/test"])
async def test_loopback_mock_of_the_document_answers_at_both_addresses(path):
    """The base URL is a webhook itself, and so is /webhook/test; the answer contains "hello" in a finished sentence."""
    async with create_mock_n8n_server() as url, N8nStage(N8nSettings(url=Secret(url + path))) as stage:
        heard = await ask(stage)
    assert "hello" in heard.text.lower()
    assert heard.text.endswith(".")


@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_loopback_cut_answer_and_dead_connection(how):
    """A real broken socket is reported as such, and the next turn makes a new one."""
    server = N8nServer(agent(ANSWER))
    server.plans.append(Plan((Head(), Line("item", "Hello "), Wait(0.05), Break(how))))
    async with server.running(), stage_for(server) as stage:
        broken = await ask(stage)
        server.close_idle()
        whole_answer = await ask(stage)
    assert isinstance(broken.error, StageProtocolError)
    assert whole_answer.text == "".join(ANSWER)


async def test_loopback_cancel_is_seen_by_the_server():
    """The server notices a barge-in without writing."""
    server = N8nServer(stream(Line("item", "Hello "), Wait(30)))
    async with server.running(), stage_for(server) as stage:
        with trio.move_on_after(0.2):
            await ask(stage)
        with trio.fail_after(5):
            while server.in_flight:  # noqa: ASYNC110 - the server counts, it has no event for it
                await trio.sleep(0.005)
    assert server.disconnects == 1


async def test_unix_socket_serves_the_embedded_agent(tmp_path):
    """The embedded engines are asked in the same way, over their socket, with no URL configured."""
    server = N8nServer()
    async with server.running(uds=str(tmp_path / "engines.sock")), stage_for(server) as stage:
        heard = await ask(stage)
        assert await stage.probe()
        assert stage.name == "embedded"
    assert "hello" in heard.text.lower()


async def test_unix_socket_that_is_missing_is_named(tmp_path):
    """Without the engines the error says that the service does not run."""
    async with N8nStage(N8nSettings(url=Secret(ENGINES_URL), retries=0), uds=str(tmp_path / "none.sock")) as stage:
        heard = await ask(stage)
    assert isinstance(heard.error, StageUnavailable)
    assert "not running" in str(heard.error)


async def test_jwt_is_signed_anew_for_each_request(autojump_clock, net):
    """A token that is valid for one minute serves a daemon that runs for days."""
    times = iter([1_000.0, 5_000.0])
    auth, key = AgentAuthSettings(kind="jwt", claims={"iss": "voxbridge"}), Secret("key-of-jwt")
    server = N8nServer()
    async with server.running():
        settings_ = N8nSettings(url=Secret(server.webhook_url), auth=auth, api_key=key)
        async with N8nStage(settings_, wall_s=lambda: next(times)) as stage:
            await ask(stage)
            await ask(stage)
    first, second = (sent.headers["authorization"] for sent in server.requests)
    assert first != second
