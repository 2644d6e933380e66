"""The rules that a session goes by, made of the settings: small, frozen, in seconds.

They are asked for when an utterance, a sentence or a turn begins, so that a reload holds for whoever is there; what has
begun ends by the rules that it began with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import attrs

from voxbridge.config.settings import Settings
from voxbridge.config.stages import EMBEDDED
from voxbridge.core.messages.catalogue import Messages
from voxbridge.core.sound.jitter import DEPTH_S
from voxbridge.core.turns.commit import CommitRules
from voxbridge.core.turns.endpointing import EndpointRules
from voxbridge.core.turns.for_us import FloorRules
from voxbridge.core.turns.overlap import Manner, OverlapRules
from voxbridge.core.turns.speculation import SpeculationRules


@attrs.frozen
class ListeningRules:
    """How a speaker is listened to. ``shows_partials``: somebody may read what is heard so far; ``wants_partials``:
    somebody may, or it decides whether an answer that is spoken over goes on. (The built-in server is asked instead,
    when it matters: that costs it less.)

    ``minds_words``: what was said decides as well whether a pause is the end. ``may_part``: see ``Utterance``.
    """

    endpointing: EndpointRules
    preroll_s: float
    shows_partials: bool
    wants_partials: bool
    minds_words: bool = True
    may_part: bool = True
    push_to_talk: frozenset[str] = frozenset()

    def holds_key(self, user_id: int) -> bool:
        """Tell whether a speaker is said to hold a key to speak."""
        return bool(self.push_to_talk & {"everyone", str(user_id)})


@attrs.frozen
class TurnRules:
    """What one exchange may take, what is said when it fails, and what its parts are measured by."""

    limit_s: float
    answer_chars_max: int
    read_chars_max: int
    """So much of an answer is taken at all: what may be spoken, and what is written instead."""
    queue_ahead_s: float
    apologises_for_no_reply: bool
    says_tool_calls: bool
    first_audio_target_ms: float
    targets_ms: Mapping[str, float]
    speculation: SpeculationRules = attrs.field(factory=SpeculationRules)


@attrs.frozen
class VoiceRules:
    """What is done to the voice's sound. ``loudness_lufs`` None: it is left as loud as it comes."""

    trims: bool = True
    loudness_lufs: float | None = None
    name_after_s: float = 4.0


@attrs.frozen
class ThinkingRules:
    """What is heard while an answer is late. ``fills``: a word comes first. ``below_voice_lu``: so much softer."""

    after_s: float = 2.0
    sounds: bool = True
    fills: bool = False
    below_voice_lu: float = 16.0


@attrs.frozen
class Languages:
    """Who speaks which language: a user's own goes before a server's."""

    usual: str
    others: Mapping[str, str]

    @property
    def all(self) -> frozenset[str]:
        """Return the languages that are spoken; ``auto`` may be among them."""
        return frozenset((self.usual, *self.others.values()))

    def of_guild(self, guild_id: int) -> str:
        """Return the language to speak to all who are there."""
        return self.others.get(str(guild_id)) or self.usual

    def of(self, user_id: int, guild_id: int) -> str:
        """Return the language to expect."""
        return self.others.get(str(user_id)) or self.others.get(str(guild_id)) or self.usual


@attrs.frozen
class Rules:
    """All of them."""

    listening: ListeningRules
    barge_in: OverlapRules
    background_db: float
    """So much softer than its speaker usually is, a voice is somebody's far behind; 0: none is."""
    turn: TurnRules
    voice: VoiceRules
    thinking: ThinkingRules
    languages: Languages
    floor: FloorRules
    sends_stereo: bool
    messages: Messages


def rules_of(settings: Settings) -> Rules:
    """Return what the settings mean to a session."""
    return Rules(
        listening=ListeningRules(
            _endpointing(settings),
            settings.endpointing.preroll_ms / 1000,
            shows_partials=settings.log.speech or settings.chat.captions,
            wants_partials=settings.log.speech
            or settings.chat.captions
            or (settings.barge_in.policy in ("duck", "finish") and settings.stt.kind != EMBEDDED),
            minds_words=settings.endpointing.words,
            may_part=settings.endpointing.early_words == "always",
            push_to_talk=frozenset(settings.endpointing.push_to_talk),
        ),
        barge_in=_overlap(settings),
        background_db=settings.barge_in.background_db,
        turn=_turn(settings),
        voice=VoiceRules(
            trims=settings.voice.trim,
            loudness_lufs=settings.voice.loudness_lufs if settings.voice.loudness == "even" else None,
            name_after_s=settings.voice.name_after_ms / 1000,
        ),
        thinking=ThinkingRules(
            after_s=max(settings.thinking.after_ms, settings.turn.first_audio_target_ms) / 1000,
            sounds=settings.thinking.sound == "on",
            fills=settings.thinking.filler == "on",
            below_voice_lu=settings.thinking.below_voice_lu,
        ),
        languages=Languages(settings.stt.language, settings.stt.languages),
        floor=_floor(settings),
        sends_stereo=settings.discord.send_stereo,
        messages=_messages(settings),
    )


