"""The servers of a scene: yours or stand-ins, some behind a wire that can be made to fail or is slow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import attrs
import trio

from voxbridge.config.load import settings_of
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.config.stages import EMBEDDED, carried
from voxbridge.errors import ConfigError, StageName
from voxbridge.rehearsal.config_tables import tables_of
from voxbridge.rehearsal.scenes.reading import SceneFile
from voxbridge.rehearsal.scenes.scene import Scene
from voxbridge.rehearsal.scenes.stand_ins import Addresses, serve_stand_ins
from voxbridge.rehearsal.scenes.wire import Wire
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.stages.tts.chatterbox import ChatterboxSettings

Wires = dict[StageName, Wire]

_STAGES: tuple[StageName, ...] = ("stt", "agent", "tts")
_PORTS = {"http": 80, "ws": 80}
_HOST = "127.0.0.1"


def scene_settings(scene: SceneFile, settings: Settings) -> Settings:
    """Return the settings with the scene's own tables laid over them. Raises: ConfigError."""
    if not scene.scene.settings:
        return settings
    tables = tables_of(settings)
    for name, table in scene.scene.settings.items():
        _lay_over(tables, name, table)
    return settings_of(tables, str(scene.file), lambda key: f"settings.{key}")


def _lay_over(tables: dict[str, Any], name: str, value: Any) -> None:
    before = tables.get(name)
    if isinstance(before, dict) and isinstance(value, dict) and value.get("kind") in (None, before.get("kind")):
        for key, item in value.items():
            _lay_over(before, key, item)
    else:
        tables[name] = value  # another kind of backend has other options


def check_servers(scene: SceneFile, settings: Settings) -> None:
    """Find what cannot be made slow or failing, before anything is started. Raises: ConfigError."""
    for stage in _STAGES:
        table = getattr(scene.scene, stage)
        if not table.stand_in and (table.delay_ms or stage in scene.scene.failing):
            _address_of(stage, settings, scene)


def _address_of(stage: StageName, settings: Settings, scene: SceneFile) -> tuple[str, int]:
    backend = getattr(settings, stage)
    hint = f"or let a stand-in take its place: [{stage}] stand_in = true"
    if backend.kind == EMBEDDED:
        said = f"the built-in engines can be made neither slow nor failing; name a server, {hint}"
        raise ConfigError(said, file=str(scene.file), key=stage)
    parts = urlsplit(_plain(getattr(backend, "url", "")))
    port = parts.port or _PORTS.get(parts.scheme)
    if parts.scheme in ("https", "wss") or not parts.hostname or port is None:
        said = f"only a server without TLS can be made slow or failing; name one, {hint}"
        raise ConfigError(said, file=str(scene.file), key=stage)
    return parts.hostname, port


def _plain(url: Secret | str) -> str:
    return url.reveal() if isinstance(url, Secret) else url


@asynccontextmanager
async def open_servers(scene: SceneFile, settings: Settings) -> AsyncIterator[tuple[Settings, Wires]]:
    """Start what the scene needs; yield the settings that lead there, and the wires. Raises: ConfigError."""
    wires: Wires = {}
    async with trio.open_nursery() as nursery:
        settings = await _with_stand_ins(scene.scene, settings, nursery)
        for stage in _STAGES:
            table = getattr(scene.scene, stage)
            if table.delay_ms or stage in scene.scene.failing:
                host, port = _address_of(stage, settings, scene)
                wires[stage] = wire = Wire(host, port, delay_s=table.delay_ms / 1000)
                settings = _led_to(stage, settings, await nursery.start(wire.run))
        yield settings, wires
        nursery.cancel_scope.cancel(reason="the scene is over")


async def _with_stand_ins(scene: Scene, settings: Settings, nursery: trio.Nursery) -> Settings:
    replaced = {stage for stage in _STAGES if getattr(scene, stage).stand_in}
    if not replaced:
        return settings
    serve = partial(serve_stand_ins, scene.agent.answers, has_early=scene.stt.early)
    at: Addresses = await nursery.start(serve)
    stages: Mapping[StageName, Any] = {
        "stt": carried(WhisperXSettings, settings.stt, url=at.ears, extension=scene.stt.early),
        "agent": carried(N8nSettings, settings.agent, url=Secret(f"{at.others}/webhook/scene")),
        "tts": carried(ChatterboxSettings, settings.tts, url=at.others),
    }
    return attrs.evolve(settings, **{stage: stages[stage] for stage in replaced})


def _led_to(stage: StageName, settings: Settings, port: int) -> Settings:
    backend = getattr(settings, stage)
    parts = urlsplit(_plain(backend.url))
    account, at, _ = parts.netloc.rpartition("@")
    url = parts._replace(netloc=f"{account}{at}{_HOST}:{port}").geturl()
    led = attrs.evolve(backend, url=Secret(url) if isinstance(backend.url, Secret) else url)
    return attrs.evolve(settings, **{stage: led})
