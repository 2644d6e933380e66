"""What a child process is given is what was loaded here."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import tomli_w

from voxbridge.config import load
from voxbridge.config.discord import DiscordSettings
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.rehearsal.config_tables import tables_of
from voxbridge.stages.agent.n8n import N8nSettings

pytestmark = pytest.mark.unit


def test_settings_survive_the_way_through_a_file(tmp_path: Path) -> None:
    """Secrets, also within tables, lists, and what is not set."""
    settings = attrs.evolve(
        Settings(),
        discord=DiscordSettings(token=Secret("t0ken"), join=("1:2", "3:4")),
        agent=N8nSettings(url=Secret("https://n8n/hook"), headers={"X-Api-Key": Secret("k3y")}),
    )
    file = tmp_path / "voxbridge.toml"
    file.write_text(tomli_w.dumps(tables_of(settings)))
    assert load(file, environ={}) == settings
