"""A case, what it is run against, and what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, Literal, TypeVar

import attrs
import trio

from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.errors import StageError, leaf_of
from voxbridge.stages.contracts import Speaker, Stage

S = TypeVar("S", bound=Stage)
S_co = TypeVar("S_co", bound=Stage, covariant=True)

Verdict = Literal["ok", "failed", "skipped"]
_START_S = 30.0
SPEAKER = Speaker(UserId(1), "Ada", GuildId(2), ChannelId(3))


@attrs.frozen
class Subject(Generic[S_co]):
    """An open stage, and its server if it is ours to kill: ``stop`` drops all connections, ``start`` opens it again."""

    stage: S_co
    stop: Callable[[], Awaitable[None]] | None = None
    start: Callable[[], Awaitable[None]] | None = None


@attrs.frozen
class Case(Generic[S]):
    """One promise. ``check`` raises NotKept or StageError when it is broken; ``limit_s`` ends it in any case."""

    name: str
    promise: str
    check: Callable[[Subject[S]], Awaitable[None]]
    needs_control: bool = False
    limit_s: float = 120.0


@attrs.frozen
class Result:
    """What came of a case; ``detail`` says why it failed or was skipped."""

    name: str
    verdict: Verdict
    detail: str = ""


class NotKept(Exception):
    """A promise was broken; the text says what was wanted and what came."""


def expect(holds: bool, wanted: str, came: object) -> None:
    """Check one thing. Raises: NotKept."""
    if not holds:
        raise NotKept(f"wanted {wanted}; came {came!r}")


async def run(case: Case[S], subject: Subject[S]) -> Result:
    """Run one case; never raises for what the backend does."""
    if case.needs_control and (subject.stop is None or subject.start is None):
        return Result(case.name, "skipped", "a server that is not ours cannot be made to go down")
    with trio.move_on_after(case.limit_s) as limit:
        try:
            await case.check(subject)
        except Exception as error:  # noqa: BLE001 - what a plug-in raises beside StageError is the finding
            return Result(case.name, "failed", _told(leaf_of(error)))
    if limit.cancelled_caught:
        return Result(case.name, "failed", f"not over within {case.limit_s:.0f} s")
    return Result(case.name, "ok")


@asynccontextmanager
async def server_down(subject: Subject[Stage]) -> AsyncIterator[None]:
    """Keep the server down for the block. Only for cases that need control."""
    assert subject.stop is not None
    assert subject.start is not None
    await subject.stop()
    try:
        yield
    finally:
        with trio.move_on_after(_START_S, shield=True):  # the next case wants it up, whatever this one found
            await subject.start()


def _told(error: BaseException) -> str:
    match error:
        case NotKept():
            return str(error)
        case StageError():
            return f"{type(error).__name__}: {error}"
        case _:
            return f"raised {type(error).__name__}, which is no StageError: {error}"


async def check_probe(subject: Subject[Stage]) -> None:
    """Check that the probe answers with one line for the operator."""
    line = await subject.stage.probe()
    expect(bool(line.strip()) and "\n" not in line, "one line of text", line)


async def check_probe_when_down(subject: Subject[Stage]) -> None:
    """Check that the probe of a dead server fails in words, and works again afterwards."""
    async with server_down(subject):
        try:
            said = await subject.stage.probe()
        except StageError as error:
            expect(bool(error.detail), "an error in words", error)
        else:
            raise NotKept(f"wanted a StageError while the server is down; came {said!r}")
    await subject.stage.probe()
