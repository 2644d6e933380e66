"""What a simulated workflow does with one request, step by step, in n8n's own bytes (seen with 2.8.4 and 2.40.7)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Literal

import attrs

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"
AGENT = "AI Agent"
RESPOND = "Respond to Webhook"

LineKind = Literal["begin", "item", "end", "error", "other"]
FailureShape = Literal["status", "line", "empty"]
"""How a workflow fails: HTTP 500; status 200 and an error line; status 200 and nothing (older n8n)."""


@attrs.frozen
class Wait:
    """Silence, in seconds: a model or a tool at work."""

    seconds: float


@attrs.frozen
class Head:
    """The status line and the headers of a streaming answer, flushed alone."""

    content_type: str = JSON_TYPE


@attrs.frozen
class Line:
    """One line of the stream. ``content`` None is JSON's null; ``has_content`` False leaves the key out."""

    kind: LineKind
    content: str | None = None
    node: str = AGENT
    item: int = 0
    has_content: bool = True

    def encoded(self, timestamp_ms: int) -> bytes:
        """Return the bytes as n8n writes them: an error line has no timestamp and another order of keys."""
        where: dict[str, object] = {"nodeId": f"0000-{self.node.replace(' ', '-').lower()}", "nodeName": self.node}
        fields: dict[str, object] = {"type": self.kind}
        if self.kind in ("item", "error") and self.has_content:
            fields["content"] = self.content
        if self.kind == "error":
            fields["metadata"] = {**where, "runIndex": 0, "itemIndex": self.item}
        else:
            fields["metadata"] = {**where, "itemIndex": self.item, "runIndex": 0, "timestamp": timestamp_ms}
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@attrs.frozen
class Write:
    """Any bytes as one HTTP chunk."""

    data: bytes


@attrs.frozen
class Whole:
    """A whole answer in one write; with ``content_type`` None that header is missing and the body is chunked."""

    status: int
    body: bytes
    content_type: str | None = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


@attrs.frozen
class Break:
    """The end of n8n or of the network: close the connection, reset it, or say nothing any more."""

    how: Literal["cut", "reset", "hang"]


Step = Wait | Head | Line | Write | Whole | Break


@attrs.frozen
class Plan:
    """The steps of one execution. Its memory keeps the turn, with ``answer``, only if the run ``succeeds``."""

    steps: tuple[Step, ...]
    answer: str = ""
    succeeds: bool = True

    def scaled(self, factor: float) -> Plan:
        """Return the same plan on a machine that is slower by ``factor``."""
        steps = (Wait(step.seconds * factor) if isinstance(step, Wait) else step for step in self.steps)
        return attrs.evolve(self, steps=tuple(steps))


def spoken(tokens: Iterable[str], *, node: str = AGENT, gap_s: float = 0.0, item: int = 0) -> list[Step]:
    """Return one model call: begin, the tokens with ``gap_s`` between them, end."""
    steps: list[Step] = [Line("begin", node=node, item=item)]
    for index, token in enumerate(tokens):
        if index and gap_s:
            steps.append(Wait(gap_s))
        steps.append(Line("item", token, node, item))
    return [*steps, Line("end", node=node, item=item)]


def stream(*steps: Step, head_s: float = 0.0, succeeds: bool = True) -> Plan:
    """Return a streaming answer: head, then the steps. Its memory keeps all that was said."""
    said = "".join(step.content or "" for step in steps if isinstance(step, Line) and step.kind == "item")
    waits = (Wait(head_s),) if head_s else ()
    return Plan((*waits, Head(), *steps), said, succeeds)


def agent(tokens: Iterable[str], *, head_s: float = 0.0, first_s: float = 0.0, gap_s: float = 0.0) -> Plan:
    """Return a streaming AI Agent: head after ``head_s``, first token after ``first_s``, both from the request."""
    begin, *rest = spoken(tokens, gap_s=gap_s)
    thinking = (Wait(first_s - head_s),) if first_s > head_s else ()
    return stream(begin, *thinking, *rest, head_s=head_s)


def whole(value: object, status: int = 200, *, after_s: float = 0.0, headers: tuple[tuple[str, str], ...] = ()) -> Plan:
    """Return a whole JSON answer, as the modes without streaming give it."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Plan((Wait(after_s), Whole(status, body, headers=headers)), succeeds=status < 400)


def text(body: str, content_type: str = HTML_TYPE, status: int = 200) -> Plan:
    """Return a whole answer that is no JSON. n8n labels plain text as HTML."""
    return Plan((Whole(status, body.encode(), content_type),), body, succeeds=status < 400)


def nothing() -> Plan:
    """Return status 200 with an empty, chunked body."""
    return Plan((Head(),), succeeds=False)


def failure(shape: FailureShape, *, after_s: float = 0.0) -> Plan:
    """Return a failing run in one of the three shapes."""
    wait = Wait(after_s)
    match shape:
        case "status":
            return whole({"message": "Error in workflow"}, 500, after_s=after_s)
        case "line":
            return stream(Line("begin"), wait, Line("error", "Original error: TypeError"), succeeds=False)
        case "empty":
            return Plan((Head(), wait), succeeds=False)


def words(sentence: str) -> list[str]:
    """Return a sentence as a model would stream it: word by word, the spaces included."""
    first, *rest = sentence.split(" ")
    return [first, *(f" {word}" for word in rest)]


def greet(said: str) -> str:
    """Return what the simulated agent answers by default."""
    return f"Hello there. You said: {said.rstrip('.!? ')}." if said.strip() else "Hello there. I heard nothing."
