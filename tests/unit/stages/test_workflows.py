"""The sample workflows: connected, streaming, and made for the request that we send."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from voxbridge.cli import main
from voxbridge.config.secrets import Secret
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.errors import EXIT_CONFIG
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.agent.request import request_body
from voxbridge.stages.agent.workflows import samples
from voxbridge.stages.contracts import AgentRequest, Previous, Speaker

pytestmark = pytest.mark.unit

WORKFLOWS = {name: json.loads(text) for name, text in samples().items()}
# as run with n8n 2.8.4 and 2.40.7; the model's node stands for any
VERSIONS = {
    "n8n-nodes-base.webhook": 2.1,
    "n8n-nodes-base.respondToWebhook": 1.5,
    "n8n-nodes-base.stickyNote": 1,
    "@n8n/n8n-nodes-langchain.chatTrigger": 1.4,
    "@n8n/n8n-nodes-langchain.agent": 3,
    "@n8n/n8n-nodes-langchain.memoryBufferWindow": 1.3,
    "@n8n/n8n-nodes-langchain.lmChatOpenAi": 1.2,
}
TRIGGERS = {"n8n-nodes-base.webhook": "$json.body", "@n8n/n8n-nodes-langchain.chatTrigger": "$json"}

each_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def nodes_of(name: str) -> dict[str, dict]:
    return {node["name"]: node for node in WORKFLOWS[name]["nodes"]}


def trigger_of(name: str) -> dict:
    (trigger,) = [node for node in nodes_of(name).values() if node["type"] in TRIGGERS]
    return trigger


def test_both_triggers_with_and_without_a_model():
    """There is one for each need."""
    assert sorted(WORKFLOWS) == ["chat-agent.json", "chat-plain.json", "webhook-agent.json", "webhook-plain.json"]
    assert len({workflow["name"] for workflow in WORKFLOWS.values()}) == 4
    assert len({workflow["id"] for workflow in WORKFLOWS.values()}) == 4


@each_workflow
def test_nodes_are_known_and_connected(name):
    """Every node has its tried version; each but the trigger is reached, each but the last leads on."""
    nodes, connections = nodes_of(name), WORKFLOWS[name]["connections"]
    assert len({node["id"] for node in nodes.values()}) == len(nodes) == len(WORKFLOWS[name]["nodes"])
    for node in nodes.values():
        assert node["typeVersion"] == VERSIONS[node["type"]], node["name"]
    links = [
        (source, link["node"], kind, link["type"])
        for source, outputs in connections.items()
        for kind, branches in outputs.items()
        for branch in branches
        for link in branch
    ]
    assert all(source in nodes and target in nodes and kind == into for source, target, kind, into in links)
    linked = {end for source, target, *_ in links for end in (source, target)}
    notes = {node["name"] for node in nodes.values() if node["type"].endswith("stickyNote")}
    assert linked == nodes.keys() - notes
    kinds = sorted(kind for *_, kind in links)
    assert kinds == (["ai_languageModel", "ai_memory", "main"] if "agent" in name else ["main"])
    assert [source for source, _target, kind, _into in links if kind == "main"] == [trigger_of(name)["name"]]


@each_workflow
def test_answer_is_streamed(name):
    """The trigger answers in streaming mode, and the node behind it streams."""
    trigger = trigger_of(name)["parameters"]
    if "webhook" in name:
        assert trigger["responseMode"] == "streaming"
        assert trigger["httpMethod"] == "POST"
    else:
        assert trigger["options"]["responseMode"] == "streaming"
        assert (trigger["public"], trigger["mode"]) == (True, "webhook")
    speaking = "AI Agent" if "agent" in name else "Respond to Webhook"
    assert nodes_of(name)[speaking]["parameters"]["options"]["enableStreaming"] is True


@each_workflow
def test_expressions_name_what_our_request_sends(name):
    """Every field that an expression reads is in the body we post, in the place where the trigger puts it."""
    request = AgentRequest(
        "t",
        "Hello.",
        Speaker(UserId(3), "Ada", GuildId(1), ChannelId(2)),
        previous=Previous(interrupted=True, heard="Well"),
        people=("Ada", "Bob"),
        joined=("Bob",),
        left=("Eve",),
    )
    body = request_body(request, N8nSettings(url=Secret("http://localhost/webhook/x")), 1)
    base = TRIGGERS[trigger_of(name)["type"]]
    text = json.dumps(WORKFLOWS[name]["nodes"])
    paths = set(re.findall(r"\$json((?:\??\.\w+)+)", text))
    assert paths
    for path in paths:
        fields = path.replace("?", "").strip(".").split(".")
        if base == "$json.body":
            assert fields.pop(0) == "body", path
        found: object = body
        for field in fields:
            if isinstance(found, str) and field == "slice":
                break  # a function of JavaScript's strings
            if isinstance(found, list) and field == "length":
                break
            assert isinstance(found, dict), path
            assert field in found, f"{name}: {path} is not in our request"
            found = found[field]
    read = {path.replace("?", "").removeprefix(".body") for path in paths}
    assert ".chatInput" in read
    if "agent" in name:
        assert {".sessionId", ".metadata.previous.interrupted", ".metadata.previous.heard"} <= read


@each_workflow
def test_nothing_private_and_not_active(name):
    """No credential of ours; n8n imports workflows inactive anyway, and the docs say so."""
    assert WORKFLOWS[name]["active"] is False
    assert "credentials" not in json.dumps(WORKFLOWS[name]["nodes"]).replace("credential,", "").replace(
        "credential ", ""
    )


def test_command_writes_them_out(tmp_path):
    """Once; a file that somebody has changed is not overwritten by a command typed twice."""
    out = tmp_path / "flows"
    done = CliRunner().invoke(main, ["workflows", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert {file.name: json.loads(file.read_text()) for file in out.iterdir()} == WORKFLOWS
    assert "activate" in done.output
    (out / "chat-plain.json").write_text("mine")
    again = CliRunner().invoke(main, ["workflows", "--out", str(out)])
    assert again.exit_code == EXIT_CONFIG
    assert (out / "chat-plain.json").read_text() == "mine"
    assert CliRunner().invoke(main, ["workflows", "--out", str(out), "--force"]).exit_code == 0
    assert json.loads((out / "chat-plain.json").read_text()) == WORKFLOWS["chat-plain.json"]


def test_command_into_nowhere_is_refused(tmp_path):
    """A file in the way is named, not a traceback."""
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["workflows", "--out", str(tmp_path / "file" / "flows")])
    assert done.exit_code == EXIT_CONFIG
    assert "cannot be written" in done.stderr
