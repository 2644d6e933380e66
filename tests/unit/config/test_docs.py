"""The configurations in the documentation of the agents can be loaded as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from voxbridge.config import load

pytestmark = pytest.mark.unit

DOCS = Path(__file__).parents[3] / "docs"
BLOCKS = [
    pytest.param(re.sub(r"(?m)^ {3}", "", block) if block.startswith("   ") else block, id=f"{name} {number}")
    for name in ("agents.md", "n8n.md")
    for number, block in enumerate(re.findall(r"(?s)```toml\n(.*?)```", (DOCS / name).read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_example_loads(block, tmp_path):
    """With its secrets in place."""
    for name in re.findall(r'file = "([^"]+)"', block):
        secret = tmp_path / Path(name).name
        secret.write_text("https://n8n.example.org/webhook/voxbridge")
        secret.chmod(0o600)
        block = block.replace(name, secret.name)
    for name in re.findall(r'credential = "([^"]+)"', block):
        (tmp_path / name).write_text("x")
    file = tmp_path / "voxbridge.toml"
    file.write_text(block)
    settings = load(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert settings.agent.kind in block
