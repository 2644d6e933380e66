"""The text path by itself: an agent's deltas to the first clause, and whole answers of 5,000 and 20,000 characters.

Both in the engine's own time: what the path costs, not what it waits for. The longer answer must cost four times the
shorter one; a filter that looks at an answer from its beginning with every delta would cost sixteen times as much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.bench.turns import Progress, Samples
from voxbridge import clock
from voxbridge.core.text.speakable import SpokenPieces

ANSWER = (
    "Of course, I can help you with that. Here is **what** you need to know about `trio` and the"
    " [docs](https://example.com/a/b). It takes 5 minutes, i.e. not long at all.\n\n"
    "- First, open the door.\n- Then go in.\n\n"
)
_DELTA_CHARS = 4  # about a token
_LENGTHS = {"text_5000_characters_ms": 5000, "text_20000_characters_ms": 20_000}


def text_path(count: int, progress: Progress) -> Samples:
    """Measure the time that the text path takes until the first clause is out, and for all of a long answer."""
    samples: Samples = defaultdict(list)
    for number in range(count):
        samples["text_first_clause_ms"].append(_first_clause_s() * 1000)
        for name, chars in _LENGTHS.items():
            samples[name].append(_whole_s(chars) * 1000)
        progress(f"text path {number + 1} of {count}")
    return samples


def _deltas(chars: int) -> Iterator[str]:
    text = (ANSWER * (chars // len(ANSWER) + 1))[:chars]
    return (text[at : at + _DELTA_CHARS] for at in range(0, chars, _DELTA_CHARS))


def _first_clause_s() -> float:
    pieces = SpokenPieces(language="en")
    began = clock.monotonic_s()
    for delta in _deltas(len(ANSWER)):
        if pieces.feed(delta):
            break
    return clock.monotonic_s() - began


def _whole_s(chars: int) -> float:
    pieces = SpokenPieces(language="en")
    began = clock.monotonic_s()
    for delta in _deltas(chars):
        pieces.feed(delta)
    pieces.flush()
    return clock.monotonic_s() - began
