"""Typed settings: one attrs class per TOML table, every default in one place.

Times are in milliseconds here, at the edge; the code inside works in seconds. Secrets are ``Secret``: their
``repr`` and ``str`` are masked, ``reveal()`` gives the value.
"""

from __future__ import annotations

import attrs


@attrs.frozen(repr=False, str=False)
class Secret:
    """A value that never shows itself in a log, a traceback or a status page."""

    _value: str

    def reveal(self) -> str:
        """Return the value itself, for the wire only."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('***')" if self._value else "Secret('')"

    __str__ = __repr__


@attrs.frozen
class NetworkSettings:
    """[discord.network]: an egress override, so that Discord's names lead elsewhere (rehearsal, a proxy).

    ``hosts`` maps a host name or ``*.suffix`` to ``address:port``; ``ca_file`` is trusted beside the system's.
    """

    hosts: dict[str, str] = attrs.field(factory=dict)
    ca_file: str | None = None


@attrs.frozen
class DiscordSettings:
    """[discord]. ``join`` lists voice channels to sit in from the start, as ``guild_id:channel_id``."""

    token: Secret = Secret("")
    join: tuple[str, ...] = ()
    require_e2ee: bool = True
    send_stereo: bool = False
    guild_ready_timeout_ms: int = 2000
    network: NetworkSettings = NetworkSettings()


@attrs.frozen
class EndpointingSettings:
    """[endpointing]: deciding that the turn ended. All silences are counted from the last voiced frame."""

    vad_threshold: float = 0.5
    start_ms: int = 64  # voiced time that starts an utterance: two VAD frames, one is a click
    guess_ms: int = 200  # silence after which a speculative transcript is asked for
    commit_ms: int = 500  # silence that ends the turn; pauses at a comma reach 290 ms
    hesitant_commit_ms: int = 1200  # the same when the turn model says that more is coming
    packet_gap_ms: int = 120  # without packets for so long, silence is counted by the clock
    preroll_ms: int = 256  # kept from before the first voiced frame
    max_utterance_ms: int = 120_000
    turn_model: bool = True


@attrs.frozen
class BargeInSettings:
    """[barge_in]: the user speaks over the agent."""

    enabled: bool = True
    min_speech_ms: int = 160  # voiced time before the answer is cut; a cough is shorter


@attrs.frozen
class SttSettings:
    """[stt]."""

    kind: str = "embedded"  # embedded | whisperx
    url: str = ""
    language: str = "en"
    target_ms: int = 400
    limit_ms: int = 5000
    connect_limit_ms: int = 5000


@attrs.frozen
class AgentSettings:
    """[agent]. ``url`` is a secret: an n8n webhook URL is a password."""

    kind: str = "embedded"  # embedded | n8n
    url: Secret = Secret("")
    headers: dict[str, Secret] = attrs.field(factory=dict)
    input_key: str = "chatInput"
    session_key: str = "sessionId"
    also_as: tuple[str, ...] = ()
    output_path: str = ""
    session_scope: str = "user"  # user | channel
    retries: int = 2
    retry_delay_ms: int = 250
    retry_empty: bool = False
    target_ms: int = 500
    first_limit_ms: int = 15_000
    idle_limit_ms: int = 20_000
    total_limit_ms: int = 90_000


@attrs.frozen
class TtsSettings:
    """[tts]."""

    kind: str = "embedded"  # embedded | chatterbox
    url: str = ""
    voice: str = ""
    exaggeration: float | None = None  # 0.25 to 2.0
    cfg_weight: float | None = None  # 0.0 to 1.0
    temperature: float | None = None  # 0.05 to 5.0
    streaming_chunk_size: int = 120  # 50 to 500
    concurrency: int = 1
    first_byte_target_ms: int = 50
    sentence_target_ms: int = 200
    first_byte_limit_ms: int = 3000
    first_pcm_limit_ms: int = 6000
    sentence_limit_ms: int = 5000  # plus three times the sound that came


@attrs.frozen
class TurnSettings:
    """[turn]."""

    first_audio_target_ms: int = 1000
    limit_ms: int = 120_000
    answer_chars_max: int = 4000
    queue_ahead_ms: int = 10_000  # no further sentence is asked for while so much sound waits
    apology: str = "Sorry, something went wrong. Please try again."


@attrs.frozen
class EnginesSettings:
    """[engines]: the embedded engines. ``socket`` is set when they run as a service of their own."""

    socket: str = ""
    model_dir: str = ""
    workers: int = 2
    start_limit_ms: int = 30_000


@attrs.frozen
class LogSettings:
    """[log]. ``speech`` lets transcripts and answers into the log; off unless the operator asks."""

    level: str = "info"
    format: str = "auto"  # auto | console | json
    speech: bool = False


@attrs.frozen
class JournalSettings:
    """[journal]: one JSON line per turn, transcripts included, into ``file``; off when empty."""

    file: str = ""


@attrs.frozen
class DrainSettings:
    """[drain]."""

    limit_ms: int = 15_000
    sentence_ms: int = 8000  # how long a sentence in progress may go on before it is faded out


@attrs.frozen
class Settings:
    """The whole configuration."""

    discord: DiscordSettings = DiscordSettings()
    endpointing: EndpointingSettings = EndpointingSettings()
    barge_in: BargeInSettings = BargeInSettings()
    stt: SttSettings = SttSettings()
    agent: AgentSettings = AgentSettings()
    tts: TtsSettings = TtsSettings()
    turn: TurnSettings = TurnSettings()
    engines: EnginesSettings = EnginesSettings()
    log: LogSettings = LogSettings()
    journal: JournalSettings = JournalSettings()
    drain: DrainSettings = DrainSettings()
