"""The four kinds of overlap of Full-Duplex-Bench v1.5, as scenes: what speech over an answer does to it.

    the asker asks ... |answer sounds| 2 s later, over it:
      interruption        the asker says something else            it stops, and that is answered
      backchannel         the asker says "Okay."                   it goes on
      talk to others      the asker turns to Robert, by his name;     it goes on, and nobody is answered
                          or Robert says something to somebody
      background speech   a voice 20 dB below the asker's own,     measured: its words are words
                          by the asker's microphone

The speech is that of three human readers; "Okay." and what is said to Robert are the built-in voice's, since no
recording has them. The measures are the paper's: the time to stop, from the onset of the overlapping speech, and the
time to answer, from its end. Its data and its scores are not used.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import trio

from tests.bench.corpus import human_clips
from tests.support.party import Party
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ
from voxbridge.rehearsal.embedded import own_voice
from voxbridge.testing.servers.n8n import Question
from voxbridge.testing.servers.n8n_plans import Plan, agent, words

LONG = (
    "That takes some time to tell. The first thing is that nobody knows for certain. The second is that many have "
    "tried to find out. The third is that they have written long books about it. The last is that few have read them. "
    "So it is as it was before, and will be for a while."
)
BRIEF = "Of course, that is another matter."
_BACKGROUND_DB = -20.0


def plan_of(question: Question) -> Plan:
    """Answer the first question at length, and every other one briefly."""
    is_first = question.body["metadata"].get("previous") is None and question.attempt == 1
    return agent(words(LONG if is_first else BRIEF), first_s=0.4)


@attrs.frozen
class Kind:
    """One kind of overlap: who says what over the answer, and whether it shall stop."""

    name: str
    who: str
    sound: Callable[[], bytes] = attrs.field(repr=False)
    stops: bool | None
    """None: measured only."""
    is_answered: bool | None


@attrs.frozen
class Overlap:
    """What came of one. Times in seconds."""

    kind: Kind
    stop_s: float | None
    """From the onset to the last frame of the answer, if it was cut."""
    answer_s: float | None
    """From the end of the speech to the first frame of the answer to it, if it was answered."""
    heard: str
    outcomes: tuple[str, ...]


def _human(number: int, seconds: float) -> bytes:
    return human_clips()[number].pcm[: int(seconds * SPEECH_RATE_HZ) * 2]


def _far(number: int, seconds: float) -> bytes:
    quiet = np.frombuffer(_human(number, seconds), "<i2") * 10 ** (_BACKGROUND_DB / 20)
    return bytes(quiet.astype("<i2").tobytes())


KINDS = (
    Kind("interruption", "Ada", lambda: _human(0, 3.0), stops=True, is_answered=True),
    Kind("backchannel", "Ada", lambda: own_voice()("Okay.").data, stops=False, is_answered=False),
    Kind("talk to others, by name", "Ada", lambda: own_voice()("Robert, have you seen my book?").data, False, False),
    Kind("somebody else talks", "Robert", lambda: _human(8, 3.0), stops=False, is_answered=False),
    Kind("background speech", "Ada", lambda: _far(36, 3.0), stops=False, is_answered=False),
)


async def play(party: Party, kind: Kind) -> Overlap:
    """Play one overlap in a call with Ada and Robert. Raises: AssertionError, with what was seen."""
    ada = party.people["Ada"]
    await trio.sleep(2)
    ada.make(own_voice()("VoxBridge, what do people know about the sea?").data)
    await party.sounding(2.0)
    onset = party.now()
    sound = kind.sound()
    party.people[kind.who].make(sound)
    await party.spoken(kind.who)
    await party.quiet()
    await trio.sleep(2.0)
    await party.quiet()
    first, *rest = party.new_reports()
    is_cut = first.outcome == "interrupted"
    answered = next((each for each in rest if "first_audio" in each.marks), None)
    found = Overlap(
        kind,
        party.silent_after(onset) if is_cut else None,
        None if answered is None else answered.marks["first_audio"] - answered.marks["speech_end"],
        " | ".join(each.heard for each in rest),
        tuple(each.outcome for each in (first, *rest)),
    )
    if kind.stops is not None:
        assert is_cut == kind.stops, f"{kind.name}: {found}"
    if kind.is_answered is not None:
        assert (answered is not None) == kind.is_answered, f"{kind.name}: {found}"
    if not is_cut:
        assert first.spoken == LONG, f"{kind.name}: only {first.spoken!r} was heard"
    return found


def table(found: list[Overlap]) -> list[str]:
    """Return the overlaps as lines of a table."""

    def shown(seconds: float | None) -> str:
        return "-" if seconds is None else f"{seconds:.2f} s"

    lines = [f"{'overlap':26} {'who':5} {'to stop':>8} {'to answer':>10}  outcomes; what was heard of it"]
    for each in found:
        outcomes = ", ".join(each.outcomes)
        lines.append(
            f"{each.kind.name:26} {each.kind.who:5} {shown(each.stop_s):>8} {shown(each.answer_s):>10}"
            f"  {outcomes}; {each.heard!r}"
        )
    return lines
