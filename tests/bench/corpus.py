"""What is said to measure how it is heard: recordings of people, and sentences for the built-in voice."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import attrs
import soundfile

from voxbridge.audio.resample import Resampler
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.core.wire.wav import decode_wav

SPOKEN = (
    "The library opens at nine in the morning and closes at six in the evening on most days.",
    "Could you tell me what the weather will be like in the mountains this weekend?",
    "My sister bought a red bicycle last summer and rides it to work every single day.",
    "We need two cups of flour, a pinch of salt, and three large eggs for this cake.",
    "The train to the coast leaves from platform seven in about twenty minutes.",
    "Please write down the number of the house before you forget where it was.",
    "He opened the window because the room had become far too warm for sleeping.",
    "Nobody in the village remembers when the old bridge over the river was built.",
    "If you turn left after the church, you will see the market on your right hand.",
    "She has been learning to play the piano for three years with the same teacher.",
    "The doctor said that a long walk after dinner would be good for his heart.",
    "I would like a small table near the window for four people at eight tonight.",
    "The children built a castle of sand and watched the waves take it away again.",
    "How far is it from the station to the harbour if I walk along the river?",
    "Our neighbour keeps bees behind the garden and gives us honey every autumn.",
    "The captain looked at the dark clouds and decided to wait until the next morning.",
    "You should drink more water when the weather is hot and you work outside.",
    "They painted the kitchen yellow, and now it looks bright even in the winter.",
    "The letter was sent a month ago, but it arrived only yesterday afternoon.",
    "Many birds fly south before the first snow falls on the northern forests.",
    "Can we meet in front of the museum half an hour before the concert begins?",
    "The farmer sold his cows and bought a tractor with the money that he got.",
    "I forgot my umbrella on the bus, so I was wet when I came home last night.",
    "The new teacher speaks slowly, so that everybody can follow what she says.",
    "A good book and a quiet evening are all that I want after this long week.",
    "The shop around the corner sells fresh bread, cheese, and very good apples.",
    "It took the engineers almost a year to find out why the engine had failed.",
    "Put the key under the stone beside the door when you leave the house.",
    "The mountain was hidden by fog, and we could not see the way back down.",
    "My grandfather told us stories about the sea until it was time to sleep.",
    "There are more than two hundred steps from the gate to the top of the tower.",
    "The film was too long for my taste, but the music in it was wonderful.",
    "Someone left a black bag under the seat in the second row of the theatre.",
    "When the lights went out, everybody stopped talking and looked at the door.",
    "The price of coffee has gone up again, and people are beginning to complain.",
    "He carried the heavy box up the stairs without asking anyone for help.",
    "The river is so clear in spring that you can count the stones at the bottom.",
    "Tomorrow I have to get up before six, because my flight leaves very early.",
    "The judge listened to both sides and promised an answer within ten days.",
    "We planted an apple tree in the garden on the day when our son was born.",
    "The old clock in the hall has not worked since the winter of that year.",
    "Every morning she feeds the cat, makes tea, and reads the newspaper.",
    "The road to the lake is closed, so we have to go around through the forest.",
    "It is easier to learn a language when you speak it every day with friends.",
    "The baker gets up in the middle of the night so that the bread is ready in time.",
    "Nothing in the room had been moved, and yet something was different.",
    "You can leave your coat here and collect it again when the play is over.",
    "The wind was so strong that it broke two branches off the tree in the yard.",
)

PARTED = (
    ("What is seven", "times eight"),
    ("What is twelve", "plus nineteen"),
    ("How much is ten", "divided by four"),
    ("Tell me the weather", "in Boston tomorrow"),
    ("Set a timer", "for ten minutes"),
    ("I would like to know", "how far the moon is"),
    ("Please remind me", "to call my mother tonight"),
    ("Who was", "the first president of France"),
    ("Turn on the lights", "in the kitchen"),
    ("What time is it", "in New York"),
    ("Is it raining", "outside right now"),
    ("Give me a recipe", "for tomato soup"),
    ("Stop", "I changed my mind"),
    ("The answer is no", "because I am busy"),
    ("I think", "we should meet on Friday"),
    ("My name is Ada", "and I live in London"),
)


@attrs.frozen
class Clip:
    """Something said: 24 kHz mono s16le, and its words."""

    pcm: bytes
    words: str


def bundled_clips() -> list[Clip]:
    """Return the recordings that the product has: 70 words of one reader."""
    folder = resources.files("voxbridge.rehearsal") / "clips"
    return [
        Clip(at_rate(decode_wav((folder / name).read_bytes()), SPEECH_RATE_HZ), words)
        for name, words in _transcripts(folder)
    ]


def human_clips() -> list[Clip]:
    """Return all recordings of people: some 650 words of three."""
    folder = Path(__file__).parent / "clips"
    clips = bundled_clips()
    for name, words in _transcripts(folder):
        samples, rate_hz = soundfile.read(folder / name, dtype="int16")
        clips.append(Clip(at_rate(Pcm(samples.tobytes(), rate_hz), SPEECH_RATE_HZ), words))
    return clips


def _transcripts(folder: Path | Traversable) -> list[tuple[str, str]]:
    rows = [row.split("\t") for row in (folder / "transcripts.tsv").read_text("utf-8").splitlines()]
    return [(row[0], row[1]) for row in rows if not row[0].startswith("#")]


def at_rate(sound: Pcm, rate_hz: int) -> bytes:
    """Return a sound at another rate."""
    if sound.rate_hz == rate_hz:
        return sound.data
    resampler = Resampler(sound.rate_hz, rate_hz)
    return resampler.feed(sound.data) + resampler.flush()
