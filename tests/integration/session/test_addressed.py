"""A room with several people, in virtual time: who is answered, who is not, and what that costs."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from tests.support.hall import Hall, open_hall
from voxbridge.config.turns import FloorSettings
from voxbridge.core.ids import UserId
from voxbridge.testing.servers.n8n_plans import agent, words

pytestmark = pytest.mark.integration

ADA, BOB, CLEO, DAN = (UserId(number) for number in (1, 2, 3, 4))
NAMES = {ADA: "Ada", BOB: "Bob", CLEO: "Cleo", DAN: "Dan"}
US, THEM = True, False

# Who says what, how long after the one before has been dealt with, and whether it is for the bot, which is called Iris.
SCENE: tuple[tuple[UserId, float, str, bool], ...] = (
    (ADA, 1, "Did everybody get home all right yesterday?", THEM),
    (BOB, 1, "Yes, the train was on time for once.", THEM),
    (ADA, 1, "Iris, how late is the last train tonight?", US),
    (ADA, 2, "And tomorrow?", US),
    (CLEO, 1, "I think it is the same on Sundays.", THEM),
    (ADA, 15, "We should leave by eleven then.", THEM),
    (DAN, 1, "Iris told me yesterday that it was later.", THEM),
    (BOB, 1, "What do you think about that, Iris?", US),
    (DAN, 1, "I asked the same thing last week.", THEM),
    (CLEO, 1, "Hey Irish, what is the weather like?", US),
    (CLEO, 3, "Will it rain?", US),
    (BOB, 1, "I do not mind a bit of rain.", THEM),
    (CLEO, 14, "Neither do I, to be honest.", THEM),
    (DAN, 1, "My sister was at Iris and Tom's place.", THEM),
    (ADA, 1, "Which Iris do you mean, the one with the dog?", THEM),
    (DAN, 1, "Yes, her dog is called Otto.", THEM),
    (BOB, 1, "Okay Iris stop, what is the capital of Peru?", US),
    (ADA, 1, "That one is easy.", THEM),
    (BOB, 12, "I knew it, I only wanted to see.", THEM),
    (CLEO, 1, "You did not know it.", THEM),
    (DAN, 1, "Can you tell us a joke, Iris, please?", US),
    (ADA, 2, "I have heard that one before.", THEM),
    (BOB, 1, "So have I.", THEM),
    (DAN, 12, "Well, it was new to me.", THEM),
    (CLEO, 1, "Irish jokes are better anyway.", THEM),
    (ADA, 1, "Let us talk about the holidays.", THEM),
    (BOB, 1, "I was in Spain with Iris and her brother.", THEM),
    (ADA, 1, "Arise, how far is it to Madrid?", US),
    (ADA, 2, "Thanks. Bob, did you drive there?", THEM),
    (BOB, 1, "No, we flew.", THEM),
    (CLEO, 1, "It is cheaper by train, I guess.", THEM),
    (DAN, 1, "How much is the train to Madrid, Iris?", US),
    (DAN, 4, "And how long does it take?", US),
    (CLEO, 1, "That is not so bad at all.", THEM),
    (BOB, 1, "Iris is always so precise.", THEM),
    (ADA, 1, "Iris, is it going to be hot there in June?", US),
    (CLEO, 1, "It is always hot there in June.", THEM),
    (BOB, 1, "Bring a hat, then.", THEM),
    (DAN, 15, "I will bring two.", THEM),
    (CLEO, 1, "Good night Iris.", US),
)


@asynccontextmanager
async def open_round(floor: FloorSettings | None = None, **options: float) -> AsyncIterator[tuple[Hall, deque[str]]]:
    """Open a room in which everything that is said is heard as the next of these texts."""
    async with open_hall(floor=floor or FloorSettings(names=("Iris",)), **options) as hall:  # type: ignore[arg-type]
        texts: deque[str] = deque()
        hall.stt.script.has_partials = False
        hall.stt.script.text = lambda _heard: texts.popleft()
        yield hall, texts


async def test_four_people_who_talk_to_each_other_and_now_and_then_to_the_bot(autojump_clock) -> None:
    """Of 40 utterances 12 are for it: at least 11 are answered, at most one of the others; these cost no agent call."""
    assert (len(SCENE), sum(is_for_us for *_, is_for_us in SCENE)) == (40, 12)
    async with open_round() as (hall, texts):
        for user_id, name in NAMES.items():
            hall.port.join(user_id, name)
        await trio.sleep(5)
        for number, (user_id, pause_s, text, _) in enumerate(SCENE):
            await trio.sleep(pause_s)
            texts.append(text)
            await hall.say(user_id)
            await hall.wait_report(number)
    answered = [report.outcome == "answered" for report in hall.reports]
    missed = [line[2] for line, was in zip(SCENE, answered, strict=True) if line[3] and not was]
    wrong = [line[2] for line, was in zip(SCENE, answered, strict=True) if was and not line[3]]
    assert len(missed) <= 1, missed
    assert len(wrong) <= 1, wrong
    assert len(hall.agent.questions) == sum(answered), "who is not answered costs no agent call"
    assert hall.agent.questions[0].body["metadata"]["people"] == ["Ada", "Bob", "Cleo", "Dan"]
    assert {report.outcome for report in hall.reports} == {"answered", "not-addressed"}
    assert {report.heard for report in hall.reports if report.outcome == "not-addressed"} == {""}, "that is theirs"


async def test_what_is_not_for_it_interrupts_nothing(autojump_clock) -> None:
    """Bob talks to Cleo over the answer to Ada: it is spoken to its end."""
    async with open_round() as (hall, texts):
        for user_id in (ADA, BOB, CLEO):
            hall.port.join(user_id, NAMES[user_id])
        await trio.sleep(5)
        hall.agent.plans.append(agent(words("This is a long answer. " * 12)))
        texts.extend(["Iris, tell me a story.", "Did you lock the car, Cleo?"])
        await hall.say(ADA)
        await hall.port.wait_for(lambda: len(hall.port.voice) > 50)
        await hall.say(BOB)
        reports = {report.user_id: report for report in [await hall.wait_report(0), await hall.wait_report(1)]}
    assert reports[BOB].outcome == "not-addressed"
    assert reports[ADA].outcome == "answered"
    assert reports[ADA].spoken == reports[ADA].answer.strip()


async def test_words_that_are_not_known_bring_no_apology_to_a_talk_among_others(autojump_clock) -> None:
    """The speech server fails while Bob talks to Cleo: nobody hears an apology; alone with it, he does."""
    async with open_round() as (hall, texts):
        bob, cleo = hall.port.join(BOB, "Bob"), hall.port.join(CLEO, "Cleo")
        await trio.sleep(5)
        hall.stt.script.ignored_finalizes = 2
        texts.extend(["One", "Two"])
        await hall.say(bob)
        assert (await hall.wait_report(0)).outcome == "not-addressed"
        assert hall.port.voice == []
        hall.port.leave(cleo)
        await hall.say(bob)
        assert (await hall.wait_report(1)).outcome == "failed"
        assert hall.port.voice != []


async def test_a_call_with_a_pause_in_it_is_one_call(autojump_clock) -> None:
    """ "Iris" ... "what time is it?": the name before the pause counts for what follows it."""
    async with open_round(agent_s=2.0) as (hall, texts):
        for user_id in (ADA, BOB):
            hall.port.join(user_id, NAMES[user_id])
        await trio.sleep(5)
        texts.extend(["Iris.", "What time is it?"])
        await hall.say(ADA)
        await trio.sleep(1.5)
        await hall.say(ADA)
        outcomes = [(await hall.wait_report(number)).outcome for number in (0, 1)]
        assert outcomes == ["superseded", "answered"]
        assert hall.agent.questions[-1].text == "Iris. What time is it?"


async def test_the_lock_tells_who_has_to_wait_once(autojump_clock) -> None:
    """Ada holds the floor; Bob is told in the chat, not answered, and is answered when she has been quiet."""
    async with open_round(FloorSettings("lock", lock_ms=5_000)) as (hall, texts):
        for user_id in (ADA, BOB):
            hall.port.join(user_id, NAMES[user_id])
        texts.extend(["What time is it?", "And where?", "And where?", "And where?"])
        await hall.say(ADA)
        await hall.say(BOB)
        await hall.port.wait_for(lambda: len(hall.reports) == 2)
        await hall.say(BOB)
        await hall.wait_report(2)
        await trio.sleep(6)
        await hall.say(BOB)
        await hall.wait_report(3)
        assert [(r.user_id, r.outcome) for r in sorted(hall.reports, key=lambda r: r.turn_id)] == [
            (ADA, "answered"),
            (BOB, "not-addressed"),
            (BOB, "not-addressed"),
            (BOB, "answered"),
        ]
        told = [text for _, text in hall.port.posted]
        assert told == ["Bob, I am talking with somebody else. Ask again when we have finished."]


@pytest.mark.orders
async def test_a_queue_asks_for_one_answer_after_the_other(autojump_clock) -> None:
    """Bob's question waits until Ada has been answered, also when his answer would be ready first."""
    async with open_round(FloorSettings("queue"), agent_s=0.2) as (hall, texts):
        for user_id in (ADA, BOB):
            hall.port.join(user_id, NAMES[user_id])
        hall.agent.plans.append(agent(words("The first answer."), first_s=4.0))
        texts.extend(["First?", "Second?"])
        await hall.say(ADA)
        await hall.say(BOB)
        first, second = await hall.wait_report(0), await hall.wait_report(1)
        assert [(r.user_id, r.outcome) for r in (first, second)] == [(ADA, "answered"), (BOB, "answered")]
        assert [question.text for question in hall.agent.questions] == ["First?", "Second?"]
        before = sum(frame.at < hall.agent.questions[1].at for frame in hall.port.voice)
        spoken_s = first.marks["last_audio"] - first.marks["first_audio"]
        assert before == pytest.approx(spoken_s / 0.02, abs=2), "the first answer had been spoken"
