"""The sniffing reader: what is spoken of an answer, and what never is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.cuts import cut
from voxbridge.core.agents.answer_reader import AnswerEvent, AnswerReader, Delta, Ended, Flush
from voxbridge.core.agents.reply import ReplyRule

pytestmark = pytest.mark.unit

RULE = ReplyRule(asked="what time is it", own_keys=frozenset({"sessionId", "chatInput"}))


def line(kind: str, content: object = None, node: str = "AI Agent") -> str:
    fields: dict[str, Any] = {"type": kind}
    if content is not None:
        fields["content"] = content
    fields["metadata"] = {"nodeId": f"id-{node}", "nodeName": node, "itemIndex": 0, "runIndex": 0}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False) + "\n"


def spoken(*tokens: str, node: str = "AI Agent") -> str:
    return line("begin", node=node) + "".join(line("item", token, node) for token in tokens) + line("end", node=node)


def read(pieces: list[bytes], **options) -> list[AnswerEvent]:
    """Return the events with neighbouring deltas joined: only their text is promised, not their edges."""
    reader = AnswerReader(**{"rule": RULE, **options})
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.end()
    joined: list[AnswerEvent] = []
    for event in events:
        if isinstance(event, Delta) and joined and isinstance(joined[-1], Delta):
            joined[-1] = Delta(joined[-1].text + event.text)
        else:
            joined.append(event)
    return joined


def text_in(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


def outcome_in(events: list[AnswerEvent]) -> str:
    ended = [event for event in events if isinstance(event, Ended)]
    assert len(ended) == 1, f"wants exactly one end, got {ended}"
    assert events[-1] is ended[0], f"something came after the end: {events}"
    return ended[0].outcome


def detail_in(events: list[AnswerEvent]) -> str:
    assert isinstance(events[-1], Ended), f"no end: {events}"
    return events[-1].detail


# (name, Content-Type, body, what is spoken, outcome); the original's defects O3 to O6 among them
CASES: list[tuple[str, str, str, str, str]] = [
    ("n8n tokens", "application/json", spoken("Well ", "yes. "), "Well yes. ", "ok"),
    ("n8n without begin or last newline", "", line("item", "Hello.")[:-1], "Hello.", "ok"),
    ("n8n respond node: JSON in content", "", spoken('{"output":"Hello there."}', node="R"), "Hello there.", "ok"),
    ("n8n respond node: array in content", "", spoken('[{"output":"A."},{"output":"B."}]', node="R"), "A.\nB.", "ok"),
    ("n8n token that looks like JSON", "", spoken("It is ", '[{"response":1}]', "."), 'It is [{"response":1}].', "ok"),
    ("n8n first token is a bracket", "", spoken("[", "laughs] Hi."), "[laughs] Hi.", "ok"),
    (
        "n8n agent and Respond: once",
        "",
        spoken("Hi ", "you.") + spoken('{"output":"Hi you."}', node="R"),
        "Hi you.",
        "ok",
    ),
    (
        "n8n tool call, then Respond repeats the last part",
        "",
        spoken("One moment.") + spoken("It is noon.") + spoken('{"output":"It is noon."}', node="R"),
        "One moment.It is noon.",
        "ok",
    ),
    (
        "n8n second node says the same, token by token",
        "",
        spoken("Hi you.") + spoken("Hi", " you.", node="B"),
        "Hi you.",
        "ok",
    ),
    (
        "n8n second node begins alike",
        "",
        spoken("Yes. I can.") + spoken("Yes", ". No.", node="B"),
        "Yes. I can.Yes. No.",
        "ok",
    ),
    ("n8n second node says less", "", spoken("Yes. I can.") + spoken("Yes.", node="B"), "Yes. I can.Yes.", "ok"),
    ("n8n same node again", "", spoken("Ha.") + spoken("Ha."), "Ha.Ha.", "ok"),
    ("n8n error first", "", line("error", "No session ID found"), "", "agent_error"),
    ("n8n error without newline", "", line("error")[:-1], "", "agent_error"),
    ("n8n error after text", "", line("begin") + line("item", "Well ") + line("error", None), "Well ", "agent_error"),
    ("n8n begin and nothing more", "", line("begin"), "", "empty"),
    ("n8n empty call", "", spoken(), "", "empty"),
    ("n8n unknown type", "", line("begin") + line("tool", "x") + line("item", "Hi."), "Hi.", "ok"),
    ("n8n garbage after text", "", line("begin") + line("item", "Hi.") + "oops\n", "Hi.", "protocol_error"),
    ("n8n split emoji", "", '{"type":"item","content":"\\ud83d"}\n{"type":"item","content":"\\ude00"}\n', "😀", "ok"),
    ("O3 SSE words", "text/event-stream", "data: Echo:\n\ndata: hello\n\ndata: there\n\n", "Echo: hello there", "ok"),
    (
        "O3 SSE words with a space of their own",
        "",
        "data: Echo: \n\ndata: hello\n\ndata: [DONE]\n\n",
        "Echo: hello",
        "ok",
    ),
    ("SSE tokens", "", "data: Hello\n\ndata:  there\n\ndata: fore\n\ndata: .\n\n", "Hello therefore.", "ok"),
    ("SSE words, Chinese", "", "data: 你\n\ndata: 好\n\n", "你好", "ok"),
    ("O4 SSE JSON payload", "text/html", 'data: {"text":"Hi there"}\n\ndata: [DONE]\n\n', "Hi there", "ok"),
    (
        "SSE OpenAI",
        "text/event-stream",
        (
            ': ping\n\ndata: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
            'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: {"choices":[{"delta":{"content":" you"}}]}\n\n'
            'data: {"choices":[{"delta":{"reasoning_content":"secret"}}]}\n\n'
            'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: {"choices":[],"usage":{"n":3}}\n\n'
            "data: [DONE]\n\n"
        ),
        "Hi you",
        "ok",
    ),
    ("SSE after [DONE]", "", "data: Hi.\n\ndata: [DONE]\n\ndata: more\n\n", "Hi.", "ok"),
    (
        "SSE error in mid-stream",
        "",
        'data: {"answer":"Hi"}\n\ndata: {"error":{"message":"m"}}\n\n',
        "Hi",
        "agent_error",
    ),
    ("SSE error event", "", "event: error\ndata: overloaded\n\n", "", "agent_error"),
    (
        "SSE ping and metadata",
        "",
        'event: ping\ndata: 17\n\nevent: metadata\ndata: {"text":"x"}\n\ndata: Hi.\n\n',
        "Hi.",
        "ok",
    ),
    ("SSE n8n lines", "", f"data: {line('item', 'Hi.')}\ndata: {line('error', 'x')}\n", "Hi.", "agent_error"),
    ("SSE cut JSON", "", 'data: {"text":"Hel', "", "protocol_error"),
    ("O5 response", "application/json", '{"response":"Hi there"}', "Hi there", "ok"),
    ("O5 text", "application/json", '{"text":"Hi there"}\n', "Hi there", "ok"),
    ("O5 plain text as html", "text/html; charset=utf-8", "Hi there. How are you?", "Hi there. How are you?", "ok"),
    ("O6 plain text", "text/plain", "Hello world.", "Hello world.", "ok"),
    ("plain text with BOM", "", "\n \ufeffGrüße, 世界 😀.", "Grüße, 世界 😀.", "ok"),
    ("plain text in brackets", "", "[laughs] Hi.", "[laughs] Hi.", "ok"),
    ("plain text, citation", "", "[1] says so.", "[1] says so.", "ok"),
    ("plain text in braces", "", "{name}, hi.", "{name}, hi.", "ok"),
    ("plain text like a heart", "", "<3 you", "<3 you", "ok"),
    ("plain text like a file", "", "RIFF is a format for sound.", "RIFF is a format for sound.", "ok"),
    ("plain text, one letter of a field", "", "d", "d", "ok"),
    ("pretty JSON", "application/json", '{\n  "output": "Hi."\n}\n', "Hi.", "ok"),
    ("JSON string", "", '["Hi.", "", "Bye."]', "Hi.\nBye.", "ok"),
    ("JSON string alone", "application/json", '"Say \\"hi\\"."', 'Say "hi".', "ok"),
    ("JSON label, but prose", "application/json", '"Hi," she said.\nBye.', '"Hi," she said.\nBye.', "ok"),
    ("prose that begins with a quotation", "text/html", '"Hi," she said.', '"Hi," she said.', "ok"),
    ("nested too deeply", "", '{"output":' * 20 + '"Hi."' + "}" * 20, "", "no_reply"),
    ("error without a message", "", '{"error":true}', "", "agent_error"),
    ("a flag", "", '{"output":true}', "", "no_reply"),
    ("lines of unknown keys", "", '{"a":1}\n{"b":2}\n', "", "no_reply"),
    ("Ollama, after its end", "", '{"response":"Hi.","done":true}\n{"response":"more"}\n', "Hi.", "ok"),
    ("nested content", "", '{"output":{"content":"t"}}', "t", "ok"),
    ("OpenAI, whole", "", '{"id":"x","choices":[{"message":{"role":"assistant","content":"Hi."}}]}', "Hi.", "ok"),
    ("content parts", "", '{"content":[{"type":"text","text":"Hi."},{"type":"image","url":"x"}]}', "Hi.", "ok"),
    ("null, then text", "", '{"output":null,"text":"Hi."}', "Hi.", "ok"),
    ("a number", "", '{"output":42}', "42", "ok"),
    ("message that is an answer", "", '{"message":"Hi.","code":200,"error":null}', "Hi.", "ok"),
    ("Ollama", "", '{"message":{"content":"Hi"},"done":false}\n{"message":{"content":"."},"done":true}\n', "Hi.", "ok"),
    ("Ollama error", "", '{"response":"Hi","done":false}\n{"error":"gone"}\n', "Hi", "agent_error"),
    ("lines of text", "", '{"text":"Hi "}\n{"text":"you"}\n', "Hi you", "ok"),
    ("lines, cut", "", '{"text":"Hi "}\n{"text":"yo', "Hi ", "protocol_error"),
    ("deliberate silence", "", '{"output":""}', "", "ok"),
    ("no items", "", "[]", "", "empty"),
    ("white space", "", " \n\t", "", "empty"),
    ("nothing", "", "", "", "empty"),
    ("acknowledgement", "", '{"message":"Workflow was started"}', "", "no_reply"),
    ("acknowledgement in a list", "", '[{"message":"Webhook call received"}]', "", "no_reply"),
    ("acknowledgement with no data", "", '{"message":"Workflow executed successfully but no output"}', "", "no_reply"),
    ("unknown keys", "", '{"result":"Hi."}', "", "no_reply"),
    ("null", "", '[{"output":null}]', "", "no_reply"),
    (
        "error with status 200",
        "",
        '{"code":404,"message":"The requested webhook is not registered."}',
        "",
        "agent_error",
    ),
    ("error of a node", "", '{"error":{"message":"rate limit"}}', "", "agent_error"),
    (
        "echo of the webhook",
        "",
        '[{"headers":{},"params":{},"query":{},"body":{"text":"what time is it"},"executionMode":"production"}]',
        "",
        "no_reply",
    ),
    (
        "echo of our fields",
        "",
        '{"sessionId":"s","chatInput":"what time is it","text":"what time is it"}',
        "",
        "no_reply",
    ),
    ("answer beside our fields", "", '{"sessionId":"s","chatInput":"what time is it","text":"Noon."}', "Noon.", "ok"),
    ("cut JSON", "", '{"output":"Hel', "", "protocol_error"),
    ("n8n that starts", "text/html", "n8n is starting up. Please wait", "", "starting"),
    ("prose about n8n", "text/html", "n8n is starting up", "n8n is starting up", "ok"),
    ("page", "text/html", "<!DOCTYPE html><p>Log in</p>", "", "html_error"),
    ("page, upper case, after space", "text/html", "\n\n  <HTML>Bad gateway", "", "html_error"),
    ("page in JSON", "", '{"output":"<html><body>Bad gateway</body></html>"}', "", "html_error"),
    ("WAV", "audio/wav", "RIFF....WAVE", "", "unsupported"),
    ("WAV with the wrong label", "text/plain", "RIFF\x24\x00\x00\x00WAVE", "", "unsupported"),
    ("zeros", "", "\x00\x00", "", "unsupported"),
    ("text, then zeros", "", "Hi.\x00\x01", "Hi.", "unsupported"),
]
IDS = [case[0] for case in CASES]


@pytest.mark.parametrize(("name", "content_type", "body", "text", "outcome"), CASES, ids=IDS)
def test_reader_says_what_is_speech_and_nothing_else(name, content_type, body, text, outcome):
    """Each kind of body gives its text and its outcome, in one piece and byte by byte."""
    data = body.encode()
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        events = read(pieces, content_type=content_type)
        assert (text_in(events), outcome_in(events)) == (text, outcome), f"{name} in {len(pieces)} pieces: {events}"


@given(case=st.sampled_from(CASES), at=st.lists(st.integers(0, 700), max_size=10))
def test_reader_any_cut_gives_the_same_events(case, at):
    """The wire may cut anywhere: same deltas (joined), same flushes, same outcome."""
    _name, content_type, body, _text, _outcome = case
    data = body.encode()
    assert read(cut(data, at), content_type=content_type) == read([data], content_type=content_type)


@given(data=st.binary(max_size=60), at=st.lists(st.integers(0, 60), max_size=6))
def test_reader_any_bytes_give_the_same_events(data, at):
    """A peer may send anything: it never raises, ends once, and cutting changes nothing."""
    whole = read([data])
    assert read(cut(data, at)) == whole
    outcome_in(whole)


@given(text=st.text(min_size=1), at=st.lists(st.integers(0, 200), max_size=6))
def test_reader_page_is_never_spoken(text, at):
    """Of an HTML page no letter is spoken, whatever stands in it."""
    data = f"<!DoctYpe html>{text}".encode("utf-8", "replace")
    events = read(cut(data, at), content_type="text/html")
    assert [type(event) for event in events] == [Ended]


# What begins a thought, a tool call or a special token of a model is another test's.
PLAIN = st.characters(blacklist_categories=["Cs"], blacklist_characters="<◁[{【`~|")


@given(tokens=st.lists(st.text(PLAIN), min_size=1, max_size=6))
@example(["<HEAD"])
def test_reader_n8n_tokens_come_out_as_they_went_in(tokens):
    """Of an agent's tokens nothing is lost or added but the white space in front of the first one."""
    data = spoken("Well, ", *tokens).encode()
    assert text_in(read([data])) == "Well, " + "".join(token for token in tokens)


