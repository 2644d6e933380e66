"""An n8n that is not set up, or not yet there: what the probe says without a run, and that no turn speaks of it."""

from __future__ import annotations

import pytest

from tests.integration.stages.agent.agent_client import ask, stage_for
from voxbridge.config.secrets import Secret
from voxbridge.errors import StageRefused, StageUnavailable
from voxbridge.stages.agent.n8n import N8nSettings, N8nStage
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.http import HttpServer, Reply, Request
from voxbridge.testing.servers.n8n import N8nServer

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
async def net() -> MemNet:
    return MemNet().install()


async def test_webhook_for_get_is_named_and_not_run(autojump_clock):
    """A webhook left at its default method, GET, would run when it is asked with GET."""
    server = N8nServer()
    server.methods = ("GET",)
    async with server.running(), stage_for(server) as stage:
        with pytest.raises(StageRefused, match="does not take POST"):
            await stage.probe()
    assert server.questions == []
    assert [request.method for request in server.requests] == ["PUT"]


async def test_webhook_with_a_path_like_a_chat_triggers_is_not_run(autojump_clock):
    """The question that a Chat Trigger answers without a run starts the workflow of a Webhook."""
    server = N8nServer()
    server.paths.add("/webhook/my/chat")
    async with server.running(), stage_for(server, path="/webhook/my/chat") as stage:
        assert "the webhook is there" in await stage.probe()
    assert server.questions == []


async def test_listening_test_url_is_told_from_the_production_url(autojump_clock):
    """After 'Execute workflow' the test URL takes one call, which the probe leaves to the user."""
    server = N8nServer()
    server.paths.add("/webhook-test/x")
    async with server.running(), stage_for(server, path="/webhook-test/x") as stage:
        assert "for one call" in await stage.probe()
    assert server.questions == []


async def test_page_of_the_editor_is_not_taken_for_a_webhook(autojump_clock):
    """n8n answers GET with its editor wherever one looks; another method finds nothing there."""
    server = N8nServer()
    server.state = "starting"  # the same page
    async with server.running(), stage_for(server, path="/workflow/s3cret") as stage:
        with pytest.raises(StageUnavailable, match="not that of a webhook"):
            await stage.probe()


@pytest.mark.parametrize("piece_bytes", [None, 5])
async def test_n8n_that_migrates_is_waited_for(autojump_clock, piece_bytes):
    """After an upgrade n8n says with status 200, in plain text, that it is starting up: that is no answer."""
    server = N8nServer(piece_bytes=piece_bytes)
    server.state = "migrating"
    async with server.running(), stage_for(server) as stage:
        heard = await ask(stage)
        assert stage.retry_count == 2
        server.state = "ready"
        again = await ask(stage)
    assert isinstance(heard.error, StageUnavailable)
    assert "n8n is starting up" in str(heard.error)
    assert heard.text == "", f"spoken: {heard.text!r}"
    assert again.error is None, again.error


@pytest.mark.parametrize(
    ("allow", "says"), [("POST, OPTIONS", "is there and takes POST"), ("GET, HEAD", "something answers")]
)
async def test_refusal_of_another_server_is_read(autojump_clock, allow, says):
    """405 with its Allow header says as much as n8n's words; without POST in it the first question will show."""

    async def refuse(request: Request, reply: Reply) -> None:
        await reply.send(405, b"", headers=[("Allow", allow)])

    server = HttpServer()
    server.route("PUT", "/hook", refuse)
    async with server.running(), N8nStage(N8nSettings(url=Secret(f"{server.url}/hook"))) as stage:
        assert says in await stage.probe()
