"""The rules of recognition that need no model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from voxbridge.engines.transcript import (
    NOTHING,
    Heard,
    find_cut,
    inner_pauses,
    join,
    repeats_end,
    said_once,
    without_fillers,
)
from voxbridge.engines.whisper import frames_for, is_looping

pytestmark = pytest.mark.unit

RATE = 16_000


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).integers(-3000, 3000, int(seconds * RATE)).astype("<i2")


def test_speech_that_fits_is_not_cut():
    """Up to 29 s are one piece."""
    assert find_cut(noise(28.99).tobytes()) is None


@pytest.mark.parametrize("pause_at_s", [20.2, 24.0, 28.5])
def test_cut_lies_in_the_pause(pause_at_s):
    """The quietest 0.3 s between 20 and 29 s; what follows later does not move it."""
    speech = noise(40)
    speech[int((pause_at_s - 0.2) * RATE) : int((pause_at_s + 0.2) * RATE)] = 10
    speech[int(5 * RATE) : int(6 * RATE)] = 0  # a longer pause, but too early
    cut = find_cut(speech[: 29 * RATE].tobytes())
    assert cut is not None
    assert cut / 2 / RATE == pytest.approx(pause_at_s, abs=0.1)
    assert find_cut(speech.tobytes()) == cut


def test_pieces_are_joined_by_their_length():
    """Texts in order, confidence by duration, and speech anywhere is speech."""
    pieces = [Heard("one two", 0.1, 0.9, 3.0), Heard("", 0.95, 0.2, 5.0), Heard("three", 0.02, 0.6, 1.0)]
    confidence: Any = pytest.approx(0.825)
    assert join(pieces) == Heard("one two three", 0.02, confidence, 9.0)
    assert join([]) == NOTHING


@pytest.mark.parametrize("text", ["Hmm.", "Uh, um...", "[MUSIC]", "(cough) Mm", "a", ".", ""])
def test_fillers_alone_are_nothing(text):
    """Hesitation, named noises and single letters are no speech."""
    assert without_fillers(text) == ""


@pytest.mark.parametrize("text", ["No.", "Ok", "Hmm, yes.", "7", "\u4f60\u597d", "I am here."])
def test_words_are_kept(text):
    """One real word is enough; a digit is a word."""
    assert without_fillers(text) == text


@pytest.mark.parametrize(
    ("sound_frames", "frames"),
    [(100, 800), (600, 800), (601, 900), (1234, 1500), (2700, 2900), (2900, 3000), (3000, 3000)],
)
def test_context_is_short_but_never_below_the_looping_limit(sound_frames, frames):
    """Two seconds beyond what there is, in whole seconds, from 800 to 3000."""
    assert frames_for(sound_frames) == frames


def test_loops_are_seen():
    """A phrase of two or three words three times over; ordinary repetition is none."""
    assert is_looping("10 of clubs 10 of clothes 10 of hearts 10 of")
    assert is_looping("I see it now. I see it now. I see it now.")
    assert not is_looping("no no")
    assert not is_looping("the more the merrier, the more the better")
    assert not is_looping("")


@pytest.mark.parametrize("noise_level", [0, 60])
def test_pauses_between_sound_are_found(noise_level):
    """Of 0.34 s and more, to a block of 20 ms; quiet at the beginning and the end, and a shorter one, is none."""
    quiet = [0.5, 0.7, 0.3, 1.5, 0.6]
    sound = np.concatenate([part for seconds in quiet for part in (np.zeros(int(seconds * RATE)), noise(0.8))])
    sound = np.concatenate([sound[: -int(0.8 * RATE)], np.random.default_rng(1).integers(-1, 2, 100)])
    sound = sound + np.random.default_rng(2).standard_normal(len(sound)) * noise_level
    found = inner_pauses(sound.astype("<i2").tobytes())

    def about(seconds: float) -> Any:
        return pytest.approx(seconds, abs=0.021)

    assert [(pause.start, pause.end) for pause in found] == [
        (about(1.3), about(2.0)),
        (about(3.9), about(5.4)),
    ]


def test_a_click_is_no_end_of_a_pause():
    """One loud block of 20 ms in a pause of a second: it is one pause."""
    sound = np.concatenate([noise(0.5), np.zeros(RATE), noise(0.5)]).astype("<i2")
    at = int(0.9 * RATE)
    sound[at : at + 100] = 20_000
    assert len(inner_pauses(sound.tobytes())) == 1


@pytest.mark.parametrize("pcm", [b"", b"\0", bytes(640), bytes(64_000), b"\xff\x7f" * 16_000])
def test_sound_without_a_pause_has_none(pcm):
    """Nothing, silence, and a noise without an end."""
    assert inner_pauses(pcm) == []


def test_what_was_heard_twice_is_known():
    """By its words, whatever their case and signs."""
    assert repeats_end("Set a timer for ten minutes.", "For ten minutes?")
    assert not repeats_end("Set a timer", "for ten minutes")
    assert not repeats_end("Set a timer", "")


@pytest.mark.parametrize(
    ("text", "sound_s", "expected"),
    [
        ("That is 56. That is 56.", 1.2, "That is 56."),
        ("I'm fine, I'm fine.", 0.5, "I'm fine,"),
        ("What is that? What is that?", 1.6, "What is that? What is that?"),
        ("no no", 0.2, "no no"),
        ("That is 56. That is 65.", 1.0, "That is 56. That is 65."),
        ("", 1.0, ""),
    ],
)
def test_a_phrase_that_nobody_could_say_twice_was_said_once(text: str, sound_s: float, expected: str) -> None:
    """What a recogniser heard twice in the time for once is taken once; what a person repeats stays."""
    assert said_once(text, sound_s) == expected
