"""Impairments: dice with a seed."""

from __future__ import annotations

import pytest

from voxbridge.rehearsal.discord import Impairment

pytestmark = pytest.mark.unit


def test_perfect_network_delivers_once_at_once():
    """Without knobs nothing happens to a packet."""
    assert [Impairment().copies() for _ in range(5)] == [[0.0]] * 5


def test_same_seed_gives_the_same_fate():
    """A run can be repeated; another seed gives another run."""
    runs = [[Impairment(loss=0.5, jitter_s=0.1, seed=seed)] for seed in (3, 3, 4)]
    fates = [[knob.copies() for _ in range(20)] for (knob,) in runs]
    assert fates[0] == fates[1] != fates[2]


@pytest.mark.parametrize(
    ("knob", "copies"),
    [
        (Impairment(loss=1), []),
        (Impairment(duplicate=1), [0.0, 0.0]),
        (Impairment(reorder=1, reorder_s=0.03), [0.03]),
        (Impairment(delay_s=0.2), [0.2]),
    ],
)
def test_certain_impairments_always_happen(knob, copies):
    """A probability of one is certainty."""
    assert knob.copies() == copies


def test_jitter_stays_within_its_bounds():
    """Delays lie between the fixed delay and that plus the jitter."""
    knob = Impairment(delay_s=0.1, jitter_s=0.05)
    delays = [knob.copies()[0] for _ in range(200)]
    assert 0.1 <= min(delays) < max(delays) <= 0.15
