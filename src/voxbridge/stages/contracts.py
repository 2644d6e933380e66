"""The three stages of a turn: speech to text, agent, text to speech.

The conversation knows only the Protocols here. A stage object lives as long as the daemon, owns its warm
connections, and is used by many speakers at once. Every call may be cancelled at any await and must leave
its connections usable. Failures are ``StageError`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self, runtime_checkable

import attrs

from voxbridge.core.agents.conversation import Conversation, Conversations
from voxbridge.core.agents.history import HistoryRules
from voxbridge.core.agents.threads import Threads
from voxbridge.core.agents.tts_options import TtsOptions as TtsOptions
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.core.sound.pcm import HeardSound as HeardSound
from voxbridge.core.sound.pcm import Pcm


@attrs.frozen
class Speaker:
    """Who is talking. ``name`` is untrusted text from Discord, as are the names in ``vocabulary``, to be expected.

    ``names_now`` says who is in the channel at this moment, as often as it is asked.
    """

    user_id: UserId
    name: str
    guild_id: GuildId
    channel_id: ChannelId
    language: str = "en"
    names_now: Callable[[], Sequence[str]] = attrs.field(default=tuple, eq=False, repr=False)

    @property
    def shown_name(self) -> str:
        """Return the name on one line."""
        return " ".join(self.name.split())

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Return the names to expect now. Ask when an utterance begins; where that is too late, at each connection."""
        return tuple(self.names_now())


@attrs.frozen
class Transcript:
    """What was heard. ``text`` may be empty: nothing was said."""

    text: str
    is_final: bool = True
    confidence: float | None = None
    duration_s: float | None = None
    no_speech: float | None = None
    """How probable it is that nobody spoke at all, if the server says so."""


class PendingFinal(Protocol):
    """An ended utterance whose final transcript is on its way."""

    async def wait(self) -> Transcript:
        """Return the final transcript.

        Raises: StageError. A cancel drops the utterance; the next one starts clean, and a late final of this
        one is not mistaken for the next one's.
        """
        ...


class SttSession(Protocol):
    """One speaker's warm line to a speech-to-text server. Survives turns and barge-in.

    ``feed`` and ``discard`` are synchronous and never block: a queue in front of the one writer task takes the
    sound, and that of the current utterance is kept until its final transcript is in, so that a lost connection is
    replayed.
    """

    @property
    def reconnect_count(self) -> int:
        """Return how often the line was lost and made anew."""
        ...

    @property
    def is_connected(self) -> bool:
        """Tell whether the line is up now."""
        ...

    @property
    def can_peek(self) -> bool:
        """Tell whether ``peek`` is possible: a transcript that leaves the utterance open."""
        ...

    def feed(self, sound: HeardSound) -> None:
        """Add a piece of sound to the current utterance; the first call opens it.

        It comes in playout order, decoded, pauses and losses filled in: mostly 20 ms, but of any length.
        """

    async def peek(self) -> Transcript:
        """Transcribe what was fed so far and leave the utterance open (only if ``can_peek``)."""
        ...

    def end(self, voiced_s: float = 0.0) -> PendingFinal:
        """End the utterance now: what is fed from here on belongs to the next one.

        ``voiced_s``: for so long the caller's own detector heard a voice in it; 0: it has none. A server that says
        nothing at all of what was clearly voiced has not heard silence: it has failed.
        """
        ...

    async def finish(self) -> Transcript:
        """End the utterance and wait for its final transcript: ``await line.end().wait()``."""
        ...

    def discard(self) -> None:
        """Forget the current utterance (a cough, noise)."""


class Doubtful(str):
    """A probe's line about a server that is there and does not have all that is asked of it: a warning."""

    __slots__ = ()


class Stage(Protocol):
    """What all backends share. Entered once by the daemon, which opens what the stage keeps warm."""

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def probe(self) -> str:
        """Check that the server is there, speaks our protocol and knows what we ask of it, at no cost to the user.

        Returns one line for the operator. Raises: StageError, whose text says how to mend it.
        """
        ...


@runtime_checkable
class CanBeTried(Protocol):
    """A stage whose server says only at its work whether it will do as the settings have it."""

    async def try_out(self) -> str:
        """Have the server do its work once, as little of it as can be; for an operator who asks, not for ``probe``.

        Returns what to add to the probe's line. Raises: StageError, whose text says how to mend it.
        """
        ...


