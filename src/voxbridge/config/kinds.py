"""Kinds of backends: one door for ours and for plug-ins.

A kind is a name and an object reference, ``module:object``, as in an entry point; what it leads to is a ``Kind``. Ours
stand in the table here, those of other packages in their entry points (groups voxbridge.stt, voxbridge.agent and
voxbridge.tts); nothing is imported before its name is used, so that this module knows no backend. Ours are no entry
points of our own package, since those are written at its installation: a checkout that is pulled would lack a new kind.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import attrs

from voxbridge.config.rules import http_headers, option, url
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import EMBEDDED, AgentSettings, AnySettings, Option, SttSettings, TtsSettings, api_key
from voxbridge.errors import ConfigError, StageName

BUILT_IN: Mapping[StageName, Mapping[str, str]] = {
    "stt": {
        EMBEDDED: "voxbridge.stages.embedded:STT",
        "whisperx": "voxbridge.stages.stt.whisperx:KIND",
        "whisperlive": "voxbridge.stages.stt.whisperlive:KIND",
        "whisperlivekit": "voxbridge.stages.stt.whisperlivekit:KIND",
        "deepgram": "voxbridge.stages.stt.deepgram:KIND",
        "wyoming": "voxbridge.stages.stt.wyoming:KIND",
        "openai": "voxbridge.stages.stt.openai:KIND",
    },
    "agent": {
        EMBEDDED: "voxbridge.stages.embedded:AGENT",
        "n8n": "voxbridge.stages.agent.n8n:KIND",
        "openai": "voxbridge.stages.agent.openai:KIND",
        "ollama": "voxbridge.stages.agent.ollama:KIND",
        "dify": "voxbridge.stages.agent.dify:KIND",
        "http": "voxbridge.stages.agent.custom:KIND",
    },
    "tts": {
        EMBEDDED: "voxbridge.stages.embedded:TTS",
        "chatterbox": "voxbridge.stages.tts.chatterbox:KIND",
        "openai": "voxbridge.stages.tts.openai:KIND",
        "wyoming": "voxbridge.stages.tts.wyoming:KIND",
    },
}
STAGES: Mapping[type, StageName] = {SttSettings: "stt", AgentSettings: "agent", TtsSettings: "tts"}
"""What every kind of a stage has, and the stage's table."""


@attrs.frozen
class Kind:
    """One kind of backend: the class of its settings, and what makes the stage of them.

    With ``wants_engines`` the maker is given the engines' unix socket as well, and the daemon starts them.
    """

    settings: type[Any]
    make: Callable[..., Any]
    wants_engines: bool = False


@attrs.frozen(kw_only=True)
class PluginSttSettings(SttSettings):
    """What a plug-in is given that has no class of settings of its own."""

    url: str = option("", "Address of the server, if the plug-in needs one.", url("ws", "wss", "http", "https", "tcp"))
    api_key: Secret = api_key(was="token")
    model: str = option("", "The model to transcribe with.")
    hints: tuple[str, ...] = option((), "Names and rare words to expect.")
    member_hints: bool = option(True, "Expect the names of the channel's members as well.")
    options: dict[str, Option] = option(attrs.Factory(dict), "Further options of the plug-in.")


@attrs.frozen(kw_only=True)
class PluginAgentSettings(AgentSettings):
    """What a plug-in is given that has no class of settings of its own."""

    url: Secret = option(Secret(""), "Address of the server, if the plug-in needs one.", url("http", "https"))
    api_key: Secret = api_key()
    headers: dict[str, Secret] = option(attrs.Factory(dict), "Headers of each request.", http_headers())
    model: str = option("", "The model's name.")
    options: dict[str, Option] = option(attrs.Factory(dict), "Further options of the plug-in.")


@attrs.frozen(kw_only=True)
class PluginTtsSettings(TtsSettings):
    """What a plug-in is given that has no class of settings of its own."""

    url: str = option("", "Address of the server, if the plug-in needs one.", url("http", "https", "tcp"))
    api_key: Secret = api_key()
    voice: str = option("", "The voice's name.")
    model: str = option("", "The model's name.")
    options: dict[str, Option] = option(attrs.Factory(dict), "Further options of the plug-in.")


