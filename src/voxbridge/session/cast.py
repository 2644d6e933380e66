"""Who may answer in a room: each with its agent, its voice and its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from voxbridge.core.profiles.layers import DEFAULT
from voxbridge.core.turns.overlap import Manner
from voxbridge.errors import StageName
from voxbridge.stages.contracts import AgentStage, TtsStage


@attrs.frozen
class Persona:
    """One who answers. What is None is as with everybody: the server's own voice, the speaker's language.

    ``has_own_agent`` and ``has_own_tts``: the server is another than the one of the other turns, so that its trouble is
    not theirs. ``asks_ahead``: its agent may be asked before it is certain that the speaker has finished.
    """

    agent: AgentStage
    tts: TtsStage
    name: str = DEFAULT
    names: tuple[str, ...] = ()
    voice: str | None = None
    prompt: str | None = None
    language: str | None = None
    manner: Manner | None = None
    asks_ahead: bool = True
    has_own_agent: bool = False
    has_own_tts: bool = False

    def owner_of(self, stage: StageName) -> str:
        """Return whose server serves a stage: its own, or "" for the one of everybody."""
        has_own = {"agent": self.has_own_agent, "tts": self.has_own_tts}
        return self.name if has_own.get(stage) else ""


@attrs.frozen
class Cast:
    """All who may answer in a room, the first one first. There is always one."""

    personas: tuple[Persona, ...]

    def __iter__(self) -> Iterator[Persona]:
        return iter(self.personas)

    @property
    def first(self) -> Persona:
        """Return who answers when nobody is called."""
        return self.personas[0]

    def of(self, name: str) -> Persona:
        """Return one by name; the first one if it is not here any more."""
        return next((each for each in self.personas if each.name == name), self.first)

    def names(self, own: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return what each of them is called by; ``own``, the bot's own names, call the first one."""
        return {each.name: (*each.names, *(own if each is self.first else ())) for each in self.personas}
