"""The filter of phantoms round a stage, and the registry that puts it there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import pytest

from tests.support.stages import ScriptedLine, ScriptedStt
from tests.support.stt_kinds import HOST, KINDS, OPENAI, PORT, feed, speaker
from voxbridge.config.kinds import kind_names, settings_of
from voxbridge.config.stages import EMBEDDED
from voxbridge.errors import ConfigError
from voxbridge.stages.contracts import Speaker
from voxbridge.stages.registry import make_stt
from voxbridge.stages.stt.phantoms import FilteredStage
from voxbridge.stages.stt.whisperx import WhisperXSettings, WhisperXStage
from voxbridge.testing.memnet import MemNet
from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.whisperx import WhisperXScript, WhisperXServer

pytestmark = pytest.mark.integration

SCHEMES = {"wyoming": "tcp", "openai": "http"}
KINDS_OF_SERVERS = [kind for kind in kind_names("stt") if kind != EMBEDDED]
URLS = {"ws": "ws://host", "tcp": "tcp://host:10300", "http": "http://host"}


@pytest.mark.parametrize("kind", KINDS_OF_SERVERS)
def test_each_kind_is_in_the_registry_behind_the_filter(kind):
    """Every kind has its phantoms filtered, under its own name, unless its operator turns the filter off."""
    settings = settings_of("stt", kind, url=URLS[SCHEMES.get(kind, "ws")])
    stage = make_stt(settings, "")
    assert isinstance(stage, FilteredStage)
    assert stage.name == kind
    assert not isinstance(make_stt(attrs.evolve(settings, filter=False), ""), FilteredStage)


@pytest.mark.parametrize("kind", KINDS_OF_SERVERS)
def test_an_address_of_another_kind_is_refused(kind):
    """An address that a kind cannot use is refused when it is read, and the message says what is allowed."""
    wrong = "tcp://host:1" if kind != "wyoming" else "ws://host:1"
    with pytest.raises(ConfigError, match=r"url: this value is not allowed .* Allowed: "):
        settings_of("stt", kind, url=wrong)


@pytest.mark.parametrize("name", list(KINDS))
async def test_phantoms_come_out_empty_and_words_do_not(autojump_clock, name):
    """What a model makes out of noise, or says faster than anybody could, comes out as nothing; real words pass."""
    MemNet().install()
    kind = KINDS[name]
    server = kind.make_server(HearingScript(text="Subtitles by the Amara.org community"))
    async with server.running(HOST, PORT), FilteredStage(kind.make_stage(kind.settings())) as stage:
        assert str(PORT) in await stage.probe()
        async with stage.open(speaker()) as line:
            feed(line, range(15))
            assert (await line.finish()).text == ""
            server.script.text = "turn the light off"
            feed(line, range(15))
            assert (await line.finish()).text == "turn the light off"
            feed(line, [1])
            line.discard()
            feed(line, [1, 2])  # 160 ms
            server.script.text = "turn the light off in the kitchen and in the hall"
            assert (await line.finish()).text == "", "more words than the time could hold"
            assert (line.is_connected, line.can_peek, line.reconnect_count) == (True, False, 0)


async def test_a_model_sure_of_silence_is_believed(autojump_clock):
    """A transcript of which its own model says that nobody spoke is nothing."""
    MemNet().install()
    kind = OPENAI
    async with kind.make_server(HearingScript(text="the light")).running(HOST, PORT) as server:
        server.no_speech = 0.95
        async with FilteredStage(kind.make_stage(kind.settings())) as stage, stage.open(speaker()) as line:
            feed(line, range(15))
            assert (await line.finish()).text == ""


async def test_babble_that_the_built_in_server_took_for_words_is_dropped(autojump_clock):
    """Its own doubts come by the wire, with an early transcript and with the last one."""
    MemNet().install()
    script = WhisperXScript(text="It is a good answer.", extension=True, no_speech=0.51, confidence=0.21)
    inner = WhisperXStage(WhisperXSettings(url=f"ws://{HOST}:{PORT}", extension=True))
    async with (
        WhisperXServer(script).running(HOST, PORT) as server,
        FilteredStage(inner) as stage,
        stage.open(speaker()) as line,
    ):
        feed(line, range(15))
        assert (await line.finish()).text == ""
        feed(line, range(15))
        assert (await line.peek()).text == ""
        server.script.confidence = 0.8
        feed(line, range(15))
        assert (await line.peek()).text == "It is a good answer."
        assert (await line.finish()).text == "It is a good answer."


async def test_whisperx_and_its_early_transcripts_are_filtered_too(autojump_clock):
    """Early transcripts are filtered by the sound that there is so far, as the final is by all of it."""
    MemNet().install()
    script = WhisperXScript(text="Thank you.", extension=True)
    inner = WhisperXStage(WhisperXSettings(url=f"ws://{HOST}:{PORT}", extension=True))
    async with (
        WhisperXServer(script).running(HOST, PORT),
        FilteredStage(inner) as stage,
        stage.open(speaker()) as line,
    ):
        feed(line, [1, 2])
        assert (await line.finish()).text == "", "160 ms are too short for it"
        feed(line, [1, 2])
        assert (await line.peek()).text == ""
        feed(line, range(8))
        assert (await line.peek()).text == "Thank you."
        assert (await line.finish()).text == "Thank you."


async def test_a_credit_behind_a_true_sentence_is_cut_and_no_phantom_is_a_partial(autojump_clock):
    """The sentence is passed on; what nobody said is not, not even while it is still being heard."""
    MemNet().install()
    script = HearingScript(text="Turn it off. Subtitles by the Amara.org community")
    kind = KINDS["openai"]
    async with (
        kind.make_server(script).running(HOST, PORT),
        FilteredStage(kind.make_stage(kind.settings())) as stage,
        stage.open(speaker()) as line,
    ):
        feed(line, range(15))
        assert (await line.finish()).text == "Turn it off."
        script.text = "[BLANK_AUDIO]"
        feed(line, range(15))
        assert (await line.finish()).text == ""


class Overheard(ScriptedStt):
    """A stage that hears what it is told, at once, as a partial transcript."""

    @asynccontextmanager
    async def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AsyncIterator[ScriptedLine]:
        assert on_partial is not None
        self.hear = on_partial
        async with super().open(speaker) as line:
            yield line


async def test_phantoms_are_no_partial_transcripts():
    """A phantom interrupts nobody: the session does not even see it."""
    inner, partials = Overheard(), list[str]()
    async with FilteredStage(inner).open(speaker(), partials.append) as line:
        feed(line, range(15))
        for text in ("(silence)", "turn", "Thanks for watching!", "turn it off"):
            inner.hear(text)
    assert partials == ["turn", "turn it off"]
