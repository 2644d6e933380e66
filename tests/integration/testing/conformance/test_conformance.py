"""The promises of a backend, kept against the simulated servers; and that the suite finds those that are not kept."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest
import trio

from tests.support.stages import ScriptedAgent, ScriptedTts
from tests.support.stt_kinds import HOST, KINDS, PORT
from voxbridge.config import load
from voxbridge.config.kinds import settings_of
from voxbridge.config.secrets import Secret
from voxbridge.core.sound.pcm import Pcm
from voxbridge.errors import ConfigError
from voxbridge.stages.agent.n8n import N8nSettings
from voxbridge.stages.contracts import AgentRequest, AnswerSink, SoundSink, TextDelta, TtsRequest
from voxbridge.stages.registry import make_agent, make_stt, make_tts, stt_stage
from voxbridge.stages.stt.whisperx import WhisperXSettings
from voxbridge.testing.conformance import AGENT, STT, TTS, Case, Subject, run
from voxbridge.testing.conformance.__main__ import main
from voxbridge.testing.conformance.stt import spoken
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer
from voxbridge.testing.servers.dify import DifyServer
from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.ollama import OllamaServer
from voxbridge.testing.servers.openai_chat import OpenAiServer
from voxbridge.testing.servers.openai_speech import OpenAiSpeechServer
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer
from voxbridge.testing.servers.wyoming_speech import WyomingSpeechServer

pytestmark = pytest.mark.integration


@asynccontextmanager
async def whisperx() -> AsyncIterator[Subject]:
    async with (
        WhisperXServer(WhisperXScript(text=spoken()[0], final_delay_s=0.2)).running() as server,
        make_stt(WhisperXSettings(url=server.url), "") as stage,
    ):
        yield Subject(stage, server.stop, server.start)


@asynccontextmanager
async def whisperx_and_backup() -> AsyncIterator[Subject]:
    """One server that is never there, and its backup: the wrapper keeps the same promises."""
    async with WhisperXServer(WhisperXScript(text=spoken()[0], final_delay_s=0.2)).running() as server:
        backup = WhisperXSettings(url=server.url)
        async with stt_stage(WhisperXSettings(url="ws://127.0.0.1:9", backup=(backup,)), "") as stage:
            yield Subject(stage, server.stop, server.start)


DIFY_KEY = Secret("app-1")
Maker = Callable[[], AbstractAsyncContextManager[Subject]]


@asynccontextmanager
async def n8n() -> AsyncIterator[Subject]:
    async with N8nServer().running() as server:
        settings = N8nSettings(url=Secret(server.webhook_url), retries=0)
        async with make_agent(settings, "") as stage:
            yield Subject(stage, server.stop, server.start)


def chat(kind: str, make_server: Callable[[], DifyServer | OllamaServer | OpenAiServer], **more: Any) -> Maker:
    @asynccontextmanager
    async def subject() -> AsyncIterator[Subject]:
        async with make_server().running() as server:
            settings = settings_of("agent", kind, url=Secret(server.base_url), retries=0, **more)
            async with make_agent(settings, "") as stage:
                yield Subject(stage, server.stop, server.start)

    return subject


def speech(kind: str, make_server: Callable[[], Any], **more: Any) -> Maker:
    @asynccontextmanager
    async def subject() -> AsyncIterator[Subject]:
        async with (
            make_server().running() as server,
            make_tts(settings_of("tts", kind, url=server.url, **more), "") as stage,
        ):
            yield Subject(stage, server.stop, server.start)

    return subject


def hearing(kind: str) -> Maker:
    ends = KINDS[kind]

    @asynccontextmanager
    async def subject() -> AsyncIterator[Subject]:
        server = ends.make_server(HearingScript(text=spoken()[0], final_delay_s=0.2))
        async with server.running(HOST, PORT), make_stt(ends.settings(), "") as stage:
            yield Subject(stage, server.stop, server.start)

    return subject


SUBJECTS: dict[str, tuple[Maker, tuple[Case, ...]]] = {
    "stt whisperx": (whisperx, STT),
    **{f"stt {kind}": (hearing(kind), STT) for kind in KINDS},
    "agent n8n": (n8n, AGENT),
    "agent openai": (chat("openai", OpenAiServer, model="test-model"), AGENT),
    "agent ollama": (chat("ollama", OllamaServer, model="test-model"), AGENT),
    "agent dify": (chat("dify", lambda: DifyServer(key="app-1"), api_key=DIFY_KEY), AGENT),
    "tts chatterbox": (speech("chatterbox", lambda: ChatterboxServer(PROMPT)), TTS),
    "tts openai": (speech("openai", OpenAiSpeechServer), TTS),
    "tts wyoming": (speech("wyoming", WyomingSpeechServer), TTS),
}


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}: {case.name}") for name, (_, cases) in SUBJECTS.items() for case in cases],
)
async def test_simulated_servers_keep_every_promise(
    autojump_clock: trio.testing.MockClock, name: str, case: Case
) -> None:
    """The same cases that run against a real server."""
    MemNet().install()
    async with SUBJECTS[name][0]() as subject:
        result = await run(case, subject)
    assert (result.verdict, result.detail) == ("ok", "")


@pytest.mark.parametrize("case", [case for case in STT if case.name != "connects"], ids=lambda case: case.name)
async def test_a_backup_keeps_the_promises_too(autojump_clock: trio.testing.MockClock, case: Case) -> None:
    """The fail-over is a backend like others. (Its line is not up: who would serve first is dead.)"""
    MemNet().install()
    async with whisperx_and_backup() as subject:
        result = await run(case, subject)
    assert (result.verdict, result.detail) == ("ok", "")


async def test_what_a_real_server_cannot_be_made_to_do_is_skipped(autojump_clock: trio.testing.MockClock) -> None:
    """A server that is not ours is not stopped: the result says why."""
    MemNet().install()
    async with n8n() as subject:
        results = [await run(case, Subject(subject.stage)) for case in AGENT]
    skipped = {result.name: result.detail for result in results if result.verdict == "skipped"}
    assert skipped.keys() == {"probe of a dead server", "dead server"}
    assert all("cannot be made to go down" in detail for detail in skipped.values())


class HalfSamples(ScriptedTts):
    """A plug-in that does not say what it does, and cuts its samples in half."""

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:  # noqa: ARG002
        out.push(Pcm(bytes(64_001), 16_000))


class Glib(ScriptedAgent):
    """A plug-in that says too late that it asks, begins with a blank, and raises what it likes."""

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        if request.previous is not None:
            raise KeyError("previous")
        await out.send(TextDelta(" Hello."))
        out.asked()

    async def __aenter__(self) -> Self:
        return self


async def test_broken_promises_are_found(autojump_clock: trio.testing.MockClock) -> None:
    """Each fault of two careless plug-ins fails the case that is about it."""
    found = {}
    careless: list[tuple[Sequence[Case[Any]], HalfSamples | Glib]] = [(TTS, HalfSamples()), (AGENT, Glib())]
    for cases, stage in careless:
        for case in cases:
            result = await run(case, Subject(stage))
            if result.verdict == "failed":
                found[f"{stage.__class__.__name__}: {case.name}"] = result.detail
    assert "whole samples" in found["HalfSamples: format"]
    assert "in this order" in found["HalfSamples: asked"]
    assert "when the request is on its way" in found["Glib: asked"]
    assert "KeyError" in found["Glib: interrupted before"]


def plugin(folder: Path, group: str, kind: str, target: str, source: str) -> None:
    """Install a distribution that brings one backend."""
    (folder / "voice_plugin.py").write_text(source)
    info = folder / "voice_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: voice-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{kind} = {target}\n")


PLUGIN = """
from tests.support.stages import ScriptedTts

