"""Whisper on ctranslate2 alone: hears a few seconds of English in a fifth of a second on one core.

Whisper was trained on 30 s of sound, 3000 mel frames, and encoding them costs half a second whatever was said. It
also takes fewer: at 800 frames it costs 80 to 120 ms, with no loss that 35 clips could show. Below 800 it loops
("10 of clubs 10 of clubs ..."), and padding with silent sound instead of zeros in the mel domain costs words.

After a pause Whisper may take what was said for the whole ("What is seven" [0.7 s] "times eight" was heard as "What is
7?"): of 160 sentences with a pause of 0.5 to 1.1 s in them, 17 lost what followed. Asked for times it goes on; with
times it mishears more of what has no pause, so it is asked for them only where there is one. When the times say that
it has stopped before the last pause all the same, what is behind is heard by itself.

    frames  |<- speech ->|<- 1 s of real silence ->|<- zeros in the mel domain, at least 2 s ->|
            0            seconds * 100             + 100              max(800, ...), at most 3000
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from voxbridge.audio.mel import FRAMES_PER_S, MEL_BANDS, Floats, log_mel, samples_of
from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.engines.transcript import (
    NO_SPEECH_LIMIT,
    NOTHING,
    PIECE_MAX_S,
    Heard,
    Pause,
    inner_pauses,
    join,
    repeats_end,
    said_once,
    without_fillers,
)
from voxbridge.errors import EngineError

_FRAMES_MAX = 3000
_FRAMES_MIN = 800
_TAIL_FRAMES = 100
_ZERO_FRAMES = 200
# No speaker says more: the decoder is looping when it wants to.
_TOKENS_PER_S = 7
_TOKENS_EXTRA = 12
_LOOP_REPEATS = 3
_TOKENS_OF_TIMES = 8  # two for each stretch of speech
_TIME_STEP_S = 0.02
_TIME_SLACK_S = 0.1  # the times are good to a tenth of a second or two


def frames_for(sound_frames: int) -> int:
    """Return how many mel frames the encoder shall see for speech and its tail of silence."""
    return min(_FRAMES_MAX, max(_FRAMES_MIN, math.ceil(sound_frames / 100) * 100 + _ZERO_FRAMES))


def is_looping(text: str) -> bool:
    """Tell whether a phrase of two or three words comes three times: how a short context fails."""
    words = text.casefold().split()
    for length in (2, 3):
        phrases = Counter(tuple(words[at : at + length]) for at in range(len(words) - length + 1))
        if phrases and max(phrases.values()) >= _LOOP_REPEATS:
            return True
    return False


def _byte_of_symbol() -> dict[str, int]:
    """Return the alphabet of byte-level BPE: printable bytes stand for themselves, the rest from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + at): byte for at, byte in enumerate(hidden)}


