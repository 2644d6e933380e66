"""n8n's streaming answer: ``begin``, ``item``, ``end`` and ``error`` lines (seen with 2.8.4 and 2.40.7).

``begin`` and ``end`` bracket one model call, not the answer: a tool call lies between two of them. An ``item`` of an
agent is a token, spaces included; an ``item`` of a Respond node is a JSON text, one per value. With both in a
workflow the answer comes twice, and is said once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice

import attrs

from voxbridge.core.agents.reply import NoText, Reply, ReplyRule, text_of
from voxbridge.core.agents.said import AnswerEvent, Ended, Said
from voxbridge.core.wire.json_text import JsonLine, parse_json

_TYPES = frozenset({"begin", "item", "end", "error"})


# Who says what another node has said is looked for among so many of the latest nodes, and in each from the begin of so
# many of its latest model calls: an agent has ten at most, a workflow a handful of nodes that speak.
_COMPARED_NODES = 16
_COMPARED_CALLS = 10
_NODES_MAX = 256  # of more the one that came first is forgotten


def _bare(text: str) -> bytes:
    return "".join(text.split()).encode("utf-8", "surrogatepass")


def _is_citation(value: object) -> bool:
    """Tell whether a first token is "[1]": words of an agent, not a value of a Respond node."""
    return isinstance(value, list) and bool(value) and all(isinstance(part, int | float) for part in value)


@attrs.define
class _Node:
    """What one node has said, without white space, and where in it its latest model calls begin."""

    bare: bytearray = attrs.field(factory=bytearray)
    calls: deque[int] = attrs.field(factory=lambda: deque([0], maxlen=_COMPARED_CALLS))
    is_fresh: bool = True  # no item since the last begin: the next one may be a JSON value
    is_page: bool = False  # what it said since then began as an HTML page
    held: list[str] = attrs.field(factory=list)  # says the same as another node so far
    held_bytes: int = 0
    twins: list[tuple[_Node, int]] = attrs.field(factory=list)
    """The nodes that have said what is held, each with the place in it."""

    def begin(self) -> None:
        self.is_fresh, self.is_page = True, False
        if self.calls[-1] != len(self.bare):
            self.calls.append(len(self.bare))

    def hold(self, text: str, others: Iterable[_Node]) -> bool:
        """Keep a text if it may be, with what is held, what another node has said; tell whether it may."""
        if self.bare:
            return False  # it has said something of its own: no repetition any more
        bare = _bare(text)
        twins = (
            self.twins if self.held else [(other, at) for other in others if other is not self for at in other.calls]
        )
        self.twins = [(other, at) for other, at in twins if other.bare.startswith(bare, at + self.held_bytes)]
        if not self.twins or not (bare or self.held):
            return False
        self.held.append(text)
        self.held_bytes += len(bare)
        return True

    def let_go(self) -> str:
        """Return what was held, and hold it no longer; nothing if it was all that a twin had said."""
        is_whole = any(len(other.bare) == at + self.held_bytes for other, at in self.twins)
        text = "" if is_whole else "".join(self.held)
        self.held.clear()
        self.twins.clear()
        self.held_bytes = 0
        return text


def _error_message(value: Mapping[str, object]) -> str:
    """Return what an ``error`` line says: n8n's content (which may be null or absent), or another maker's field."""
    inner = value.get("error")
    places = [value.get("content"), value.get("message"), value.get("errorText"), inner]
    if isinstance(inner, dict):
        places.append(inner.get("message"))
    return next((text for text in places if isinstance(text, str) and text.strip()), "no message")


class N8nLines:
    """Takes the lines' values, gives what they say. ``nodes``: speak only these, by name; empty for all."""

    def __init__(self, said: Said, rule: ReplyRule, nodes: frozenset[str] = frozenset()) -> None:
        self._said, self._rule, self._only = said, rule, nodes
        self._nodes: dict[str, _Node] = {}
        self._heard_others = False

    @staticmethod
    def is_line(value: object) -> bool:
        """Tell whether a JSON value is a line of n8n's stream: of a known type, or of a new one that names its node."""
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            return False
        metadata = value.get("metadata")
        return value["type"] in _TYPES or (isinstance(metadata, dict) and "nodeName" in metadata)

    def value(self, value: object) -> Iterable[AnswerEvent]:
        """Take one line's value; unknown types are ignored."""
        if not isinstance(value, dict):
            return
        metadata = value.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        name = str(metadata.get("nodeName", ""))
        kind = value.get("type")
        if kind == "error":
            message = _error_message(value)
            yield Ended("agent_error", f"{message} (node {name})" if name else message)
            return
        if self._only and name not in self._only:
            self._heard_others = self._heard_others or kind == "item"
            return
        node = self._node(str(metadata.get("nodeId", name)))
        if kind == "begin":
            yield from self._release(node)
            yield from self._said.flush()  # a node told to go on after its error sends no end
            node.begin()
        elif kind == "item":
            yield from self._item(node, value.get("content"))
        elif kind == "end":
            yield from self._release(node)
            yield from self._said.flush()

    def _item(self, node: _Node, content: object) -> Iterable[AnswerEvent]:
        text, is_fresh = content, node.is_fresh
        if isinstance(content, str):
            node.is_fresh = node.is_fresh and not content.strip()
            # only the first item may be a JSON value: a token in mid-answer can look like one
            if is_fresh and content.strip()[:1] in ("{", "["):
                parsed = parse_json(content, keeps_halves=True)
                if isinstance(parsed, JsonLine) and not _is_citation(parsed.value):
                    text = parsed.value
            elif not is_fresh:
                # a token of an answer: "<HEAD" in its middle begins no page
                yield from () if node.is_page else self._speak(node, content)
                return
        match text_of(text, self._rule):
            case Reply(found):
                yield from self._speak(node, found)
            case NoText(outcome="agent_error", why=why):
                yield Ended("agent_error", why)
            case NoText() as refused:
                node.is_page = node.is_page or refused.outcome == "html_error"
                self._said.refuse(refused)

    def _node(self, node_id: str) -> _Node:
        if node_id not in self._nodes and len(self._nodes) >= _NODES_MAX:
            del self._nodes[next(iter(self._nodes))]
        return self._nodes.setdefault(node_id, _Node())

    def _speak(self, node: _Node, text: str) -> Iterable[AnswerEvent]:
        """Say a node's text, unless it may be what another node said already: then hold it until that is known."""
        if node.hold(text, islice(reversed(self._nodes.values()), _COMPARED_NODES)):
            return
        text = "".join(node.held) + text
        node.let_go()
        node.bare += _bare(text)
        yield from self._said.say(text)

    def _release(self, node: _Node) -> Iterable[AnswerEvent]:
        if held := node.let_go():
            node.bare += _bare(held)
            yield from self._said.say(held)

    def end(self) -> Iterable[AnswerEvent]:
        """Note the end of the body."""
        for node in self._nodes.values():
            yield from self._release(node)
        if self._heard_others:
            self._said.refuse(NoText("no_reply", "no configured node answered; see agent.nodes"))
        yield from self._said.end()
