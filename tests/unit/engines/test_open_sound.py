"""One open utterance: what is transcribed when, with a recogniser that answers at once."""

from __future__ import annotations

import pytest
import trio

from tests.support.speech import clips
from voxbridge.engines.open_sound import BYTES_PER_S, OpenSound
from voxbridge.engines.transcript import NOTHING, Heard
from voxbridge.engines.workers import Workers

pytestmark = pytest.mark.unit


class Listener:
    """Writes down how many seconds it was given and says them back."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def transcribe(self, pcm: bytes, language: str) -> Heard:
        self.seconds.append(len(pcm) / BYTES_PER_S)
        return Heard(f"{language}{len(self.seconds)}", 0.1, 0.9, self.seconds[-1])


class InlineWorkers(Workers):
    """The port without its threads: a call happens at once, at a checkpoint."""

    async def run(self, call):
        await trio.lowlevel.checkpoint()
        return call()


def opened() -> tuple[OpenSound, Listener]:
    listener = Listener()
    return OpenSound(listener, InlineWorkers(2), "en"), listener


def speech(seconds: float) -> bytes:
    sound = b"".join(clip.pcm for clip in clips())
    return (sound * 10)[: int(seconds * 16_000) * 2]


async def ask(utterance: OpenSound):
    request, is_new = utterance.request()
    if is_new:
        await utterance.carry_out(request)
    await request.done.wait()
    return request


async def test_final_after_nothing_but_silence_has_the_answer_of_the_peek():
    """A commit after a right guess costs nothing; faint noise is silence."""
    utterance, listener = opened()
    utterance.add(speech(2) + bytes(6400))
    peek = await ask(utterance)
    utterance.add(b"\3\0\xfe\xff" * 2400)  # 0.3 s
    assert await ask(utterance) is peek
    assert await ask(utterance) is peek
    assert listener.seconds == [2.2]


async def test_speech_after_the_peek_is_transcribed_anew():
    """A guess that turned out early is not the answer."""
    utterance, listener = opened()
    utterance.add(speech(2) + bytes(6400))
    peek = await ask(utterance)
    utterance.add(speech(1))
    final = await ask(utterance)
    assert (peek.heard.text, final.heard.text) == ("en1", "en2")
    assert listener.seconds == pytest.approx([2.2, 3.2])


async def test_request_in_work_is_shared():
    """A final that comes while the peek is being transcribed waits for it instead of doing it twice."""
    utterance, _ = opened()
    utterance.add(speech(2) + bytes(6400))
    first, is_new = utterance.request()
    utterance.add(bytes(3200))
    assert utterance.request() == (first, False)
    assert is_new


async def test_abandoned_request_is_done_without_an_answer():
    """Whoever waits goes on at once; the next request does not take it for an answer."""
    utterance, listener = opened()
    utterance.add(speech(1))
    request, _ = utterance.request()
    utterance.abandon()
    await utterance.carry_out(request)
    assert request.done.is_set()
    assert (request.heard, request.error, listener.seconds) == (None, None, [])
    assert (await ask(utterance)).heard.text == "en1"


async def test_no_sound_is_nothing_heard():
    """The recogniser is not asked."""
    utterance, listener = opened()
    assert (await ask(utterance)).heard == Heard("", NOTHING.no_speech, 0.0, 0.0)
    assert listener.seconds == []


class Broken(Listener):
    """Fails at every call."""

    def transcribe(self, pcm: bytes, language: str) -> Heard:
        super().transcribe(pcm, language)
        raise RuntimeError("could not create a primitive")


async def test_engine_error_reaches_who_waits():
    """And the next request tries again."""
    broken = Broken()
    utterance = OpenSound(broken, InlineWorkers(2), "en")
    utterance.add(speech(1))
    assert isinstance((await ask(utterance)).error, RuntimeError)
    assert isinstance((await ask(utterance)).error, RuntimeError)
    assert len(broken.seconds) == 2


async def test_long_speech_is_settled_piece_by_piece():
    """Two minutes: each piece once, between 20 and 29 s, and the final costs the last piece only."""
    utterance, listener = opened()
    for second in range(0, 120, 5):
        utterance.add(speech(120)[second * BYTES_PER_S : (second + 5) * BYTES_PER_S])
        if utterance.has_ripe_piece:
            await utterance.settle()
    settled = list(listener.seconds)
    assert len(settled) >= 3
    assert all(20 <= seconds <= 29 for seconds in settled), settled
    final = await ask(utterance)
    assert len(listener.seconds) == len(settled) + 1
    assert sum(listener.seconds) == pytest.approx(120)
    assert final.heard.text == " ".join(f"en{at + 1}" for at in range(len(listener.seconds)))
    assert final.heard.duration_s == pytest.approx(120)


async def test_long_speech_that_comes_at_once_is_cut_by_the_final():
    """A client that replays after a loss of connection gets a whole transcript as well."""
    utterance, listener = opened()
    utterance.add(speech(65))
    final = await ask(utterance)
    assert len(listener.seconds) >= 3
    assert max(listener.seconds) <= 29
    assert final.heard.duration_s == pytest.approx(65)
    assert await utterance.partial() == " ".join([*final.heard.text.split()[:-1], f"en{len(listener.seconds)}"])


async def test_broken_engine_is_not_called_for_each_packet():
    """Work ahead is tried once; the final tries again and reports."""
    broken = Broken()
    utterance = OpenSound(broken, InlineWorkers(2), "en")
    utterance.add(speech(30))
    assert utterance.has_ripe_piece
    with pytest.raises(RuntimeError):
        await utterance.settle()
    assert not utterance.has_ripe_piece
    assert isinstance((await ask(utterance)).error, RuntimeError)


async def test_sound_is_bounded():
    """Beyond ten minutes nothing is kept."""
    utterance, _ = opened()
    for _ in range(12):
        utterance.add(bytes(60 * BYTES_PER_S))
    assert utterance.duration_s == 600
