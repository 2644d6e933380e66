"""The turn model tells a finished sentence from silence and from one cut short, loosely."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.speech import clips
from voxbridge.audio.turn_model import TurnModel

pytestmark = pytest.mark.unit

PAUSE = bytes(6400)  # 200 ms, as when the daemon asks


@pytest.fixture(scope="module")
def model():
    return TurnModel()


def test_finished_sentences_score_higher_than_cut_ones(model):
    """On average: single scores are coarse (0880 and 0930 score low although they are complete)."""
    whole = [model.completion(clip.pcm + PAUSE) for clip in clips()]
    cut = [model.completion(clip.pcm[: len(clip.pcm) // 4 * 2]) for clip in clips()]
    assert all(0 <= p <= 1 for p in whole + cut)
    assert sum(p > 0.9 for p in whole) >= 3, f"complete sentences scored {whole}"
    assert sum(whole) > sum(cut) + 0.5, f"complete: {whole}, cut: {cut}"


def test_only_the_last_eight_seconds_count(model):
    """What lies further back changes nothing."""
    recent = clips()[0].pcm[:200_000].rjust(2 * 8 * 16_000, b"\0")
    assert model.completion(clips()[3].pcm + recent) == model.completion(recent)


def test_threads_may_share_a_model(model):
    """Two threads at once get what each gets alone."""
    sounds = [clip.pcm for clip in clips()[:2]]
    alone = [model.completion(sound) for sound in sounds]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(model.completion, sounds * 2)) == alone * 2
