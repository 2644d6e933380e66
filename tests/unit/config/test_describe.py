"""What is told of the settings: the template, the masked description, the values to mask."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import attrs
import pytest

from voxbridge.config import Settings, describe, load, secret_values, template
from voxbridge.config.catalogue import entries
from voxbridge.config.discord import DiscordSettings, NetworkSettings
from voxbridge.config.kinds import BUILT_IN, PluginTtsSettings, find_kind, kind_names
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import EMBEDDED, AgentSettings
from voxbridge.errors import StageName
from voxbridge.stages.agent.n8n import N8nSettings

pytestmark = pytest.mark.unit

WITH_SECRETS = Settings(
    discord=DiscordSettings(token=Secret("the-token"), network=NetworkSettings(hosts={"a": "b:1"})),
    agent=N8nSettings(url=Secret("https://n8n/hook"), headers={"X": Secret("the-key")}),
)


def test_every_setting_has_help() -> None:
    """Template and documentation are derived from the classes, so each field says what it is, and so does its table."""
    for entry in entries():
        assert entry.field.metadata.get("help"), f"{entry.key} wants help: declare it with option(...)"
        assert entry.table_about, f"the table of {entry.key} wants help"


def test_template_as_it_is_says_nothing(tmp_path: Path) -> None:
    """A fresh file changes nothing until a line is uncommented."""
    file = tmp_path / "voxbridge.toml"
    file.write_text(template())
    assert load(file, {}) == Settings()


@pytest.mark.parametrize(
    ("stage", "kind"), [(stage, kind) for stage in BUILT_IN for kind in kind_names(stage)], ids=str
)
def test_template_of_a_kind_loads(stage: StageName, kind: str, tmp_path: Path) -> None:
    """Uncommenting what every kind has and what this one has gives a file that loads, examples included."""
    text = template()
    chosen = text[text.index(f"[{stage}]") :].replace(f'#kind = "{EMBEDDED}"', f'#kind = "{kind}"', 1)
    table = chosen[: re.search(r"(?m)^\[(?!agent\.)", chosen[1:]).start() + 1]  # type: ignore[union-attr]
    if kind == EMBEDDED:  # it has no table of its own
        table = table.split("\n#[")[0]

    def is_for_kind(block: str) -> bool:
        about = re.search(r"(?s)# With kind = ([\w |\n#]+): ", block)
        return about is None or kind in re.split(r"[\s#|]+", about[1])

    whole, *inner = re.split(r"\n(?=#\[)", table)
    blocks = [block for part in (whole, *filter(is_for_kind, inner)) for block in part.split("\n\n")]
    lines = [re.sub(r"(?m)^#(?! )", "", block) for block in blocks if is_for_kind(block)]
    body = "\n\n".join(lines)
    if stage == "agent" and kind != EMBEDDED:  # the examples of the two forms beside a bearer's key
        body = body.replace('claims = { iss = "voxbridge" }', "")
    for name in re.findall(r'file = "([^"]+)"', body):
        secret = tmp_path / Path(name).name
        secret.write_text("x")
        secret.chmod(0o600)
        body = body.replace(name, secret.name)
    for name in re.findall(r'credential = "([^"]+)"', body):
        (tmp_path / name).write_text("x")
    file = tmp_path / "voxbridge.toml"
    file.write_text(body)
    settings = getattr(load(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)}), stage)
    assert type(settings) is find_kind(stage, kind).settings
    told = tomllib.loads(body)[stage]
    assert told.keys() == {field.name for field in attrs.fields(type(settings))}


def test_template_names_every_setting() -> None:
    """Nothing is left out, whichever kind has it."""
    text = template()
    for entry in entries():
        assert re.search(rf"(?m)^#{entry.field.name} = ", text), entry.key


def test_description_has_every_value_but_no_secret() -> None:
    """It can be shown to anybody and written as JSON."""
    told = describe(WITH_SECRETS)
    assert told["discord.token"] == told["agent.url"] == "***"
    assert told["agent.headers"] == {"X": "***"}
    assert told["discord.network.hosts"] == {"a": "b:1"}
    assert told["agent.auth.kind"] == ""
    assert describe(Settings())["discord.token"] == ""
    text = json.dumps(told)
    assert not [secret for secret in secret_values(WITH_SECRETS) if secret in text]


def test_secrets_of_backups_and_plugins_are_masked_too() -> None:
    """A key in [[agent.backup]] or [tts.options] is as secret as the first one."""
    settings = Settings(
        agent=AgentSettings(backup=(N8nSettings(url=Secret("https://second/hook")),)),
        tts=PluginTtsSettings(kind="parrot", options={"key": Secret("plug-in's"), "speed": 2}),
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
