"""The body of an HTTP answer that is one sentence's sound."""

from __future__ import annotations

import math

import trio

from voxbridge.audio.speech_reader import DecoderMissingError, SpeechReader
from voxbridge.core.wire.sound_kind import NotSoundError
from voxbridge.errors import StageProtocolError, StageRefused
from voxbridge.stages.http import Response, read_body
from voxbridge.stages.tts.sentence import Sentence

# All announced sound is in; what may follow are trailing chunks and the end, at once or (garbage collection of a
# Chatterbox) a third of a second later. A connection is cheaper than that.
END_GRACE_S = 0.02


async def receive_sound(response: Response, reader: SpeechReader, sentence: Sentence) -> None:
    """Pass the sound on as it comes, to the end of the body or the last sample that was announced.

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
        if reader.is_over and math.isinf(patience.deadline):
            sentence.model_is_free()
            patience.deadline = trio.current_time() + END_GRACE_S
        return False

    with trio.CancelScope() as patience:
        await read_body(response, take)
    if broken is not None:
        raise broken


async def finish_sound(reader: SpeechReader, sentence: Sentence) -> None:
    """Pass on what was kept to the end of the body. Raises: NotSoundError, DecoderMissingError."""
    if reader.has_long_rest:
        # A cancelled sentence needs no decoder any more; what it still computes touches nothing of ours.
        rest = await trio.to_thread.run_sync(lambda: list(reader.finish()), abandon_on_cancel=True)
    else:
        rest = list(reader.finish())
    for pcm in rest:
        sentence.pass_on(pcm)


def not_sound(error: NotSoundError | DecoderMissingError, backend: str) -> StageProtocolError | StageRefused:
    """Return the stage's error for an answer that cannot be played."""
    if isinstance(error, DecoderMissingError):
        return StageRefused("tts", 0, str(error), backend=backend)
    return StageProtocolError("tts", f"no sound came: {error}", backend=backend)
