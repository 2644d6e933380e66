"""What the sessions of one room share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import trio

from voxbridge.config.stages import AUTO
from voxbridge.core.ids import GuildId, UserId
from voxbridge.core.messages.catalogue import Line
from voxbridge.core.people.company import Company
from voxbridge.core.profiles.who import WhoAnswers
from voxbridge.core.sound.evenness import VoiceLoudness
from voxbridge.core.sound.pcm import Pcm
from voxbridge.core.turns.barge_in import BargeInPolicy
from voxbridge.core.turns.floor import Floor
from voxbridge.core.turns.for_us import Addressing, Said
from voxbridge.core.turns.overlap import Manner, OverlapPolicy
from voxbridge.core.turns.speculation import Speculation
from voxbridge.session.allowance import UNLIMITED, Allowance
from voxbridge.session.cast import Cast, Persona
from voxbridge.session.counters import SessionCounters
from voxbridge.session.ear import VoiceDetector
from voxbridge.session.interruptions import Interruptions
from voxbridge.session.last_answer import LastAnswer
from voxbridge.session.mouth import Mouth
from voxbridge.session.notices import OnNotice, unheard
from voxbridge.session.outages import OutageBoard
from voxbridge.session.report import TurnReport
from voxbridge.session.rules import Rules
from voxbridge.session.thinking import Filler, ThinkingAloud
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
    apology_of: Callable[[Persona, str, str], Pcm | None] = lambda _persona, _key, _language: None
    """An apology by its message, in the voice of who answers; None: in the usual one."""
    filler: Callable[[str, str], Filler | None] = lambda _key, _language: None
    health: Health = attrs.field(factory=Health)
    speculation: Speculation = attrs.field(factory=Speculation)
    is_mirrored: Callable[[GuildId], bool] = lambda _guild: False
    """Whether what is to be said in a server is written into its chat as well."""
    allowance_of: Callable[[GuildId], Allowance] = lambda _guild: UNLIMITED
    cast_now: Callable[[], Cast] | None = None
    """Who may answer in a room, asked again as the rules are. Without it there is one, who has what is here."""

    @property
    def cast(self) -> Cast:
        """Return who may answer now."""
        return Cast((Persona(self.agent, self.tts),)) if self.cast_now is None else self.cast_now()

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
    _last: list[LastAnswer] = attrs.field(factory=list, init=False)
    who: WhoAnswers = attrs.field(factory=WhoAnswers, init=False)
    _answering: dict[str, str] = attrs.field(factory=dict, init=False)  # the profile of each turn that has one
    interruptions: Interruptions = attrs.field(
        default=attrs.Factory(lambda self: _interruptions(self), takes_self=True), init=False
    )

    @property
    def last(self) -> LastAnswer | None:
        """Return the last answer that was given here."""
        return self._last[-1] if self._last else None

    def remember(self, answer: LastAnswer) -> None:
        """Note an answer that has ended."""
        self._last[:] = [answer]

    def choose(self, text: str, speaker: Speaker, began_at: float, prior: str) -> Persona:
        """Return who answers what somebody said; ``prior``: who was to answer what it goes on with."""
        cast = self.tools.cast
        names = cast.names((self.port.own_name, *self.tools.rules.floor.names))
        return cast.of(self.who.choose(text, self.language_of(speaker), names, speaker.user_id, began_at, prior=prior))

    def said(self, speaker: Speaker, text: str | None, began_at: float) -> Said:
        """Return what somebody said, with all that it takes to judge whom it is for; None: it is not known what."""
        return Said(
            speaker.user_id,
            text,
            self.language_of(speaker),
            began_at,
            own_names=(self.port.own_name, *(name for each in self.tools.cast for name in each.names)),
            others=self.names_beside(speaker.user_id),
        )

    def answers(self, turn_id: str, user_id: UserId, persona: Persona) -> None:
        """Note that a turn's answer begins."""
        self._answering[turn_id] = persona.name
        self.who.answers(user_id, persona.name, trio.current_time())

    def answered(self, turn_id: str, user_id: UserId, *, was_heard: bool) -> None:
        """Note that a turn has ended."""
        now = trio.current_time()
        self.addressing.answered(user_id, now, was_heard=was_heard)
        profile = self._answering.pop(turn_id, None)
        if profile is not None and was_heard:
            self.who.answers(user_id, profile, now)

    @property
    def manner(self) -> Manner | None:
        """Return what speech does to who is speaking now, if that is not as with everybody."""
        sounding = (turn.id for turn in self.floor.turns if turn.is_sounding)
        name = next((self._answering[turn_id] for turn_id in sounding if turn_id in self._answering), None)
        return (self.tools.cast.first if name is None else self.tools.cast.of(name)).manner

    def __attrs_post_init__(self) -> None:
        """Let the room's mouth know what to play while somebody waits."""
        tools = self.tools
        self.mouth.thinking = ThinkingAloud(lambda: tools.rules, tools.filler, lambda: self.loudness_of("").lufs)

    def language_of(self, speaker: Speaker) -> str:
        """Return the language to speak to somebody in."""
        return self.known(speaker.language)

    def language_in_which(self, persona: Persona, speaker: Speaker) -> str:
        """Return the language in which somebody is answered: the one of who answers, if that has one."""
        return self.known(persona.language or speaker.language)

    @property
    def is_mirrored(self) -> bool:
        """Tell whether what is to be said here is written into the chat as well."""
        return self.tools.is_mirrored(self.port.guild_id)

    @property
    def allowance(self) -> Allowance:
        """Return what the operator allows this server."""
        return self.tools.allowance_of(self.port.guild_id)

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


def _interruptions(context: RoomContext) -> Interruptions:
    tools, policy = context.tools, OverlapPolicy(context.tools.rules.barge_in)

    def policy_now() -> BargeInPolicy:
        rules, manner = tools.rules.barge_in, context.manner
        policy.rules = rules if manner is None else attrs.evolve(rules, manner=manner)
        return policy  # one for good: it knows what is being spoken over

    return Interruptions(context.floor, policy_now, tools.counters, tools.on_notice, context.mouth.hush)
