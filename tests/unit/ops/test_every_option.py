"""Every option, whichever kind of backend has it: a reload names it as what it is, and leaves in force what waits.

Nothing here names an option: who adds one is found by the walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import attrs
import pytest

from voxbridge.config.catalogue import default_of, fields_of, is_list_of_tables, is_table
from voxbridge.config.kinds import BUILT_IN, find_kind, settings_of
from voxbridge.config.profiles import ChannelSettings, GuildSettings, ProfileSettings
from voxbridge.config.rules import ClampRule
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import AgentSettings, TtsSettings
from voxbridge.errors import ConfigError, StageName
from voxbridge.ops.reload import change
from voxbridge.stages.agent.settings import AgentAuthSettings, McpSettings

pytestmark = pytest.mark.unit

URLS = {"wyoming": ("tcp://a:1", "tcp://b:1"), "http": ("http://a", "http://b"), "ws": ("ws://a", "ws://b")}
# Values that no general guess makes: of texts with a form of their own.
VALUES: dict[str, Any] = {
    "discord.token": Secret("another"),
    "stt.languages": {"1": "de"},
    "agent.auth.kind": "bearer",
    "agent.auth.user": "ada",
    "agent.body": '["{text}"]',
    "agent.keep_alive": "5m",
    "engines.socket": "/run/e.sock",
    "health.listen": "127.0.0.1:1",
    "stt.language": "de",
    "tts.lexicon": {"en": {"a": "b"}},
    "agent.mcp": {"time": McpSettings(command=("time",))},
}


# What belongs to one form of credentials cannot be set with the other.
NOT_WITH = {"basic": "agent.auth.claims", "jwt": "agent.auth.user"}


def base_of(stage: StageName, kind: str, auth: str = "") -> Any:
    """Return the least that a kind wants; an agent has a key, so that how it is shown may change."""
    if kind == "embedded":
        return settings_of(stage, kind)
    names = {field.name: field for field in fields_of(find_kind(stage, kind).settings)}
    options: dict[str, Any] = {"url": _addresses(names["url"])[0]}
    if "model" in names and stage == "agent":
        options["model"] = "m"
    if "api_key" in names:
        options["api_key"] = Secret("k3y")
    if auth:
        options["auth"] = AgentAuthSettings(kind=auth)
    return settings_of(stage, kind, **options)


def _addresses(field: attrs.Attribute[Any]) -> tuple[Any, Any]:
    allowed = field.metadata["rule"].allowed
    found = next(pair for pair in URLS.values() if allowed.startswith(pair[0].partition(":")[0]))
    return (Secret(found[0]), Secret(found[1])) if field.type is Secret else found


def another(key: str, field: attrs.Attribute[Any], now: Any) -> Any:
    """Return a legal value that is not the one that holds."""
    if key in VALUES:
        return VALUES[key]
    if field.name == "url":
        return _addresses(field)[1]
    if field.type is Secret:
        return Secret("another")
    if field.type == dict[str, Secret]:
        return {"X-Key": Secret("another")}
    rule, kind = field.metadata["rule"], field.type
    kinds = get_args(kind) if kind is not None and get_args(kind) and get_origin(kind) is not tuple else (kind,)
    if bool in kinds:
        return not now
    if int in kinds or float in kinds:
        steps = [number for number in (1, 2, -1, 0.5, -0.1) if float in kinds or isinstance(number, int)]
        return next(value for step in steps if _is_legal(rule, value := (now or 0) + step))
    if kind is str and rule is not None and " | " in rule.allowed:
        return next(word for word in rule.allowed.split(" | ") if word != now)
    example = field.metadata["example"]
    if example is not None:
        return tuple(example) if isinstance(example, list) else example
    return "another"


def _is_legal(rule: Any, value: float) -> bool:
    return rule is None or (rule.low <= value <= rule.high if isinstance(rule, ClampRule) else rule.holds(value))


def walk(section: Any, path: str) -> Iterator[tuple[str, Any, attrs.Attribute[Any]]]:
    """Yield each option's key, a copy of the section with another value of it, and its field."""
    for field in fields_of(type(section)):
        key, now = path + field.name, getattr(section, field.name)
        if field.name == "kind" and path in ("stt.", "agent.", "tts."):
            continue
        if path == "agent.auth." and key == NOT_WITH.get(section.kind):
            continue
        if is_list_of_tables(field):
            yield key, attrs.evolve(section, **{field.name: (type(section).__mro__[-2](),)}), field
        elif is_table(field):
            for inner, changed, inner_field in walk(now, f"{key}."):
                yield inner, attrs.evolve(section, **{field.name: changed}), inner_field
        else:
            yield key, attrs.evolve(section, **{field.name: another(key, field, now)}), field


