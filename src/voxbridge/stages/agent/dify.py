"""A Dify app: ``/v1/chat-messages``, streamed (Dify's API documentation; not run against a real server).

Dify keeps the conversation under an id that it gives with the first answer, and stops an answer when told. What it
keeps of a stopped answer is Dify's own business; an app that wants to know what was heard takes it as an input
(``agent.inputs``).
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping

import attrs

from voxbridge import clock
from voxbridge.config.kinds import Kind
from voxbridge.config.rules import option, own_kind
from voxbridge.core.agents.answer_reader import AnswerReader
from voxbridge.core.agents.chat import DifyValues
from voxbridge.core.agents.placeholders import filled_text
from voxbridge.core.agents.said import Said
from voxbridge.core.agents.threads import Thread, Threads
from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import StageError, StageRefused
from voxbridge.stages.agent.address import address_of, secrets_of
from voxbridge.stages.agent.api import api_headers, api_refusal
from voxbridge.stages.agent.client import AgentClient
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.dialect import Call, ConversationGone, Fetch
from voxbridge.stages.agent.fields import placeholder_values
from voxbridge.stages.agent.request import session_id
from voxbridge.stages.agent.settings import HttpSettings
from voxbridge.stages.contracts import AgentRequest

ROUTE = "/chat-messages"


@attrs.frozen(kw_only=True)
class DifySettings(HttpSettings):
    """The settings of this kind."""

    kind: str = own_kind("dify")
    inputs: dict[str, str] = option(
        attrs.Factory(dict),
        "The app's variables, with the placeholders of kind = http: {text}, {user_id}, {user_name}, {heard} ...",
        example={"name": "{user_name}", "heard": "{heard}"},
    )


def dify_stage(
    settings: DifySettings, *, rng: Callable[[], float] = random.random, wall_s: Callable[[], float] = clock.wall_s
) -> AgentClient:
    """Make the stage. ``rng`` gives the jitter of retries, ``wall_s`` the time for signed tokens."""
    return AgentClient(DifyDialect(settings, wall_s=wall_s), settings, rng=rng)


class DifyDialect:
    """A Dify chat app (chatbot, agent or chatflow)."""

    name = "dify"
    failed = "the app failed"

    def __init__(self, settings: DifySettings, *, wall_s: Callable[[], float]) -> None:
        self.settings, self.wall_s = settings, wall_s
        self.address = address_of(settings.url.reveal())
        self.origin = self.address.origin
        self.secrets = secrets_of(settings, hides_path=False)
        self.threads = Threads(self.origin)

    def begin(self, request: AgentRequest, now: float) -> DifyExchange:  # noqa: ARG002 - Dify keeps the memory
        """Begin a turn."""
        return DifyExchange(self, request)

    async def probe(self, fetch: Fetch) -> str:
        """Ask for the app's parameters, which needs its key. Raises: StageError."""
        path = self.address.route("/parameters", ROUTE)
        found = await fetch(Call("GET", path, headers=authorization(self.settings, self.wall_s)))
        if not found.is_success:
            raise self.refusal(found.status, found.headers, found.body, Hidden(self.secrets))
        if not found.body.lstrip().startswith(b"{"):
            detail = (
                "no Dify API answers at this address; set agent.url to its base, such as https://dify.example.org/v1"
            )
            raise StageRefused("agent", found.status, detail, backend=self.name)
        return "the app is there and accepts our key"

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return api_refusal(status, headers, body, backend=self.name, hidden=hidden, settings=self.settings)


class DifyExchange:
    """One turn with an app."""

    def __init__(self, dialect: DifyDialect, request: AgentRequest) -> None:
        self._dialect, self._request = dialect, request
        self._session = session_id(request.speaker, dialect.settings.session_scope, request.profile)
        self._values: DifyValues | None = None
        self.hidden = Hidden(dialect.secrets, speech=request.text)

    def _headers(self) -> dict[str, str]:
        return api_headers(self._request, authorization(self._dialect.settings, self._dialect.wall_s))

    def call(self, attempt: int) -> Call:
        """Return the request. A conversation belongs to its ``user``, which is therefore the session."""
        settings = self._dialect.settings
        values = placeholder_values(self._request, settings.session_scope, attempt)
        fields = {
            "query": self._request.text,
            "inputs": {name: filled_text(text, values) for name, text in settings.inputs.items()},
            "response_mode": "streaming",
            "conversation_id": self._dialect.threads.get(self._session),
            "user": self._session,
        }
        body = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
        return Call("POST", self._dialect.address.route(ROUTE), body, self._headers())

    def reader(self, headers: Mapping[str, str]) -> AnswerReader:
        """Return a reader of Dify's events."""

        def values(said: Said) -> DifyValues:
            self._values = DifyValues(said)
            return self._values

        return AnswerReader(content_type=headers.get("content-type", ""), values=values)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> StageError:
        """Return the error that a status outside 2xx stands for; a conversation that is gone is begun anew."""
        error = self._dialect.refusal(status, headers, body, self.hidden)
        if status == 404 and b"conversation" in body.lower() and self._dialect.threads.get(self._session):
            self._dialect.threads.forget(self._session)
            return ConversationGone("agent", status, error.detail, backend=self._dialect.name)
        return error

    def said(self, text: str) -> None:
        """Keep nothing: the app's memory is Dify's."""

    def close(self, now: float, *, is_whole: bool) -> Call | None:  # noqa: ARG002 - nothing here grows old
        """Keep the conversation's id; return what stops an answer that is still being made."""
        if self._values is None:
            return None
        if self._values.conversation_id:
            speaker = self._request.speaker
            thread = Thread(self._values.conversation_id, str(speaker.guild_id), str(speaker.user_id))
            self._dialect.threads.keep(self._session, thread)
        if is_whole or not self._values.task_id:
            return None
        path = self._dialect.address.route(f"{ROUTE}/{self._values.task_id}/stop", ROUTE)
        return Call("POST", path, json.dumps({"user": self._session}).encode(), self._headers())


KIND = Kind(DifySettings, dify_stage)
