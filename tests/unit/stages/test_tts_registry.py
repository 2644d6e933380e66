"""Which speech backend is made of which settings, and the lexicon before each of them."""

from __future__ import annotations

from typing import Any

import pytest

from voxbridge.config.stages import TtsSettings
from voxbridge.core.sound.pcm import Pcm
from voxbridge.stages.contracts import TtsRequest, warm_up
from voxbridge.stages.failover.tts import FailoverTts
from voxbridge.stages.registry import make_tts, tts_stage
from voxbridge.stages.sinks import SoundInto
from voxbridge.stages.tts.chatterbox import ChatterboxSettings, ChatterboxStage
from voxbridge.stages.tts.openai import OpenAiSpeechStage, OpenAiTtsSettings
from voxbridge.stages.tts.pronounced import PronouncedStage, pronounced
from voxbridge.stages.tts.wyoming import WyomingSpeechStage, WyomingTtsSettings

pytestmark = pytest.mark.unit

WORDS = {"en": {"n8n": "n eight n"}, "de": {"n8n": "enn acht enn"}}


class Mouth:
    """A backend that writes down what it is told."""

    name = "mouth"

    def __init__(self) -> None:
        self.did: list[Any] = []

    async def __aenter__(self) -> Mouth:
        self.did.append("entered")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.did.append("left")

    async def probe(self) -> str:
        return "well"

    async def warm(self) -> None:
        self.did.append("warm")

    async def speak(self, request, out) -> None:
        self.did.append(request)
        out.asked()
        out.push(Pcm(b"\0\0", 24_000))


@pytest.mark.parametrize(
    ("settings", "made"),
    [
        (TtsSettings(), ChatterboxStage),
        (ChatterboxSettings(url="http://h"), PronouncedStage),  # numbers as words
        (ChatterboxSettings(url="http://h", numbers="as written"), ChatterboxStage),
        (OpenAiTtsSettings(url="http://h"), OpenAiSpeechStage),
        (WyomingTtsSettings(url="tcp://h:10200"), WyomingSpeechStage),
        (WyomingTtsSettings(url="tcp://h:10200", lexicon=WORDS), PronouncedStage),
    ],
)
def test_kinds(settings, made):
    """Each kind has its class; with a lexicon a wrapper stands before it, under the same name."""
    stage = make_tts(settings, "/run/engines.sock")
    assert type(stage) is made
    assert stage.name == settings.kind


async def test_words_are_said_as_written_down(autojump_clock):
    """The request goes through the lexicon of its language; all else is the backend's."""
    mouth = Mouth()
    stage = pronounced(mouth, WORDS, "as written")
    heard: list[Pcm] = []
    marks: list[str] = []
    async with stage:
        assert await stage.probe() == "well"
        await warm_up(stage)
        sink = SoundInto(heard.append, lambda name, _at: marks.append(name))
        await stage.speak(TtsRequest("Ask n8n.", "turn", 3, voice="anna", language="de-AT"), sink)
        await stage.speak(TtsRequest("Ask n8n.", "turn", 4), SoundInto(heard.append))
    assert mouth.did == [
        "entered",
        "warm",
        TtsRequest("Ask enn acht enn.", "turn", 3, voice="anna", language="de-AT"),
        TtsRequest("Ask n eight n.", "turn", 4),
        "left",
    ]
    assert (len(heard), marks[0]) == (2, "tts_request")
    assert pronounced(mouth, {"en": {}}, "as written") is mouth


async def test_numbers_are_said_as_words_behind_the_lexicon(autojump_clock):
    """A voice that reads digits badly gets none, in the language of the request; the lexicon's words come first."""
    mouth = Mouth()
    async with pronounced(mouth, {"en": {"24/7": "all day"}}, "words") as stage:
        await stage.speak(TtsRequest("Open 24/7 at 9:30, for $5.", "turn", 0), SoundInto(lambda _pcm: None))
    assert mouth.did[1].text == "Open all day at nine thirty, for five dollars."


async def test_backups_say_words_as_the_first_one_does():
    """A backup without a lexicon of its own takes the first one's; a stage that cannot be warmed is left alone."""
    backups = (TtsSettings(), WyomingTtsSettings(url="tcp://h:1", lexicon={"en": {"a": "b"}}))
    stage = tts_stage(OpenAiTtsSettings(url="http://h", lexicon=WORDS, backup=backups), "/run/engines.sock")
    assert isinstance(stage, FailoverTts)
    voices = [guard.stage for guard in stage.guards]
    words = [voice._lexica.apply("n8n a", "en") for voice in voices if isinstance(voice, PronouncedStage)]
    assert words == ["n eight n a", "n eight n a", "n8n b"]
    await warm_up(object())
