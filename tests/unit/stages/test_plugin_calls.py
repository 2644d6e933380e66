"""A plug-in whose methods cannot be called as they will be is told so before its first call."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from voxbridge.config import load
from voxbridge.config.kinds import BUILT_IN, PluginSttSettings, PluginTtsSettings
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.errors import ConfigError, StageName
from voxbridge.stages import registry
from voxbridge.stages.contracts import Speaker
from voxbridge.stages.plugin_calls import line_must_fit, must_fit
from voxbridge.stages.stt.plugged import PluggedStt

pytestmark = pytest.mark.unit

URLS = {
    "whisperx": "ws://h",
    "whisperlive": "ws://h",
    "whisperlivekit": "ws://h",
    "deepgram": "ws://h",
    "wyoming": "tcp://h:1",
}
MODEL = 'model = "m"\n'
WITH_MODEL = ("openai", "ollama")


class Sound:
    """What all plug-ins here have."""

    name = "parrot"
    retry_count = 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc_info):
        pass

    async def probe(self):
        return "well"


class Line:
    reconnect_count, is_connected, can_peek = 0, True, False

    def feed(self, sound): ...

    async def peek(self): ...

    def end(self, voiced_s=0.0): ...

    async def finish(self): ...

    def discard(self): ...


class OldLine:
    """As lines once were."""

    reconnect_count, is_connected, can_peek = 0, True, False
    feed, peek, finish, discard = Line.feed, Line.peek, Line.finish, Line.discard

    def end(self): ...


class OldOpen(Sound):
    def open(self, speaker): ...


class AwaitedOpen(Sound):
    async def open(self, speaker, on_partial=None): ...


class Silent(Sound):
    pass


class OldAnswer(Sound):
    async def answer(self, text, user, out): ...


class YieldedAnswer(Sound):
    async def answer(self, request, out):
        yield request, out


class Uncounted:
    name = "parrot"
    __aenter__, __aexit__, probe = Sound.__aenter__, Sound.__aexit__, Sound.probe

    async def answer(self, request, out): ...


class OldSpeak(Sound):
    async def speak(self, text): ...


class SpokenByName(Sound):
    async def speak(self, *, request, out): ...


class OldExit(Sound):
    async def __aexit__(self):
        pass

    async def speak(self, request, out): ...


class OldOutage(Sound):
    def note_outage(self, is_down): ...

    async def speak(self, request, out): ...


@pytest.mark.parametrize(
    ("stage", "made", "says"),
    [
        ("stt", OldOpen, "its stt stage must have `def open(self, speaker, on_partial)`; it takes (speaker)"),
        ("stt", AwaitedOpen, "`def open(self, speaker, on_partial)`; it is `async def`"),
        ("stt", Silent, "`def open(self, speaker, on_partial)`; it has none"),
        ("agent", OldAnswer, "its agent stage must have `async def answer(self, request, out)`; it takes (text, user"),
        ("agent", YieldedAnswer, "`async def answer(self, request, out)`; it is a generator"),
        ("agent", Uncounted, "`retry_count`; it has none"),
        ("tts", OldSpeak, "its tts stage must have `async def speak(self, request, out)`; it takes (text)"),
        ("tts", SpokenByName, "`async def speak(self, request, out)`; it takes (request, out)"),
        ("tts", OldExit, "`async def __aexit__(self, exc_type, exc, traceback)`; it takes ()"),
        ("tts", OldOutage, "`def note_outage(self, *, is_known)`; it takes (is_down)"),
    ],
)
def test_wrong_method_is_told_in_one_line_with_what_is_wanted(stage: StageName, made, says: str) -> None:
    """Of whichever stage; the plug-in is named."""
    with pytest.raises(ConfigError) as caught:
        must_fit(stage, made(), "parrot")
    told = str(caught.value)
    assert says in told
    assert "parrot" in told
    assert "\n" not in told


@pytest.mark.parametrize(("stage", "kind"), [(stage, kind) for stage in BUILT_IN for kind in BUILT_IN[stage]])
def test_what_is_wanted_is_what_our_own_kinds_have(stage: StageName, kind: str, tmp_path: Path) -> None:
    """So the table of what is wanted cannot ask for more than the Protocols do."""
    url = "" if kind == "embedded" else f'url = "{URLS.get(kind, "http://h")}"\n{MODEL}'
    file = tmp_path / "voxbridge.toml"
    file.write_text(f'[{stage}]\nkind = "{kind}"\n{url if kind in WITH_MODEL else url.replace(MODEL, "")}')
    settings = getattr(load(file, {}), stage)
    make: Any = getattr(registry, f"make_{stage}")
    must_fit(stage, make(settings, "/run/engines.sock"), kind)


def test_line_without_the_voiced_time_is_told_as_it_is_opened() -> None:
    """Before the first word goes into it."""
    line_must_fit(Line(), "parrot")
    with pytest.raises(ConfigError, match=r"the line that its `open` gives must have `def end\(self, voiced_s\)`"):
        line_must_fit(OldLine(), "parrot")


class OldLines(Sound):
    @asynccontextmanager
    async def open(self, *args):
        yield OldLine() if args else Line()


async def test_stage_that_gives_old_lines_is_told_at_the_first() -> None:
    """``open`` itself is right, so only the line can tell."""
    stage = PluggedStt(OldLines(), "parrot")
    with pytest.raises(ConfigError, match="it takes \\(\\)"):
        async with stage.open(Speaker(UserId(1), "Ada", GuildId(2), ChannelId(3))):
            raise AssertionError("the line was given out")


@pytest.mark.parametrize(
    ("stage", "settings", "made"),
    [("stt", PluginSttSettings, OldOpen), ("tts", PluginTtsSettings, OldSpeak)],
)
def test_it_is_told_when_the_stage_is_made(
    stage: StageName, settings, made, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon does not start with such a plug-in, nor does ``voxbridge check`` call it well."""
    (tmp_path / "old_parrot.py").write_text(
        f"from {__name__} import {made.__name__}\nmake = lambda settings: {made.__name__}()\n"
    )
    info = tmp_path / "old_parrot-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: old-parrot\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[voxbridge.{stage}]\nparrot = old_parrot:make\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    make: Any = getattr(registry, f"make_{stage}")
    with pytest.raises(ConfigError, match="does not fit this version of VoxBridge"):
        make(settings(kind="parrot"), "")
