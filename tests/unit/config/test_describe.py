"""What is told of the settings: the template, the masked description, the values to mask."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from voxbridge.config import Settings, describe, load, secret_values, template
from voxbridge.config.describe import all_keys
from voxbridge.config.settings import AgentSettings, DiscordSettings, NetworkSettings, Secret, SttSettings, TtsSettings

pytestmark = pytest.mark.unit

WITH_SECRETS = Settings(
    discord=DiscordSettings(token=Secret("the-token"), network=NetworkSettings(hosts={"a": "b:1"})),
    agent=AgentSettings(kind="n8n", url=Secret("https://n8n/hook"), headers={"X": Secret("the-key")}),
)


def test_every_setting_has_help() -> None:
    """Template and documentation are derived from the classes, so each field says what it is."""
    classes = {Settings, *(kind for _, kind in all_keys(Settings) if isinstance(kind, type) and attrs.has(kind))}
    for cls in classes - {Secret}:
        for field in attrs.fields(cls):
            assert field.metadata.get("help"), f"{cls.__name__}.{field.name} wants help: declare it with option(...)"


def test_template_as_it_is_says_nothing(tmp_path: Path) -> None:
    """A fresh file changes nothing until a line is uncommented."""
    file = tmp_path / "voxbridge.toml"
    file.write_text(template())
    assert load(file, {}) == Settings()


def test_template_names_every_setting_and_its_values_are_allowed(tmp_path: Path) -> None:
    """Uncommenting all lines gives a file that loads, examples included."""
    text = re.sub(r"(?m)^#(?! )", "", template())
    settings_named = {key for key, kind in all_keys(Settings) if not (isinstance(kind, type) and attrs.has(kind))}
    settings_named |= {key for key, kind in all_keys(Settings) if kind is Secret}

    def flat(table: dict[str, Any], path: str = "") -> set[str]:
        keys: set[str] = set()
        for name, value in table.items():
            key = f"{path}{name}"
            keys |= {key} if key in settings_named else flat(value, f"{key}.")
        return keys

    assert flat(tomllib.loads(text)) == settings_named
    for name in re.findall(r'file = "([^"]+)"', text):
        secret = tmp_path / Path(name).name
        secret.write_text("x")
        secret.chmod(0o600)
        text = text.replace(name, secret.name)
    for name in re.findall(r'credential = "([^"]+)"', text):
        (tmp_path / name).write_text("x")
    file = tmp_path / "voxbridge.toml"
    file.write_text(text)
    settings = load(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    example = SttSettings(
        url="ws://localhost:4901",
        token=Secret("x"),
        model="small",
        languages={"123456789012345678": "de"},
        hints=("Hibari", "VoxBridge"),
        options={"key": Secret("x")},
        backup=(SttSettings(),),
    )
    assert settings.stt == example


def test_description_has_every_value_but_no_secret() -> None:
    """It can be shown to anybody and written as JSON."""
    told = describe(WITH_SECRETS)
    assert told["discord.token"] == told["agent.url"] == "***"
    assert told["agent.headers"] == {"X": "***"}
    assert told["discord.network.hosts"] == {"a": "b:1"}
    assert told["tts.exaggeration"] is None
    assert describe(Settings())["discord.token"] == ""
    text = json.dumps(told)
    assert not [secret for secret in secret_values(WITH_SECRETS) if secret in text]


def test_secrets_of_backups_and_plugins_are_masked_too() -> None:
    """A key in [[agent.backup]] or [tts.options] is as secret as the first one."""
    settings = Settings(
        agent=AgentSettings(backup=(AgentSettings(kind="n8n", url=Secret("https://second/hook")),)),
        tts=TtsSettings(options={"key": Secret("plug-in's"), "speed": 2}),
    )
    told = describe(settings)
    assert told["agent.backup"][0]["url"] == "***"
    assert told["tts.options"] == {"key": "***", "speed": 2}
    assert sorted(secret_values(settings)) == ["https://second/hook", "plug-in's"]
    json.dumps(told)


def test_secret_values_are_all_secrets_that_are_set() -> None:
    """The log's mask learns of each, those inside tables too."""
    assert sorted(secret_values(WITH_SECRETS)) == ["https://n8n/hook", "the-key", "the-token"]
    assert secret_values(Settings()) == ()
