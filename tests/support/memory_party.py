"""A party (``tests/support/party.py``) at a voice port in memory, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import attrs
import trio

from tests.support.hall import Hall, open_hall
from tests.support.party import Party, Person
from voxbridge.config.settings import Settings
from voxbridge.config.turns import FloorSettings
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import RTP_TICKS_PER_FRAME, OpusPacket
from voxbridge.session.context import Tools
from voxbridge.session.report import TurnReport


def as_it_is(settings: Settings) -> Settings:
    """Change nothing."""
    return settings


def seat(hall: Hall, name: str, number: int) -> Person:
    """Give somebody a microphone at the voice port."""
    user: UserId = hall.port.join(number, name)
    sequence = taken = 0

    def send(opus: bytes | None) -> None:
        nonlocal sequence
        if opus is None:
            return
        now = trio.current_time()
        sequence += 1
        ticks = round(now * 50) * RTP_TICKS_PER_FRAME & 0xFFFF_FFFF
        hall.port.emit(OpusPacket(user, sequence & 0xFFFF, ticks, opus, now))

    def bot_frames() -> list[bytes]:
        nonlocal taken
        frames = hall.port.frames[taken:]
        taken += len(frames)
        return [frame.opus for frame in frames]

    return Person(user, name, number, send, bot_frames)


@asynccontextmanager
async def open_memory_party(
    people: dict[str, int],
    *,
    ears: Callable[[Tools], Tools],
    point: Callable[[Settings], Settings] = as_it_is,
) -> AsyncIterator[tuple[Hall, Party]]:
    """Open a call with these people, by their numbers. ``ears`` puts detectors and speech servers into the tools."""
    began: list[float] = []

    def change(tools: Tools) -> Tools:
        def on_report(report: TurnReport) -> None:
            began.append(trio.current_time() - report.marks["ended"])
            tools.on_report(report)

        return ears(attrs.evolve(tools, on_report=on_report))

    async with open_hall(point=point, floor=FloorSettings(), change=change) as hall:
        seated = {name: seat(hall, name, number) for name, number in people.items()}

        async def until(condition: Callable[[], bool], what: str) -> None:
            del what  # the port says what it has seen
            await hall.port.wait_for(condition, 60)

        party = Party(
            seated,
            hall.agent,
            lambda: list(zip(began, hall.reports, strict=True)),
            until,
            hall.room.mouth.sent,
            lambda: [frame.at for frame in hall.port.voice],
            trio.current_time,
            lambda: [text for _, text in hall.port.posted],
            lambda: hall.room.open_turns == 0 and hall.room.mouth.is_idle,
        )
        for person in seated.values():
            hall.nursery.start_soon(person.run)
        yield hall, party