def base_settings() -> Iterator[tuple[str, Settings, str]]:
    """Yield settings with each kind of each stage, and the table to walk."""
    for stage, kinds in BUILT_IN.items():
        for kind in kinds:
            for auth in ("basic", "jwt") if stage == "agent" and kind != "embedded" else ("",):
                name = f"{stage} {kind} {auth}".strip()
                yield name, attrs.evolve(Settings(), **{stage: base_of(stage, kind, auth)}), stage
    for field in fields_of(Settings):
        if field.name not in BUILT_IN and is_table(field):
            yield field.name, Settings(), field.name


SECTIONS = {name: (settings, table) for name, settings, table in base_settings()}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_reload_names_each_option_as_what_it_is(name: str) -> None:
    """Changed alone, an option is applied or waits for a restart, as it says itself; what waits is not in force."""
    old, table = SECTIONS[name]
    walked = 0
    for key, section, field in walk(getattr(old, table), f"{table}."):
        try:
            new = attrs.evolve(old, **{table: section})
        except ConfigError as error:
            raise AssertionError(f"{key}: {error}") from error
        assert new != old, key
        found, is_live = change(old, new), field.metadata["live"]
        assert (found.applied, found.needs_restart) == (((key,), ()) if is_live else ((), (key,))), key
        assert found.settings == (new if is_live else old), key
        assert change(found.settings, new).applied == (), f"{key} is applied twice"
        walked += 1
    left_out = any(auth in name for auth in NOT_WITH)
    assert walked + left_out == sum(1 for _ in _leaves(type(getattr(old, table)))), "an option was passed over"


@pytest.mark.parametrize("name", [field.name for field in fields_of(ProfileSettings)])
def test_a_reload_names_each_option_of_a_profile_as_what_it_is(name: str) -> None:
    """Its servers are made at the start; all else of it is looked at anew."""
    (field,) = [field for field in fields_of(ProfileSettings) if field.name == name]
    servers: dict[str, Any] = {"agent": AgentSettings(), "tts": TtsSettings()}
    value: Any = servers.get(name) or another(f"profile.{name}", field, "")
    old, key = Settings(profile={"iris": ProfileSettings()}), f"profile.iris.{name}"
    new = Settings(profile={"iris": ProfileSettings(**{name: value})})
    found, is_live = change(old, new), field.metadata["live"]
    assert (found.applied, found.needs_restart) == (((key,), ()) if is_live else ((), (key,)))
    assert found.settings == (new if is_live else old)


def test_profiles_come_and_go_with_a_reload() -> None:
    """One without a server of its own at once; one that has one waits, with every place that names it."""
    iris, otto = {"iris": ProfileSettings()}, {"otto": ProfileSettings(agent=AgentSettings())}
    came = change(Settings(), Settings(profile=iris, guild=(GuildSettings("1", ("iris",)),)))
    assert (set(came.applied), came.needs_restart) == ({"profile.iris", "guild"}, ())
    assert change(came.settings, Settings()).settings == Settings()
    with_server = change(came.settings, Settings(profile={**iris, **otto}, guild=(GuildSettings("1", ("iris",)),)))
    assert with_server.needs_restart == ("profile.otto",)
    waits = change(came.settings, Settings(profile=otto, channel=(ChannelSettings("2", ("otto",)),)))
    assert set(waits.needs_restart) == {"profile", "guild", "channel"}
    assert waits.settings == came.settings


def _leaves(cls: type, is_stage: bool = True) -> Iterator[str]:
    for field in fields_of(cls):
        if is_table(field):
            yield from _leaves(field.type, False)  # type: ignore[arg-type]
        elif field.name != "kind" or default_of(field) == "":
            yield field.name