_PLUGIN_SETTINGS: Mapping[StageName, type[AnySettings]] = {
    "stt": PluginSttSettings,
    "agent": PluginAgentSettings,
    "tts": PluginTtsSettings,
}
_BASES: Mapping[StageName, type[AnySettings]] = {"stt": SttSettings, "agent": AgentSettings, "tts": TtsSettings}


def kind_names(stage: StageName) -> list[str]:
    """Return the names of the kinds that there are: ours, then those of installed plug-ins, in alphabetical order."""
    ours = BUILT_IN[stage]
    return [*ours, *sorted({each.name for each in entry_points(group=f"voxbridge.{stage}")} - set(ours))]


def find_kind(stage: StageName, name: str) -> Kind:
    """Return a kind by its name. Raises: ConfigError, also for whatever goes wrong in a plug-in's code."""
    entry = _entry(stage, name)
    if entry is None:
        raise _no_kind(stage, name)
    if name in BUILT_IN[stage]:
        kind: Kind = entry.load()
        return kind
    try:
        found = entry.load()
    except Exception as error:
        raise _unusable(entry, type(error).__name__) from error
    if not isinstance(found, Kind):  # what makes the stage, and nothing that says what it wants to know
        if not callable(found):
            raise _unusable(entry, "it leads to nothing that can make a stage")
        found = Kind(_PLUGIN_SETTINGS[stage], found)
    if not (issubclass(found.settings, _BASES[stage])):
        raise _unusable(entry, f"its settings are no {_BASES[stage].__name__}")
    return found


def _no_kind(stage: StageName, name: str) -> ConfigError:
    names = kind_names(stage)
    others = [f"[{other}]" for other in STAGES.values() if other != stage and name in kind_names(other)]
    close = difflib.get_close_matches(name.lower(), names, 1)
    hint = ""
    if others:
        hint = f"; it is a kind of {' and '.join(others)}"
    elif close:
        hint = f"; did you mean {close[0]}?"
    return ConfigError(f"there is no such kind of [{stage}]{hint}", key="kind", value=name, allowed=" | ".join(names))


def make_stage(stage: StageName, settings: AnySettings, engines_socket: str) -> Any:
    """Make one backend. Raises: ConfigError, also for whatever goes wrong in a plug-in's code."""
    kind = find_kind(stage, settings.kind)
    if kind.wants_engines:
        return kind.make(settings, engines_socket)
    if settings.kind in BUILT_IN[stage]:
        return kind.make(settings)
    try:
        return kind.make(settings)
    except ConfigError:
        raise
    except Exception as error:
        entry = _entry(stage, settings.kind)
        assert entry is not None, "it was found a moment ago"
        raise _unusable(entry, type(error).__name__) from error


def usable_kinds(stage: StageName) -> dict[str, Kind]:
    """Return all kinds by name but for plug-ins that cannot be loaded: for those who only tell of them."""
    found = {}
    for name in kind_names(stage):
        try:
            found[name] = find_kind(stage, name)
        except ConfigError:
            continue
    return found


def _entry(stage: StageName, name: str) -> EntryPoint | None:
    group = f"voxbridge.{stage}"
    if ours := BUILT_IN[stage].get(name):
        return EntryPoint(name, ours, group)
    return next(iter(entry_points(group=group, name=name)), None)


def _unusable(entry: EntryPoint, why: str) -> ConfigError:
    # the error's type only: its text may quote an option that is a secret
    detail = f"the plug-in {entry.value} cannot be used ({why}); its own documentation may say why"
    return ConfigError(detail, key="kind", value=entry.name)


def settings_of(stage: StageName, name: str, **options: object) -> Any:
    """Make the settings of a kind by its name. Raises: ConfigError."""
    return find_kind(stage, name).settings(kind=name, **options)
