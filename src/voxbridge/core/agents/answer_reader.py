"""The sniffing reader: an agent's answer as bytes in, text to speak out.

What kind of body it is, is decided by its first bytes; the Content-Type is only a hint, because n8n labels its JSON
lines ``application/json`` and plain text ``text/html`` (seen with 2.8.4 and 2.40.7).

    first bytes           body                                      text leaves
    data: event: id: :    server-sent events                        event by event
    {"type":"begin"...    n8n's JSON lines                          line by line
    {...} \\n {...         other JSON lines (Ollama, OpenAI-like)    line by line
    { or [                one JSON value                            at the end
    <!doctype <html       a page: refused                           never
    0:"..." or f:{...}    the AI SDK's data lines                   line by line
    RIFF, PK, NUL ...     binary: refused                           never
    n8n is starting up    n8n's own word for "not yet": refused     never
    anything else         plain text                                as it comes

A reader for one API (``values``) takes JSON only, in whichever of the three forms it comes: what is plain text there is
no answer but a proxy's or another server's page.

However the bytes are cut, the same text comes out. ``Ended`` comes exactly once, at the latest from ``end``; a body
that breaks off without its proper end is the caller's to report, who sees the connection.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from voxbridge.core.agents.data_lines import START as DATA_LINES_START
from voxbridge.core.agents.data_lines import DataLines
from voxbridge.core.agents.n8n_lines import N8nLines
from voxbridge.core.agents.reply import ANY_REPLY, NoText, Reply, ReplyRule, is_machine_talk, text_of
from voxbridge.core.agents.said import AnswerEvent, Delta, Ended, Flush, Said
from voxbridge.core.agents.typed_events import TypedEvents
from voxbridge.core.wire.json_text import JsonLine, Malformed, parse_json, whole_letters
from voxbridge.core.wire.ndjson import LINE_BYTES_MAX, NdjsonReader
from voxbridge.core.wire.sse import SseEvent, SseReader

__all__ = ["AnswerEvent", "AnswerReader", "Delta", "Ended", "Flush", "Values"]

BODY_BYTES_MAX = 16 << 20
"""The longest body: n8n wraps each token into 170 bytes, so this is a hundred thousand of them."""

Kind = Literal["sse", "json", "data lines", "page", "binary", "starting", "text"]

_SPACE = b" \t\r\n"
_BOM = codecs.BOM_UTF8
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_LEADING = re.compile(rb"\A(?:[ \t\r\n]|\xef\xbb\xbf)+")
_SSE_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
_PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<body", b"<!--", b"<?xml")
_MAGIC_STARTS = (b"RIFF", b"OggS", b"ID3", b"fLaC", b"%PDF", b"PK\x03\x04", b"GIF8")
# what n8n answers with status 200 until its database is migrated, which can take minutes after an upgrade (seen)
_STARTING = b"n8n is starting up. Please wait"
_MAGIC_BYTES = 12  # a file that starts with letters has a control byte in its first dozen
_BINARY_TYPES = ("audio/", "image/", "video/", "font/")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_JSON_SECOND = {ord("{"): b'"}', ord("["): b'{["]-0123456789'}
_GAP_MAX = 64  # white space between a bracket and what follows it, before we stop wondering
_MESSAGE_EVENTS = frozenset({"", "message", "agent_message", "token", "chunk", "data", "text", "content", "answer"})


class _Body(Protocol):
    def feed(self, data: bytes) -> Iterable[AnswerEvent]: ...
    def end(self) -> Iterable[AnswerEvent]: ...


class Values(Protocol):
    """What the JSON values of one API's stream mean."""

    def value(self, value: object) -> Iterable[AnswerEvent]:
        """Take the next value."""
        ...

    def done(self) -> None:
        """Note the stream's own end mark, ``[DONE]``."""

    def end(self) -> Iterable[AnswerEvent]:
        """Note the end of the body."""
        ...


