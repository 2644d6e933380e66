"""Three chat APIs, value by value: what is spoken, and how it ended."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cuts import cut
from voxbridge.core.agents.answer_reader import AnswerReader, Delta, Ended
from voxbridge.core.agents.chat import DifyValues, OllamaValues, OpenAiValues

pytestmark = pytest.mark.unit


def chunk(content: object = None, reason: str | None = None, **delta) -> dict:
    return {"choices": [{"index": 0, "delta": {"content": content, **delta}, "finish_reason": reason}]}


def sse(*values: object, done: bool = True) -> bytes:
    events = "".join(f"data: {json.dumps(value)}\n\n" for value in values)
    return (events + ("data: [DONE]\n\n" if done else "")).encode()


def lines(*values: object) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def said(content: str = "", **fields) -> dict:
    return {"message": {"role": "assistant", "content": content, **fields}, "done": False}


def event(kind: str, answer: str | None = None, **fields) -> dict:
    return {"event": kind, **({} if answer is None else {"answer": answer}), "task_id": "t", **fields}


def read(values, pieces: list[bytes], content_type: str = "") -> tuple[str, Ended]:
    reader = AnswerReader(content_type=content_type, values=values)
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.end()
    ended = [event for event in events if isinstance(event, Ended)]
    assert len(ended) == 1, f"wants one end, got {ended}"
    assert events[-1] is ended[0]
    return "".join(event.text for event in events if isinstance(event, Delta)), ended[0]


DONE = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
END = event("message_end")
# (what, values, body, what is spoken, outcome, words in the detail)
CASES: list[tuple[Any, ...]] = [
    (
        "stream",
        OpenAiValues,
        sse(chunk("", role="assistant"), chunk("Hel"), chunk("lo."), chunk(None, "stop")),
        "Hello.",
    ),
    ("no finish reason", OpenAiValues, sse(chunk("Hi.")), "Hi."),
    ("no [DONE]", OpenAiValues, sse(chunk("Hi.", "stop"), done=False), "Hi."),
    ("usage chunk", OpenAiValues, sse(chunk("Hi.", "stop"), {"choices": [], "usage": {"total_tokens": 3}}), "Hi."),
    ("usage chunk alone", OpenAiValues, sse(chunk("Hi.", "stop"), {"usage": {"total_tokens": 3}}), "Hi."),
    (
        "reasoning field",
        OpenAiValues,
        sse(chunk(None, reasoning_content="Hm"), chunk(None, reasoning="Hm"), chunk("Hi.", "stop")),
        "Hi.",
    ),
    ("think block", OpenAiValues, sse(chunk("<thi"), chunk("nk>Hm</think>\n\n"), chunk("Hi.", "stop")), "Hi."),
    (
        "content parts",
        OpenAiValues,
        sse(chunk([{"type": "thinking", "thinking": []}, {"type": "text", "text": "Hi."}], "stop")),
        "Hi.",
    ),
    ("refusal", OpenAiValues, sse(chunk(None, refusal="I cannot do that."), chunk(None, "stop")), "I cannot do that."),
    (
        "whole answer",
        OpenAiValues,
        lines({"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}),
        "Hi.",
    ),
    (
        "whole answer, spread",
        OpenAiValues,
        json.dumps({"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}, indent=2).encode(),
        "Hi.",
    ),
    ("comments", OpenAiValues, b": OPENROUTER PROCESSING\n\n" + sse(chunk("Hi.", "stop")), "Hi."),
    ("length", OpenAiValues, sse(chunk("Hi", "length")), "Hi", "ok", "longest"),
    ("filter after text", OpenAiValues, sse(chunk("Hi", "content_filter")), "Hi", "ok", "filter"),
    ("filter", OpenAiValues, sse(chunk(None, "content_filter")), "", "no_reply", "filter"),
    (
        "tool call",
        OpenAiValues,
        sse(chunk(None, tool_calls=[{"index": 0}]), chunk(None, "tool_calls")),
        "",
        "no_reply",
        "tool",
    ),
    (
        "tool call after text",
        OpenAiValues,
        sse(chunk("One moment."), chunk(None, "tool_calls", tool_calls=[{}])),
        "One moment.",
        "ok",
        "tool",
    ),
    (
        "error line",
        OpenAiValues,
        sse(chunk("Hi"), {"error": {"message": "out of memory", "code": 500}}),
        "Hi",
        "agent_error",
        "out of memory",
    ),
    ("error, 200", OpenAiValues, lines({"error": {"message": "no such model"}}), "", "agent_error", "no such model"),
    (
        "error, vLLM",
        OpenAiValues,
        lines({"object": "error", "message": "too long", "code": 400}),
        "",
        "agent_error",
        "too long",
    ),
    ("only thoughts", OpenAiValues, sse(chunk("<think>Hm."), chunk(None, "length")), "", "empty", ""),
    ("cut", OpenAiValues, sse(chunk("Hi"), done=False), "Hi", "cut", ""),
    ("nothing", OpenAiValues, b"", "", "empty", ""),
    ("Ollama's lines", OpenAiValues, lines(said("Hi."), DONE), "", "no_reply", "agent.kind"),
    ("plain text", OpenAiValues, b"Hello.", "", "unsupported", "agent.url"),
    ("page", OpenAiValues, b"<html>Hello.", "", "html_error", ""),
    ("bad event", OpenAiValues, b"data: Hello.\n\n", "", "protocol_error", "not JSON"),
    ("lines", OllamaValues, lines(said("Hel"), said("lo."), DONE), "Hello."),
    ("lines, thinking", OllamaValues, lines(said(thinking="Hm"), said("Hi."), DONE), "Hi."),
    ("one line", OllamaValues, lines({**said("Hi."), "done": True}), "Hi."),
    ("Ollama length", OllamaValues, lines(said("Hi"), {**DONE, "done_reason": "length"}), "Hi", "ok", "longest"),
    ("Ollama error", OllamaValues, lines(said("Hi"), {"error": "runner died"}), "Hi", "agent_error", "runner died"),
    ("Ollama tool", OllamaValues, lines(said(tool_calls=[{}]), DONE), "", "no_reply", "tool"),
    ("Ollama cut", OllamaValues, lines(said("Hi"), said("")), "Hi", "cut", ""),
    ("Ollama, chunks", OllamaValues, sse(chunk("Hi.", "stop")), "", "no_reply", "agent.kind"),
    ("events", DifyValues, sse(event("message", "Hel"), event("message", "lo."), END, done=False), "Hello."),
    (
        "agent",
        DifyValues,
        sse(event("agent_thought", thought="Hm"), event("agent_message", "Hi."), END, done=False),
        "Hi.",
    ),
    ("ping", DifyValues, b"event: ping\n\n" + sse(event("message", "Hi."), END, done=False), "Hi."),
    (
        "chatflow",
        DifyValues,
        sse(
            event("workflow_started", data={}),
            event("message", "Hi."),
            event("workflow_finished", data={"status": "succeeded"}),
            END,
            done=False,
        ),
        "Hi.",
    ),
    (
        "chatflow failed",
        DifyValues,
        sse(event("workflow_finished", data={"status": "failed", "error": "node died"}), done=False),
        "",
        "agent_error",
        "node died",
    ),
    (
        "replaced",
        DifyValues,
        sse(event("message", "Hel"), event("message_replace", "Hello."), END, done=False),
        "Hello.",
    ),
    (
        "replaced otherwise",
        DifyValues,
        sse(event("message", "Damn. "), event("message_replace", "Pardon."), END, done=False),
        "Damn. Pardon.",
    ),
    ("blocking app", DifyValues, lines({"answer": "Hi.", "conversation_id": "c"}), "Hi."),
    (
        "Dify error",
        DifyValues,
        sse(event("error", code="x", message="quota exceeded"), done=False),
        "",
        "agent_error",
        "quota exceeded",
    ),
    ("Dify cut", DifyValues, sse(event("message", "Hi"), done=False), "Hi", "cut", ""),
]


ROWS = [pytest.param(*case[1:4], case[4:] or ("ok", ""), id=case[0]) for case in CASES]


@pytest.mark.parametrize(("values", "body", "spoken", "outcome"), ROWS)
def test_body(values, body, spoken, outcome):
    """Whole, byte by byte, and in sevens."""
    for size in (len(body) or 1, 1, 7):
        text, ended = read(values, [body[at : at + size] for at in range(0, len(body), size)])
        assert (text, ended.outcome) == (spoken, outcome[0]), f"in pieces of {size}: {ended}"
        assert outcome[1] in ended.detail


@given(at=st.lists(st.integers(0, 2000), max_size=8), case=st.sampled_from(CASES))
def test_any_cut_gives_the_same(at, case):
    """However the network cuts the bytes, the same is spoken and it ends in the same way."""
    assert read(case[1], cut(case[2], at)) == read(case[1], [case[2]])


def test_dify_ids_are_kept():
    """The task's id stops the answer, the conversation's continues it."""
    made: list[DifyValues] = []

    def values(said) -> DifyValues:
        made.append(DifyValues(said))
        return made[-1]

    reader = AnswerReader(values=values)
    reader.feed(sse(event("message", "Hi.", conversation_id="c-1"), done=False))
    assert (made[0].task_id, made[0].conversation_id) == ("t", "c-1")
