"""What the sessions of one room share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from voxbridge.config.stages import AUTO
from voxbridge.core.ids import UserId
from voxbridge.core.messages.catalogue import Line
from voxbridge.core.people.company import Company
from voxbridge.core.sound.evenness import VoiceLoudness
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.turns.barge_in import BargeInPolicy
from voxbridge.core.turns.floor import Floor
from voxbridge.core.turns.for_us import Addressing
from voxbridge.core.turns.overlap import OverlapPolicy
from voxbridge.core.turns.speculation import Speculation
from voxbridge.session.counters import SessionCounters
from voxbridge.session.ear import VoiceDetector
from voxbridge.session.interruptions import Interruptions
from voxbridge.session.mouth import Mouth
from voxbridge.session.notices import OnNotice, unheard
from voxbridge.session.outages import OutageBoard
from voxbridge.session.report import TurnReport
from voxbridge.session.rules import Rules
from voxbridge.session.utterance import Judge
from voxbridge.session.voice import VoicePort
from voxbridge.stages.contracts import AgentStage, Speaker, SttStage, TtsStage
from voxbridge.stages.health import Health

_VOICES_MAX = 100  # their names are an agent's to choose


@attrs.frozen
class Tools:
    """What every room gets from the daemon. The apologies are rendered ahead, so that they need no server when due:
    ``apology`` for a turn without an answer, ``mute_apology`` (else the other) for an answer that cannot be spoken;
    each is asked for in a language.

    ``rules_now`` is asked again for each thing that begins, since a reload may change the rules meanwhile.
    ``new_turn_id`` and ``wall_iso`` are passed in so that a test can repeat a run.
    """

    rules_now: Callable[[], Rules]
    stt: SttStage
    agent: AgentStage
    tts: TtsStage
    new_detector: Callable[[], VoiceDetector]
    judge: Judge
    on_report: Callable[[TurnReport], None]
    new_turn_id: Callable[[], str]
    wall_iso: Callable[[], str]
    apology: Callable[[str], Pcm | None]
    on_notice: OnNotice = unheard
    counters: SessionCounters = attrs.field(factory=SessionCounters)
    mute_apology: Callable[[str], Pcm | None] = lambda _language: None
    health: Health = attrs.field(factory=Health)
    speculation: Speculation = attrs.field(factory=Speculation)

    @property
    def rules(self) -> Rules:
        """Return the rules that hold now."""
        return self.rules_now()


@attrs.frozen
class RoomContext:
    """What the speakers of one room share."""

    tools: Tools
    port: VoicePort
    mouth: Mouth
    floor: Floor
    participants: Callable[[], int]
    names_beside: Callable[[UserId], Sequence[str]] = lambda _user: ()
    """The names of everybody else who is here."""
    _voices: dict[str, VoiceLoudness] = attrs.field(factory=dict, init=False)
    outages: OutageBoard = attrs.field(
        default=attrs.Factory(
            lambda self: OutageBoard(self.tools.health, lambda: self.tools.rules.messages), takes_self=True
        ),
        init=False,
    )
    addressing: Addressing = attrs.field(
        default=attrs.Factory(lambda self: Addressing(lambda: self.tools.rules.floor), takes_self=True), init=False
    )
    company: Company = attrs.field(factory=Company, init=False)
    interruptions: Interruptions = attrs.field(
        default=attrs.Factory(lambda self: _interruptions(self.tools, self.floor), takes_self=True), init=False
    )

    def language_of(self, speaker: Speaker) -> str:
        """Return the language to speak to somebody in."""
        return self.known(speaker.language)

    @property
    def language(self) -> str:
        """Return the language to speak to the whole room in."""
        return self.known(self.tools.rules.languages.of_guild(self.port.guild_id))

    def known(self, language: str) -> str:
        """Return a language to speak in, also where the server that hears finds out itself which one is spoken."""
        if language != AUTO:
            return language
        return self.tools.rules.messages.language_for(self.port.locale)  # the best guess

    def text(self, told: Line) -> str:
        """Return a message in the words of this server."""
        return self.tools.rules.messages.text(told, self.port.locale)

    async def post(self, told: Line) -> None:
        """Write a message into the channel's text chat."""
        await self.port.post_text(self.text(told))

    def loudness_of(self, voice: str) -> VoiceLoudness:
        """Return what is known of a voice by its name; "" is the usual one."""
        if len(self._voices) >= _VOICES_MAX:
            self._voices.clear()
        return self._voices.setdefault(voice, VoiceLoudness())


def _outages(tools: Tools) -> OutageBoard:
    return OutageBoard(tools.health, lambda: tools.rules.messages)


def _interruptions(tools: Tools, floor: Floor) -> Interruptions:
    def policy_now() -> BargeInPolicy:
        return OverlapPolicy(tools.rules.barge_in)

    return Interruptions(floor, policy_now, tools.counters, tools.on_notice)
