"""What the tests of a speech stage share: a listener that writes down what it heard, and when."""

from __future__ import annotations

import attrs
import trio

from voxbridge.core.sound.pcm import Pcm
from voxbridge.errors import StageError
from voxbridge.stages.contracts import TtsRequest, TtsStage
from voxbridge.stages.sinks import SoundInto
from voxbridge.testing.servers.chatterbox import hum, text_chunks

SENTENCE = "The rain in Spain stays mainly in the plain."  # 44 characters: 2.64 s of hum, one text chunk
SENTENCE_S = 2.64


@attrs.define
class Heard:
    """One sentence as the conversation saw it. All times in seconds from the call of ``speak``."""

    began_at: float
    data: bytes = b""
    rates_hz: set[int] = attrs.field(factory=set)
    pieces: list[tuple[float, int]] = attrs.field(factory=list)
    """(time, samples) of each piece."""
    marks: dict[str, float] = attrs.field(factory=dict)
    ended: float | None = None
    error: StageError | None = None

    @property
    def samples(self) -> int:
        return len(self.data) // 2

    def out(self, pcm: Pcm) -> None:
        assert pcm.channels == 1
        self.data += pcm.data
        self.rates_hz.add(pcm.rate_hz)
        self.pieces.append((trio.current_time() - self.began_at, len(pcm.data) // 2))

    def mark(self, name: str, at: float) -> None:
        now = at - self.began_at
        if name == "tts_last_pcm":
            self.marks[name] = now  # it moves on with each piece
        else:
            assert name not in self.marks, f"{name} marked twice: after {self.marks[name]} s and {now} s"
            self.marks[name] = now


async def listen(
    stage: TtsStage, text: str = SENTENCE, *, turn: str = "turn", index: int = 0, voice: str | None = None
) -> Heard:
    """Have a sentence spoken; a StageError is kept, not raised."""
    heard = Heard(trio.current_time())
    try:
        await stage.speak(TtsRequest(text, turn, index, voice), SoundInto(heard.out, heard.mark))
    except StageError as error:
        heard.error = error
    heard.ended = trio.current_time() - heard.began_at
    return heard


def hummed(text: str = SENTENCE, index: int = 0, chunk_chars: int = 120) -> bytes:
    """Return the samples that the simulated server makes of a text in its request number ``index``."""
    return b"".join(hum(chunk, index) for chunk in text_chunks(text, chunk_chars))
