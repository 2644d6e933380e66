"""How many words the embedded speech to text gets wrong when packets are lost, and when the speaker pauses.

    clip -> Opus, 20 ms -> packets lost at random -> the ear -> what goes to the line -> Whisper -> words wrong

``silence`` is what a line was given before: nothing made up. ``made up`` is what the ear gives it. ``packets`` is the
same for a server that takes Opus packets only. ``with FEC`` is a sender whose packets have error correction.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from importlib import resources

import attrs
import numpy as np

from voxbridge.audio.opus import APPLICATION_AUDIO, APPLICATION_VOIP, Decoder, Encoder
from voxbridge.audio.resample import Resampler
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import HEARING_RATE_HZ, SPEECH_RATE_HZ, HeardSound, OpusPacket, Pcm
from voxbridge.core.turns.endpointing import Endpointer, EndpointRules
from voxbridge.core.wire.wav import decode_wav
from voxbridge.engines.weights import whisper_dir
from voxbridge.engines.whisper import Whisper
from voxbridge.rehearsal.embedded import own_voice
from voxbridge.rehearsal.words import word_errors, words_of
from voxbridge.session.ear import Ear, Heard
from voxbridge.stages.stt.opus_packets import OpusPackets

LOSSES = (0.0, 0.05, 0.15, 0.30)
PAUSES_S = (0.5, 0.7, 0.9, 1.1)
SEEDS_OF_HUMAN_CLIPS = 5  # 70 words are few: each clip goes over five lines
_FRAME = SPEECH_RATE_HZ // 50 * 2

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


@attrs.define
class Count:
    """Words said and words wrong."""

    said: int = 0
    wrong: int = 0

    def add(self, said: str, heard: str) -> None:
        """Compare."""
        self.said += len(words_of(said))
        self.wrong += word_errors(said, heard)

    def __str__(self) -> str:
        return f"{100 * self.wrong / max(1, self.said):5.1f} % of {self.said}"


class AlwaysVoice:
    """A voice detector that hears one long utterance: endpointing is not what is measured."""

    def feed(self, pcm: bytes) -> list[float]:
        return [1.0] * (len(pcm) // 1024)

    def reset(self) -> None:
        """Nothing is kept."""


def human_clips() -> list[Clip]:
    """Return the bundled recordings."""
    folder = resources.files("voxbridge.rehearsal") / "clips"
    rows = [row.split("\t") for row in (folder / "transcripts.tsv").read_text("utf-8").splitlines()]
    return [
        Clip(_at(decode_wav((folder / row[0]).read_bytes()), SPEECH_RATE_HZ), row[1])
        for row in rows
        if not row[0].startswith("#")
    ]


def _at(sound: Pcm, rate_hz: int) -> bytes:
    resampler = Resampler(sound.rate_hz, rate_hz)
    return resampler.feed(sound.data) + resampler.flush()


def sent(pcm: bytes, *, has_fec: bool) -> list[bytes]:
    """Return the Opus packets of a client: at 64 kbit/s as Discord's, or at 24 kbit/s with error correction."""
    encoder = Encoder(
        bitrate=24_000 if has_fec else 64_000,
        application=APPLICATION_VOIP if has_fec else APPLICATION_AUDIO,
        loss_percent=20 if has_fec else 2,
    )
    return [encoder.encode(pcm[at : at + _FRAME].ljust(_FRAME, b"\0")) for at in range(0, len(pcm), _FRAME)]


def heard(packets: Sequence[bytes], loss: float, rng: random.Random) -> list[HeardSound]:
    """Return what the ear makes of packets of which some are lost; never the first and the last."""
    ear = Ear(Endpointer(EndpointRules(max_utterance_s=600.0)), AlwaysVoice())
    sounds: list[HeardSound] = []
    for number, opus in enumerate(packets):
        if 0 < number < len(packets) - 1 and rng.random() < loss:
            continue
        ear.push(OpusPacket(UserId(1), number, number * 960, opus, number * 0.02))
        sounds += [event.sound for event in ear.pull(number * 0.02) if isinstance(event, Heard)]
    return sounds + [event.sound for event in ear.pull(len(packets) * 0.02 + 1) if isinstance(event, Heard)]


