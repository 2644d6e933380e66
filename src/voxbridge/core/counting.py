"""Counters that say what they count: a metric is made of each, so none is kept that nobody can read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

_ABOUT = "counts"


def counted(about: str, *, metric: str = "") -> int:
    """Make a field of a counters class: 0 at first, and it only grows.

    ``about`` is the metric's help, one sentence; ``metric`` its name without prefix and suffix, where the field's own
    does not say enough outside its class.
    """
    return attrs.field(default=0, metadata={_ABOUT: (metric, about)})


def counts_of(counters: Any) -> Iterator[tuple[str, str, int]]:
    """Yield metric name, help and value of each counter of an attrs object; other fields are passed over."""
    for field in attrs.fields(type(counters)):
        if _ABOUT in field.metadata:
            metric, about = field.metadata[_ABOUT]
            yield metric or field.name, about, getattr(counters, field.name)
