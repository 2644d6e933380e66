"""The endpointing curve: how many turns end too early at which mean delay, for plain silence, turn model and default.

    speech |--- pause ---| speech goes on      early: the turn was decided before it went on
    speech |--- delay ---> decided             at an end: how long the user waits

A turn that is decided early does harm only if it is answered aloud: speech that goes on before a second of the answer
was heard takes it back. Both shares are printed, and the strictest as well: any sound at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import attrs

from tests.bench.pauses import GUESS_S, PAUSES_S, Judged
from voxbridge.core.turns.commit import CommitRules, Evidence, silence_s
from voxbridge.core.turns.completeness import completeness_of
from voxbridge.core.turns.same_thought import HARDLY_HEARD_S

SPEED_S = 0.2
"""From the guess to the words: the embedded Whisper, which is where the words of this corpus come from."""
ANSWER_S = 0.44
"""From the decision to the first sound, with agent and voice at 400 and 40 ms."""
USUAL_S = (0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 1.2)
_RESUMED_S = 0.04  # the voice detector needs a frame of the speech that goes on

Decide = Callable[[Judged], float]


def plain(usual_s: float) -> Decide:
    """Wait always as long."""
    return lambda _place: usual_s


def by_turn_model(usual_s: float) -> Decide:
    """Wait 700 ms longer where the turn model says that more is coming: what VoxBridge did before."""
    return lambda place: usual_s if place.completion >= 0.5 else usual_s + 0.7


def by_default(usual_s: float, words_s: float = SPEED_S) -> Decide:
    """Join words and turn model; the rules' silences are moved along with the usual one."""
    usual = CommitRules()
    rules = CommitRules(*(at + usual_s - usual.usual_s for at in attrs.astuple(usual)[:4]))
    guess_s = min(GUESS_S, GUESS_S + usual_s - usual.usual_s)

    def decide(place: Judged) -> float:
        words = completeness_of(place.heard, "en", server_punctuates=True)
        return max(guess_s + words_s, silence_s(Evidence(place.completion, words), rules))

    return decide


@attrs.frozen
class Point:
    """One point of a curve. The shares are of all pauses, each place with each length."""

    usual_s: float
    delay_s: float
    early: float
    aloud: float
    any_sound: float
    by_length: tuple[float, ...]


def point(places: Sequence[Judged], usual_s: float, decide: Decide) -> Point:
    """Put every place and every end through one way to decide."""
    silences = {place: decide(place) + place.hangover_s for place in places}
    ends = [silence for place, silence in silences.items() if place.is_end]
    pauses = [silence for place, silence in silences.items() if not place.is_end]

    def share(after_s: float, lengths: Sequence[float] = PAUSES_S) -> float:
        cut = sum(silence + after_s <= length + _RESUMED_S for silence in pauses for length in lengths)
        return cut / (len(pauses) * len(lengths))

    up_to_1_s = [length for length in PAUSES_S if length <= 1.0]
    return Point(
        usual_s,
        sum(ends) / len(ends),
        share(0.0),
        share(ANSWER_S + HARDLY_HEARD_S, up_to_1_s),
        share(ANSWER_S, up_to_1_s),
        tuple(share(0.0, [length]) for length in PAUSES_S),
    )


WAYS: dict[str, Callable[[float], Decide]] = {
    "plain silence": plain,
    "turn model": by_turn_model,
    "default": by_default,
    "default, words after 300 ms": lambda usual_s: by_default(usual_s, 0.3),
}


def early_at(points: Sequence[Point], delay_s: float) -> float | None:
    """Return the share of turns that end early at this mean delay, between the two nearest points of a curve."""
    ordered = sorted(points, key=lambda each: each.delay_s)
    for low, high in itertools.pairwise(ordered):
        if low.delay_s <= delay_s <= high.delay_s:
            along = (delay_s - low.delay_s) / (high.delay_s - low.delay_s)
            return low.early + along * (high.early - low.early)
    return None


def curves(places: Sequence[Judged]) -> dict[str, list[Point]]:
    """Return the curve of each way."""
    return {name: [point(places, usual_s, way(usual_s)) for usual_s in USUAL_S] for name, way in WAYS.items()}


def table(places: Sequence[Judged]) -> Iterator[str]:
    """Yield the lines of the report."""
    groups: dict[str, Sequence[Judged]] = {
        "all": places,
        "human": [place for place in places if place.source == "human"],
        "engine": [place for place in places if place.source == "engine"],
    }
    lengths = " ".join(f"{length * 1000:5.0f}" for length in PAUSES_S)
    for group, members in groups.items():
        ends = sum(place.is_end for place in members)
        yield f"{group}: {len(members) - ends} pauses of {len(PAUSES_S)} lengths, {ends} ends"
        yield f"  {'way':28} usual  delay  early   by length {lengths}   answered aloud (any sound) up to 1,000 ms"
        for name, points in curves(members).items():
            for each in points:
                by_length = " ".join(f"{share:5.0%}" for share in each.by_length)
                yield (
                    f"  {name:28} {each.usual_s * 1000:5.0f}  {each.delay_s * 1000:5.0f}  {each.early:5.0%}"
                    f"             {by_length}   {each.aloud:.0%} ({each.any_sound:.0%})"
                )
    yield "at equal mean delay (all): early, and how many fewer than with plain silence"
    found = curves(places)
    for delay_ms in range(400, 1050, 50):
        cells = {name: early_at(points, delay_ms / 1000) for name, points in found.items()}
        base = cells["plain silence"]
        shown = [
            f"{name} {early:.0%}" + (f" ({early / base - 1:+.0%})" if base else "")
            for name, early in cells.items()
            if early is not None
        ]
        yield f"  {delay_ms:5} ms  " + ", ".join(shown)