def made_up(sounds: Sequence[HeardSound]) -> bytes:
    """Return the sound as a line gets it."""
    return b"".join(sound.pcm for sound in sounds)


def silence(sounds: Sequence[HeardSound]) -> bytes:
    """Return the sound without what was made up."""
    return b"".join(sound.pcm if sound.opus else bytes(len(sound.pcm)) for sound in sounds)


def packets_again(sounds: Sequence[HeardSound]) -> bytes:
    """Return the sound as a server has it that takes Opus packets only."""
    framing, decoder = OpusPackets(), Decoder()
    return b"".join(decoder.decode(opus) for sound in sounds for opus in framing.of(sound))


WAYS: tuple[tuple[str, bool, Callable[[Sequence[HeardSound]], bytes]], ...] = (
    ("silence", False, silence),
    ("made up", False, made_up),
    ("packets", False, packets_again),
    ("silence, with FEC", True, silence),
    ("made up, with FEC", True, made_up),
)


def loss_table(whisper: Whisper, kind: str, clips: Sequence[Clip], seeds: int) -> Iterator[str]:
    """Yield a line for each way and loss."""
    for way, has_fec, sound_of in WAYS:
        cells = []
        for loss in LOSSES:
            count = Count()
            for seed in range(seeds if loss else 1):
                for number, clip in enumerate(clips):
                    rng = random.Random(f"{seed} {number} {loss}")
                    pcm = sound_of(heard(sent(clip.pcm, has_fec=has_fec), loss, rng))
                    count.add(clip.words, whisper.transcribe(pcm).text)
            cells.append(f"{loss:4.0%} lost: {count}")
        yield f"{kind:7} {way:18} {'   '.join(cells)}"


def _trimmed(pcm: bytes) -> bytes:
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2")) > 150)
    return pcm[2 * loud[0] : 2 * loud[-1] + 2]


def pause_table(whisper: Whisper, voice: Callable[[str], Pcm], human: Sequence[Clip]) -> Iterator[str]:
    """Yield a line for the sentences with a pause, one for pairs of human clips with one between them."""
    parted, paired, cut_short = Count(), Count(), 0
    for before, after in PARTED:
        first, second = (_trimmed(_at(voice(part), HEARING_RATE_HZ)) for part in (before, after))
        for pause_s in PAUSES_S:
            text = whisper.transcribe(first + bytes(2 * int(pause_s * HEARING_RATE_HZ)) + second + bytes(6400)).text
            parted.add(f"{before} {after}", text)
            cut_short += len(words_of(text)) <= len(words_of(before))
    for number, one in enumerate(human):
        other = human[(number + 1) % len(human)]
        for pause_s in PAUSES_S:
            pcm = b"".join((_16k(one), bytes(2 * int(pause_s * HEARING_RATE_HZ)), _16k(other)))
            paired.add(f"{one.words} {other.words}", whisper.transcribe(pcm).text)
    yield f"engine  with a pause   {parted}; {cut_short} of {len(PARTED) * len(PAUSES_S)} lost what followed"
    yield f"human   with a pause   {paired}"


def _16k(clip: Clip) -> bytes:
    return _at(Pcm(clip.pcm, SPEECH_RATE_HZ), HEARING_RATE_HZ)


def run() -> Iterator[str]:
    """Yield the lines of the tables, as they are ready."""
    whisper, voice = Whisper(whisper_dir(), workers=1), own_voice()
    human = human_clips()
    yield from pause_table(whisper, voice, human)
    yield from loss_table(whisper, "human", human, SEEDS_OF_HUMAN_CLIPS)
    yield from loss_table(whisper, "engine", [Clip(voice(text).data, text) for text in SPOKEN], 1)
