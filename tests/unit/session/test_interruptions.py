"""From a policy's decision to what is done: one way for speech, scripts and commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import pytest

from tests.support.turns import ADA, BOB, Open
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.turns.barge_in import BargeInPolicy, Cut, Deed, Duck, Hold, Reply, Resume, SpeechOver
from voxbridge.core.turns.floor import Floor, OpenTurn
from voxbridge.core.turns.overlap import OverlapPolicy, OverlapRules
from voxbridge.session.counters import SessionCounters
from voxbridge.session.interruptions import Interruptions
from voxbridge.session.notices import BargeIn, Notice
from voxbridge.stages.contracts import Speaker

pytestmark = pytest.mark.unit

SPEAKER = Speaker(ADA, "Ada", GuildId(1), ChannelId(2))


@attrs.define
class DuckThenDecide:
    """A policy as later ones will be: lowered at the onset, held when confirmed, cut at a word, resumed at a cough."""

    ducked: list[OpenTurn] = attrs.field(factory=list, eq=False)

    def on_speech(self, speech: SpeechOver, turns: Sequence[OpenTurn]) -> list[Deed]:
        match speech.phase:
            case "began":
                self.ducked = [turn for turn in turns if turn.is_sounding]
                return [Duck(turn, 0.2, 3) for turn in self.ducked]
            case "confirmed":
                return [Hold(turn) for turn in self.ducked]
            case "words" if "stop" in speech.words:
                return [Cut(turn, "barge-in") for turn in self.ducked]
            case "ended" if not speech.is_turn:
                return [Resume(turn, 2) for turn in self.ducked]
            case _:
                return []

    def wants_words(self, user_id: UserId, utterance: int, turns: Sequence[OpenTurn]) -> bool:  # noqa: ARG002
        return False

    def reply_to(self, speech: SpeechOver) -> Reply:  # noqa: ARG002
        return "answer"


def yields(*, by_anyone: bool = False) -> OverlapPolicy:
    return OverlapPolicy(OverlapRules(manner="yield", by_anyone=by_anyone))


def interruptions(
    *turns: Open, policy: Callable[[], BargeInPolicy] = yields
) -> tuple[Interruptions, SessionCounters, list[Notice]]:
    floor, counters, notices = Floor(), SessionCounters(), list[Notice]()
    for turn in turns:
        floor.opened(turn)
    return Interruptions(floor, policy, counters, notices.append), counters, notices


def test_a_barge_in_is_counted_and_told() -> None:
    """Who was interrupted, by whom; a superseded turn is no barge-in."""
    a, b = Open("a", ADA, is_sounding=True, heard_s=2.0), Open("b", ADA)
    way, counters, notices = interruptions(a, b)
    assert way.on_speech(SPEAKER, SpeechOver(ADA, "confirmed", 0.16)) == [b, a]
    assert (a.done, b.done) == (["pause", "barge-in"], ["superseded"])
    assert counters.barge_ins == 1
    assert notices == [BargeIn(SPEAKER, "a", ADA)]


def test_stop_cuts_all_that_is_open() -> None:
    """Whatever the policy: a command is obeyed, for answers, thoughts and texts of the operator's alike."""
    turns = [Open("a", ADA, is_sounding=True), Open("b", BOB), Open("s", None, is_sounding=True)]
    way, counters, _ = interruptions(*turns)
    assert way.stop()
    assert [turn.done for turn in turns] == [["stop"]] * 3
    assert counters.barge_ins == 0
    assert not interruptions()[0].stop()


def test_a_policy_that_ducks_holds_and_resumes_is_carried_out() -> None:
    """Its state is its own from the onset on: a cough lowers, holds and lets go on; a word cuts."""
    a = Open("a", ADA, is_sounding=True)
    way, _, _ = interruptions(a, policy=DuckThenDecide)
    way.on_speech(SPEAKER, SpeechOver(ADA, "began"))
    way.on_speech(SPEAKER, SpeechOver(ADA, "confirmed", 0.2))
    way.on_speech(SPEAKER, SpeechOver(ADA, "ended", 0.2))
    assert a.done == [("lower", 0.2, 3), "pause", ("lower", 1.0, 2), "resume"]
    way.on_speech(SPEAKER, SpeechOver(ADA, "words", 0.4, "oh stop it"))
    assert a.done[-1] == "barge-in"


def test_a_reload_changes_the_policy_for_who_is_there() -> None:
    """The next speech goes by the new rules."""
    by_anyone = False
    floor, a = Floor(), Open("a", ADA, is_sounding=True, heard_s=2.0)
    floor.opened(a)
    way = Interruptions(floor, lambda: yields(by_anyone=by_anyone), SessionCounters(), lambda _notice: None)
    assert way.on_speech(SPEAKER, SpeechOver(BOB, "confirmed", 0.16)) == []
    by_anyone = True
    assert way.on_speech(SPEAKER, SpeechOver(BOB, "confirmed", 0.16)) == [a]
