"""A simulated Dify app: ``/v1/chat-messages`` streamed, its stop call, ``/v1/parameters`` (documentation; not run)."""

from __future__ import annotations

import json
from collections.abc import Mapping

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
from voxbridge.testing.servers.http import Handler, Reply, Request
from voxbridge.testing.servers.n8n_plans import Whole

_STOP_PREFIX, _STOP_SUFFIX = "/v1/chat-messages/", "/stop"


class DifyServer(ChatServer):
    """A Dify app with its conversations.

    ``stop_hangs`` lets the stop call go unanswered.
    """

    def __init__(
        self,
        script: Script = greeting,
        *,
        key: str = "app-key",
        is_coalesced: bool = False,
        piece_bytes: int | None = None,
    ) -> None:
        super().__init__(script, key=key, is_coalesced=is_coalesced, piece_bytes=piece_bytes)
        self.conversations: dict[str, str] = {}
        """Whose each conversation is, by its id."""
        self.stopped: list[tuple[str, str]] = []
        """(task id, user) of each stop call."""
        self.stop_hangs = False
        self._conversation = ""
        self.route("POST", "/v1/chat-messages", self.chat)
        self.route("GET", "/v1/parameters", self._parameters)

    @property
    def base_url(self) -> str:
        """Return what goes into agent.url."""
        return f"{self.url}/v1"

    @property
    def _ids(self) -> dict[str, object]:
        number = len(self.asked)
        return {"task_id": f"task-{number}", "message_id": f"message-{number}", "conversation_id": self._conversation}

    def _handler_for(self, request: Request) -> Handler:
        if request.path.startswith(_STOP_PREFIX) and request.path.endswith(_STOP_SUFFIX):
            return self._stop
        return super()._handler_for(request)

    async def _stop(self, request: Request, reply: Reply) -> None:
        if self.stop_hangs:
            await reply.hang()
        body = request.json()
        user = str(body.get("user", "")) if isinstance(body, dict) else ""
        self.stopped.append((request.path.removeprefix(_STOP_PREFIX).removesuffix(_STOP_SUFFIX), user))
        await reply.send_json({"result": "success"})

    async def _parameters(self, request: Request, reply: Reply) -> None:
        if (refused := self.refused(request)) is not None:
            await send_whole(reply, refused)
            return
        await reply.send_json({"opening_statement": "", "user_input_form": [], "system_parameters": {}})

    def text_of(self, body: Mapping[str, object]) -> str:
        """Return the query."""
        return str(body.get("query", ""))

    def problem(self, body: Mapping[str, object]) -> Whole | None:
        """Refuse a conversation that is not this user's; begin one where none is named."""
        wanted = str(body.get("conversation_id") or "")
        user = body.get("user")
        if not isinstance(user, str) or not isinstance(body.get("query"), str):
            return self.error(400, "Missing required parameter")
        if wanted and self.conversations.get(wanted) != user:
            return self.error(404, "Conversation Not Exists.")
        self._conversation = wanted or f"conversation-{len(self.conversations) + 1}"
        self.conversations[self._conversation] = user
        return None

    def error(self, status: int, message: str) -> Whole:
        """Return Dify's error object."""
        code = {400: "invalid_param", 401: "unauthorized", 404: "not_found"}.get(status, "internal_server_error")
        body = {"code": code, "message": message, "status": status}
        return Whole(status, json.dumps(body).encode(), "application/json")

    def encoded(self, step: Say | Think | CallTool | Fail | Finish) -> bytes:
        """Return one event; before a thought there is a ping, as in a long silence."""
        match step:
            case Say(text):
                return event({"event": "message", **self._ids, "answer": text})
            case Think(text):
                return b"event: ping\n\n" + event({"event": "agent_thought", **self._ids, "thought": text})
            case CallTool(name):
                return event({"event": "agent_thought", **self._ids, "thought": "", "tool": name})
            case Fail(message):
                failed = {"status": 500, "code": "internal_server_error", "message": message}
                return event({"event": "error", **self._ids, **failed})
            case Finish():
                return event({"event": "message_end", **self._ids, "metadata": {"usage": {}}})