@runtime_checkable
class Warmable(Protocol):
    """A stage, or anything else with connections, that can make one ready in advance. Not every stage is one."""

    async def warm(self) -> None:
        """Open what the next request will need, unless it is open. Cheap to call often; never raises a StageError."""
        ...


async def warm_up(stage: object) -> None:
    """Let a stage open its connection now, if it can: the user has begun to speak, so it will be needed soon."""
    if isinstance(stage, Warmable):
        await stage.warm()


@runtime_checkable
class OutageAware(Protocol):
    """A stage that does not wait its whole limit for a server that is known to be down. Not every stage is one."""

    def note_outage(self, *, is_known: bool) -> None:
        """Take what is known from now on; must not block."""
        ...


@runtime_checkable
class MutenessAware(Protocol):
    """A stage that does not wait its whole limit for a server that takes everything and never answers."""

    def note_muteness(self, *, is_known: bool) -> None:
        """Take what is known from now on; must not block."""
        ...


def tell_outage(stage: object, *, is_known: bool, is_mute: bool = False) -> None:
    """Tell a stage what is known of its server, if it wants to know: that it is not there, or that it is mute."""
    if isinstance(stage, OutageAware):
        stage.note_outage(is_known=is_known)
    if isinstance(stage, MutenessAware):
        stage.note_muteness(is_known=is_mute)


class SttStage(Stage, Protocol):
    """A speech-to-text backend."""

    def open(
        self, speaker: Speaker, on_partial: Callable[[str], None] | None = None
    ) -> AbstractAsyncContextManager[SttSession]:
        """Open a line for one speaker; entering does not wait for the connection."""
        ...


@attrs.frozen
class Previous:
    """What became of the answer before: the agent's memory holds text that nobody heard."""

    interrupted: bool
    heard: str
    turn_id: str = ""
    """The turn that it answered; not told to a backend that keeps the conversation itself."""
    goes_on: bool = False
    """Its question was not finished: the words of the new one begin with it, and are answered instead."""


@attrs.frozen
class AgentRequest:
    """One user turn for the agent. The same ``turn_id`` goes with every attempt."""

    turn_id: str
    text: str
    speaker: Speaker
    confidence: float | None = None
    speech_ms: int | None = None
    started_at: str | None = None
    participants: int | None = None
    people: tuple[str, ...] = ()
    """The names of the people who are heard here now, the speaker's among them: untrusted text, as all names."""
    joined: tuple[str, ...] = ()
    """Who came since the speaker's last question; names fit for a prompt (``core/people/company.py``), and so below."""
    left: tuple[str, ...] = ()
    """Who left since then."""
    previous: Previous | None = None
    conversation: Conversation | None = attrs.field(default=None, eq=False, repr=False)
    """What was said before, kept by who asks several backends in turn; a backend that keeps it itself gets None."""
    answer_chars_max: int | None = None
    """The answer is cut there by the session; a backend that keeps the conversation cuts it there as well."""
    profile: str = ""
    """Who is to answer, if it is not the usual one: each has a memory of its own."""
    prompt: str | None = None
    """Instructions in place of the configured ones."""
    speculative: bool = False
    """The user may go on: then this is cancelled, and a request with more words follows. Nothing may be done yet that
    cannot be taken back, so a backend that offers its model tools lets none be called before ``decided``."""
    decided: Callable[[], Awaitable[None]] | None = attrs.field(default=None, eq=False, repr=False)
    """Waits until it is certain that these are all words; None: nobody can say."""


@attrs.frozen
class TextDelta:
    """A piece of the answer as it streams, spaces included."""

    text: str


@attrs.frozen
class TextFlush:
    """Whatever has come so far is complete: speak it now (a tool call may follow)."""


@attrs.frozen
class AnswerOptions:
    """How this answer is to be spoken; comes before its first text, if at all."""

    tts: TtsOptions


@attrs.frozen
class ToolsCalled:
    """The agent has tools work for it now, which may take a while."""


AgentEvent = TextDelta | TextFlush | AnswerOptions | ToolsCalled


