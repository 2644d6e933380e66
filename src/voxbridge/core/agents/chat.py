"""What the JSON values of three chat APIs mean: OpenAI-compatible servers, Ollama's own API, Dify.

Each stream has its own end: an answer whose body ends without it was cut, even if the connection closed politely. Only
the field that holds the answer is read, so reasoning (``reasoning_content``, ``thinking``) is never said. Calls are
collected where tools were offered; one that a server's own configuration brings about is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from voxbridge.core.agents.reply import NoText
from voxbridge.core.agents.said import AnswerEvent, Ended, Said
from voxbridge.core.agents.tools import CalledTools
from voxbridge.core.wire.json_text import whole_letters

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,30}\Z")
_KEYS_NAMED_MAX = 8
_ID_CHARS_MAX = 256  # Dify's are UUIDs
_CUT = Ended("cut", "the stream ended before the answer did")
_AT_LENGTH = "the model stopped at its longest allowed answer"
_WITHHELD = "the server's content filter withheld the answer"
_TOOL = "the model called a tool; this bridge has none and goes on without it"


class OpenAiValues:
    """Chunks of ``/chat/completions``, or its whole answer (OpenAI API reference, chat completion chunk object)."""

    def __init__(self, said: Said, called: CalledTools | None = None) -> None:
        self._said, self._called = said, called
        self._finish = ""
        self._is_done = self._has_tool_call = False

    def value(self, value: object) -> Iterable[AnswerEvent]:
        """Take the next chunk."""
        if (error := error_in(value)) is not None:
            yield Ended("agent_error", error)
            return
        match value:
            case {"choices": [dict() as choice, *_]}:
                pass
            case {"choices": list()} | {"usage": dict()}:
                return  # a usage chunk
            case _:
                self._said.refuse(_unknown(value))
                return
        piece = choice.get("delta") or choice.get("message")
        if isinstance(piece, dict):
            for text in (*_texts(piece.get("content")), *_texts(piece.get("refusal"))):
                yield from self._said.say(text)
            if piece.get("tool_calls") or piece.get("function_call"):
                self._has_tool_call = True
                if self._called is not None:
                    self._called.take(piece.get("tool_calls"))
                yield from _complete(self._said)
        if isinstance(choice.get("finish_reason"), str):
            self._finish = choice["finish_reason"]

    def done(self) -> None:
        """Note ``data: [DONE]``."""
        self._is_done = True

    def end(self) -> Iterable[AnswerEvent]:
        """Judge the answer. Servers that send no finish reason send ``[DONE]``, and the other way round."""
        yield from self._said.flush()
        if self._called and (self._finish or self._is_done):
            yield Ended("ok")
        elif self._finish == "content_filter" and not self._said.has_said:
            yield Ended("no_reply", _WITHHELD)
        elif (self._has_tool_call or self._finish in ("tool_calls", "function_call")) and not self._said.has_said:
            yield Ended("no_reply", _TOOL)
        elif self._finish or self._is_done:
            yield from ended(self._said, self._why_short())
        elif self._said.has_said or not self._said.was_refused:
            yield _CUT
        else:
            yield from self._said.end()

    def _why_short(self) -> str:
        if self._finish == "length":
            return _AT_LENGTH
        if self._finish == "content_filter":
            return _WITHHELD
        return _TOOL if self._has_tool_call else ""


def _complete(said: Said) -> Iterable[AnswerEvent]:
    """Say that the text before a tool call is complete: what follows the call is another part."""
    return said.flush() if said.has_said else ()


class OllamaValues:
    """Lines of ``/api/chat`` (Ollama's API documentation, "Generate a chat completion")."""

    def __init__(self, said: Said, called: CalledTools | None = None) -> None:
        self._said, self._called = said, called
        self._is_done = self._has_tool_call = False
        self._reason = ""

    def value(self, value: object) -> Iterable[AnswerEvent]:
        """Take the next line."""
        if (error := error_in(value)) is not None:
            yield Ended("agent_error", error)
            return
        if not isinstance(value, dict) or not ("done" in value or "message" in value):
            self._said.refuse(_unknown(value))
            return
        message = value.get("message")
        if isinstance(message, dict):
            for text in _texts(message.get("content")):
                yield from self._said.say(text)
            if message.get("tool_calls"):
                self._has_tool_call = True
                if self._called is not None:
                    self._called.take(message["tool_calls"])
                yield from _complete(self._said)
        if value.get("done") is True:
            self._is_done = True
            self._reason = str(value.get("done_reason", ""))

    def done(self) -> None:
        """Ignore a mark that Ollama does not send."""

    def end(self) -> Iterable[AnswerEvent]:
        """Judge the answer."""
        yield from self._said.flush()
        if self._called and self._is_done:
            yield Ended("ok")
        elif self._has_tool_call and not self._said.has_said:
            yield Ended("no_reply", _TOOL)
        elif self._is_done:
            yield from ended(self._said, _AT_LENGTH if self._reason == "length" else "")
        elif self._said.has_said or not self._said.was_refused:
            yield _CUT
        else:
            yield from self._said.end()


class DifyValues:
    """Events of ``/v1/chat-messages`` in streaming mode (Dify's API documentation, "Send chat message").

    ``task_id`` and ``conversation_id`` are the latest that came: the one stops this answer, the other continues the
    conversation.
    """

    def __init__(self, said: Said) -> None:
        self._said = said
        self._so_far: list[str] = []
        self._is_over = False
        self.task_id = ""
        self.conversation_id = ""

    def value(self, value: object) -> Iterable[AnswerEvent]:
        """Take the next event; what is no part of the answer (thoughts, nodes, files, pings) is ignored."""
        if not isinstance(value, dict):
            self._said.refuse(_unknown(value))
            return
        for name in ("task_id", "conversation_id"):
            if isinstance(value.get(name), str) and value[name]:
                setattr(self, name, whole_letters(value[name])[:_ID_CHARS_MAX])
        match value:
            case {"event": "message" | "agent_message", "answer": str(answer)}:
                self._so_far.append(answer)
                yield from self._said.say(answer) if answer else ()
            case {"event": "message_replace", "answer": str(answer)}:
                yield from self._replaced(answer)
            case {"event": "message_end"}:
                self._is_over = True
            case {"event": "error"}:
                message = value.get("message")
                yield Ended("agent_error", message if isinstance(message, str) and message else "no message")
            case {"event": "workflow_finished", "data": {"status": "failed", **data}}:
                error = data.get("error")
                yield Ended("agent_error", error if isinstance(error, str) and error else "no message")
            case {"event": _}:
                pass
            case _:
                yield from self._whole(value)

    def _whole(self, value: dict[str, object]) -> Iterable[AnswerEvent]:
        """Take the answer of an app that does not stream, or an error in its place."""
        answer = value.get("answer")
        if isinstance(answer, str):
            self._is_over = True
            yield from self._said.say(answer) if answer else ()
        elif (error := error_in(value)) is not None:
            yield Ended("agent_error", error)
        else:
            self._said.refuse(_unknown(value))

    def _replaced(self, answer: str) -> Iterable[AnswerEvent]:
        """Take what moderation puts in the answer's place; what was said before cannot be taken back."""
        rest = answer.removeprefix("".join(self._so_far))
        if rest == answer:
            yield from self._said.flush()
        self._so_far = [answer]
        if rest:
            yield from self._said.say(rest)

    def done(self) -> None:
        """Ignore a mark that Dify does not send."""

    def end(self) -> Iterable[AnswerEvent]:
        """Judge the answer."""
        yield from self._said.flush()
        if self._is_over:
            yield from ended(self._said)
        elif self._said.has_said or not self._said.was_refused:
            yield _CUT
        else:
            yield from self._said.end()


def ended(said: Said, why_short: str = "") -> Iterable[AnswerEvent]:
    """Yield the end of an answer; ``why_short`` goes with one that was spoken."""
    for event in said.end():
        yield Ended("ok", why_short) if event == Ended("ok") else event


def error_in(value: object) -> str | None:
    """Return the message of an error object, in the shapes of OpenAI, vLLM, Ollama and FastAPI, or None."""
    match value:
        case {"error": {"message": str(message)}} if message:
            return message
        case {"error": str(message)} if message:
            return message
        case {"error": error} if error:
            return "no message"
        case {"object": "error", "message": str(message)} | {"detail": str(message)}:
            return message
        case {"code": str() | int(), "message": str(message)}:
            return message
        case _:
            return None


def _texts(content: object) -> list[str]:
    """Return the texts of a content field: a string, or parts of which those of type text count."""
    match content:
        case str():
            return [content] if content else []
        case list():
            return [
                part["text"]
                for part in content
                if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
            ]
        case _:
            return []


def _unknown(value: object) -> NoText:
    names = [key for key in value if _NAME.match(str(key))][:_KEYS_NAMED_MAX] if isinstance(value, dict) else []
    return NoText("no_reply", f"the answer is not of this API (keys: {', '.join(names) or 'none'}); check agent.kind")
