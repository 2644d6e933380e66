"""The rehearsal's own voice, to speak a question, and its own ears, to check what the reply sounds like.

They are the embedded engines, loaded in this process: the daemon under rehearsal has its own.
"""

from __future__ import annotations

from collections.abc import Callable

from voxbridge.audio.resample import Resampler
from voxbridge.core.sound.pcm import HEARING_RATE_HZ, SPEECH_RATE_HZ, Pcm
from voxbridge.engines.weights import whisper_dir
from voxbridge.errors import EngineError


def own_voice() -> Callable[[str], Pcm]:
    """Return a function that speaks a text. Raises: EngineError when the extra [embedded] is not installed."""
    from voxbridge.engines.hibari_voice import HibariVoice

    voice = HibariVoice()
    return lambda text: Pcm(b"".join(voice.say(text)), SPEECH_RATE_HZ)


def own_ears() -> Callable[[Pcm], str] | None:
    """Return a function that transcribes a sound, or None when the extra [embedded] is not installed."""
    try:
        folder = whisper_dir()
    except EngineError:
        return None
    from voxbridge.engines.whisper import Whisper

    whisper = Whisper(folder, workers=1)

    def transcribe(sound: Pcm) -> str:
        resampler = Resampler(sound.rate_hz, HEARING_RATE_HZ)
        pcm = resampler.feed(sound.data) + resampler.flush()
        pieces = [pcm[at : at + _PIECE_BYTES] for at in range(0, len(pcm), _PIECE_BYTES)]
        return " ".join(whisper.transcribe(piece).text for piece in pieces)

    return transcribe


_PIECE_BYTES = 25 * HEARING_RATE_HZ * 2  # Whisper hears 29 s at a time
