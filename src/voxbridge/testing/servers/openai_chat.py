"""A simulated OpenAI-compatible server: ``/v1/chat/completions`` streamed, and ``/v1/models``.

Its stream is that of the stand-in model which a real n8n's client accepted (facts on agents, section 11): the role in
the first chunk, the finish reason in a chunk without text, a usage chunk without choices if asked for, ``[DONE]``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from voxbridge.testing.servers.chat import (
    CallTool,
    ChatServer,
    Fail,
    Finish,
    Say,
    Script,
    Think,
    event,
    greeting,
    send_whole,
)
from voxbridge.testing.servers.http import Reply, Request
from voxbridge.testing.servers.n8n_plans import Whole

_CREATED = 1_795_365_450


class OpenAiServer(ChatServer):
    """An OpenAI-compatible server."""

    @property
    def opening(self) -> bytes:
        """Return the chunk that says whose message it is: without it n8n 2.8 and 2.40 drop a tool call (seen)."""
        return event(_chunk({"role": "assistant", "content": ""}))

    def __init__(
        self,
        script: Script = greeting,
        *,
        key: str = "",
        models: Iterable[str] = ("test-model",),
        is_coalesced: bool = False,
        piece_bytes: int | None = None,
        sends_done: bool = True,
    ) -> None:
        """``sends_done`` False leaves ``[DONE]`` out, as some servers do."""
        super().__init__(script, key=key, models=models, is_coalesced=is_coalesced, piece_bytes=piece_bytes)
        self.sends_done = sends_done
        self.route("POST", "/v1/chat/completions", self.chat)
        self.route("GET", "/v1/models", self._list)

    @property
    def base_url(self) -> str:
        """Return what goes into agent.url."""
        return f"{self.url}/v1"

    async def _list(self, request: Request, reply: Reply) -> None:
        if (refused := self.refused(request)) is not None:
            await send_whole(reply, refused)
            return
        entries = [{"id": name, "object": "model", "created": _CREATED, "owned_by": "test"} for name in self.models]
        await reply.send_json({"object": "list", "data": entries})

    def problem(self, body: Mapping[str, object]) -> Whole | None:
        """Refuse what OpenAI refuses: no messages, or a model that it does not have."""
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            return self.error(400, "Missing required parameter: 'messages'.")
        if body.get("model") not in self.models:
            return self.error(404, f"The model `{body.get('model')}` does not exist or you do not have access to it.")
        return None

    def error(self, status: int, message: str) -> Whole:
        """Return OpenAI's error object."""
        code = {401: "invalid_api_key", 404: "model_not_found"}.get(status)
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return Whole(status, json.dumps({"error": error}).encode(), "application/json")

    def encoded(self, step: Say | Think | CallTool | Fail | Finish) -> bytes:
        """Return one event of the stream, or the last ones."""
        match step:
            case Say(text):
                return event(_chunk({"content": text}))
            case Think(text):
                return event(_chunk({"content": None, "reasoning_content": text}))
            case CallTool(name):
                call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": "{}"}}
                return event(_chunk({"tool_calls": [call]}))
            case Fail(message):
                return event({"error": {"message": message, "type": "server_error", "param": None, "code": None}})
            case Finish(reason):
                usage = {**_chunk({}), "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
                done = b"data: [DONE]\n\n" if self.sends_done else b""
                return event(_chunk({}, reason)) + event(usage) + done


def _chunk(delta: dict[str, object], reason: str | None = None) -> dict[str, object]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": "test-model",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}],
    }
