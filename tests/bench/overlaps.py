"""Speech over an answer: how soon it is lowered or silent, and what ends it for good.

    sound |...  faint  | onset ======= speech =======          the onset: the first of 30 ms of a voice above -40 dBFS
    answer ==============|~~~ lowered ~~~|                      duck_onset_ms: until a softer frame leaves
                         |---------------|                      barge_in_onset_to_silence_ms (yield): until the last

Whole rooms in virtual time with the real voice detector, so that the figures are the same on every machine; the network
and the jitter of clients come on top. Onsets are human: the beginnings of 38 recordings of three people, and words cut
out of five of them. What ends an answer is judged with the words of the built-in Whisper, 150 ms after they are asked
for: interruptions by the built-in voice and by people, signs of listening by the built-in voice, synthesised noises
(``tests/bench/noises.py``). So the signs of listening are clearer than people's, and the coughs plainer. The built-in
engines know English: of other languages the sound is the voice's, and the words are given once half of it was heard, as
a speech server for that language has them. What is in the background is 20 dB softer than the question.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import trio
import trio.testing

from tests.bench.corpus import at_rate, human_clips
from tests.bench.noises import breath, cough, keys
from tests.bench.pauses import WORD_STARTS_S, _quietest
from tests.support.hall import Hall, open_hall
from tests.support.speech import clips
from tests.support.voices import tone_pcm
from voxbridge.audio.loudness import level_dbfs
from voxbridge.audio.opus import Decoder, encode_speech
from voxbridge.audio.vad import VoiceActivity
from voxbridge.config.settings import Settings
from voxbridge.config.turns import BargeInSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import FRAME_S, HEARING_RATE_HZ, SPEECH_RATE_HZ, Pcm
from voxbridge.session.context import Tools
from voxbridge.stages.stt.whisperx import WhisperXSettings

ANSWER = (
    "this is one sentence that has no end and goes on and on and on and says nothing at all to anybody who hears it "
)
_PITCH_HZ = 620.0  # of the answer, which is a tone: like no voice, and its level is known in each frame
_LOUD_DBFS = -40.0
_FAINT = (np.random.default_rng(3).normal(0, 8, SPEECH_RATE_HZ // 20)).astype("<i2").tobytes()  # 50 ms at -72 dBFS
WORDS = 24

REAL = (
    "Stop.",
    "Wait.",
    "No, I meant Austin.",
    "What about Friday?",
    "Hold on a second.",
    "That is wrong.",
    "Can you say that again?",
    "Who is that?",
)
REAL_ELSEWHERE = (
    "Nein, ich meine Freitag.",
    "Attends une seconde.",
    "¿Y el viernes?",
    "No, volevo dire domani.",
    "Стоп.",
)
LISTENING_ELSEWHERE = (
    "Genau.",
    "Ach so.",
    "D'accord.",
    "Claro.",
    "Va bene.",
    "Pois é.",
    "Dokładnie.",
    "Да, да.",
    "そうですね。",
)
BACKGROUND_DB = 20.0
LISTENING = ("Mm-hmm.", "Uh-huh.", "Yeah.", "Yes.", "Okay.", "Right.", "I see.", "Oh, okay.", "Genau.")


@attrs.frozen
class Over:
    """Something that is heard over an answer."""

    kind: str
    name: str
    pcm: bytes = attrs.field(repr=False)
    words: str | None = None
    """What is heard of it, if nothing here can hear it."""


def beginnings() -> list[bytes]:
    """Return human speech from its first sample on: 0.6 s each, 24 kHz mono s16le."""
    length = 2 * round(0.6 * SPEECH_RATE_HZ)
    found = [_from_onset(clip.pcm)[:length] for clip in human_clips()]
    by_name = {clip.name: clip for clip in clips()}
    words: list[bytes] = []
    for name, row in WORD_STARTS_S.items():
        for start in row.split()[1:]:
            cut = _quietest(by_name[name].pcm, float(start))
            words.append(at_rate(Pcm(by_name[name].pcm[2 * cut :], HEARING_RATE_HZ), SPEECH_RATE_HZ)[:length])
    words = [word for word in words if _onset_s(word) is not None]  # some are too faint to have one
    return [*found, *words[:: max(1, len(words) // WORDS)]]


def _onset_s(pcm: bytes) -> float | None:
    """Return where the voice begins: 30 ms in a row of more than -40 dBFS between 80 and 1,000 Hz, 24 kHz, if any.

    What hisses before it ("s", "f", a breath) is no voice. The sound stands between silences, since a filter's ringing
    goes round: what breaks off loud at the end would be heard at the beginning.
    """
    count = len(pcm) // 2
    spectrum = np.fft.rfft(np.frombuffer(pcm, "<i2").astype(np.float64), 2 * count)
    hz = np.fft.rfftfreq(2 * count, 1 / SPEECH_RATE_HZ)
    spectrum[(hz < 80) | (hz > 1000)] = 0
    samples = np.fft.irfft(spectrum, 2 * count)[:count]
    powers = (samples[: len(samples) // 240 * 240].reshape(-1, 240) ** 2).mean(axis=1)
    loud = 10 * np.log10(np.maximum(powers, 1)) - 20 * np.log10(32768) > _LOUD_DBFS
    for number in range(len(loud) - 2):
        if loud[number : number + 3].all():
            return number * 0.01
    return None


def _from_onset(pcm: bytes) -> bytes:
    """Leave out the silence before it, but for 30 ms."""
    return pcm[2 * round(max(0.0, (_onset_s(pcm) or 0.0) - 0.03) * SPEECH_RATE_HZ) :]


def _silero(tools: Tools) -> Tools:
    return attrs.evolve(tools, new_detector=VoiceActivity)


def _early_words(settings: Settings) -> Settings:
    assert isinstance(settings.stt, WhisperXSettings)
    return attrs.evolve(settings, stt=attrs.evolve(settings.stt, extension=True))


async def _asked(hall: Hall, ada: UserId, question: Sequence[bytes]) -> None:
    """Ask, and hear 1.3 s of the answer."""
    hall.stt.script.text = "what is it"
    voiced = len(hall.port.voice)
    await hall.port.speak(ada, question)
    await hall.port.wait_for(lambda: len(hall.port.voice) > voiced + 64)


def _room(policy: str, seconds: float) -> Any:
    settings = Settings(barge_in=BargeInSettings(policy=policy))
    repeats = max(1, round(seconds / (0.06 * len(ANSWER))))
    return open_hall(answer=ANSWER * repeats, settings=settings, point=_early_words, change=_silero)


def _tone(text: str, _index: int) -> bytes:
    return tone_pcm(0.06 * len(text), _PITCH_HZ)


def _question() -> list[bytes]:
    return encode_speech(_from_onset(human_clips()[1].pcm)[: 2 * SPEECH_RATE_HZ])


def _levels(hall: Hall, since: float) -> list[tuple[float, float]]:
    """Return when each frame left, from 1 s before, and how loud it was, of the loudest."""
    decoder, found = Decoder(rate_hz=SPEECH_RATE_HZ), []
    for frame in hall.port.frames:
        if frame.at > since - 1:
            samples = np.frombuffer(decoder.decode(frame.opus), "<i2").astype(np.float64)
            found.append((frame.at, float(np.sqrt((samples**2).mean()))))
    loudest = max(level for _, level in found)
    return [(at, level / loudest) for at, level in found]


async def _onsets(policy: str, sounds: Sequence[bytes]) -> list[float]:
    """Return for each beginning how many ms it took until the answer was softer (duck) or silent (yield)."""
    found: list[float] = []
    question = _question()
    for number, pcm in enumerate(sounds):
        async with _room(policy, 6.0) as hall:
            hall.stt.script = attrs.evolve(hall.stt.script, extension=True, has_partials=False, peek_delay_s=0.15)
            hall.tts.synthesize = _tone
            ada = hall.port.join(1)
            await trio.sleep(1)
            await _asked(hall, ada, question)
            hall.stt.script.text = ""
            await trio.sleep(0.0031 * (number % 7))  # at another moment of its frames each time
            sound = _FAINT + pcm
            began = trio.current_time() - FRAME_S  # the first packet holds the 20 ms before it
            await hall.port.speak(ada, encode_speech(sound))
            await trio.sleep(0.5)
            onset = began + (_onset_s(sound) or 0.0)
            after = [(at, level) for at, level in _levels(hall, began) if at > onset]
            if policy == "duck":
                reached = next((at for at, level in after if level < 0.85), None)
            else:
                reached = max((at for at, level in after if level > 0.02), default=onset)  # at a hiss before it, maybe
            found.append(1000.0 if reached is None else (reached - onset) * 1000)
    return found


def _in_virtual_time(what: Callable[..., Any], *args: Any) -> Any:
    return trio.run(functools.partial(what, *args), clock=trio.testing.MockClock(autojump_threshold=0))


def onset_samples() -> dict[str, list[float]]:
    """Return the samples of both onset measures."""
    sounds = beginnings()
    return {
        "duck_onset_ms": _in_virtual_time(_onsets, "duck", sounds),
        "barge_in_onset_to_silence_ms": _in_virtual_time(_onsets, "yield", sounds),
    }


def overs(voice: Callable[[str], Pcm]) -> Iterator[Over]:
    """Yield what is heard over answers."""
    for text in REAL:
        yield Over("interruption", text, at_rate(voice(text), SPEECH_RATE_HZ))
    for number, clip in enumerate(human_clips()[5:15]):
        yield Over("interruption", f"human {number}", _from_onset(clip.pcm)[: 2 * 2 * SPEECH_RATE_HZ])
    for text in LISTENING:
        yield Over("listening", text, at_rate(voice(text), SPEECH_RATE_HZ))
    yield Over("laughter", "ha ha", at_rate(voice("Ha ha ha ha."), SPEECH_RATE_HZ))
    for text in REAL_ELSEWHERE:
        yield Over("interruption", text, at_rate(voice("No, I meant Friday."), SPEECH_RATE_HZ), text)
    for text in LISTENING_ELSEWHERE:
        yield Over("listening", text, at_rate(voice("Oh, okay."), SPEECH_RATE_HZ), text)
    for number, clip in enumerate(human_clips()[15:25]):
        yield Over("background", f"human {number}", _behind(_from_onset(clip.pcm)[: 3 * 2 * SPEECH_RATE_HZ]))
    for text in REAL[2:]:
        yield Over("background", text, _behind(at_rate(voice(text), SPEECH_RATE_HZ)))
    for kind, make in (("cough", cough), ("breath", breath), ("keys", keys)):
        for seed in range(5):
            yield Over(kind, f"{kind} {seed}", make(seed))


def _behind(pcm: bytes) -> bytes:
    """Make it 20 dB softer than the question is."""
    down_db = level_dbfs(pcm) - level_dbfs(_long_question()) + BACKGROUND_DB
    return (np.frombuffer(pcm, "<i2") * 10 ** (-down_db / 20)).astype("<i2").tobytes()


@functools.cache
def _long_question() -> bytes:
    """Return a question that tells how loud its speaker is: 2 s."""
    return _from_onset(human_clips()[1].pcm)[: 2 * 2 * SPEECH_RATE_HZ]


@attrs.frozen
class Fate:
    """What became of an answer that something was heard over."""

    over: Over
    heard: str
    is_over: bool
    back_ms: float | None
    """From the end of the noise to full level."""
    is_whole: bool


async def _fate(over: Over, transcribe: Callable[[bytes], str]) -> Fate:
    async with _room("duck", 14.0) as hall:  # so that it sounds until all is back
        hall.stt.script = attrs.evolve(hall.stt.script, extension=True, has_partials=False, peek_delay_s=0.15)
        hall.tts.synthesize = _tone
        ada = hall.port.join(1)
        await trio.sleep(1)
        await _asked(hall, ada, encode_speech(_long_question()))
        recorded = b"".join(_heard_packets(over.pcm))
        packets = encode_speech(over.pcm)
        began = trio.current_time() - FRAME_S

        def words(_heard: object) -> str:
            """Say what is heard of it so far."""
            so_far_s = trio.current_time() - 0.15 - began
            if over.words is not None:
                return over.words if so_far_s * HEARING_RATE_HZ * 2 > len(recorded) / 2 else ""
            return transcribe(recorded[: 2 * round(max(0.0, so_far_s) * HEARING_RATE_HZ)])

        hall.stt.script.text = words
        ended = await hall.port.speak(ada, packets)
        await hall.wait_report(0)
        await hall.port.wait_for(lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle)
        report = next(each for each in hall.reports if each.heard == "what is it")
        levels = [(at, level) for at, level in _levels(hall, began) if at > ended]
        soft = [at for at, level in levels if level < 0.9 and at < ended + 3]
        is_over = report.outcome != "answered"
        gaps = {round(b.at - a.at, 3) for a, b in itertools.pairwise(hall.port.voice)}
        return Fate(
            over,
            over.words or transcribe(recorded),
            is_over,
            None if is_over else max(0.0, (max(soft, default=ended) + FRAME_S - ended) * 1000),
            is_over or (report.spoken == report.answer.strip() and gaps == {FRAME_S}),
        )


def _heard_packets(pcm: bytes) -> Iterator[bytes]:
    decoder = Decoder()
    for packet in encode_speech(pcm):
        yield decoder.decode(packet)


def fates(voice: Callable[[str], Pcm], transcribe: Callable[[bytes], str], tell: Callable[[str], None]) -> list[Fate]:
    """Let everything be heard over an answer, under ``duck``."""
    found: list[Fate] = []
    remembered = functools.cache(transcribe)
    for over in overs(voice):
        found.append(_in_virtual_time(_fate, over, remembered))
        tell(f"over an answer: {over.name}")
    return found


def table(found: Sequence[Fate]) -> Iterator[str]:
    """Yield the lines of the report."""
    yield "what ends an answer for good (duck)"
    for kind in dict.fromkeys(fate.over.kind for fate in found):
        fates_ = [fate for fate in found if fate.over.kind == kind]
        ended = [fate for fate in fates_ if fate.is_over]
        back = [fate.back_ms for fate in fates_ if fate.back_ms is not None]
        odd = ended if kind != "interruption" else [fate for fate in fates_ if not fate.is_over]
        yield (
            f"  {kind:14} {len(ended):3} of {len(fates_):3}"
            + (f", back after {max(back):4.0f} ms at most" if back else "")
            + ("" if all(fate.is_whole for fate in fates_) else ", NOT WHOLE")
            + (": " + "; ".join(f"{fate.over.name} ({fate.heard!r})" for fate in odd) if odd else "")
        )
    spared = [fate for fate in found if fate.over.kind != "interruption"]
    real = [fate for fate in found if fate.over.kind == "interruption"]
    yield f"  real ones that stop it {sum(fate.is_over for fate in real) / len(real):.0%}"
    yield f"  others that end it {sum(fate.is_over for fate in spared) / len(spared):.0%}"
