"""Sentences out of any body an agent may send, cut anywhere, without a call that ends it."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.errors import AgentFailed, NoReply
from voxbridge.scripting import StreamingResponseHandler

pytestmark = pytest.mark.unit

SENTENCES = ["Hello there.", "Pi is about 3.14 and Dr. Smith of example.org knows it.", "Bye!"]
ANSWER = " ".join(SENTENCES)
TOKENS = ["Hello", " there", ".", " Pi is about 3.", "14 and Dr", ". Smith", " of example.", "org knows it. ", "Bye!"]


def n8n_lines(*tokens: str) -> str:
    lines = [{"type": "begin"}, *({"type": "item", "content": token} for token in tokens), {"type": "end"}]
    return "".join(json.dumps({**line, "metadata": {"nodeName": "AI Agent"}}) + "\n" for line in lines)


BODIES = {
    "n8n": n8n_lines(*TOKENS),
    "json": json.dumps({"output": ANSWER}),
    "json list": json.dumps([{"output": ANSWER}]),
    "pretty json": json.dumps({"output": ANSWER}, indent=2),
    "json lines": "".join(json.dumps({"response": token, "done": False}) + "\n" for token in TOKENS),
    "sse": "".join(f"data: {json.dumps({'text': token})}\n\n" for token in TOKENS) + "data: [DONE]\n\n",
    "text": ANSWER,
}


async def sentences_of(*chunks: str, finish: bool = False) -> list[str]:
    said: list[str] = []

    async def on_sentence(sentence: str) -> None:
        said.append(sentence)

    handler = StreamingResponseHandler(on_sentence=on_sentence)
    for chunk in chunks:
        await handler.process_chunk(chunk)
    if finish:
        await handler.finish()
    return said


def run(coroutine):
    """Run what awaits nothing but our own callback."""
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value


@pytest.mark.parametrize("kind", BODIES)
async def test_every_sentence_comes_out_without_an_end(kind: str):
    """The last sentence comes out although nobody says that the body is over."""
    assert await sentences_of(BODIES[kind]) == SENTENCES
    assert await sentences_of(BODIES[kind], finish=True) == SENTENCES, "finish() said something twice"


@pytest.mark.parametrize("kind", BODIES)
def test_any_cut_gives_the_same_words(kind: str):
    """However a body is cut, each word is said once and in order."""

    @given(st.lists(st.integers(0, len(BODIES[kind])), max_size=12))
    def check(cuts: list[int]) -> None:
        places = sorted({0, len(BODIES[kind]), *cuts})
        chunks = [BODIES[kind][a:b] for a, b in itertools.pairwise(places)]
        assert "".join(run(sentences_of(*chunks, finish=True))).replace(" ", "") == ANSWER.replace(" ", "")

    check()


@given(st.lists(st.integers(0, len(BODIES["n8n"])), max_size=12))
def test_any_cut_of_n8n_lines_gives_the_same_sentences(cuts: list[int]):
    """n8n says when an answer is complete, so nothing has to be guessed and no cut shows."""
    body = BODIES["n8n"]
    places = sorted({0, len(body), *cuts})
    assert run(sentences_of(*(body[a:b] for a, b in itertools.pairwise(places)))) == SENTENCES


async def test_sentence_comes_out_while_the_rest_is_written():
    """A sentence does not wait for the end of the answer."""
    assert await sentences_of(n8n_lines("Hello there. ", "And")[:-60]) == ["Hello there."]


async def test_answer_without_a_full_stop_needs_an_end():
    """n8n's end line and the end of a JSON value are ends; plain text has none but ``finish``."""
    assert await sentences_of(n8n_lines("Hi")) == ["Hi"]
    assert await sentences_of('{"output":"Hi"}') == ["Hi"]
    assert await sentences_of("Hi") == []
    assert await sentences_of("Hi", finish=True) == ["Hi"]


async def test_marks_are_not_said():
    """Sentences are what is spoken: without Markdown."""
    assert await sentences_of(n8n_lines("**Hello** [there](http://x.example). ", "- one\n- two")) == [
        "Hello there.",
        "one",
        "two",
    ]


async def test_failure_of_the_agent_is_raised_after_what_was_said():
    """An error line ends the answer; what came before it is said."""
    body = n8n_lines("Hello there. ").rsplit("\n", 2)[0] + '\n{"type":"error","content":"no model"}\n'
    with pytest.raises(AgentFailed, match="no model"):
        await sentences_of(body)
    with pytest.raises(NoReply):
        await sentences_of('{"message":"Workflow was started"}', finish=True)