def test_reader_text_leaves_as_soon_as_it_is_known():
    """The first token of each streaming kind is given in the call that completes it, not later."""
    for head, first in [
        (line("begin"), line("item", "Hi")),
        ("", "data: Hi\n\n"),
        ("", 'data: {"text":"Hi"}\n\n'),
        ("", "Hi"),
        ('{"text":"Hi"}\n', '{"text":" you"}\n'),
    ]:
        reader = AnswerReader()
        assert reader.feed(head.encode()) == []
        assert reader.feed(first.encode())[0] == Delta("Hi"), f"held back: {first!r}"


def test_reader_end_of_a_model_call_flushes():
    """A tool may run after `end`: what was said before it is complete; without text there is nothing to flush."""
    body = spoken("One moment.") + spoken() + spoken("It is noon.")
    assert read([body.encode()]) == [Delta("One moment."), Flush(), Delta("It is noon."), Flush(), Ended("ok")]


def test_reader_nodes_filter_speaks_only_those():
    """With ``nodes`` the others are silent; if only others answered, the outcome says so."""
    body = (spoken("thinking", node="Planner") + spoken("Hi.", node="Speaker")).encode()
    assert text_in(read([body], nodes=["Speaker"])) == "Hi."
    events = read([body], nodes=["Nobody"])
    assert outcome_in(events) == "no_reply"
    assert "agent.nodes" in detail_in(events)


