"""n8n's streaming answer: ``begin``, ``item``, ``end`` and ``error`` lines (seen with 2.8.4 and 2.40.7).

``begin`` and ``end`` bracket one model call, not the answer: a tool call lies between two of them. An ``item`` of an
agent is a token, spaces included; an ``item`` of a Respond node is a JSON text, one per value. With both in a
workflow the answer comes twice, and is said once.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from voxbridge.core.agents.reply import NoText, Reply, ReplyRule, text_of
from voxbridge.core.agents.said import AnswerEvent, Ended, Said
from voxbridge.core.wire.ndjson import JsonLine, parse_json

_TYPES = frozenset({"begin", "item", "end", "error"})


def _bare(text: str) -> str:
    return "".join(text.split())


def _is_citation(value: object) -> bool:
    """Tell whether a first token is "[1]": words of an agent, not a value of a Respond node."""
    return isinstance(value, list) and bool(value) and all(isinstance(part, int | float) for part in value)


@attrs.define
class _Node:
    """What one node has said, a segment per model call, without white space."""

    segments: list[str] = attrs.field(factory=list)
    is_fresh: bool = True  # no item since the last begin: the next one may be a JSON value
    is_page: bool = False  # what it said since then began as an HTML page
    held: str = ""  # says the same as another node so far

    def add(self, text: str) -> None:
        if not self.segments:
            self.segments.append("")
        self.segments[-1] += _bare(text)

    @property
    def sayings(self) -> list[str]:
        """Return what a repetition of this node could look like: the last model calls, or all of them."""
        return ["".join(self.segments[at:]) for at in range(len(self.segments))]


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
            # content may be a string, null or absent
            content = value.get("content")
            message = content if isinstance(content, str) and content.strip() else "workflow failed"
            yield Ended("agent_error", f"{message} (node {name})" if name else message)
            return
        if self._only and name not in self._only:
            self._heard_others = self._heard_others or kind == "item"
            return
        node = self._nodes.setdefault(str(metadata.get("nodeId", name)), _Node())
        if kind == "begin":
            yield from self._release(node)
            yield from self._said.flush()  # a node told to go on after its error sends no end
            node.is_fresh, node.is_page = True, False
            node.segments.append("")
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
                parsed = parse_json(content.encode("utf-8", "replace"))
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

    def _speak(self, node: _Node, text: str) -> Iterable[AnswerEvent]:
        """Say a node's text, unless it may be what another node said already: then hold it until that is known."""
        held = node.held + text
        if self._repeats(node, held, whole=False):
            node.held = held
            return
        node.held = ""
        node.add(held)
        yield from self._said.say(held)

    def _release(self, node: _Node) -> Iterable[AnswerEvent]:
        held, node.held = node.held, ""
        if held and not self._repeats(node, held, whole=True):
            node.add(held)
            yield from self._said.say(held)

    def _repeats(self, node: _Node, text: str, *, whole: bool) -> bool:
        bare = _bare(text)
        if not bare or any(node.segments):
            return False  # it has said something of its own: no repetition any more
        others = [saying for other in self._nodes.values() if other is not node for saying in other.sayings]
        return any(saying == bare if whole else saying.startswith(bare) for saying in others)

    def end(self) -> Iterable[AnswerEvent]:
        """Note the end of the body."""
        for node in self._nodes.values():
            yield from self._release(node)
        if self._heard_others:
            self._said.refuse(NoText("no_reply", "no configured node answered; see agent.nodes"))
        yield from self._said.end()
