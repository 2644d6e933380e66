"""The configurations in the documentation can be loaded as they stand, and the page of settings is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.unit.config.settings_page import PAGE, page
from voxbridge.config import Settings, load, load_noting
from voxbridge.config.stages import EMBEDDED

pytestmark = pytest.mark.unit

DOCS = Path(__file__).parents[3] / "docs"


def blocks(*names: str) -> list[ParameterSet]:
    """Return the configurations in these pages."""
    return [
        pytest.param(re.sub(r"(?m)^ {3}", "", block) if block.startswith("   ") else block, id=f"{name} {number}")
        for name in names
        for number, block in enumerate(re.findall(r"(?s)```toml\n(.*?)```", (DOCS / name).read_text(encoding="utf-8")))
    ]


BLOCKS = blocks("agents.md", "n8n.md", "stt.md", "tts.md")


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


@pytest.mark.parametrize("block", blocks("privacy.md", "living-in-channels.md", "profiles.md", "in-discord.md"))
def test_example_about_people_loads(block: str, tmp_path: Path) -> None:
    """It is taken as it stands, and it changes something."""
    for name in re.findall(r'file = "([^"]+)"', block):
        secret = tmp_path / Path(name).name
        secret.write_text("https://n8n.example.org/webhook/otto")
        secret.chmod(0o600)
        block = block.replace(name, secret.name)
    file = tmp_path / "voxbridge.toml"
    file.write_text(block)
    assert load(file, {}) != Settings()
