"""JSON of strangers: the one place where it is read, so that whatever comes is a value that can be worked with, or a
reason.

What is refused: text that is no JSON or no UTF-8, nesting that whoever walks through the value might not survive, and
more values than can be made in one step: a MiB of ``[],`` took 90 ms, in which no frame left.
What is read, but not as it stands there: a number that no reader of ours can mean (NaN, ``1e400``, five thousand
digits: ``float()`` and ``math.isfinite`` raise for the last two) is null; half of a surrogate pair, which cannot be
written into anything again, is U+FFFD.
"""

from __future__ import annotations

import json
import math
import re

import attrs

DEPTH_MAX = 64
"""The deepest real messages (segments of words of a transcript) have six levels."""

VALUES_MAX = 40_000
"""Some 10 ms of work. A list of 350 models with all that OpenRouter says of them has about 20,000."""

_INT_DIGITS_MAX = 40  # ids of 128 bits have 39
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # an escape that may be half of a pair
_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HALVES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


@attrs.frozen
class JsonLine:
    """The value of one JSON text."""

    value: object


@attrs.frozen
class Malformed:
    """What came cannot be read, and nothing follows it. ``reason`` holds nothing of the content."""

    reason: str


def parse_json(text: bytes | bytearray | str, *, keeps_halves: bool = False) -> JsonLine | Malformed:
    """Read one JSON text, which is UTF-8 if it is bytes.

    ``keeps_halves``: leave half a surrogate pair as it is, because its other half may come with the next text (a token
    that is cut inside an emoji).
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
    except UnicodeDecodeError:
        return Malformed("not UTF-8")
    if _has_too_many_values(text):
        return Malformed("too many values")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        return Malformed("nested too deeply")
    except ValueError:
        return Malformed("not JSON")
    if text.count("[") + text.count("{") > DEPTH_MAX and _is_too_deep(value):
        return Malformed("nested too deeply")
    if not keeps_halves and _HALF.search(text):
        value = _whole_letters(value)
    return JsonLine(value)


def json_value(text: bytes | bytearray | str) -> object:
    """Return the value of a JSON text, or None if it cannot be read."""
    parsed = parse_json(text)
    return parsed.value if isinstance(parsed, JsonLine) else None


def whole_letters(text: str) -> str:
    """Return ``text`` with U+FFFD for each half of a surrogate pair: it can be encoded then."""
    if not _SURROGATE.search(text):
        return text
    return _PAIR.sub(_letter, text).translate(_HALVES)


def _letter(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= _INT_DIGITS_MAX else None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _no_number(_name: str) -> None:
    """Take NaN and Infinity, which Python's own servers write, for nothing."""


# ``json.loads`` with these makes a new one each time, which takes as long as reading a token's line.
_DECODER = json.JSONDecoder(parse_int=_whole, parse_float=_finite, parse_constant=_no_number)


def _has_too_many_values(text: str) -> bool:
    """Tell whether more values stand in a text than are read. What stands in strings counts for nothing.

    Only a text with many commas and brackets is looked at twice; all of it is done by loops in C.
    """
    if _marks(text) <= VALUES_MAX:
        return False
    text = text.replace("\\\\", "").replace('\\"', "")
    if text.count('"') > 4 * VALUES_MAX:  # keys and strings, two each
        return True
    return _marks("".join(text.split('"')[::2])) > VALUES_MAX


def _marks(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _is_too_deep(value: object) -> bool:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return False
    return True


def _parts(value: object) -> list[object]:
    match value:
        case list():
            return value
        case dict():
            return list(value.values())
        case _:
            return []


def _whole_letters(value: object) -> object:
    """Rebuild a value, which is not deep, without halves of surrogate pairs."""
    match value:
        case str():
            return whole_letters(value)
        case list():
            return [_whole_letters(part) for part in value]
        case dict():
            return {whole_letters(key): _whole_letters(part) for key, part in value.items()}
        case _:
            return value