def rules_now(settings_now: Callable[[], Settings]) -> Callable[[], Rules]:
    """Return what gives the rules of the settings that hold; they are made anew only when those have changed."""
    settings = settings_now()
    rules = rules_of(settings)

    def now() -> Rules:
        nonlocal settings, rules
        if (latest := settings_now()) is not settings:
            settings, rules = latest, rules_of(latest)
        return rules

    return now


def _endpointing(settings: Settings) -> EndpointRules:
    rules = settings.endpointing
    return EndpointRules(
        threshold=rules.vad_threshold,
        start_s=rules.start_ms / 1000,
        confirm_s=settings.barge_in.min_speech_ms / 1000,
        guess_s=rules.guess_ms / 1000,
        commit=CommitRules(
            sure_s=min(rules.sure_commit_ms, rules.commit_ms) / 1000,
            usual_s=rules.commit_ms / 1000,
            hesitant_s=rules.hesitant_commit_ms / 1000,
            unfinished_s=max(rules.unfinished_commit_ms, rules.hesitant_commit_ms) / 1000,
            verdict_wait_s=rules.verdict_wait_ms / 1000,
        ),
        packet_gap_s=rules.packet_gap_ms / 1000,
        max_utterance_s=rules.max_utterance_ms / 1000,
    )


def _floor(settings: Settings) -> FloorRules:
    rules = settings.floor
    return FloorRules(
        mode=rules.mode,  # type: ignore[arg-type]  # one_of in the option
        names=rules.names,
        follow_up_s=rules.follow_up_ms / 1000,
        lock_s=rules.lock_ms / 1000,
    )


def _messages(settings: Settings) -> Messages:
    ours, turn = settings.discord.messages, settings.turn
    apologies = {key: text for key, text in (("apology", turn.apology), ("mute_apology", turn.mute_apology)) if text}
    return Messages(ours.language, {**apologies, **ours.own})


def _overlap(settings: Settings) -> OverlapRules:
    rules = settings.barge_in
    return OverlapRules(
        manner=cast("Manner", rules.policy),  # one of its words, by the option's rule
        by_anyone=rules.by == "anyone",
        stop_by_anyone=rules.stop_by == "anyone",
        stop_words=rules.stop_words,
        thinking_s=rules.thinking_ms / 1000,
        yield_s=rules.min_speech_ms / 1000,
        speaking_s=rules.speaking_ms / 1000,
        min_played_s=rules.min_played_ms / 1000,
        level=rules.duck_percent / 100,
    )


def _turn(settings: Settings) -> TurnRules:
    rules = settings.turn
    return TurnRules(
        limit_s=rules.limit_ms / 1000,
        answer_chars_max=rules.answer_chars_max,
        read_chars_max=rules.answer_chars_max + rules.written_chars_max,
        queue_ahead_s=rules.queue_ahead_ms / 1000,
        apologises_for_no_reply=rules.no_reply == "apology",
        says_tool_calls=rules.tool_notice,
        first_audio_target_ms=rules.first_audio_target_ms,
        targets_ms=budgets_ms(settings),
        speculation=speculation_rules(settings),
    )


def speculation_rules(settings: Settings) -> SpeculationRules:
    """Return whether and how often the agent may be asked ahead."""
    agents = (settings.agent, *settings.agent.backup)
    return SpeculationRules(
        is_allowed=all(each.speculate == "safe" for each in agents),
        wasted_max=settings.agent.speculations_wasted_max,
        target_s=settings.agent.target_ms / 1000,
    )


def budgets_ms(settings: Settings) -> dict[str, float]:
    """Return the target of each part of a turn, in ms, as the settings have them.

    The clock may count a silence only when a late packet could not bring speech any more: after the jitter depth.
    """
    return {
        "endpointing": settings.endpointing.commit_ms + DEPTH_S * 1000,
        "stt": settings.stt.target_ms,
        "agent": settings.agent.target_ms,
        "tts": settings.tts.sentence_target_ms,
    }