class Vocabulary:
    """The tokens of one Whisper model, read from the ``tokenizer.json`` beside its weights."""

    def __init__(self, path: Path) -> None:
        """Raises: EngineError when the file is no tokenizer."""
        try:
            tokenizer = json.loads(path.read_text("utf-8"))
            self._special: dict[str, int] = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
            special_ids = set(self._special.values())
            self._symbols = {
                id_: symbols for symbols, id_ in tokenizer["model"]["vocab"].items() if id_ not in special_ids
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError(f"{path} is no tokenizer of a Whisper model ({type(error).__name__})") from error
        self._bytes = _byte_of_symbol()

    @property
    def first_time(self) -> int:
        """Return the id of the first token that stands for a time; each further one is 20 ms later."""
        return self._special["<|notimestamps|>"] + 1

    def prompt(self, language: str | None, *, with_times: bool) -> list[int]:
        """Return the tokens that ask for a transcript; a language only for multilingual models."""
        asked = [] if language is None else [f"<|{language}|>", "<|transcribe|>"]
        if asked and asked[0] not in self._special:
            asked[0] = "<|en|>"
        times = () if with_times else ("<|notimestamps|>",)
        return [self._special[token] for token in ("<|startoftranscript|>", *asked, *times)]

    def text(self, ids: list[int]) -> str:
        """Return the text of tokens, special ones left out."""
        raw = bytes(self._bytes[symbol] for id_ in ids for symbol in self._symbols.get(id_, ""))
        return raw.decode("utf-8", "replace").strip()


@attrs.frozen
class _Attempt:
    text: str
    no_speech: float
    score: float
    is_suspect: bool
    end_s: float
    """Up to where it has heard, if it was asked for times; infinite otherwise."""


class Whisper:
    """A speech recogniser. ``workers`` calls of ``transcribe`` run side by side, each on one core; more wait."""

    def __init__(self, folder: Path, workers: int) -> None:
        """Load and warm the model (0.5 s). Raises: EngineError."""
        import ctranslate2  # 40 MB of libraries: only in the engines' own process, and only when it starts

        self._vocabulary = Vocabulary(folder / "tokenizer.json")
        self._from_array = ctranslate2.StorageView.from_array
        try:
            self._model: Any = ctranslate2.models.Whisper(
                str(folder), device="cpu", compute_type="int8", intra_threads=1, inter_threads=workers
            )
            if self._model.n_mels != MEL_BANDS:
                raise EngineError(f"{folder}: a Whisper of {self._model.n_mels} mel bands; wanted {MEL_BANDS}")
            self._hear(np.zeros(HEARING_RATE_HZ, np.float32), "en")
        except RuntimeError as error:
            hint = (
                "; the sandbox forbids executable memory (MemoryDenyWriteExecute=), which ctranslate2 needs: "
                "run the engines as a unit of their own"
                if "primitive" in str(error)
                else ""
            )
            raise EngineError(f"Whisper did not start: {error}{hint}") from error

    def transcribe(self, pcm: bytes, language: str = "en") -> Heard:
        """Transcribe up to 29 s of 16 kHz mono s16le.

        Blocks for 0.1 to 0.3 s, up to 1 s when the first try looped; releases the GIL; thread-safe. Text that the
        model most likely made up from noise is left out. ``language`` is for multilingual models.
        """
        if not pcm:
            return NOTHING
        pcm = pcm[: 2 * int(PIECE_MAX_S * HEARING_RATE_HZ)]
        pauses = inner_pauses(pcm)
        if not pauses:
            return self._hear(samples_of(pcm), language)[0]
        return self._hear_over(samples_of(pcm), pauses, language)

    def _hear_over(self, sound: Floats, pauses: Sequence[Pause], language: str) -> Heard:
        """Hear speech with pauses in it, to its end."""
        pieces: list[Heard] = []
        start_s = 0.0
        while True:
            heard, end_s = self._hear(sound[int(start_s * HEARING_RATE_HZ) :], language, with_times=True)
            if not pieces or not repeats_end(pieces[-1].text, heard.text):
                pieces.append(heard)
            heard_until = start_s + end_s + _TIME_SLACK_S
            following = [pause for pause in pauses if pause.middle > start_s and pause.end >= heard_until]
            if not following:
                return join(pieces)
            pieces[-1] = attrs.evolve(pieces[-1], duration_s=following[0].middle - start_s)
            start_s = following[0].middle

    def _hear(self, sound: Floats, language: str, *, with_times: bool = False) -> tuple[Heard, float]:
        """Return what was heard, and up to which second."""
        seconds = len(sound) / HEARING_RATE_HZ
        sound_frames = min(_FRAMES_MAX, int(seconds * FRAMES_PER_S) + _TAIL_FRAMES)
        mel = log_mel(sound, sound_frames)
        frames = frames_for(sound_frames)
        attempt = self._attempt(mel, frames, seconds, language, with_times)
        if attempt.is_suspect and frames < _FRAMES_MAX:
            attempt = self._attempt(mel, _FRAMES_MAX, seconds, language, with_times)
        is_speech = attempt.no_speech <= NO_SPEECH_LIMIT
        heard = Heard(
            text=without_fillers(said_once(attempt.text, seconds)) if is_speech else "",
            no_speech=attempt.no_speech,
            confidence=min(1.0, math.exp(attempt.score)),
            duration_s=seconds,
        )
        return heard, attempt.end_s

    def _attempt(self, mel: Floats, frames: int, seconds: float, language: str, with_times: bool) -> _Attempt:
        prompt = self._vocabulary.prompt(language if self._model.is_multilingual else None, with_times=with_times)
        budget = int(_TOKENS_PER_S * seconds) + _TOKENS_EXTRA + (_TOKENS_OF_TIMES if with_times else 0)
        features = np.ascontiguousarray(np.pad(mel, ((0, 0), (0, frames - mel.shape[1])))[None])
        result = self._model.generate(
            self._model.encode(self._from_array(features)),
            [prompt],
            beam_size=1,
            max_length=len(prompt) + budget,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        ids, first_time = result.sequences_ids[0], self._vocabulary.first_time
        text = self._vocabulary.text([id_ for id_ in ids if id_ < first_time])
        times = [id_ - first_time for id_ in ids if id_ >= first_time]
        end_s = times[-1] * _TIME_STEP_S if times else math.inf
        is_suspect = len(ids) >= budget - 1 or is_looping(text)
        return _Attempt(text, result.no_speech_prob, result.scores[0], is_suspect, end_s)
