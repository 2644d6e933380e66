"""Numbers that a server would refuse are brought into its range, and the operator is told; nothing else is mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import attrs

from voxbridge.config.rules import ClampRule
from voxbridge.errors import shown


@attrs.frozen
class Clamped:
    """One number of the configuration that was out of range, and what is used in its place.

    ``file`` names the file, or the environment variable.
    """

    file: str
    key: str
    value: float
    allowed: str
    used: float

    def __str__(self) -> str:
        got = shown(self.value)
        return f"{self.file}: {self.key}: out of range (got {got}). Allowed: {self.allowed}. Used: {self.used}"


def clamp(raw: Any, cls: type, path: str = "") -> Iterator[Clamped]:
    """Bring the numbers of a table, as TOML gave it, into the ranges that its class names; yield what was changed.

    ``raw`` is changed in place. What is no number, NaN included, is left for the rules to refuse. ``file`` is not
    known here and stays empty.
    """
    if not isinstance(raw, dict):
        return
    for field in attrs.fields(attrs.resolve_types(cls)):
        value: Any = raw.get(field.name)
        key, kind = path + field.name, field.type
        rule = field.metadata.get("rule")
        if isinstance(rule, ClampRule):
            used = rule.nearest(value)
            if used is not None:
                raw[field.name] = used
                yield Clamped("", key, value, rule.range, used)
        elif get_origin(kind) is tuple and attrs.has(get_args(kind)[0]) and isinstance(value, list):
            for index, item in enumerate(value):
                yield from clamp(item, get_args(kind)[0], f"{key}[{index}].")
        elif isinstance(kind, type) and attrs.has(kind):
            yield from clamp(value, kind, f"{key}.")
