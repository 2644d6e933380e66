"""The agent behind an n8n webhook, streamed; and the embedded agent, which speaks the same protocol.

Closing the connection does not stop n8n's run (seen): a cancelled turn leaves its workflow running, and only
``previous.heard`` of the next request can tell the agent what was really said.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from http import HTTPStatus

import attrs

from voxbridge import clock
from voxbridge.config.kinds import Kind
from voxbridge.config.rules import option, own_kind
from voxbridge.core.agents.answer_reader import AnswerReader
from voxbridge.core.agents.reply import ReplyRule
from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import StageError
from voxbridge.stages.agent.address import address_of, secrets_of
from voxbridge.stages.agent.client import AgentClient
from voxbridge.stages.agent.credentials import authorization
from voxbridge.stages.agent.dialect import ACCEPT, Call, Fetch
from voxbridge.stages.agent.refusal import methods_taken, refusal
from voxbridge.stages.agent.request import PROBE_SESSION, request_body
from voxbridge.stages.agent.settings import HttpSettings, output_path
from voxbridge.stages.contracts import AgentRequest, Doubtful

# The daemon's engines serve the embedded agent here, on their unix socket.
ENGINES_URL = "http://engines/webhook/voxbridge"


@attrs.frozen(kw_only=True)
class N8nSettings(HttpSettings):
    """The settings of this kind."""

    kind: str = own_kind("n8n")
    input_key: str = option("chatInput", "Key of the request's body that carries what the user said.")
    session_key: str = option("sessionId", "Key of the request's body that carries the conversation's id.")
    also_as: tuple[str, ...] = option((), "Further keys that carry what the user said.", example=["text", "transcript"])
    output_path: str = output_path()
    nodes: tuple[str, ...] = option(
        (), "Names of the nodes of a streaming workflow whose text is spoken. If empty, all are.", example=["AI Agent"]
    )


class N8nStage(AgentClient):
    """An n8n workflow as the agent; with ``uds`` the embedded agent.

    ``rng`` gives the jitter of retries, in [0, 1); ``wall_s`` the wall-clock time for signed tokens.
    """

    def __init__(
        self,
        settings: N8nSettings,
        *,
        uds: str = "",
        rng: Callable[[], float] = random.random,
        wall_s: Callable[[], float] = clock.wall_s,
    ) -> None:
        dialect = N8nDialect(settings, name="embedded" if uds else "n8n", wall_s=wall_s)
        super().__init__(dialect, settings, uds=uds, rng=rng)


class N8nDialect:
    """n8n's Webhook and Chat Trigger, which take the same request."""

    failed = "the workflow failed"

    def __init__(self, settings: N8nSettings, *, name: str = "n8n", wall_s: Callable[[], float]) -> None:
        self.name, self.settings, self.wall_s = name, settings, wall_s
        self.address = address_of(settings.url.reveal() or ENGINES_URL)
        self.origin = self.address.origin
        self.is_test_url = "/webhook-test/" in self.address.path
        self.secrets = secrets_of(settings, hides_path=True)

    def begin(self, request: AgentRequest, now: float) -> N8nExchange:  # noqa: ARG002 - n8n keeps the memory
        """Begin a turn."""
        return N8nExchange(self, request)

    async def probe(self, fetch: Fetch) -> str:
        """Check that the webhook is there without running its workflow: a PUT, which a webhook for POST refuses.

        n8n's refusal names the methods that it takes, which proves that an active workflow listens. A GET would run a
        webhook for GET, and a streaming Chat Trigger answers it with a head and then nothing. Asked for a session that
        never was, a Chat Trigger answers at once and runs nothing (all seen with n8n 2.8.4 and 2.40.7).

        Raises: StageError.
        """
        headers = authorization(self.settings, self.wall_s)
        found = await fetch(Call("PUT", self.address.target, headers=headers, wants_body=False))
        taken = methods_taken(found.status, found.headers, found.body)
        if "POST" in taken and self.is_test_url:
            return Doubtful(
                "the test URL listens, for one call; the production URL has /webhook/ in place of /webhook-test/"
            )
        is_chat_trigger = taken >= {"GET", "POST"} and self.address.path.rstrip("/").endswith("/chat")
        if "POST" in taken and not is_chat_trigger:
            return "the webhook is there and takes POST"
        if is_chat_trigger:
            body = json.dumps({"action": "loadPreviousSession", "sessionId": PROBE_SESSION}).encode()
            headers = {"Content-Type": "application/json", **headers}
            found = await fetch(Call("POST", self.address.target, body, headers))
            if found.is_success and b'"data"' in found.body:
                return "the Chat Trigger is there and takes our credentials"
        if found.is_success or found.status == HTTPStatus.METHOD_NOT_ALLOWED:
            return Doubtful(
                "something answers at this address, but it does not say that it takes a POST: copy the production URL "
                "from the workflow's Webhook or Chat Trigger node"
            )
        raise self.refusal(found.status, found.headers, found.body, Hidden(self.secrets))

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes, hidden: Hidden) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return refusal(status, headers, body, backend=self.name, hidden=hidden, is_test_url=self.is_test_url)


class N8nExchange:
    """One turn with a workflow."""

    def __init__(self, dialect: N8nDialect, request: AgentRequest) -> None:
        self._dialect, self._request = dialect, request
        self.hidden = Hidden(dialect.secrets, speech=request.text)

    def call(self, attempt: int) -> Call:
        """Return the request of one attempt; its keys are the same for each: the workflow can tell a repetition."""
        settings, turn_id = self._dialect.settings, self._request.turn_id
        headers = {
            "Content-Type": "application/json",
            "Accept": ACCEPT,
            "X-Request-Id": turn_id,
            "Idempotency-Key": turn_id,
            **authorization(settings, self._dialect.wall_s),
        }
        body = json.dumps(request_body(self._request, settings, attempt), ensure_ascii=False)
        return Call("POST", self._dialect.address.target, body.encode("utf-8", "replace"), headers)

    def reader(self, headers: Mapping[str, str]) -> AnswerReader:
        """Return the sniffing reader."""
        settings = self._dialect.settings
        own_keys = frozenset({settings.session_key, settings.input_key})
        rule = ReplyRule(settings.output_path, self._request.text, own_keys)
        return AnswerReader(content_type=headers.get("content-type", ""), rule=rule, nodes=settings.nodes)

    def refusal(self, status: int, headers: Mapping[str, str], body: bytes) -> StageError:
        """Return the error that a status outside 2xx stands for."""
        return self._dialect.refusal(status, headers, body, self.hidden)

    def said(self, text: str) -> None:
        """Keep nothing: the workflow's memory is n8n's."""

    def close(self, now: float, *, is_whole: bool) -> None:
        """Leave the run alone: n8n has nothing that stops it from here."""


KIND = Kind(N8nSettings, N8nStage)