class AnswerReader:
    """Reads one answer with a 2xx status. ``nodes``: speak only these n8n nodes, by name.

    With ``values`` the body must be that API's JSON; ``rule`` and ``nodes`` do not count then.
    """

    def __init__(
        self,
        *,
        content_type: str = "",
        rule: ReplyRule = ANY_REPLY,
        nodes: Iterable[str] = (),
        values: Callable[[Said], Values] | None = None,
    ) -> None:
        self._content_type = content_type.strip().casefold()
        self._rule, self._nodes, self._values = rule, frozenset(nodes), values
        self._head = bytearray()
        self._body: _Body | None = None
        self._bytes_left = BODY_BYTES_MAX
        self._is_over = False

    def feed(self, data: bytes) -> list[AnswerEvent]:
        """Add bytes, cut anywhere; return what they said. After ``Ended`` nothing more comes."""
        if self._is_over or not data:
            return []
        data, is_too_long = data[: self._bytes_left], len(data) > self._bytes_left
        self._bytes_left -= len(data)
        events = self._read(data)
        if is_too_long and not self._is_over:
            too_long = Ended("protocol_error", f"the answer is longer than {BODY_BYTES_MAX >> 20} MiB")
            events += self._until_ended([too_long])
        return events

    def _read(self, data: bytes) -> list[AnswerEvent]:
        if self._body is not None:
            return self._until_ended(self._body.feed(data))
        self._head += data
        return self._sniffed(at_end=False)

    def end(self) -> list[AnswerEvent]:
        """Note the proper end of the body; return what was left and ``Ended``."""
        events = [] if self._is_over or self._body is not None else self._sniffed(at_end=True)
        if self._is_over:
            return events
        left = [Ended("empty", "the answer is empty")] if self._body is None else self._body.end()
        return [*events, *self._until_ended(left)]

    def _sniffed(self, *, at_end: bool) -> list[AnswerEvent]:
        head = _LEADING.sub(b"", self._head)
        self._head[:] = head
        if not head or (_BOM.startswith(head) and not at_end):
            return []
        kind = sniff(head, self._content_type, at_end=at_end)
        if kind is None:
            return []
        self._body = self._body_of(kind)
        self._head.clear()
        return self._until_ended(self._body.feed(head))

    def _body_of(self, kind: Kind) -> _Body:
        said = Said()
        own = None if self._values is None else self._values(said)
        match kind:
            case "sse":
                return _Sse(said, self._rule, self._nodes, own)
            case "json":
                return _Json(said, self._rule, self._nodes, own)
            case "text" | "data lines" if own is not None:
                return _Refused(Ended("unsupported", "the answer is plain text; is agent.url that of the API?"))
            case "text":
                return _Text(said)
            case "data lines":
                return DataLines(said)
            case "starting":
                return _Refused(Ended("starting", "n8n is starting up"))
            case "page":
                return _Refused(Ended("html_error", "the answer is an HTML page (a login page, a proxy?), not speech"))
            case _:
                return _Refused(Ended("unsupported", "the answer is binary data, not text"))

    def _until_ended(self, events: Iterable[AnswerEvent]) -> list[AnswerEvent]:
        given: list[AnswerEvent] = []
        for event in events:
            given.append(event)
            if isinstance(event, Ended):
                given[-1] = Ended(event.outcome, whole_letters(event.detail))
                self._is_over = True
                break
        return given


def sniff(head: bytes, content_type: str = "", *, at_end: bool = False) -> Kind | None:
    """Tell the kind of a body by its first bytes (leading space removed), or None while more are needed.

    The outcome depends on the bytes only, not on how many of them came at once.
    """
    if content_type.startswith(_BINARY_TYPES):
        return "binary"
    if content_type.startswith("text/event-stream") or head.startswith(_SSE_STARTS):
        return "sse"
    if head[0] in _JSON_SECOND:
        second = head[1 : _GAP_MAX + 1].lstrip(_SPACE)[:1]
        if not second:
            return "json" if at_end or len(head) > _GAP_MAX else None
        return "json" if second in _JSON_SECOND[head[0]] else "text"
    if head[0] == 0x22 and content_type.startswith("application/json"):
        return "json"  # a JSON string; under another label it may be prose that begins with a quotation
    if DATA_LINES_START.match(head):
        return "data lines"
    if len(head) < 3 and not at_end and any(DATA_LINES_START.match(head + rest) for rest in (b':"', b'"')):
        return None
    start = head[:16].lower()
    if start.startswith(_PAGE_STARTS):
        return "page"
    if head.startswith(_MAGIC_STARTS):
        if len(head) < _MAGIC_BYTES and not at_end:
            return None
        return "binary" if _CONTROL.search(head[:_MAGIC_BYTES]) else "text"
    if _CONTROL.match(head) or 0x80 <= head[0] < 0xC2 or head[0] > 0xF4:
        return "binary"  # no UTF-8 text starts so
    if head.startswith(_STARTING):
        return "starting"
    if not at_end and any(known.startswith(head) for known in (_STARTING, *_SSE_STARTS, *_MAGIC_STARTS)):
        return None
    if not at_end and any(known.startswith(start) for known in _PAGE_STARTS):
        return None
    return "text"


