"""Sentences out of an agent's streamed answer, for scripts that read the HTTP body themselves."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from voxbridge.core.agents.answer_reader import AnswerReader, Delta, Ended
from voxbridge.core.agents.n8n_lines import N8nLines
from voxbridge.core.agents.said import AnswerEvent, Flush
from voxbridge.core.text.speakable import SpokenPieces
from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import StageError
from voxbridge.stages.agent.outcome import outcome_error

_VALUE_CHARS_MAX = 1 << 20  # the reader's own limit


class StreamingResponseHandler:
    """Takes the text of a response as it comes and calls ``on_sentence`` with each sentence to speak.

    What kind of body it is (n8n's JSON lines, server-sent events, one JSON value, plain text) is told by its
    beginning. There is no call that ends it: n8n says when an answer is complete, a JSON value ends itself, and
    elsewhere a finished sentence at the end of a chunk is taken for one. ``finish`` passes on the rest, for answers
    without a full stop.
    """

    def __init__(self, on_sentence: Callable[[str], Awaitable[object]]) -> None:
        self._on_sentence = on_sentence
        self._pieces = SpokenPieces()
        self._reader = AnswerReader()
        self._head = ""
        """The body as long as it may be one JSON value."""
        self._is_n8n = False
        self._text_chars = 0
        """Of what the reader has said."""
        self._ahead_chars = 0
        """Of that, what was said before the reader did."""

    async def process_chunk(self, text: str) -> None:
        """Take the next stretch of the body, cut anywhere. Raises: StageError if the agent reports a failure."""
        if self._text_chars == 0 and len(self._head) < _VALUE_CHARS_MAX:
            self._head += text
            first = _json_value(self._head.partition("\n")[0]) or _json_value(self._head)
            self._is_n8n = N8nLines.is_line(first)
        await self._take(self._reader.feed(text.encode("utf-8", "replace")))
        if self._is_n8n:
            return
        if self._text_chars == 0:
            await self._look_ahead()
        await self._say(self._pieces.settle())

    async def finish(self) -> None:
        """Pass on what is left: the body is over."""
        await self._take(self._reader.end())
        await self._say(self._pieces.flush())

    async def _look_ahead(self) -> None:
        """Say a JSON value that is whole, though the reader waits for the end of the body.

        The first of several lines looks the same at the end of a chunk; so what is said here is counted, and left
        out when the reader comes to it. What is behind a value without a line break is no further line.
        """
        if _json_value(self._head) is None:
            return
        reader = AnswerReader()
        events = [*reader.feed(self._head.encode("utf-8", "replace")), *reader.end()]
        ahead = "".join(event.text for event in events if isinstance(event, Delta))
        await self._say(self._pieces.feed(ahead[self._ahead_chars :]))
        self._ahead_chars = len(ahead)
        if not self._head.endswith("\n"):
            await self._say(self._pieces.flush())

    async def _take(self, events: list[AnswerEvent]) -> None:
        for event in events:
            match event:
                case Delta(text):
                    known = max(0, self._ahead_chars - self._text_chars)
                    self._text_chars += len(text)
                    await self._say(self._pieces.feed(text[known:]))
                case Flush():
                    await self._say(self._pieces.flush())
                case Ended():
                    await self._say(self._pieces.flush())
                    self._raise_for(event)

    @staticmethod
    def _raise_for(ended: Ended) -> None:
        failed = "the workflow failed"
        error: StageError | None = outcome_error(ended, backend="", hidden=Hidden(), failed=failed, retry_empty=False)
        if error is not None and ended.outcome != "empty":
            raise error

    async def _say(self, sentences: list[str]) -> None:
        for sentence in sentences:
            await self._on_sentence(sentence)


def _json_value(text: str) -> object:
    """Return the value if the text is one JSON object or array, else None."""
    text = text.strip()
    if text[:1] not in {"{", "["} or text[-1:] not in {"}", "]"}:
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value
