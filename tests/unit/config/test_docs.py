"""The configurations in the documentation can be loaded as they stand, and the page of settings is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.config.settings_page import PAGE, page
from voxbridge.config import load_noting
from voxbridge.config.stages import EMBEDDED

pytestmark = pytest.mark.unit

DOCS = Path(__file__).parents[3] / "docs"
BLOCKS = [
    pytest.param(re.sub(r"(?m)^ {3}", "", block) if block.startswith("   ") else block, id=f"{name} {number}")
    for name in ("agents.md", "n8n.md", "stt.md", "tts.md")
    for number, block in enumerate(re.findall(r"(?s)```toml\n(.*?)```", (DOCS / name).read_text(encoding="utf-8")))
]


def test_page_of_settings_is_what_the_classes_say() -> None:
    """docs/settings.md follows from them. Write it anew with ``python -m tests.unit.config.settings_page``."""
    assert PAGE.read_text(encoding="utf-8") == page()


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
    loaded = load_noting(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    settings = loaded.settings
    kinds = {settings.stt.kind, settings.agent.kind, settings.tts.kind} - {EMBEDDED}
    assert len(kinds) == 1
    assert f'kind = "{kinds.pop()}"' in block
    assert not loaded.notes, "a former name stands in the documentation"
