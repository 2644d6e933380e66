"""Conversations through the real daemon in the simulated Discord: twelve turns of three people, and four overlaps.

The same scripts as in virtual time (``tests/support/long_talk.py``, ``tests/support/overlaps.py``). The long talk has
simulated servers, whose words are known; the overlaps have the built-in engines for speech, and human recordings.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import attrs

from tests.scenes.live import LiveCall, open_live_call
from tests.support.long_talk import PEOPLE, LongTalk, voice_of
from tests.support.long_talk import plan_of as plan_of_long_talk
from tests.support.overlaps import KINDS, Kind, play, table
from tests.support.overlaps import plan_of as plan_of_overlap
from tests.support.party import Party, Person
from voxbridge.clock import monotonic_s
from voxbridge.core.sound.pcm import SILENCE_OPUS
from voxbridge.rehearsal.discord import Member, SimulatedDiscord
from voxbridge.rehearsal.discord.world import BOT_ID, GUILD_ID
from voxbridge.session.report import TurnReport

_TAIL_FRAMES = 5


class _Microphone:
    """A member's microphone: what comes is sent, and five frames of silence behind it, as clients do."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._tail_left = 0
        self._taken = 0

    def send(self, opus: bytes | None) -> None:
        """Send a packet, or nothing."""
        if opus is not None:
            if not self._tail_left:
                self._member.begin_speaking()
            self._tail_left = _TAIL_FRAMES
            self._member.send_frame(opus)
        elif self._tail_left:
            self._member.send_frame(SILENCE_OPUS)
            self._tail_left -= 1
            if not self._tail_left:
                self._member.end_speaking()

    def bot_frames(self) -> list[bytes]:
        """Return what of the bot has come since this was asked last."""
        heard = self._member.heard[self._taken :]
        self._taken += len(heard)
        return [each.opus for each in heard if each.user_id == BOT_ID and each.opus is not None]


async def _seat(call: LiveCall, name: str, number: int) -> tuple[Member, Person]:
    member = call.discord.add_member(name)
    await member.join(call.discord.voice_channel_id)
    await member.wait_dave_ready()
    microphone = _Microphone(member)
    return member, Person(member.id, name, number, microphone.send, microphone.bot_frames)


async def _party(call: LiveCall, people: dict[str, int]) -> Party:
    """Let people come, one after the other, and return what a script plays in."""
    seated = [await _seat(call, name, number) for name, number in people.items()]
    await call.until(call.discord.is_dave_settled, "the keys did not settle")
    room = call.daemon.rooms[GUILD_ID]
    await call.until(lambda: len(room.speakers) == len(people), "not everybody is listened to")
    first = seated[0][0]
    reports: dict[str, TurnReport] = {}

    def all_reports() -> list[tuple[float, TurnReport]]:
        for report in call.daemon.service.view().last_turns:
            reports.setdefault(report.turn_id, report)
        return [(report.started_monotonic_s, report) for report in reports.values()]

    def is_quiet() -> bool:
        all_reports()  # only the last ones are kept
        return room.open_turns == 0 and room.mouth.is_idle

    party = Party(
        {person.name: person for _, person in seated},
        call.agent,
        all_reports,
        partial(call.until, timeout_s=90.0),
        room.mouth.sent,
        lambda: [
            each.arrived_at
            for each in first.heard
            if each.user_id == BOT_ID and each.opus is not None and each.opus != SILENCE_OPUS
        ],
        monotonic_s,
        lambda: [message.content for message in call.discord.messages],
        is_quiet,
    )
    for _, person in seated:
        call.nursery.start_soon(person.run)
    return party


async def _long_talk(directory: Path) -> list[str]:
    async with open_live_call(directory, SimulatedDiscord(), are_talking=False) as call:
        party = await _party(call, dict(PEOPLE))
        call.stt.script = attrs.evolve(call.stt.script, text=party.transcript)
        call.stt.script.final_delay_s = 0.15
        call.agent.script, call.tts.synthesize = plan_of_long_talk, voice_of
        talk = LongTalk(party)
        await talk.play()
    lines = [f"{'turn':>5} {'who':5} {'outcome':14} {'to answer':>10} {'to stop':>8}  heard"]
    for each in talk.checked:
        answer = "-" if each.answer_s is None else f"{each.answer_s:.2f} s"
        stop = f"{talk.stops_s[each.number]:.2f} s" if each.number in talk.stops_s else "-"
        report = each.report
        lines.append(f"{each.number:5} {each.who:5} {report.outcome:14} {answer:>10} {stop:>8}  {report.heard!r}")
    return lines


async def _overlap(kind: Kind, directory: Path) -> list[str]:
    async with open_live_call(directory, SimulatedDiscord(), are_talking=False, has_engines=True) as call:
        call.agent.script = plan_of_overlap
        found = await play(await _party(call, {"Ada": 1, "Robert": 2}), kind)
    return table([found])


@attrs.frozen
class Talk:
    """A scripted conversation. ``play`` returns its account, and raises AssertionError where it went wrong."""

    line: str
    name: str
    play: Callable[[Path], Awaitable[list[str]]] = attrs.field(repr=False)


TALKS = (
    Talk("talk", "three people, twelve turns", _long_talk),
    *(Talk("overlap", f"overlap: {kind.name}", partial(_overlap, kind)) for kind in KINDS),
)
