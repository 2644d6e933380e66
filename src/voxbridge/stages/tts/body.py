"""The body of an HTTP answer that is one sentence's sound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import trio

from voxbridge.audio.speech_reader import DecoderMissingError, SpeechReader
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.wire.sound_kind import NotSoundError
from voxbridge.errors import StageProtocolError, StageRefused
from voxbridge.stages.http import Response, read_body
from voxbridge.stages.tts.sentence import Sentence

# All announced sound is in, and something else than sound behind it; what may follow are trailing chunks and the end,
# at once or (garbage collection of a Chatterbox) a third of a second later. A connection is cheaper than that.
END_GRACE_S = 0.02
# Before the sound that came is all heard the caller must know that it was all, or there is a pause.
_NOTICE_S = 0.1
# How long a server that sends file after file may take for the next one when the others are heard.
_NEXT_FILE_S = 1.0


async def receive_sound(response: Response, reader: SpeechReader, sentence: Sentence) -> None:
    """Pass the sound on as it comes, to the end of the body or the last sample that was announced.

    A file that is over may be followed by another one (Kokoro: one for each piece of the sentence): as long as the
    sound that came is still heard, waiting for it costs nothing.

    ``finish_sound`` comes behind it, when the body has ended well. Raises: NotSoundError, DecoderMissingError.
    """
    broken: NotSoundError | DecoderMissingError | None = None

    async def take(data: bytes) -> bool:  # read_body awaits it
        nonlocal broken
        if not data:
            return False
        sentence.byte_came()
        try:
            pcm = reader.feed(data)
        except (NotSoundError, DecoderMissingError) as error:
            broken = error
            return True
        sentence.pass_on(pcm)
        if reader.files > 1:
            sentence.habits.sends_files = True
        until = _patience(reader, sentence)
        patience.deadline = min(patience.deadline, until) if reader.has_trailer else until
        return False

    with trio.CancelScope() as patience:
        await read_body(response, take)
    if broken is not None:
        raise broken


def _patience(reader: SpeechReader, sentence: Sentence) -> float:
    """Return until when the end of the body is waited for, in Trio time."""
    if not reader.is_over:
        return math.inf
    if not sentence.habits.sends_files:
        sentence.model_is_free()
    soonest = trio.current_time() + END_GRACE_S
    if reader.has_trailer:
        return soonest
    until = sentence.is_heard_until + (_NEXT_FILE_S if sentence.habits.sends_files else -_NOTICE_S)
    return max(soonest, until)


async def finish_sound(reader: SpeechReader, sentence: Sentence) -> None:
    """Pass on what was kept to the end of the body. Raises: NotSoundError, DecoderMissingError."""
    left_s = sentence.bound.left_s
    if reader.has_long_rest:
        # A cancelled sentence needs no decoder any more; what it still computes touches nothing of ours.
        rest = await trio.to_thread.run_sync(lambda: list(_some(reader.finish(), left_s)), abandon_on_cancel=True)
    else:
        rest = list(_some(reader.finish(), left_s))
    for pcm in rest:
        sentence.pass_on(pcm)


def _some(pieces: Iterable[Pcm], seconds: float) -> Iterator[Pcm]:
    """Yield pieces until there are more seconds of them than wanted: a few bytes may hold hours."""
    for pcm in pieces:
        yield pcm
        seconds -= pcm.duration_s
        if seconds < 0:
            return


def not_sound(error: NotSoundError | DecoderMissingError, backend: str) -> StageProtocolError | StageRefused:
    """Return the stage's error for an answer that cannot be played."""
    if isinstance(error, DecoderMissingError):
        return StageRefused("tts", 0, str(error), backend=backend)
    return StageProtocolError("tts", f"no sound came: {error}", backend=backend)