def make(settings):
    stage = ScriptedTts()
    stage.name = f"{settings.kind} at {settings.options['speed']}"
    assert settings.options["key"].reveal() == "s3cret"
    return stage
"""


async def test_a_plug_in_brings_a_kind_of_its_own(
    autojump_clock: trio.testing.MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry point, a kind in the settings, options with a secret: no line of ours is changed for it."""
    plugin(tmp_path, "voxbridge.tts", "parrot", "voice_plugin:make", PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "voxbridge.toml"
    file.write_text('[tts]\nkind = "parrot"\n[tts.options]\nspeed = 2\nkey = { env = "PARROT_KEY" }\n')
    settings = load(file, {"PARROT_KEY": "s3cret"})
    async with make_tts(settings.tts, "") as stage:
        assert stage.name == "parrot at 2"
        assert await stage.probe() == "scripted"


def test_an_unknown_kind_is_refused_with_all_that_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours and the plug-ins' are named."""
    plugin(tmp_path, "voxbridge.tts", "parrot", "voice_plugin:make", PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "voxbridge.toml"
    file.write_text('[tts]\nkind = "parot"\n')
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert "embedded | chatterbox" in str(caught.value)
    assert "parrot" in str(caught.value)


def test_a_plug_in_that_breaks_is_a_fault_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the plug-in and the kind of error, and quotes nothing: it may hold a secret."""
    plugin(
        tmp_path, "voxbridge.tts", "parrot", "voice_plugin:make", "def make(settings):\n    raise OSError('s3cret')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("voice_plugin", None)
    with pytest.raises(ConfigError) as caught:
        make_tts(settings_of("tts", "parrot"), "")
    assert "voice_plugin:make cannot be used (OSError)" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    sys.modules.pop("voice_plugin", None)


async def test_the_example_of_the_documentation_keeps_them(autojump_clock: trio.testing.MockClock) -> None:
    """The parrot in docs/backends.md is a backend."""
    page = (Path(__file__).parents[4] / "docs" / "backends.md").read_text(encoding="utf-8")
    (source,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "class Parrot" in block]
    namespace: dict[str, Any] = {}
    exec(compile(source, "docs/backends.md", "exec"), namespace)
    async with namespace["Parrot"](namespace["ParrotSettings"]()) as stage:
        results = [await run(case, Subject(stage)) for case in TTS]
    assert [result for result in results if result.verdict == "failed"] == []


def test_the_command_runs_the_cases_and_says_what_came(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is not there breaks its promises, in words, and the exit code says so."""
    assert main(["--n8n", "http://127.0.0.1:9/webhook/x"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(AGENT) + 1
    assert lines[0].startswith("failed   n8n: probe")
    assert "connection refused" in lines[0]
    assert lines[-1].endswith("promises not kept")
