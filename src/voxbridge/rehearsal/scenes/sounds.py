"""What comes out of a microphone in a scene: packets, and words that a stand-in can read off them.

Each packet of a speech carries which word of which step it belongs to (see ``rehearsal.marked``), so that a stand-in
hears the words that came through and no others: half a sentence when asked in its middle, a gap where packets were
lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import resources

import attrs
import numpy as np

from voxbridge.audio.opus import encode_speech
from voxbridge.audio.resample import Resampler
from voxbridge.audio.wavfile import read_wav
from voxbridge.core.sound.pcm import FRAME_S, SPEECH_FRAME_SAMPLES, SPEECH_RATE_HZ, Pcm
from voxbridge.core.wire.wav import decode_wav
from voxbridge.errors import ConfigError, EngineError
from voxbridge.rehearsal.marked import mark, read_mark
from voxbridge.rehearsal.scenes.reading import SceneFile, step_key
from voxbridge.rehearsal.scenes.scene import Step

SpeakText = Callable[[str], Pcm]

_CLIP = "clip:"
_LOUD = 327  # of 32768: a hundredth of full scale, -40 dB
_FULL_SCALE = 32_767
_SAMPLE_BYTES = 2


@attrs.frozen
class Speech:
    """What one step sends, 20 ms a packet; ``text`` is what is said in it, if anybody knows."""

    packets: tuple[bytes, ...] = attrs.field(repr=False)
    text: str = ""

    @property
    def duration_s(self) -> float:
        """Return the length in seconds."""
        return len(self.packets) * FRAME_S


def speeches_of(scene: SceneFile, speak: Callable[[], SpeakText]) -> dict[int, Speech]:
    """Make the sound of each step that has some, by its number.

    ``speak`` gives the voice, if one is needed. Raises: ConfigError, SoundFileError.
    """
    found: dict[int, Speech] = {}
    voice: SpeakText | None = None
    for number, step in enumerate(scene.scene.step):
        if step.say and voice is None:
            try:
                voice = speak()
            except EngineError as error:
                key = step_key(number, "say")
                hint = "the built-in voice is not installed (extra [embedded]); play a WAV instead"
                raise ConfigError(hint, file=str(scene.file), key=key) from error
        if step.is_speech:
            found[number] = _speech(number, step, scene, voice)
    return found


def _speech(number: int, step: Step, scene: SceneFile, voice: SpeakText | None) -> Speech:
    if step.noise_ms:
        return Speech(tuple(encode_speech(_noise(step.noise_ms / 1000, step.level_db, seed=number))))
    if step.play:
        sound, text = _recording(step, scene, step_key(number, "play"))
        if step.only_ms:
            sound = Pcm(sound.data[: step.only_ms * sound.rate_hz // 1000 * _SAMPLE_BYTES], sound.rate_hz)
        heard = text
    else:
        assert voice is not None
        sound, text, heard = voice(step.say), step.say, step.heard_as or step.say
    resampler = Resampler(sound.rate_hz, SPEECH_RATE_HZ)
    pcm = resampler.feed(sound.data) + resampler.flush()
    return Speech(tuple(_marked(encode_speech(pcm), pcm, number, heard.split())), text)


def _recording(step: Step, scene: SceneFile, key: str) -> tuple[Pcm, str]:
    if step.play.startswith(_CLIP):
        clips = _clips()
        number = step.play.removeprefix(_CLIP)
        if not number.isdecimal() or not 0 < int(number) <= len(clips):
            allowed = f"{_CLIP}1 to {_CLIP}{len(clips)}"
            raise ConfigError(
                "there is no such recording", file=str(scene.file), key=key, value=step.play, allowed=allowed
            )
        name, words = clips[int(number) - 1]
        clip = resources.files("voxbridge.rehearsal") / "clips" / name
        return decode_wav(clip.read_bytes()), step.said or words
    file = scene.file.parent / step.play
    try:
        return read_wav(file), step.said
    except OSError as error:
        said = f"{file} cannot be read: {error.strerror or error}"
        raise ConfigError(said, file=str(scene.file), key=key) from error


def _clips() -> list[tuple[str, str]]:
    text = (resources.files("voxbridge.rehearsal") / "clips" / "transcripts.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return [(name, words) for name, words in rows]


def _noise(duration_s: float, level_db: float, *, seed: int) -> bytes:
    """Return white noise of this loudness, the same for each seed."""
    samples = np.random.default_rng(seed).standard_normal(round(duration_s * SPEECH_RATE_HZ))
    loud = samples * _FULL_SCALE * 10 ** (level_db / 20)
    return np.clip(loud, -_FULL_SCALE, _FULL_SCALE).astype("<i2").tobytes()


def _marked(packets: Sequence[bytes], pcm: bytes, step: int, words: Sequence[str]) -> Iterable[bytes]:
    """Yield the packets, each with the number of the word that it belongs to; words are spread evenly."""
    samples = np.frombuffer(pcm, "<i2").astype(np.int32)
    blocks = np.abs(samples[: len(samples) // SPEECH_FRAME_SAMPLES * SPEECH_FRAME_SAMPLES])
    loud = np.flatnonzero(blocks.reshape(-1, SPEECH_FRAME_SAMPLES).max(axis=1, initial=0) > _LOUD)
    first, last = (int(loud[0]), int(loud[-1])) if len(loud) else (0, len(packets) - 1)
    for at, packet in enumerate(packets):
        if words and first <= at <= last:
            word = (at - first) * len(words) // (last - first + 1)
            yield mark(packet, f"{step}:{word}:{words[word]}")
        else:
            yield packet


def words_of_packets(packets: Iterable[bytes]) -> str:
    """Return the words that packets carry, in order, each once."""
    found: dict[tuple[str, str], str] = {}
    for packet in packets:
        if (text := read_mark(packet)) is not None:
            step, number, word = text.split(":", 2)
            found.setdefault((step, number), word)
    return " ".join(found.values())