class _Refused:
    def __init__(self, ended: Ended) -> None:
        self._ended = ended

    def feed(self, _data: bytes) -> Iterable[AnswerEvent]:
        yield self._ended

    def end(self) -> Iterable[AnswerEvent]:
        yield self._ended


class _Text:
    """Plain text. A control byte ends it: binary data that began like text."""

    def __init__(self, said: Said) -> None:
        self._said = said
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> Iterable[AnswerEvent]:
        control = _CONTROL.search(data)
        if control is None:
            yield from self._said.say(self._decoder.decode(data))
            return
        yield from self._said.say(self._decoder.decode(data[: control.start()], final=True))
        yield Ended("unsupported", "the answer goes on as binary data")

    def end(self) -> Iterable[AnswerEvent]:
        yield from self._said.say(self._decoder.decode(b"", final=True))
        yield from self._said.end()


class _Lines:
    """JSON lines of no particular maker: the text rule line by line, ``done`` and ``error`` as Ollama has them."""

    def __init__(self, said: Said, rule: ReplyRule) -> None:
        self._said, self._rule = said, rule
        self._typed = TypedEvents(said)
        self._is_done = False

    def value(self, value: object, name: str = "") -> Iterable[AnswerEvent]:
        """Take one line's value, or that of the event ``name``."""
        if self._is_done:
            return
        if (events := self._typed.take(value, name)) is not None:
            yield from events
            return
        match text_of(value, self._rule):
            case Reply(""):
                self._said.be_silent()
            case Reply(text):
                yield from self._said.say(text)
            case NoText(outcome="agent_error", why=why):
                yield Ended("agent_error", why)
            case NoText() as refused:
                self._said.refuse(refused)
        if isinstance(value, dict) and value.get("done") is True:
            self._is_done = True

    def end(self) -> Iterable[AnswerEvent]:
        """Note the end of the body."""
        yield from self._said.end()


class _Json:
    """A body that starts like JSON: one value, or lines, which the first line and what follows it tell."""

    def __init__(self, said: Said, rule: ReplyRule, nodes: frozenset[str], own: Values | None) -> None:
        self._said, self._rule, self._nodes, self._own = said, rule, nodes, own
        self._buffer = bytearray()
        self._scanned = 0
        self._first_line_end: int | None = None
        self._is_one_value: bool | None = None
        self._reader = NdjsonReader()
        self._lines: N8nLines | _Lines | Values | None = None

    def feed(self, data: bytes) -> Iterable[AnswerEvent]:
        if self._lines is None:
            self._buffer += data
            self._lines = self._decide()
            if self._lines is not None:
                data = bytes(self._buffer)
                self._buffer.clear()
        if self._lines is not None:
            yield from self._take(self._lines, self._reader.feed(data))
        elif len(self._buffer) > LINE_BYTES_MAX:
            yield Ended("protocol_error", f"the JSON answer is longer than {LINE_BYTES_MAX} bytes")

    def _decide(self) -> N8nLines | _Lines | Values | None:
        if self._is_one_value is None:
            self._is_one_value = self._buffer.startswith(b'"')
        if self._is_one_value:
            return None
        if self._first_line_end is None:
            end = self._buffer.find(b"\n", self._scanned)
            if end < 0:
                self._scanned = len(self._buffer)
                return None
            first = parse_json(self._buffer[:end], keeps_halves=True)
            if isinstance(first, Malformed):
                self._is_one_value = True  # spread over lines: only its end completes it
                return None
            if self._own is not None:
                return self._own
            if N8nLines.is_line(first.value):
                return N8nLines(self._said, self._rule, self._nodes)
            self._first_line_end = self._scanned = end
        # the first line is a value of its own: what follows tells whether it was the only one
        if _NOT_SPACE.search(self._buffer, self._scanned):
            return _Lines(self._said, self._rule)
        self._scanned = len(self._buffer)
        return None

    def _take(self, lines: N8nLines | _Lines | Values, found: Iterable[JsonLine | Malformed]) -> Iterable[AnswerEvent]:
        for line in found:
            if isinstance(line, Malformed):
                yield Ended("protocol_error", line.reason)
                return
            yield from lines.value(line.value)

    def end(self) -> Iterable[AnswerEvent]:
        if self._lines is not None:
            yield from self._take(self._lines, self._reader.end())
            yield from self._lines.end()
            return
        body = bytes(self._buffer)
        parsed = parse_json(body, keeps_halves=True)
        if isinstance(parsed, Malformed):
            if (
                self._own is not None
                or body[:1] == b"{"
                or (body[:1] == b"[" and body[1:].lstrip(_SPACE)[:1] in b'{["')
            ):
                yield Ended("protocol_error", f"the answer starts like JSON but is {parsed.reason}")
                return
            yield from self._said.say(body.decode("utf-8", "replace"))  # "[1] says that ...": prose in brackets
            yield from self._said.end()
            return
        one: N8nLines | _Lines | Values
        if self._own is not None:
            one = self._own
        elif N8nLines.is_line(parsed.value):
            one = N8nLines(self._said, self._rule, self._nodes)
        else:
            one = _Lines(self._said, self._rule)
        yield from one.value(parsed.value)
        yield from one.end()


