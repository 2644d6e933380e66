"""A conversation of three people, twelve turns, as a script: what each turn must come to is checked as it goes.

 1  Ada asks                                  answered, heard whole
 2  Ada hesitates in mid-question             one question; "mhm" by her and by Ben lets the answer go on
 3  Ada interrupts it                         cut, answered; the agent is told what was heard
 4  Ben asks; Cleo talks to Ada over it       his answer is heard whole, nobody answers her
 5  Cleo asks; Ada says "stop"                cut, not answered
 6  Cleo says "go on"                         the rest is said, without the agent
 7  Ada asks; Ben coughs and types            heard whole
 8  Ben asks beside his loudspeaker           heard whole, the echo is not answered
 9  Ben asks again                            the same, and the room is told, once
10  Ben talks over his echo                   cut; his own words are answered
11  Ada goes on when 0.3 s were heard         one question, one answer
12  Cleo follows up on nothing                not answered: nobody was called
"""

from __future__ import annotations

import attrs
import numpy as np
import trio

from tests.support.microphones import clip
from tests.support.party import Party
from voxbridge.core.sound.pcm import SPEECH_RATE_HZ
from voxbridge.session.report import TurnReport
from voxbridge.testing.servers.n8n import Question
from voxbridge.testing.servers.n8n_plans import Plan, agent, words

PEOPLE = (("Ada", 1), ("Ben", 2), ("Cleo", 3))
_ANSWERS = {
    "boston": "It is fine in Boston today. A light wind comes from the west.",
    "coast": "On the coast it rains all morning. Later on the sun comes out. Take a coat with you. " * 2,
    "austin": "Austin is hot and dry. It stays that way until Sunday.",
    "moon": "The moon is far away from here. A train would take half a year to get there.",
    "story": "There was a king who had a cat. The cat had a hat. The hat was red. One day it was gone. Nobody cared.",
    "tide": "The tide is high at noon. It is low again in the evening.",
    "tomorrow": "It comes an hour later then. So plan your walk for the afternoon.",
    "friday": "On Friday there is none at all.",
    "minutes": "The timer runs for ten minutes.",
    "timer": "How long do you want it to run, and what is it for?",
    "bread": "Bread needs flour, water and salt. Let it rest for a night. Bake it hot.",
}
_S_PER_WORD = 0.3


def answer_to(question: str) -> str:
    """Return what the agent says."""
    return next(answer for word, answer in _ANSWERS.items() if word in question.lower())


def plan_of(question: Question) -> Plan:
    """Return the agent's work on a question."""
    return agent(words(answer_to(question.text)), first_s=0.4)


