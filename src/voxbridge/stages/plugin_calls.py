"""Whether a backend of somebody else's can be called as the three Protocols say: looked at before its first call.

A plug-in may be older than the version of VoxBridge that it runs in. Without this, a missing argument would show as a
crash in the middle of the first turn.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from voxbridge.errors import ConfigError, StageName

Manner = Literal["async def", "def"]


@attrs.frozen
class Call:
    """A method that will be called: how it has to be written, as a person would write it."""

    manner: Manner
    name: str
    arguments: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    is_optional: bool = False

    def __str__(self) -> str:
        keywords = ("*", *self.keywords) if self.keywords else ()
        return f"{self.manner} {self.name}({', '.join(('self', *self.arguments, *keywords))})"


_OF_ALL = (
    Call("async def", "__aenter__"),
    Call("async def", "__aexit__", ("exc_type", "exc", "traceback")),
    Call("async def", "probe"),
    Call("async def", "warm", is_optional=True),
    Call("def", "note_outage", (), ("is_known",), is_optional=True),
    Call("def", "note_muteness", (), ("is_known",), is_optional=True),
)
_OF_A_STAGE: Mapping[StageName, Sequence[Call]] = {
    "stt": (*_OF_ALL, Call("def", "open", ("speaker", "on_partial"))),
    "agent": (*_OF_ALL, Call("async def", "answer", ("request", "out"))),
    "tts": (*_OF_ALL, Call("async def", "speak", ("request", "out"))),
}
_OF_A_LINE = (
    Call("def", "feed", ("sound",)),
    Call("async def", "peek"),
    Call("def", "end", ("voiced_s",)),
    Call("async def", "finish"),
    Call("def", "discard"),
)
_ATTRIBUTES: Mapping[StageName, Sequence[str]] = {"stt": ("name",), "agent": ("name", "retry_count"), "tts": ("name",)}
_ATTRIBUTES_OF_A_LINE = ("reconnect_count", "is_connected", "can_peek")


def must_fit(stage: StageName, backend: object, plugin: str) -> None:
    """Look at a stage that a plug-in has made. Raises: ConfigError, with what is wanted of its first wrong method."""
    _must_have(_OF_A_STAGE[stage], _ATTRIBUTES[stage], backend, plugin, f"its {stage} stage")


def line_must_fit(line: object, plugin: str) -> None:
    """Look at a line that a plug-in's ``open`` has given. Raises: ConfigError."""
    _must_have(_OF_A_LINE, _ATTRIBUTES_OF_A_LINE, line, plugin, "the line that its `open` gives")


def _must_have(calls: Sequence[Call], attributes: Sequence[str], made: object, plugin: str, what: str) -> None:
    wrong = [f"`{call}`; {why}" for call in calls if (why := _wrong_with(call, getattr(made, call.name, None)))]
    wrong += [f"`{name}`; it has none" for name in attributes if not _has(made, name)]
    if wrong:
        detail = f"the plug-in does not fit this version of VoxBridge: {what} must have {wrong[0]}"
        raise ConfigError(detail, key="kind", value=plugin)


def _has(made: object, name: str) -> bool:
    # without asking a property, which may need the stage to be open
    return inspect.getattr_static(made, name, None) is not None or hasattr(made, name)


def _wrong_with(call: Call, method: object) -> str | None:
    """Return what is wrong with a method, None if nothing is that can be seen from outside.

    A plain ``def`` may return something to await, so that it is none of our business.
    """
    if method is None:
        return None if call.is_optional else "it has none"
    if inspect.isasyncgenfunction(method) or inspect.isgeneratorfunction(method):
        return "it is a generator (it has `yield` in it)"
    if not callable(method):
        return "it is no method"
    if call.manner == "def" and inspect.iscoroutinefunction(method):
        return "it is `async def`"
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):  # not written in Python: its first call will tell
        return None
    try:
        signature.bind(*call.arguments, **dict.fromkeys(call.keywords))
    except TypeError:
        return f"it takes ({', '.join(signature.parameters)})"  # names only: a default may be a secret
    return None
