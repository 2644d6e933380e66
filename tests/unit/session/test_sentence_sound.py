"""A voice's clip on its way into the track: trimmed, joined, evenly loud."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.tracks import frames_of
from voxbridge.audio.loudness import levels_dbfs, lufs_of
from voxbridge.core.sound.evenness import VoiceLoudness
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ, Pcm
from voxbridge.core.sound.track import Track
from voxbridge.session.rules import VoiceRules
from voxbridge.session.sentence_sound import SentenceSound, bytes_of_ms, trimmed_of

pytestmark = pytest.mark.unit

EVEN = VoiceRules(trims=True, loudness_lufs=-20.0)
AS_IT_COMES = VoiceRules(trims=False, loudness_lufs=None)


def hum(ms: int, *, db: float = -20.0, hz: float = 300.0) -> bytes:
    times = np.arange(SPEECH_RATE_HZ * ms // 1000) / SPEECH_RATE_HZ
    return (10 ** (db / 20) * 32767 * np.sin(2 * np.pi * hz * times)).astype("<i2").tobytes()


def quiet(ms: int) -> bytes:
    return bytes(bytes_of_ms(ms))


def said(
    clips: list[bytes], rules: VoiceRules = EVEN, *, chunk: int = 1000, pause_ms: int = 250
) -> tuple[bytes, list[SentenceSound]]:
    """Play the clips of one answer, each a sentence that comes in chunks; return what left the mouth."""
    track, voice, sounds = Track(), VoiceLoudness(), list[SentenceSound]()
    for number, clip in enumerate(clips):
        index = track.begin_sentence(f"Sentence {number}.", bytes_of_ms(pause_ms) if number else 0)
        sound = SentenceSound(track, index, lambda: None, rules, voice)
        for at in range(0, len(clip), chunk):
            sound.push(Pcm(clip[at : at + chunk], SPEECH_RATE_HZ))
        sound.end()
        sounds.append(sound)
    track.finish()
    return b"".join(frames_of(track)), sounds


def silences_ms(pcm: bytes, *, below_dbfs: float = -55.0) -> list[int]:
    """Return the lengths of the silences between the first and the last sound."""
    silent = [level < below_dbfs for level in levels_dbfs(pcm, SPEECH_RATE_HZ)]
    runs = "".join("s" if each else "x" for each in silent).strip("s").split("x")
    return [len(run) * 10 for run in runs if run]


def test_the_first_frame_can_be_heard() -> None:
    """300 ms of silence before the first sound are left out, and told."""
    pcm, sounds = said([quiet(300) + hum(500) + quiet(440)])
    assert max(levels_dbfs(pcm[:960], SPEECH_RATE_HZ)) > -50
    assert trimmed_of(sounds).lead_ms == 290
    assert trimmed_of(sounds).total_ms == pytest.approx(290 + 410, abs=10), "of the trail 30 ms are kept"


def test_between_sentences_there_is_a_natural_pause() -> None:
    """Of 740 ms that the clips bring, 250 are left, whatever the chunks."""
    clip = quiet(300) + hum(600) + quiet(440)
    for chunk in (2, 960, 100_000):
        pcm, _ = said([clip] * 3, chunk=chunk)
        assert silences_ms(pcm) == pytest.approx([260, 260], abs=20), chunk


def test_within_a_sentence_that_was_cut_there_is_none() -> None:
    """Pieces of one sentence follow each other at once."""
    pcm, _ = said([quiet(300) + hum(600) + quiet(440)] * 3, pause_ms=0)
    assert all(ms <= 50 for ms in silences_ms(pcm))


def test_clips_that_bring_no_silence_get_their_pause() -> None:
    """A voice that sends sound from the first sample to the last pauses too."""
    pcm, _ = said([hum(600)] * 2)
    assert silences_ms(pcm) == pytest.approx([250], abs=20)


@pytest.mark.parametrize("levels_db", [(-29.0, -17.0, -23.0), (-10.0, -28.0, -10.0)])
def test_sentences_are_equally_loud(levels_db: tuple[float, ...]) -> None:
    """Clips that differ by up to 18 dB are within 3 LU of each other and of the target when they are played."""
    clips = [hum(3000, db=db) for db in levels_db]
    pcm, _ = said(clips)
    third = len(pcm) // 6 * 2
    loud = [lufs_of(pcm[number * third : (number + 1) * third], SPEECH_RATE_HZ) for number in range(3)]
    assert all(each is not None and abs(each + 20) < 3 for each in loud), loud


def test_no_sample_is_clipped() -> None:
    """A soft voice with a loud burst is raised no further than the burst allows."""
    pcm, _ = said([hum(400, db=-40) + hum(10, db=-1) + hum(400, db=-40)], chunk=10_000_000)
    assert np.abs(np.frombuffer(pcm, "<i2").astype(int)).max() < 32_700


def test_sound_that_breaks_off_does_not_click() -> None:
    """A clip that begins and ends at full level is faded over 5 ms: no step is larger than the sound's own."""
    pcm, _ = said([hum(200, hz=310.0, db=-3)[500:-500]])
    samples = np.frombuffer(b"\0\0" + pcm + b"\0\0", "<i2").astype(int)
    own = np.abs(np.diff(samples[2000:4000])).max()
    assert np.abs(np.diff(samples)).max() <= own * 1.2


def test_as_it_comes_means_as_it_comes() -> None:
    """With both switched off not a sample is changed but for the fades at the ends."""
    clip = quiet(100) + hum(300) + quiet(100)
    pcm, sounds = said([clip], AS_IT_COMES)
    assert pcm[: len(clip)] == clip
    assert trimmed_of(sounds).total_ms == 0


def test_nothing_but_silence_is_no_sound() -> None:
    """A voice that sends silence has said nothing."""
    pcm, sounds = said([quiet(3000)])
    assert pcm == b""
    assert not sounds[0].has_come
