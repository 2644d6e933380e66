"""How much of what a microphone sends is our own voice: by sound and by words, with real voices through Opus."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tests.support.microphones import clip
from voxbridge.audio.opus import Decoder, encode_speech
from voxbridge.core.sound.pcm import FRAME_S, HEARING_FRAME_SAMPLES, HEARING_RATE_HZ, SPEECH_FRAME_BYTES, SPEECH_RATE_HZ
from voxbridge.session.echo import EchoEar, SentSound

pytestmark = pytest.mark.unit


def through_opus(pcm: bytes, rate_hz: int) -> bytes:
    decoder = Decoder(rate_hz=rate_hz)
    return b"".join(decoder.decode(packet) for packet in encode_speech(pcm))


@functools.cache
def heard(level_db: float | None, delay_s: float, over: int | None) -> bytes:
    """Return what a microphone sends (16 kHz) while clip 0 is said, with what is said over it."""
    said = np.frombuffer(through_opus(clip(0), SPEECH_RATE_HZ), "<i2").astype(np.float32)
    mixed = np.zeros(len(said) + round(delay_s * SPEECH_RATE_HZ), np.float32)
    if level_db is not None:
        mixed[-len(said) :] += said * 10 ** (level_db / 20)
    if over is not None:
        own = np.frombuffer(clip(over), "<i2")[: len(mixed)]
        mixed[: len(own)] += own
    return through_opus(np.clip(mixed, -32768, 32767).astype("<i2").tobytes(), HEARING_RATE_HZ)


def listen(level_db: float | None, delay_s: float = 0.2, over: int | None = None) -> EchoEar:
    """Let clip 0 be said and what comes back be heard, frame by frame."""
    sent = SentSound()
    ear = EchoEar(sent)
    ear.begin(0.0)
    said, back = clip(0), heard(level_db, delay_s, over)
    step = HEARING_FRAME_SAMPLES * 2
    for number in range(len(said) // SPEECH_FRAME_BYTES):
        at = number * FRAME_S
        sent.frame(
            at, said[number * SPEECH_FRAME_BYTES : (number + 1) * SPEECH_FRAME_BYTES], "Something that was said."
        )
        ear.hear(back[number * step : (number + 1) * step], at + FRAME_S)
    return ear


@pytest.mark.parametrize("level_db", [-6.0, -20.0])
@pytest.mark.parametrize("delay_s", [0.08, 0.2, 0.4])
def test_an_echo_is_known_by_its_sound(level_db: float, delay_s: float) -> None:
    """At any delay and level nearly all of it is found to be ours."""
    ear = listen(level_db, delay_s)
    seconds = len(clip(0)) / 2 / SPEECH_RATE_HZ
    assert ear.own_s(seconds) < 0.25 * seconds
    assert ear.is_echo(seconds)


@pytest.mark.parametrize("level_db", [None, -20.0, -6.0])
def test_somebody_who_talks_over_it_is_heard(level_db: float | None) -> None:
    """A person's voice over the echo, or without one, is the person's own."""
    ear = listen(level_db, over=3)
    seconds = len(clip(0)) / 2 / SPEECH_RATE_HZ
    assert ear.own_s(seconds) > 0.7 * seconds
    assert not ear.is_echo(seconds)


def test_words_are_told_apart_too() -> None:
    """Where the sound is not enough: what was said is taken out of what was heard."""
    sent = SentSound()
    ear = EchoEar(sent)
    sent.frame(0.0, bytes(SPEECH_FRAME_BYTES), "Something else entirely.")
    sent.frame(2.0, bytes(SPEECH_FRAME_BYTES), "The weather in Boston is fine today.")
    assert ear.own_words("weather in Boston is find today", 2.3) == ""
    assert ear.own_words("the weather in Boston is but what about Friday", 2.3) == "but what about Friday"
    assert ear.own_words("what about Friday", 2.3) == "what about Friday"
    assert ear.own_words("weather in Boston is fine", 60.0) == "weather in Boston is fine", "that was a minute ago"


def test_an_answer_that_ended_long_ago_is_no_echo_though_another_sounds_now() -> None:
    """Somebody repeats the last answer, and while they speak somebody else's begins: their words stay theirs."""
    sent = SentSound()
    silence = bytes(SPEECH_FRAME_BYTES)
    for at, text in ((0.0, "The weather in Boston is fine today."), (10.0, "The moon is far away from here.")):
        for number in range(50):
            sent.frame(at + number * FRAME_S, silence, text)
    assert sent.said_since(0.9) == "The weather in Boston is fine today. The moon is far away from here."
    assert sent.said_since(8.0) == "The moon is far away from here."
    ear = EchoEar(sent)
    ear.begin(9.0)
    said = "you say the weather in Boston is fine today"
    assert ear.own_words(said, 9.0) == said
