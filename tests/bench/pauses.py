"""A labelled corpus of pauses: places where a speaker stopped and went on, and ends where the speaker had finished.

Human places: the bundled clips (read aloud by one person, LibriVox), cut between two words and spliced with a pause.
The words' times are Whisper's own alignment, moved to the quietest 10 ms nearby. A reader who does not pause there has
not slowed down before it either, as people do who search for a word: such places are harder than life by their sound,
and easier by their abruptness. Engine places: sentences of the embedded voice with a comma, whose own pause is
stretched, and sentences whose parts were spoken apart, so that the first one falls like a finished sentence. They say
little of people, and are counted apart. What the speech server hears of each is what the embedded Whisper does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import attrs
import numpy as np

from tests.support.speech import clips
from voxbridge.audio.resample import Resampler
from voxbridge.audio.turn_model import TurnModel
from voxbridge.audio.vad import VAD_FRAME_S, VoiceActivity
from voxbridge.core.sound.pcm import HEARING_RATE_HZ, Pcm

PAUSES_S = (0.3, 0.5, 0.7, 1.0, 1.5)
GUESS_S = 0.2

Kind = Literal["comma", "conjunction", "mid-phrase", "end"]

WORD_STARTS_S: dict[str, str] = {
    "0870": "0 .48 .72 1.08 1.7 1.96 2.36 2.76 3.2 3.48 4.08 4.42 4.68 4.92 5.12 5.54 5.66 5.86 6.1 6.3 6.56 6.74",
    "0880": "0 .44 .7 1.22 1.4 1.64 2.14 2.46",
    "0890": "0 .62 .84 1.02 1.46 1.9 2.38 2.64 2.8 3.52 3.98 4.12 4.32 4.44",
    "0920": "0 .52 .76 .98 1.3 1.6 2.12 2.5 2.82 3.1 3.32 3.52 3.9 4.18 4.48 4.92 5.26 5.42",
    "0930": "0 .5 .74 1 1.22 1.42 1.78 2.32",
}
"""When each word of a clip begins."""
COMMA_BEFORE = {("0890", 9), ("0920", 7)}
CONJUNCTIONS = {"and", "than", "how", "unless"}

WITH_A_COMMA = (
    "I think we should meet on Friday, because the office is closed on Thursday.",
    "If it rains tomorrow, what should I wear?",
    "When you have time, tell me a story.",
    "I have eggs and flour, but what else do I need for a cake?",
    "My sister lives in Berlin, so how do I get there by train?",
    "After the meeting on Monday, remind me to call my mother.",
    "Set a timer for ten minutes, and then play some music.",
    "I was in Rome last summer, where it was very hot.",
)
APART = (
    ("Tell me the weather", "in Boston tomorrow."),
    ("I would like to know", "how far the moon is."),
    ("Please remind me", "to call my mother tonight."),
    ("Who was", "the first president of France?"),
    ("Give me a recipe for", "tomato soup."),
    ("What is seven", "times eight?"),
    ("I want to go to the", "museum of modern art."),
    ("My name is Ada and", "I live in London."),
)
WHOLE = (
    "What is the weather like in Boston today?",
    "Please remind me to call my mother at six o'clock.",
    "How far is the moon?",
    "Turn on the lights in the kitchen.",
    "Tell me a joke.",
    "Where are you from?",
    "I would like a recipe for tomato soup.",
    "Set a timer for ten minutes.",
    "Yes.",
    "No, thank you.",
    "Forty two.",
    "Stop.",
    "Ada Lovelace.",
    "What are you looking at?",
)


@attrs.frozen
class Place:
    """A pause, or an end: what was heard before it, and what was made of that 200 ms later."""

    kind: Kind
    source: Literal["human", "engine"]
    said: str
    pcm: bytes = attrs.field(repr=False)


@attrs.frozen
class Judged:
    """A place with the turn model's verdict, the speech server's words, and how late the voice detector is silent."""

    kind: Kind
    source: Literal["human", "engine"]
    said: str
    heard: str
    completion: float
    hangover_s: float

    @property
    def is_end(self) -> bool:
        """Tell whether the speaker had finished."""
        return self.kind == "end"


def human_places() -> Iterator[Place]:
    """Yield every place between two words of the clips, from the second on, and the ends."""
    by_name = {clip.name: clip for clip in clips()}
    starts = {name: [float(at) for at in row.split()] for name, row in WORD_STARTS_S.items()}
    for name, clip in by_name.items():
        words = clip.words.split()
        for number in range(2, len(words)):
            kind: Kind = "conjunction" if words[number] in CONJUNCTIONS else "mid-phrase"
            kind = "comma" if (name, number) in COMMA_BEFORE else kind
            cut = _quietest(clip.pcm, starts[name][number])
            yield Place(kind, "human", " ".join(words[:number]), clip.pcm[: 2 * cut])
        yield Place("end", "human", clip.words, _trimmed(clip.pcm))


def engine_places(voice: Callable[[str], Pcm]) -> Iterator[Place]:
    """Yield the engine's pauses and ends."""
    for text in WITH_A_COMMA:
        yield Place("comma", "engine", text.partition(",")[0], _before_longest_pause(_heard(voice(text))))
    for before, _after in APART:
        yield Place("mid-phrase", "engine", before, _trimmed(_heard(voice(before))))
    for text in (*WHOLE, *WITH_A_COMMA):
        yield Place("end", "engine", text, _trimmed(_heard(voice(text))))


