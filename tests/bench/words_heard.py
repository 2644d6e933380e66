"""How many words the embedded speech to text gets wrong when packets are lost, and when the speaker pauses.

    clip -> Opus, 20 ms -> packets lost -> the ear -> what goes to the line -> Whisper -> words wrong

A ``Discord`` sender is as Discord's own clients are: 64 kbit/s, with error correction for an expected loss of 30 %
(their code sets ``fec: true, packetLossRate: 0.3``). One without FEC is another bot, or a bridge.

``silence`` is what a line was given before: nothing made up. ``made up`` is what the ear gives it. ``packets`` is the
same for a server that takes Opus packets only. In ``bursts`` as many packets are lost, but three in a row on average.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs
import numpy as np

from tests.bench.corpus import PARTED, SPOKEN, Clip, at_rate, human_clips
from voxbridge.audio.mel import samples_of
from voxbridge.audio.opus import APPLICATION_AUDIO, APPLICATION_VOIP, Decoder, Encoder
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import HEARING_RATE_HZ, SPEECH_RATE_HZ, HeardSound, OpusPacket, Pcm
from voxbridge.core.turns.endpointing import Endpointer, EndpointRules
from voxbridge.engines.transcript import Heard as Transcribed
from voxbridge.engines.weights import whisper_dir
from voxbridge.engines.whisper import Whisper
from voxbridge.rehearsal.embedded import own_voice
from voxbridge.rehearsal.words import word_errors, words_of
from voxbridge.session.ear import Ear, Heard
from voxbridge.stages.stt.opus_packets import OpusPackets

LOSSES = (0.0, 0.05, 0.15, 0.30)
PAUSES_S = (0.5, 0.7, 0.9, 1.1)
DRAWS = 2  # each clip goes over two lines, so that over a thousand words are counted
_BURST = 3.0  # packets
_FRAME = SPEECH_RATE_HZ // 50 * 2

IsLost = Callable[[], bool]


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


@attrs.frozen
class Sender:
    """How a client encodes."""

    name: str
    application: int
    loss_percent: int
    """Above 0 some of the bits are spent on error correction, if it is worth it."""

    def packets(self, pcm: bytes) -> list[bytes]:
        """Return the packets of 24 kHz mono s16le."""
        encoder = Encoder(application=self.application, loss_percent=self.loss_percent)
        return [encoder.encode(pcm[at : at + _FRAME].ljust(_FRAME, b"\0")) for at in range(0, len(pcm), _FRAME)]


DISCORD = Sender("Discord", APPLICATION_VOIP, 30)
NO_FEC = Sender("no FEC", APPLICATION_AUDIO, 2)


def one_by_one(loss: float, rng: random.Random) -> IsLost:
    """Lose packets, each for itself."""
    return lambda: rng.random() < loss


def in_bursts(loss: float, rng: random.Random) -> IsLost:
    """Lose as many in rows of three, on average."""
    is_bad = False

    def is_lost() -> bool:
        nonlocal is_bad
        turns = 1 / _BURST if is_bad else loss / (1 - loss) / _BURST
        is_bad ^= rng.random() < turns
        return is_bad

    return is_lost


def heard(packets: Sequence[bytes], is_lost: IsLost) -> list[HeardSound]:
    """Return what the ear makes of packets of which some are lost; never the first and the last."""
    ear = Ear(Endpointer(EndpointRules(max_utterance_s=600.0)), AlwaysVoice())
    sounds: list[HeardSound] = []
    for number, opus in enumerate(packets):
        if 0 < number < len(packets) - 1 and is_lost():
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


@attrs.frozen
class Way:
    """A row of the table."""

    name: str
    sender: Sender
    sound_of: Callable[[Sequence[HeardSound]], bytes]
    losing: Callable[[float, random.Random], IsLost] = one_by_one


WAYS = (
    Way("silence", NO_FEC, silence),
    Way("made up", NO_FEC, made_up),
    Way("made up, bursts", NO_FEC, made_up, in_bursts),
    Way("packets", NO_FEC, packets_again),
    Way("silence", DISCORD, silence),
    Way("made up", DISCORD, made_up),
    Way("made up, bursts", DISCORD, made_up, in_bursts),
)


def loss_table(whisper: Whisper, kind: str, clips: Sequence[Clip], pool: ThreadPoolExecutor) -> Iterator[str]:
    """Yield a line for each way, with a cell for each loss."""
    for way in WAYS:

        def hear(drawn: tuple[int, int, Clip, float], way: Way = way) -> tuple[str, str]:
            draw, number, clip, loss = drawn
            is_lost = way.losing(loss, random.Random(f"{draw} {number} {loss}"))
            pcm = way.sound_of(heard(way.sender.packets(clip.pcm), is_lost))
            return clip.words, whisper.transcribe(pcm).text

        cells = []
        for loss in LOSSES:
            draws = range(DRAWS if loss else 1)
            drawn = [(draw, number, clip, loss) for draw in draws for number, clip in enumerate(clips)]
            count = Count()
            for said, text in pool.map(hear, drawn):
                count.add(said, text)
            cells.append(f"{loss:4.0%} lost: {count}")
        yield f"{kind:7} {way.sender.name:8} {way.name:16} {'   '.join(cells)}"


def _trimmed(pcm: bytes) -> bytes:
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2")) > 150)
    return pcm[2 * loud[0] : 2 * loud[-1] + 2]


class InOneGo(Whisper):
    """As it was before the pauses were looked for: the measure of what that has brought."""

    def transcribe(self, pcm: bytes, language: str = "en") -> Transcribed:
        """Transcribe all of it at once, without asking for times."""
        return self._hear(samples_of(pcm), language)[0]


def pause_table(
    whispers: Mapping[str, Whisper], voice: Callable[[str], Pcm], pool: ThreadPoolExecutor
) -> Iterator[str]:
    """Yield lines for sentences with a pause in them, and for pairs of human clips with one between them."""
    human = human_clips()
    parted = [(_parted(voice, before), _parted(voice, after), before, after) for before, after in PARTED]
    pairs = [
        (_16k(one), _16k(two), one.words, two.words) for one, two in zip(human, human[1:] + human[:1], strict=True)
    ]
    for kind, spliced in (("engine", parted), ("human", pairs)):
        for name, whisper in whispers.items():
            count, cut_short = Count(), 0

            def hear(clip: tuple[bytes, bytes, str, str, float], whisper: Whisper = whisper) -> tuple[str, str, str]:
                first, second, before, after, pause_s = clip
                pcm = b"".join((first, bytes(2 * int(pause_s * HEARING_RATE_HZ)), second, bytes(6400)))
                return before, after, whisper.transcribe(pcm).text

            clips = [(*each, pause_s) for each in spliced for pause_s in PAUSES_S]
            for before, after, text in pool.map(hear, clips):
                count.add(f"{before} {after}", text)
                cut_short += len(words_of(text)) <= len(words_of(before))
            yield f"{kind:7} with a pause, {name:16} {count}; {cut_short} of {len(clips)} lost what followed"


def _parted(voice: Callable[[str], Pcm], text: str) -> bytes:
    return _trimmed(at_rate(voice(text), HEARING_RATE_HZ))


def _16k(clip: Clip) -> bytes:
    return at_rate(Pcm(clip.pcm, SPEECH_RATE_HZ), HEARING_RATE_HZ)


def run() -> Iterator[str]:
    """Yield the lines of the tables, as they are ready."""
    workers = os.cpu_count() or 1
    whisper, voice = Whisper(whisper_dir(), workers=workers), own_voice()
    before = InOneGo(whisper_dir(), workers=workers)
    with ThreadPoolExecutor(workers) as pool:
        yield from pause_table({"in one go": before, "as it is": whisper}, voice, pool)
        yield from loss_table(whisper, "human", human_clips(), pool)
        yield from loss_table(whisper, "engine", [Clip(voice(text).data, text) for text in SPOKEN], pool)