def test_reader_output_path_is_tried_first():
    """The configured path wins over the known keys, also inside a list; without a hit the known keys count."""
    rule = ReplyRule(output_path="data.0.say")
    assert text_in(read([b'{"text":"no","data":[{"say":"yes"}]}'], rule=rule)) == "yes"
    assert text_in(read([b'[{"text":"no","data":[{"say":"yes"}]}]'], rule=rule)) == "yes"
    assert text_in(read([b'{"text":"known","data":[]}'], rule=rule)) == "known"


def test_reader_limits():
    """An endless first line, line or value is given up at 1 MiB instead of being kept."""
    for start in (b"data: ", b'{"a":"', b'{\n"a":"', line("begin").encode() + b'{"type":"item","content":"'):
        reader = AnswerReader()
        reader.feed(start)
        assert outcome_in(reader.feed(b"x" * (1 << 20))) == "protocol_error"


def test_reader_error_detail_is_the_peers_message_and_its_node():
    """The operator reads what n8n said and where; a missing message is no crash."""
    assert read([line("error", "Rate limited").encode()]) == [Ended("agent_error", "Rate limited (node AI Agent)")]
    assert read([b'{"type":"error","content":null}\n']) == [Ended("agent_error", "no message")]


def test_reader_refusal_names_keys_not_values():
    """To mend an unknown shape one needs its keys; values may be speech."""
    events = read([b'{"result":"secret words","x y":"more words"}'])
    assert len(events) == 1
    assert "result" in detail_in(events)
    assert "words" not in detail_in(events)


def test_reader_after_its_end_says_nothing():
    """Bytes after an error line, and a second end, add nothing."""
    reader = AnswerReader()
    assert outcome_in(reader.feed(line("error").encode())) == "agent_error"
    assert reader.feed(spoken("more").encode()) == []
    assert reader.end() == []
