"""What a text-to-speech backend promises (``voxbridge.stages.TtsStage``)."""

from __future__ import annotations

import attrs
import trio

from voxbridge.core.sound.pcm import Pcm
from voxbridge.errors import StageError
from voxbridge.stages.contracts import TtsRequest, TtsStage
from voxbridge.stages.sinks import SoundInto
from voxbridge.testing.conformance.cases import (
    Case,
    NotKept,
    Subject,
    check_probe,
    check_probe_when_down,
    expect,
    server_down,
)

SENTENCE = "Good morning, this is a sentence of an ordinary length."
# From a hurried voice to a slow one: seconds of sound for the sentence above.
_SOUND_S = (1.0, 15.0)
_CANCEL_S = 2.0
ODD_TEXTS = (
    "Sch\u00f6ne Gr\u00fc\u00dfe, \u00e7a va?",
    "Look: \U0001f600 50 % \u2013 \u201cquoted\u201d & <b>bold</b>.",
    "One line\nand another.",
    "A",
)


@attrs.define
class _Heard:
    pieces: list[Pcm] = attrs.field(factory=list)
    told: list[str] = attrs.field(factory=list)

    def asked(self) -> None:
        self.told.append("asked")

    def first_byte(self) -> None:
        self.told.append("first byte")

    def push(self, pcm: Pcm) -> None:
        if not self.pieces:
            self.told.append("sound")
        self.pieces.append(pcm)

    @property
    def sound_s(self) -> float:
        return sum(piece.duration_s for piece in self.pieces)


async def _speak(stage: TtsStage, text: str, turn_id: str = "conformance", index: int = 0) -> _Heard:
    heard = _Heard()
    await stage.speak(TtsRequest(text, turn_id, index), heard)
    return heard


async def _sentence(subject: Subject[TtsStage]) -> None:
    heard = await _speak(subject.stage, SENTENCE)
    low, high = _SOUND_S
    expect(low <= heard.sound_s <= high, f"{low} to {high} s of sound", heard.sound_s)


async def _format(subject: Subject[TtsStage]) -> None:
    heard = await _speak(subject.stage, SENTENCE)
    forms = {(piece.rate_hz, piece.channels) for piece in heard.pieces}
    expect(len(forms) == 1, "one rate and one number of channels for all pieces", forms)
    rate_hz, channels = forms.pop()
    expect(channels == 1, "mono", channels)
    expect(8000 <= rate_hz <= 48_000, "8 to 48 kHz", rate_hz)
    odd = [len(piece.data) for piece in heard.pieces if len(piece.data) % 2]
    expect(not odd, "whole samples in every piece", odd)


async def _told(subject: Subject[TtsStage]) -> None:
    told = (await _speak(subject.stage, SENTENCE)).told
    expect(told == ["asked", "first byte", "sound"], "asked(), first_byte() and sound, in this order", told)


async def _blank(subject: Subject[TtsStage]) -> None:
    heard = await _speak(subject.stage, "  \n ")
    expect(heard.sound_s == 0, "no sound for a blank text", heard.sound_s)


async def _at_once(subject: Subject[TtsStage]) -> None:
    heard: dict[int, _Heard] = {}

    async def one(index: int) -> None:
        heard[index] = await _speak(subject.stage, SENTENCE, f"turn-{index // 2}", index % 2)

    async with trio.open_nursery() as nursery:
        for index in range(4):
            nursery.start_soon(one, index)
    short = {index: each.sound_s for index, each in heard.items() if each.sound_s < _SOUND_S[0]}
    expect(not short, "four whole sentences, asked for by two turns at once", short)


async def _cancelled(subject: Subject[TtsStage]) -> None:
    began = trio.Event()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def speak() -> None:
                sink = SoundInto(lambda _pcm: began.set())
                await subject.stage.speak(TtsRequest(SENTENCE * 5, "cancelled", 0), sink)
                began.set()

            nursery.start_soon(speak)
            await began.wait()
            cancelled_at = trio.current_time()
            scope.cancel(reason="barge-in")
    took_s = trio.current_time() - cancelled_at
    expect(took_s < _CANCEL_S, f"an end within {_CANCEL_S} s of the cancel", took_s)
    await _sentence(subject)


async def _odd_texts(subject: Subject[TtsStage]) -> None:
    for text in ODD_TEXTS:
        heard = await _speak(subject.stage, text)
        expect(heard.sound_s > 0, f"sound for {text!r}", heard.sound_s)


async def _lost(subject: Subject[TtsStage]) -> None:
    async with server_down(subject):
        try:
            heard = await _speak(subject.stage, SENTENCE)
        except StageError as error:
            expect(error.stage == "tts", "an error of the stage tts", error.stage)
        else:
            raise NotKept(f"wanted a StageError while the server is down; came {heard.sound_s} s of sound")
    await _sentence(subject)


TTS: tuple[Case[TtsStage], ...] = (
    Case("probe", "answers with one line for the operator", check_probe),
    Case("sentence", "gives sound of a plausible length", _sentence),
    Case("format", "gives mono samples, all at one rate, never half of one", _format),
    Case("asked", "says when its request is on its way, and when the answer begins", _told),
    Case("blank text", "has nothing to say, and succeeds", _blank),
    Case("several at once", "serves two turns of two sentences each", _at_once),
    Case("cancel", "ends at once, and the next sentence works", _cancelled),
    Case("odd texts", "speaks umlauts, emoji, markup, a line break and a single letter", _odd_texts),
    Case("probe of a dead server", "fails in words", check_probe_when_down, needs_control=True),
    Case("dead server", "raises StageError, and the next sentence after its return works", _lost, needs_control=True),
)
