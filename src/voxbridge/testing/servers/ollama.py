"""A simulated Ollama: ``/api/chat`` in JSON lines, and ``/api/tags`` (Ollama's API documentation; not run)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from voxbridge.testing.servers.chat import CallTool, ChatServer, Fail, Finish, Say, Script, Think, compact, greeting
from voxbridge.testing.servers.http import Reply, Request
from voxbridge.testing.servers.n8n_plans import Whole

_CREATED = "2026-11-22T18:37:30.128Z"


class OllamaServer(ChatServer):
    """An Ollama server; ``models`` are those that are installed, with their tags."""

    stream_type = "application/x-ndjson"

    def __init__(
        self,
        script: Script = greeting,
        *,
        key: str = "",
        models: Iterable[str] = ("test-model:latest",),
        is_coalesced: bool = False,
        piece_bytes: int | None = None,
    ) -> None:
        super().__init__(script, key=key, models=models, is_coalesced=is_coalesced, piece_bytes=piece_bytes)
        self.route("POST", "/api/chat", self.chat)
        self.route("GET", "/api/tags", self._tags)
        self.route("GET", "/", self._root)

    @property
    def base_url(self) -> str:
        """Return what goes into agent.url."""
        return self.url

    async def _root(self, _request: Request, reply: Reply) -> None:
        await reply.send(200, b"Ollama is running")

    async def _tags(self, _request: Request, reply: Reply) -> None:
        await reply.send_json({"models": [{"name": name, "model": name, "size": 1} for name in self.models]})

    def problem(self, body: Mapping[str, object]) -> Whole | None:
        """Refuse a model that is not installed."""
        model = str(body.get("model", ""))
        if model in self.models or f"{model}:latest" in self.models:
            return None
        return self.error(404, f'model "{model}" not found, try pulling it first')

    def error(self, status: int, message: str) -> Whole:
        """Return Ollama's error object."""
        return Whole(status, json.dumps({"error": message}).encode(), "application/json; charset=utf-8")

    def encoded(self, step: Say | Think | CallTool | Fail | Finish) -> bytes:
        """Return one line."""
        match step:
            case Say(text):
                return _line({"role": "assistant", "content": text})
            case Think(text):
                return _line({"role": "assistant", "content": "", "thinking": text})
            case CallTool(name):
                call = {"function": {"name": name, "arguments": {}}}
                return _line({"role": "assistant", "content": "", "tool_calls": [call]})
            case Fail(message):
                return compact({"error": message}) + b"\n"
            case Finish(reason):
                counts = {"total_duration": 1, "load_duration": 1, "prompt_eval_count": 9, "eval_count": 3}
                return _line({"role": "assistant", "content": ""}, done=True, done_reason=reason, **counts)


def _line(message: dict[str, object], *, done: bool = False, **more: object) -> bytes:
    return compact({"model": "test-model", "created_at": _CREATED, "message": message, **more, "done": done}) + b"\n"