class _Sse:
    """Server-sent events: JSON payloads by the text rule (or n8n's), the others as text, ``[DONE]`` ends."""

    def __init__(self, said: Said, rule: ReplyRule, nodes: frozenset[str], own: Values | None) -> None:
        self._said, self._own = said, own
        self._reader = SseReader()
        self._n8n = N8nLines(said, rule, nodes)
        self._lines = _Lines(said, rule)
        self._words = _Words()
        self._is_done = False

    def feed(self, data: bytes) -> Iterable[AnswerEvent]:
        yield from self._take(self._reader.feed(data))

    def end(self) -> Iterable[AnswerEvent]:
        yield from self._take(self._reader.end())
        yield from self._n8n.end() if self._own is None else self._own.end()

    def _take(self, found: Iterable[SseEvent | Malformed]) -> Iterable[AnswerEvent]:
        for event in found:
            if isinstance(event, Malformed):
                yield Ended("protocol_error", event.reason)
                return
            if self._own is None:
                yield from self._event(event.name, event.data)
            else:
                yield from self._own_event(self._own, event.data)

    def _own_event(self, own: Values, data: str) -> Iterable[AnswerEvent]:
        if data.strip() == "[DONE]":
            own.done()
            return
        parsed = parse_json(data, keeps_halves=True)
        if isinstance(parsed, Malformed):
            yield Ended("protocol_error", "an event is not JSON")
        else:
            yield from own.value(parsed.value)

    def _event(self, name: str, data: str) -> Iterable[AnswerEvent]:
        if data.strip() == "[DONE]":
            self._is_done = True
        if self._is_done:
            return
        parsed = parse_json(data, keeps_halves=True) if data.lstrip()[:1] in ("{", "[", '"') else Malformed("not JSON")
        if name == "error":
            refused = text_of(parsed.value) if isinstance(parsed, JsonLine) else NoText("agent_error", data)
            yield Ended("agent_error", refused.why if isinstance(refused, NoText) else refused.text)
        elif is_machine_talk(name):
            return
        elif name in _MESSAGE_EVENTS or name.endswith("delta") or name.startswith("response."):
            if isinstance(parsed, Malformed) and data.lstrip().startswith('{"'):
                yield Ended("protocol_error", "an event starts like JSON but is not")
            elif isinstance(parsed, Malformed):
                yield from self._said.say(self._words.joined(data))
            elif N8nLines.is_line(parsed.value):
                yield from self._n8n.value(parsed.value)
            else:
                yield from self._lines.value(parsed.value, name)


class _Words:
    """Puts the space back between events that are bare words.

    Servers that stream word by word (``data: Echo:``, ``data: hello``) leave the spaces out; servers that stream
    tokens send them along (``data:  there``). A stream counts as words until one of its events has a space at an edge.
    """

    def __init__(self) -> None:
        self._last = ""
        self._are_tokens = False

    def joined(self, data: str) -> str:
        """Return the next event's text, with a space before it if it is a word that follows another."""
        self._are_tokens = self._are_tokens or data != data.strip()
        gap = bool(self._last) and not self._are_tokens and data[:1].isalnum() and _is_spaced(self._last + data[:1])
        self._last = data[-1:] or self._last
        return f" {data}" if gap else data


def _is_spaced(text: str) -> bool:
    """Tell whether these letters belong to a script that puts spaces between words (U+2E80 begins East Asia)."""
    return all(letter < "\u2e80" for letter in text)
