"""The one way by which speech and commands touch what is being said in a room: ask the policy, carry out its deeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from voxbridge.core.ids import UserId
from voxbridge.core.turns.barge_in import BargeInPolicy, Cut, Deed, Duck, Hold, Reply, Resume, SpeechOver, WindUp
from voxbridge.core.turns.floor import Floor, OpenTurn
from voxbridge.session.counters import SessionCounters
from voxbridge.session.notices import BargeIn, OnNotice
from voxbridge.stages.contracts import Speaker


class Interruptions:
    """Carries out on a room's open turns what its policy decides. All of it is synchronous: a cut silences at once.

    ``policy_now`` makes the policy that the settings want at the moment; ``hush`` silences what is no answer.
    """

    def __init__(
        self,
        floor: Floor,
        policy_now: Callable[[], BargeInPolicy],
        counters: SessionCounters,
        on_notice: OnNotice,
        hush: Callable[[], None] = lambda: None,
    ) -> None:
        self._floor, self._policy_now, self._counters, self._on_notice = floor, policy_now, counters, on_notice
        self._hush = hush
        self._policy = policy_now()

    def on_speech(self, speaker: Speaker, speech: SpeechOver) -> list[OpenTurn]:
        """Do what this speech does to what is being said; return the turns that it has cut."""
        if speech.phase in ("stirred", "likely", "began", "voiced", "confirmed") and speech.distance != "far":
            self._hush()
        cut: list[OpenTurn] = []
        wanted = self._policy_now()
        if wanted != self._policy:  # else the one that is there goes on: it may keep a state
            self._policy = wanted
        for deed in self._policy.on_speech(speech, self._floor.turns):
            self._carry_out(deed)
            if isinstance(deed, Cut):
                cut.append(deed.turn)
                if deed.reason in ("barge-in", "stop"):
                    self._counters.barge_ins += 1
                    self._on_notice(BargeIn(speaker, deed.turn.id, deed.turn.user_id))
        return cut

    def wants_words(self, user_id: UserId, utterance: int) -> bool:
        """Tell whether the words so far of this open utterance would decide something now."""
        return not self._floor.is_empty and self._policy.wants_words(user_id, utterance, self._floor.turns)

    def reply_to(self, speaker: Speaker, speech: SpeechOver) -> Reply:
        """Take all words of an utterance that is over: do what they do, and return what becomes of it."""
        self.on_speech(speaker, speech)
        return self._policy.reply_to(speech)

    def stop(self) -> bool:
        """Cut short whatever is being said or thought; tell whether there was anything."""
        turns = self._floor.turns
        for turn in turns:
            self._carry_out(Cut(turn, "stop"))
        return bool(turns)

    @staticmethod
    def _carry_out(deed: Deed) -> None:
        match deed:
            case Cut(turn, reason):
                turn.cut(reason)
            case Duck(turn, level, frames):
                turn.lower(level, frames)
            case WindUp(turn):
                turn.wind_up("barge-in")
            case Hold(turn):
                turn.pause()
            case Resume(turn, frames):
                turn.lower(1.0, frames)
                turn.resume()
            case _:
                assert_never(deed)
