"""Cutting bytes the way a network does: anywhere."""

from __future__ import annotations

from itertools import pairwise


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """Return ``data`` in pieces, cut at the given offsets (taken modulo its length; empty pieces may come out)."""
    edges = [0, *sorted(offset % (len(data) + 1) for offset in at), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]