def judged(
    places: Sequence[Place], transcribe: Callable[[bytes], str], model: TurnModel, tell: Callable[[str], None]
) -> list[Judged]:
    """Ask the turn model and the speech server about each place, as the session does after 200 ms of silence."""
    found: list[Judged] = []
    for number, place in enumerate(places):
        pcm = place.pcm + bytes(2 * int(GUESS_S * HEARING_RATE_HZ))
        hangover_s = _hangover_s(place.pcm)
        found.append(
            Judged(place.kind, place.source, place.said, transcribe(pcm), round(model.completion(pcm), 3), hangover_s)
        )
        tell(f"pause {number + 1} of {len(places)}")
    return found


def _hangover_s(pcm: bytes) -> float:
    """Return how long after the end of the sound the voice detector still says voice."""
    probabilities = VoiceActivity().feed(pcm + bytes(2 * HEARING_RATE_HZ))
    voiced = [number for number, probability in enumerate(probabilities) if probability >= 0.35]
    ended_s = (voiced[-1] + 1) * VAD_FRAME_S if voiced else 0.0
    return round(max(-0.1, ended_s - len(pcm) / 2 / HEARING_RATE_HZ), 3)


def _heard(sound: Pcm) -> bytes:
    resampler = Resampler(sound.rate_hz, HEARING_RATE_HZ)
    return resampler.feed(sound.data) + resampler.flush()


def _loudness(pcm: bytes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the level of each 10 ms."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    whole = len(samples) // 160 * 160
    return np.sqrt((samples[:whole].reshape(-1, 160) ** 2).mean(axis=1))


def _quietest(pcm: bytes, at_s: float) -> int:
    """Return the sample at the quietest 10 ms around a word's beginning, which Whisper gives rather late."""
    levels, middle = _loudness(pcm), int(at_s * 100)
    first = max(0, middle - 18)
    return 160 * (first + int(np.argmin(levels[first : middle + 2])))


def _trimmed(pcm: bytes) -> bytes:
    loud = np.flatnonzero(_loudness(pcm) > 150)
    return pcm[2 * 160 * loud[0] : 2 * 160 * (loud[-1] + 1)]


def _before_longest_pause(pcm: bytes) -> bytes:
    """Return what comes before the longest quiet stretch within a sound."""
    pcm = _trimmed(pcm)
    best, run = (0, 0), 0
    for number, level in enumerate(_loudness(pcm)):
        run = run + 1 if level < 150 else 0
        best = max(best, (run, number - run + 1))
    return pcm[: 2 * 160 * best[1]]