class AnswerSink(Protocol):
    """Where a backend puts one answer. The turn is claimed by the first visible text itself, and by nothing else.

    From the instant in which a turn was given to somebody else, what is put here goes nowhere, and the call is
    cancelled.
    """

    def asked(self) -> None:
        """Note that the first request is on its way. A measurement only: without it the call's begin counts."""

    def send_nowait(self, event: AgentEvent) -> None:
        """Pass an event on if there is room. Raises: trio.WouldBlock."""

    async def send(self, event: AgentEvent) -> None:
        """Pass an event on, and wait for room. The wait is the reader's time, not the agent's."""


class AgentStage(Stage, Protocol):
    """An agent backend."""

    @property
    def retry_count(self) -> int:
        """Return the number of repeated attempts of all turns."""
        ...

    async def answer(self, request: AgentRequest, out: AnswerSink) -> None:
        """Stream the answer into ``out`` and return at its end.

        Retries only before the first text was passed on. The time spent in a full ``out`` does not count against a
        deadline.

        Raises: StageError.
        """


@runtime_checkable
class Forgetful(Protocol):
    """An agent stage whose server remembers nothing: who asks it together with others keeps the conversation."""

    @property
    def history_rules(self) -> HistoryRules | None:
        """Return how much of the conversation it wants to be told, or None if its server remembers."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """An agent stage in which conversations are kept. None: whoever it asks remembers by itself."""

    @property
    def conversations(self) -> Conversations | None:
        """Return the conversations, for who makes them last and can erase a member's part in them."""
        ...


@runtime_checkable
class Threaded(Protocol):
    """An agent stage that knows which conversation on its backends' own servers is whose."""

    @property
    def threads(self) -> list[Threads]:
        """Return them, by server, for who makes them last and can end those of a member."""
        ...


@attrs.frozen
class ToolServerStatus:
    """A server of tools: its name in the configuration, how it is, and which tools it has."""

    name: str
    is_up: bool
    detail: str
    tools: tuple[str, ...] = ()


@runtime_checkable
class ToolUser(Protocol):
    """An agent stage that may offer its model tools."""

    @property
    def tool_servers(self) -> list[ToolServerStatus]:
        """Return how the servers of the tools are now."""
        ...

    async def told_of_tools(self, within_s: float) -> list[str]:
        """Wait so long at most until each server of tools has answered or failed; return a line of words for each."""
        ...


@attrs.frozen
class TtsRequest:
    """One speakable sentence. ``voice`` None means the backend's configured one.

    ``options`` are the answer's own wishes, within Chatterbox's ranges; a backend uses those it knows.
    """

    text: str
    turn_id: str
    index: int
    voice: str | None = None
    language: str = "en"
    options: TtsOptions | None = None


class SoundSink(Protocol):
    """Where a backend puts the sound of one sentence. The first sound itself claims the sentence.

    All of it is synchronous: the caller bounds how much it asks for, not how fast it takes it.
    """

    def asked(self) -> None:
        """Note that the request is on its way. A measurement only: without it the call's begin counts."""

    def first_byte(self) -> None:
        """Note that the answer's first byte is here; it may hold no sound yet. A measurement only."""

    def push(self, pcm: Pcm) -> None:
        """Pass on a piece of sound."""


@runtime_checkable
class Voiced(Protocol):
    """A speech backend that knows which voices its server has, or one that stands before such a backend."""

    @property
    def voices(self) -> tuple[str, ...]:
        """Return the names that the server listed when it was last asked how it is; empty if it lists none."""
        ...


def voices_of(stage: object) -> tuple[str, ...]:
    """Return which voices a stage is known to have."""
    return stage.voices if isinstance(stage, Voiced) else ()


class TtsStage(Stage, Protocol):
    """A text-to-speech backend."""

    async def speak(self, request: TtsRequest, out: SoundSink) -> None:
        """Push each piece of sound into ``out`` as it comes (mono, any rate) and return at the last sample.

        The next sentence may be asked for before this one is over: the backend orders them. No samples at all is
        success.
        Cut off after sound was passed on: returns what came by raising StageProtocolError (``retryable`` is then
        False); the caller keeps what it has.

        Raises: StageError.
        """
