"""The five human clips that come with the product, and how many words a transcript got wrong."""

from __future__ import annotations

import functools
import re
from importlib import resources

import attrs

from voxbridge.audio.wavfile import read_wav

_SPELT = {"mr": "mister", "dr": "doctor"}


@attrs.frozen
class Clip:
    name: str
    words: str
    pcm: bytes = attrs.field(repr=False)


@functools.cache
def clips() -> list[Clip]:
    """Return the clips: 16 kHz mono s16le, 3 to 7 s each, 70 words in all."""
    folder = resources.files("voxbridge.rehearsal") / "clips"
    rows = [line.split("\t") for line in (folder / "transcripts.tsv").read_text("utf-8").splitlines()]
    found = []
    for name, words in (row for row in rows if not row[0].startswith("#")):
        with resources.as_file(folder / name) as path:
            sound = read_wav(path)
        assert sound.rate_hz == 16_000
        found.append(Clip(name.removesuffix(".wav")[-4:], words, sound.data))
    return found


def words_of(text: str) -> list[str]:
    return [_SPELT.get(word, word) for word in re.sub(r"[^a-z0-9' ]", " ", text.lower()).split()]


def words_wrong(said: str, heard: str) -> int:
    """Return the edit distance in words."""
    wanted, got = words_of(said), words_of(heard)
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        corner, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (word != other))
    return row[-1]
