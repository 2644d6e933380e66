"""The container file and the compose file as linters read them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from voxbridge.config import load

pytestmark = pytest.mark.container

CONTAINER = Path(__file__).parents[2] / "container"


def tool(name: str) -> str:
    """Return a program that the session has installed."""
    found = shutil.which(name, path=os.environ.get("CONTAINER_TOOLS"))
    assert found, "run by `nox -s container`, which installs it"
    return found


def test_hadolint_finds_nothing() -> None:
    """Each rule that is switched off stands in the file, with its reason."""
    done = subprocess.run([tool("hadolint"), CONTAINER / "Containerfile"], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_the_compose_file_keeps_to_the_specification() -> None:
    """Its keys are those of the Compose Specification's schema."""
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(CONTAINER / "compose.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_bot_may_do_little_and_others_are_reached_by_their_names() -> None:
    """Its root is read-only, no capability is left, and each server in the configuration is a service."""
    services = yaml.safe_load((CONTAINER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    bot = services["voxbridge"]
    assert bot["read_only"] is True
    assert bot["cap_drop"] == ["ALL"]
    settings = load(CONTAINER / "voxbridge.toml", {})
    assert [stage.kind for stage in (settings.stt, settings.agent, settings.tts)] == ["whisperx", "n8n", "chatterbox"]
    text = (CONTAINER / "voxbridge.toml").read_text(encoding="utf-8")
    for name in ("whisperx", "n8n", "chatterbox"):
        assert name in services
        assert f"//{name}:" in text
        assert name in bot["depends_on"]
