"""Bytes that nobody expects, made from what peers send."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

# What took a reader down once, here or elsewhere, and what is at the edge of what a format can hold.
POISON: tuple[bytes, ...] = (
    b"null",
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"-0",
    b"9" * 5001,
    b"9" * 400,
    b"18446744073709551616",
    b'"\\ud800"',
    b'"\\udc00\\ud83d"',
    b'"\\u0000\\u001b[2J\\u202e"',
    b'""',
    b"[]",
    b"{}",
    b"[[[[null]]]]",
    b'{"error": {"message": null}}',
    b'{"a": ' * 70 + b"1" + b"}" * 70,
    b"[" * 300 + b"]" * 300,
    b"true",
    b'{"type": "error"}',
    b"\n",
    b"\r\n\r\n",
    b"\r",
    b"\n\n\n\n",
    b" " * 100,
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\0" * 8,
    b"\xff" * 12,
    b"data:",
    b"event: error\n",
    b"data: [DONE]\n\n",
    b"<think>",
    b"</think>",
    b"<html>",
    b"RIFF",
    b"OggS",
    b"\x7f\xff\xff\xff",
    b"\x1b]0;title\x07",
    b"Wed, 21 Oct 99999999999999999999 07:28:30 GMT",
)
LARGE_POISON: tuple[bytes, ...] = (
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b"[" * 3000 + b"]" * 3000,
    b"\n" * 1_000_000,
    b"9" * 100_000,
    b"\x00" * 100_000,
)
_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null|\[\]|\{\}')
_SIZE_MAX = 200_000


def mutated(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a seed, changed in up to four ways."""
    data = rng.choice(seeds)
    for _ in range(rng.randint(1, 4)):
        data = rng.choice(_CHANGES)(rng, data, seeds)[:_SIZE_MAX]
    return data


def pumped(rng: random.Random, seeds: Sequence[bytes]) -> tuple[bytes, bytes, bytes]:
    """Return a beginning, a piece to be repeated, and an end."""
    seed = rng.choice(seeds)
    at = rng.randrange(len(seed) + 1)
    piece = rng.choice((rng.choice(POISON), _slice(rng, seed), rng.choice(seeds), b"a", b" ", b"\n", b"<", b"["))
    return seed[:at], (piece or b"x")[:400], rng.choice((b"", seed[at:]))


def _span(rng: random.Random, data: bytes) -> tuple[int, int]:
    begin = rng.randrange(len(data) + 1)
    return begin, min(len(data), begin + rng.choice((0, 1, 2, 4, 16, 64, len(data))))


def _slice(rng: random.Random, data: bytes) -> bytes:
    begin, end = _span(rng, data)
    return data[begin:end]


def _cut_out(rng: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    begin, end = _span(rng, data)
    return data[:begin] + data[end:]


def _repeat(rng: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    begin, end = _span(rng, data)
    return data[:begin] + data[begin:end] * rng.choice((2, 3, 10, 100)) + data[end:]


def _flip(rng: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _poison(rng: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    begin, end = _span(rng, data)
    return data[:begin] + rng.choice(POISON) + data[rng.choice((begin, end)) :]


def _other_value(rng: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """Put another JSON value in the place of one."""
    values = list(_VALUE.finditer(data))
    if not values:
        return data
    value = rng.choice(values)
    return data[: value.start()] + rng.choice((rng.choice(POISON), rng.choice(values)[0])) + data[value.end() :]


def _splice(rng: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = rng.choice(seeds)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _random(rng: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    begin, end = _span(rng, data)
    return data[:begin] + rng.randbytes(rng.choice((1, 4, 32, 300))) + data[end:]


_CHANGES = (_cut_out, _repeat, _flip, _poison, _other_value, _other_value, _splice, _random)