def voice_of(text: str, number: int) -> bytes:
    """Return a sentence in the bot's voice, which is a person's."""
    wanted = round(len(text.split()) * _S_PER_WORD * SPEECH_RATE_HZ) * 2
    sound = clip(number)
    return (sound * (wanted // len(sound) + 1))[:wanted]


def _cough() -> bytes:
    rng = np.random.default_rng(7)
    shape = np.exp(-np.arange(round(0.12 * SPEECH_RATE_HZ)) / 900)
    return bytes((9000 * shape * rng.standard_normal(len(shape))).clip(-32000, 32000).astype("<i2").tobytes())


def _keys(seconds: float) -> bytes:
    sound = np.zeros(round(seconds * SPEECH_RATE_HZ))
    hit = np.random.default_rng(8).standard_normal(480) * np.exp(-np.arange(480) / 100) * 8000
    for at in range(0, len(sound) - 480, round(0.17 * SPEECH_RATE_HZ)):
        sound[at : at + 480] += hit
    return bytes(sound.clip(-32000, 32000).astype("<i2").tobytes())


@attrs.frozen
class Checked:
    """One turn of the script as it went."""

    number: int
    who: str
    report: TurnReport

    @property
    def answer_s(self) -> float | None:
        """Return how long after the end of the speech the answer was heard, if it was."""
        marks = self.report.marks
        return marks["first_audio"] - marks["speech_end"] if "first_audio" in marks else None


@attrs.define
class LongTalk:
    """The script, in one call."""

    party: Party
    checked: list[Checked] = attrs.field(factory=list)
    stops_s: dict[int, float] = attrs.field(factory=dict)
    """For each turn that was cut: from the onset of the speech to the last frame."""

    async def play(self) -> None:
        """Play it. Raises: AssertionError, with what was heard instead."""
        await trio.sleep(2)
        for number, step in enumerate(
            (
                self._asks,
                self._hesitates_and_interrupts,
                self._talks_to_others,
                self._stops,
                self._goes_on,
                self._makes_noise,
                self._echoes,
                self._talks_over_echo,
                self._same_thought,
                self._calls_nobody,
            ),
            1,
        ):
            await step()
            left = self.party.new_reports()
            assert not left, f"after step {number}: {self.party.told(left)}"

    # What is said and checked

    def _say(self, name: str, text: str) -> None:
        self.party.people[name].say(text)

    def _check(
        self, wanted: dict[int, tuple[str, str, str]], *, beside: frozenset[str] = frozenset()
    ) -> list[TurnReport]:
        """Check what was reported since the last check, but for outcomes in ``beside``; return those reports."""
        found = [each for each in self.party.new_reports() if each.outcome not in beside]
        told = self.party.told(found)
        assert told == list(wanted.values()), f"wanted {list(wanted.values())}, and it was {told}"
        for (number, (who, _, _)), report in zip(wanted.items(), found, strict=True):
            self.checked.append(Checked(number, who, report))
            if report.outcome == "answered":
                where = f"turn {number}: of {report.answer!r} only {report.spoken!r}"
                assert report.spoken == report.answer.strip(), where
        return found

    async def _asks(self) -> None:
        self._say("Ada", "VoxBridge what is the weather in Boston")
        await self.party.sounding(0.1)
        await self.party.quiet()
        self._check({1: ("Ada", "answered", "VoxBridge what is the weather in Boston")})

    async def _hesitates_and_interrupts(self) -> None:
        self._say("Ada", "and what about the ... ... ... coast")
        await self.party.sounding(1.5)
        self._say("Ada", "mhm")
        self._say("Ben", "mhm")
        await self.party.spoken("Ada")
        await self.party.sounding(2.0)
        began = self.party.now()
        self._say("Ada", "no I meant Austin")
        await self.party.spoken("Ada")
        await self.party.sounding(0.1)
        await self.party.quiet()
        second, *_, third = self._check(
            {
                2: ("Ada", "interrupted", "and what about the coast"),
                3: ("Ada", "answered", "no I meant Austin"),
            },
            beside=frozenset({"backchannel"}),
        )
        self.stops_s[2] = self.party.silent_after(began)
        told = self.party.agent.questions[-1].body["metadata"]["previous"]
        assert told == {"interrupted": True, "heard": second.spoken}, f"the agent was told {told}"
        assert len(second.spoken.split()) >= 8, f"it was cut before the end of the mhm: {second.spoken!r}"
        assert third.answer == _ANSWERS["austin"]

    async def _talks_to_others(self) -> None:
        self._say("Ben", "VoxBridge how far is the moon")
        await self.party.sounding(1.0)
        self._say("Cleo", "Ada did you see the game last night")
        await self.party.quiet()
        self._check({4: ("Ben", "answered", "VoxBridge how far is the moon"), 104: ("Cleo", "not-addressed", "")})

    async def _stops(self) -> None:
        self._say("Cleo", "VoxBridge tell me a story")
        await self.party.sounding(4.0)
        began = self.party.now()
        self._say("Ada", "stop")
        await self.party.quiet()
        cut, _ = self._check(
            {5: ("Cleo", "interrupted", "VoxBridge tell me a story"), 105: ("Ada", "stop-word", "stop")}
        )
        self.stops_s[5] = self.party.silent_after(began)
        assert cut.spoken.startswith("There was a king who had a cat.")

    async def _goes_on(self) -> None:
        asked = len(self.party.agent.questions)
        self._say("Cleo", "go on")
        await self.party.sounding(1.0)
        await self.party.quiet()
        (rest,) = self._check({6: ("Cleo", "answered", "go on")})
        assert rest.spoken.endswith("One day it was gone. Nobody cared."), rest.spoken
        assert "There was a king" not in rest.spoken, f"it began again: {rest.spoken!r}"
        assert len(self.party.agent.questions) == asked, "the agent was asked to go on"

    async def _makes_noise(self) -> None:
        self._say("Ada", "VoxBridge how do I bake bread")
        await self.party.sounding(1.0)
        self.party.people["Ada"].make(_cough())
        self.party.people["Ben"].make(_keys(3.0))
        await self.party.quiet()
        self._check(
            {7: ("Ada", "answered", "VoxBridge how do I bake bread")},
            beside=frozenset({"nothing-said", "not-addressed"}),
        )

    async def _echoes(self) -> None:
        ben = self.party.people["Ben"]
        ben.loudspeaker_db, ben.delay_s = -8.0, 0.24
        for number, words_ in ((8, "VoxBridge when is the tide"), (9, "and tomorrow")):
            self._say("Ben", words_)
            await self.party.sounding(0.1)
            await self.party.quiet()
            await trio.sleep(1.5)
            self._check({number: ("Ben", "answered", words_)}, beside=frozenset({"echo"}))
        await self.party.until(self._is_told_of_echo, "nobody was told of the echo")
        told = [text for text in self.party.posted() if "my own voice" in text]
        assert len(told) == 1, f"the room was told {told}"
        assert "Ben" in told[0]

    def _is_told_of_echo(self) -> bool:
        return any("my own voice" in text for text in self.party.posted())

    async def _talks_over_echo(self) -> None:
        asked = len(self.party.agent.questions)
        self._say("Ben", "VoxBridge how far is the moon")
        await self.party.sounding(1.5)
        began = self.party.now()
        self._say("Ben", "wait what about Friday")
        await self.party.spoken("Ben")
        await self.party.sounding(0.1)
        await self.party.quiet()
        await trio.sleep(1.5)
        self._check(
            {
                10: ("Ben", "interrupted", "VoxBridge how far is the moon"),
                110: ("Ben", "answered", "wait what about Friday"),
            },
            beside=frozenset({"echo"}),
        )
        self.stops_s[10] = self.party.silent_after(began)
        assert [each.text for each in self.party.agent.questions[asked:]][1:] == ["wait what about Friday"]
        self.party.people["Ben"].loudspeaker_db = None

    async def _same_thought(self) -> None:
        self._say("Ada", "VoxBridge set a timer")
        await self.party.sounding(0.3)
        self._say("Ada", "for ten minutes")
        await self.party.spoken("Ada")
        await self.party.sounding(0.1)
        await self.party.quiet()
        self._check(
            {
                111: ("Ada", "superseded", "VoxBridge set a timer"),
                11: ("Ada", "answered", "VoxBridge set a timer for ten minutes"),
            }
        )

    async def _calls_nobody(self) -> None:
        await trio.sleep(11)  # the time in which no name is needed is over
        asked = len(self.party.agent.questions)
        self._say("Cleo", "what is on the table")
        await self.party.spoken("Cleo")
        await trio.sleep(3)
        self._check({12: ("Cleo", "not-addressed", "")})
        assert len(self.party.agent.questions) == asked
