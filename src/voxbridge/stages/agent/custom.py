"""``kind = http``: any server that takes JSON and answers with text, in a body of the operator's own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

import attrs

from voxbridge import clock
from voxbridge.config.kinds import Kind
from voxbridge.config.rules import json_template, one_of, option, own_kind
from voxbridge.core.agents.answer_reader import AnswerReader
from voxbridge.core.agents.placeholders import filled
from voxbridge.core.agents.reply import ReplyRule
from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import ConfigError, StageError
from voxbridge.stages.agent.address import address_of, secrets_of
from voxbridge.stages.agent.api import api_headers
from voxbridge.stages.agent.client import AgentClient
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.dialect import Call, Fetch
from voxbridge.stages.agent.fields import placeholder_values
from voxbridge.stages.agent.settings import HttpSettings, output_path
from voxbridge.stages.contracts import AgentRequest
from voxbridge.stages.http_status import status_error


@attrs.frozen(kw_only=True)
class HttpAgentSettings(HttpSettings):
    """The settings of this kind."""

    kind: str = own_kind("http")
    method: str = option(
        "POST",
        "Method of the request. GET sends the fields of body in the URL, where servers log them.",
        one_of("POST", "PUT", "PATCH", "GET"),
    )
    body: str = option(
        '{"text": "{text}", "user_id": "{user_id}", "user_name": "{user_name}", "session_id": "{session_id}", '
        '"turn_id": "{turn_id}", "language": "{language}"}',
        "Body of the request. More placeholders: {attempt}, {guild_id}, {channel_id}, {started_at}, {heard} (what was "
        "heard of an answer that was cut short), {people} (the names of those who are heard), {joined} and {left} (who "
        "came and who left since the user's last question).",
        json_template(),
    )
    output_path: str = output_path()


def http_stage(
    settings: HttpAgentSettings, *, rng: Callable[[], float] = random.random, wall_s: Callable[[], float] = clock.wall_s
) -> AgentClient:
    """Make the stage. ``rng`` gives the jitter of retries, ``wall_s`` the time for signed tokens."""
    return AgentClient(HttpDialect(settings, wall_s=wall_s), settings, rng=rng)


class HttpDialect:
    """A server of the operator's own."""

    name = "http"
    failed = "the server reports an error"

    def __init__(self, settings: HttpAgentSettings, *, wall_s: Callable[[], float]) -> None:
        self.settings, self.wall_s = settings, wall_s
        self.address = address_of(settings.url.reveal())
        self.origin = self.address.origin
        self.secrets = secrets_of(settings, hides_path=True)
        fields = json.loads(settings.body)
        if settings.method == "GET" and not isinstance(fields, dict):
            raise ConfigError(
                "must be an object when agent.method is GET: its fields are the query's", key="agent.body"
            )
        # with a single key an echo cannot be told from an answer
        self.own_keys = frozenset(fields) if isinstance(fields, dict) and len(fields) > 1 else frozenset()

    def begin(self, request: AgentRequest, now: float) -> HttpExchange:  # noqa: ARG002 - the server keeps the memory
        """Begin a turn."""
        return HttpExchange(self, request)

    async def probe(self, fetch: Fetch) -> str:
        """Send OPTIONS, which changes nothing; any answer but a refusal or a failure will do. Raises: StageError."""
        headers = authorization(self.settings, self.wall_s)
        found = await fetch(Call("OPTIONS", self.address.target, headers=headers))
        error = self.refusal(found.status, found.headers, found.body, Hidden(self.secrets))
        if not found.is_success and (error.retryable or found.status in (401, 403)):
            raise error
        return f"a server answers at this address (HTTP {found.status} to OPTIONS); the first question will show what"

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return status_error("agent", status, headers, body, backend=self.name, hidden=hidden)


class HttpExchange:
    """One turn with the server."""

    def __init__(self, dialect: HttpDialect, request: AgentRequest) -> None:
        self._dialect, self._request = dialect, request
        self.hidden = Hidden(dialect.secrets, speech=request.text)

    def call(self, attempt: int) -> Call:
        """Return the request: the template with its placeholders filled; with GET its fields are the query's."""
        settings, target = self._dialect.settings, self._dialect.address.target
        body = filled(settings.body, placeholder_values(self._request, settings.session_scope, attempt))
        headers = api_headers(self._request, authorization(settings, self._dialect.wall_s))
        if settings.method != "GET":
            return Call(settings.method, target, body, headers)
        fields = json.loads(body)
        query = urlencode({key: each if isinstance(each, str) else json.dumps(each) for key, each in fields.items()})
        del headers["Content-Type"]
        return Call("GET", f"{target}{'&' if self._dialect.address.query else '?'}{query}", None, headers)

    def reader(self, headers: Mapping[str, str]) -> AnswerReader:
        """Return the sniffing reader, which takes text, JSON, JSON lines and events alike."""
        rule = ReplyRule(self._dialect.settings.output_path, self._request.text, self._dialect.own_keys)
        return AnswerReader(content_type=headers.get("content-type", ""), rule=rule)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return self._dialect.refusal(status, headers, body, self.hidden)

    def said(self, text: str) -> None:
        """Keep nothing: the server remembers, or does not."""

    def close(self, now: float, *, is_whole: bool) -> None:
        """Leave it at the closed connection."""


KIND = Kind(HttpAgentSettings, http_stage)
