"""Typed settings: one attrs class per TOML table, every default, help text and rule in one place.

Times are in milliseconds here, at the edge; the code inside works in seconds. The template that ``voxbridge
init`` writes, the loader's messages and the documentation are derived from these classes.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import re

import attrs

from voxbridge.config.rules import (
    at_least,
    backend_kind,
    between,
    clamped_between,
    json_template,
    matches,
    one_of,
    option,
    require,
    url,
)
from voxbridge.config.secrets import Secret as Secret  # the classes below are made of it: one import for users
from voxbridge.core.agents.tts_options import CHUNK_CHARS, RANGES

_LIMIT = between(1, 3_600_000)  # ms; an hour is more than any voice turn, and a typo of three zeros is caught
LANGUAGE = r"[a-z]{2,3}(-[A-Za-z]{2,4})?"
_HOST_AND_PORT = r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):\d{1,5}"


# What each stage knows by itself; a plug-in adds its own kind by an entry point (docs/backends.md).
STT_SCHEMES = {
    "whisperx": ("ws", "wss"),
    "whisperlive": ("ws", "wss"),
    "whisperlivekit": ("ws", "wss"),
    "deepgram": ("ws", "wss"),
    "wyoming": ("tcp",),
    "openai": ("http", "https"),
}
STT_KINDS = ("embedded", *STT_SCHEMES)
AGENT_KINDS = ("embedded", "n8n", "openai", "ollama", "dify", "http")
TTS_KINDS = ("embedded", "chatterbox", "openai", "wyoming")

Option = str | int | float | bool | Secret
"""One option of a plug-in; ``{ file = ... }`` and its like become a Secret."""


def _wants_url(kind: str, known: tuple[str, ...], has_url: bool) -> None:
    """Want an address of a server that we know; what a plug-in wants is its own business."""
    require(kind == "embedded" or kind not in known or has_url, "url", f'is needed with kind = "{kind}"')


def _no_nesting(backups: tuple[SttSettings, ...] | tuple[AgentSettings, ...] | tuple[TtsSettings, ...]) -> None:
    require(not any(each.backup for each in backups), "backup", "a backup has no backups: put them side by side")


_OPTIONS_HELP = "What a plug-in's backend wants to know; a secret is written as for the other settings."


@attrs.frozen
class NetworkSettings:
    """[discord.network]."""

    hosts: dict[str, str] = option(
        attrs.Factory(dict),
        "Where Discord's names lead instead of where DNS says: a host name or *.suffix = address:port.",
        matches(_HOST_AND_PORT, "address:port"),
        example={"discord.com": "127.0.0.1:8443"},
    )
    ca_file: str | None = option(
        None, "A PEM file of certificates to trust beside the system's.", example="/etc/voxbridge/proxy-ca.pem"
    )


@attrs.frozen
class DiscordSettings:
    """[discord]."""

    token: Secret = option(
        Secret(""),
        "The bot's token, from https://discord.com/developers/applications. When it is not set here: $DISCORD_TOKEN, "
        "else systemd's credential discord-token.",
        example={"credential": "discord-token"},
    )
    join: tuple[str, ...] = option(
        (),
        "Voice channels to sit in from the start.",
        matches(r"\d{1,20}:\d{1,20}", "guild_id:channel_id, both numbers (Discord's developer mode copies them)"),
        example=["123456789012345678:123456789012345679"],
    )
    require_e2ee: bool = option(True, "Send and accept end-to-end encrypted voice only.")
    send_stereo: bool = option(False, "Send two channels; try it if a Discord client plays the voice wrongly.")
    guild_ready_timeout_ms: int = option(2000, "How long to wait for the list of servers after the login.", _LIMIT)
    network: NetworkSettings = option(
        NetworkSettings(), "A way round: lets Discord's names lead elsewhere (a proxy, a rehearsal)."
    )


@attrs.frozen
class EndpointingSettings:
    """[endpointing]. All silences are counted from the last voiced frame."""

    vad_threshold: float = option(0.5, "Probability from which a frame counts as voiced.", between(0.01, 0.99))
    # two VAD frames, one is a click
    start_ms: int = option(64, "Voiced time that starts an utterance.", between(1, 2000))
    guess_ms: int = option(200, "Silence after which a speculative transcript is asked for.", between(20, 10_000))
    # pauses at a comma reach 290 ms
    commit_ms: int = option(500, "Silence that ends the turn.", between(20, 10_000))
    hesitant_commit_ms: int = option(
        1200, "Silence that ends the turn when the turn model says that more is coming.", between(20, 30_000)
    )
    packet_gap_ms: int = option(
        120, "Without packets for so long, silence is counted by the clock.", between(20, 10_000)
    )
    preroll_ms: int = option(256, "Sound kept from before the first voiced frame.", between(0, 5000))
    max_utterance_ms: int = option(
        120_000, "Longest utterance; the turn ends there even if the user still speaks.", between(1000, 600_000)
    )
    turn_model: bool = option(True, "Ask the turn model whether the speaker has finished.")

    def __attrs_post_init__(self) -> None:
        require(
            self.guess_ms <= self.commit_ms,
            "guess_ms",
            f"the guess comes before the end of the turn: {self.guess_ms} is more than commit_ms",
            allowed=f"up to commit_ms, {self.commit_ms}",
        )
        require(
            self.commit_ms <= self.hesitant_commit_ms,
            "hesitant_commit_ms",
            f"a hesitant speaker is given more time, not less: {self.hesitant_commit_ms} is less than commit_ms",
            allowed=f"commit_ms, {self.commit_ms}, or more",
        )


@attrs.frozen
class BargeInSettings:
    """[barge_in]."""

    enabled: bool = option(True, "Stop the answer when the user speaks over it.")
    # a cough is shorter
    min_speech_ms: int = option(160, "Voiced time before the answer is cut.", between(0, 10_000))
    by: str = option("speaker", "Who may interrupt an answer.", one_of("speaker", "anyone"))


@attrs.frozen
class SttSettings:
    """[stt]."""

    kind: str = option(
        "embedded",
        "The speech-to-text server; openai is any server with /v1/audio/transcriptions.",
        backend_kind("stt", STT_KINDS),
    )
    url: str = option(
        "",
        "The server: ws:// or wss:// (whisperx, whisperlive, whisperlivekit, deepgram), tcp:// (wyoming) or http(s)://.",
        url("ws", "wss", "http", "https", "tcp"),
        example="ws://localhost:4901",
    )
    token: Secret = option(
        Secret(""),
        "The key that the server asks for (whisperlive, whisperlivekit, deepgram, openai).",
        matches(r"[!-~]*", "printable ASCII characters without a space"),
        example={"credential": "stt-token"},
    )
    model: str = option(
        "", "The model to transcribe with, where a server has several; its own choice when not set.", example="small"
    )
    language: str = option(
        "en",
        "The language that is spoken.",
        matches(LANGUAGE, "a code such as en or de"),
    )
    languages: dict[str, str] = option(
        attrs.Factory(dict),
        "Other languages of single users or servers, by their Discord ids; a user's goes before a server's.",
        matches(LANGUAGE, "a code such as en or de"),
        example={"123456789012345678": "de"},
    )
    member_hints: bool = option(
        True, "Expect the names of the channel's members as well; they are sent to the server with the hints."
    )
    hints: tuple[str, ...] = option(
        (),
        "Names and rare words to expect (whisperlive, deepgram, openai).",
        matches(r"[^\r\n]{1,100}", "one line of up to 100 characters"),
        example=["Hibari", "VoxBridge"],
    )
    filter: bool = option(
        True, "Drop what speech models make out of noise: credits of films, more words than the time could hold."
    )
    target_ms: int = option(400, "End of the turn to final transcript: measured.", _LIMIT)
    limit_ms: int = option(5000, "End of the turn to final transcript: given up after.", _LIMIT)
    connect_limit_ms: int = option(5000, "Longest wait for a connection.", _LIMIT)
    extension: bool = option(
        False, "Ask the server for early transcripts (voxbridge/1): for `voxbridge engines` on another host."
    )
    backup_after_ms: int = option(
        1500, "Without a final transcript for so long, the backup is asked as well; the first one counts.", _LIMIT
    )
    options: dict[str, Option] = option(
        attrs.Factory(dict), _OPTIONS_HELP, example={"key": {"credential": "plugin-key"}}
    )
    backup: tuple[SttSettings, ...] = option(
        (),
        "Who serves in its place while it cannot, in this order; each as a table [[stt.backup]] of its own.",
        example=({"kind": "embedded"},),
    )

    def __attrs_post_init__(self) -> None:
        _wants_url(self.kind, STT_KINDS, bool(self.url))
        schemes = STT_SCHEMES.get(self.kind, ())
        require(
            not schemes or self.url.partition(":")[0] in schemes,
            "url",
            f'does not fit kind = "{self.kind}"',
            allowed=" or ".join(f"{scheme}://host[:port]" for scheme in schemes),
        )
        for whose in self.languages:
            require(whose.isdecimal(), f'languages."{whose}"', "is no Discord id", allowed="the digits of an id")
        _no_nesting(self.backup)


@attrs.frozen
class AgentAuthSettings:
    """[agent.auth]. n8n's header authentication needs no table: its header stands in [agent.headers]."""

    kind: str = option(
        "none",
        "How the server asks for credentials; an API key is a bearer token.",
        one_of("none", "basic", "bearer", "jwt"),
    )
    user: str = option("", "User name, with kind = basic.", matches(r"[^:\r\n]*", "one line without a colon"))
    secret: Secret = option(
        Secret(""),
        "The password (basic), the token (bearer) or the key that signs a token for each request (jwt, HS256).",
        matches(r"[^\r\n]*", "one line"),
        example={"credential": "n8n-secret"},
    )
    claims: dict[str, str] = option(
        attrs.Factory(dict),
        "What the signed token says beside its times, with kind = jwt.",
        example={"iss": "voxbridge"},
    )
    ttl_ms: int = option(60_000, "How long a signed token is valid.", between(1000, 3_600_000))

    def __attrs_post_init__(self) -> None:
        require(self.kind == "none" or bool(self.secret), "secret", f'is needed with kind = "{self.kind}"')


@attrs.frozen
class AgentSettings:
    """[agent]. ``url`` is a secret: an n8n webhook URL is a password."""

    kind: str = option(
        "embedded",
        "The agent that answers. openai: any server with /chat/completions; http: any other, with a body of your own.",
        backend_kind("agent", AGENT_KINDS),
    )
    url: Secret = option(
        Secret(""),
        "The n8n webhook (a secret: who knows it can talk to the workflow), or the API's base: http://host/v1 for "
        "openai and dify, http://host:11434 for ollama.",
        url("http", "https"),
        example="https://n8n.example.org/webhook/voice",
    )
    headers: dict[str, Secret] = option(
        attrs.Factory(dict),
        "Headers of each request, such as the one n8n's header authentication asks for.",
        matches(r"[^\r\n]*", "one line"),
        example={"X-Api-Key": {"file": "/etc/voxbridge/n8n-key"}},
    )
    auth: AgentAuthSettings = option(AgentAuthSettings(), "The webhook's credentials.")
    model: str = option("", "The model's name, with kind = openai or ollama.", example="llama3.2")
    system_prompt: str = option(
        "You are a voice assistant in a Discord channel. Your answer is spoken: a few short sentences, no lists, no "
        "markdown, no links, no emoji.",
        "What the model is told before the conversation, with kind = openai or ollama.",
    )
    temperature: float | None = option(
        None, "How varied the model answers; the server's own when not set.", between(0.0, 2.0), example=0.7
    )
    max_tokens: int | None = option(
        None, "Longest answer in tokens; the server's own when not set.", at_least(1), example=500
    )
    keep_alive: str = option(
        "",
        "How long the model stays loaded after an answer, with kind = ollama; the server's own (5m) when not set.",
        matches(r"-?\d+(ms|s|m|h)?", "a duration such as 30m, or -1 for ever"),
        example="30m",
    )
    history_tokens: int = option(
        4000,
        "How much of the conversation goes with a question, in tokens (an estimate), with kind = openai or ollama. "
        "0: nothing.",
        between(0, 1_000_000),
    )
    history_age_ms: int = option(
        3_600_000, "What is older is forgotten, with kind = openai or ollama.", between(1000, 604_800_000)
    )
    inputs: dict[str, str] = option(
        attrs.Factory(dict),
        "The app's variables, with kind = dify. Placeholders as in body.",
        example={"name": "{user_name}", "heard": "{heard}"},
    )
    method: str = option(
        "POST",
        "Method of the request, with kind = http. GET sends the fields of body in the URL, where servers log them.",
        one_of("POST", "PUT", "PATCH", "GET"),
    )
    body: str = option(
        '{"text": "{text}", "user_id": "{user_id}", "user_name": "{user_name}", "session_id": "{session_id}", '
        '"turn_id": "{turn_id}", "language": "{language}"}',
        "Body of the request, with kind = http. More placeholders: {attempt}, {guild_id}, {channel_id}, {started_at}, "
        "{heard} (what was heard of an answer that was cut short).",
        json_template(),
    )
    input_key: str = option("chatInput", "Key of the request's body that carries what the user said.")
    session_key: str = option("sessionId", "Key of the request's body that carries the conversation's id.")
    also_as: tuple[str, ...] = option((), "Further keys that carry what the user said.", example=["text", "transcript"])
    output_path: str = option(
        "", "Where the answer stands in the reply, with dots; found by itself when not set.", example="data.answer"
    )
    nodes: tuple[str, ...] = option(
        (), "Speak only what these nodes of a streaming workflow say, by name; all when empty.", example=["AI Agent"]
    )
    session_scope: str = option(
        "user", "Whose conversation it is: each user's own, or the channel's.", one_of("user", "channel")
    )
    retries: int = option(
        2,
        "Further attempts after a failure, as long as nothing was spoken. After an agent that said nothing within "
        "first_limit_ms: one at most.",
        between(0, 10),
    )
    retry_delay_ms: int = option(250, "Wait before the first of them.", between(0, 60_000))
    retry_empty: bool = option(False, "Try again also when the answer holds nothing to speak.")
    target_ms: int = option(500, "Request to first text: measured.", _LIMIT)
    first_limit_ms: int = option(15_000, "Request to first text: given up after.", _LIMIT)
    idle_limit_ms: int = option(20_000, "Longest pause within an answer.", _LIMIT)
    total_limit_ms: int = option(90_000, "Longest time for a whole answer.", _LIMIT)
    hedge_safe: bool = option(
        False,
        "A workflow may run twice for one question: when the first text is later than usual, the backup is asked as "
        "well, and the first one counts.",
    )
    options: dict[str, Option] = option(
        attrs.Factory(dict), _OPTIONS_HELP, example={"key": {"credential": "plugin-key"}}
    )
    backup: tuple[AgentSettings, ...] = option(
        (),
        "Who serves in its place while it cannot, in this order; each as a table [[agent.backup]] of its own.",
        example=({"kind": "embedded"},),
    )

    def __attrs_post_init__(self) -> None:
        _wants_url(self.kind, AGENT_KINDS, bool(self.url))
        wants_model = self.kind in ("openai", "ollama")
        require(bool(self.model) or not wants_model, "model", f'is needed with kind = "{self.kind}"')
        _no_nesting(self.backup)


@attrs.frozen
class TtsSettings:
    """[tts]. Outside of the ranges in ``core.ttsoptions`` the Chatterbox server answers 422: they are clamped."""

    kind: str = option(
        "embedded",
        "The text-to-speech server. openai: any with /v1/audio/speech (Chatterbox-TTS-Server, speaches, "
        "Kokoro-FastAPI); wyoming: Piper and its kin.",
        backend_kind("tts", TTS_KINDS),
    )
    url: str = option(
        "",
        "The Chatterbox or OpenAI-style server, with or without /v1; with kind = wyoming tcp://host:port.",
        url("http", "https", "tcp"),
        example="http://localhost:4123",
    )
    voice: str = option("", "The voice's name; the server's own when not set.", example="alloy")
    api_key: Secret = option(
        Secret(""),
        "The token that the server asks for, with kind = openai.",
        matches(r"[!-~]*", "one word"),
        example={"credential": "tts-key"},
    )
    model: str = option("tts-1", "The model's name, with kind = openai.")
    response_format: str = option(
        "wav",
        "What to ask for, with kind = openai; what comes is recognised. pcm, wav and opus are heard as they come, the "
        "others at the sentence's end; mp3 and flac need the extra voxbridge-discord[compressed].",
        one_of("wav", "pcm", "opus", "mp3", "flac"),
    )
    pcm_rate_hz: int = option(
        24_000, "Rate of pcm whose label does not say it, with kind = openai.", between(4000, 192_000)
    )
    speed: float | None = option(
        None,
        "How fast the voice speaks, with kind = openai; the server's own when not set.",
        between(0.25, 4.0),
        example=1.1,
    )
    lexicon: dict[str, dict[str, str]] = option(
        attrs.Factory(dict),
        "How words are said, per language: a word in small letters is found in any case, one with capitals only as it "
        "stands. Better written as a table [tts.lexicon.en] of its own.",
        example={"en": {"n8n": "n eight n", "SQL": "sequel"}},
    )
    exaggeration: float | None = option(
        None,
        "How lively the voice is; the server's own when not set.",
        clamped_between(*RANGES["exaggeration"]),
        example=0.5,
    )
    cfg_weight: float | None = option(
        None,
        "How closely the pace follows the voice's; the server's own when not set.",
        clamped_between(*RANGES["cfg_weight"]),
        example=0.5,
    )
    temperature: float | None = option(
        None,
        "How varied the voice is; the server's own when not set.",
        clamped_between(*RANGES["temperature"]),
        example=0.8,
    )
    streaming_chunk_size: int = option(
        120, "Characters that Chatterbox speaks at a time.", clamped_between(*CHUNK_CHARS)
    )
    concurrency: int = option(1, "Sentences in synthesis at the same time.", between(1, 16))
    first_byte_target_ms: int = option(50, "Request to first byte: measured.", _LIMIT)
    sentence_target_ms: int = option(200, "Request to the last sound of a sentence: measured.", _LIMIT)
    first_byte_limit_ms: int = option(3000, "Request to first byte: given up after.", _LIMIT)
    first_pcm_limit_ms: int = option(6000, "Request to first sound: given up after.", _LIMIT)
    sentence_limit_ms: int = option(
        5000, "Longest time for a sentence, to which three times its sound is added.", _LIMIT
    )
    hedge: bool = option(
        False,
        "Ask a second time when the first sound is later than usual (95 of 100 were earlier): the backup, or the same "
        "server if concurrency allows. The first sound counts. At most one request in 20 is doubled.",
    )
    options: dict[str, Option] = option(
        attrs.Factory(dict), _OPTIONS_HELP, example={"key": {"credential": "plugin-key"}}
    )
    backup: tuple[TtsSettings, ...] = option(
        (),
        "Who serves in its place while it cannot, in this order; each as a table [[tts.backup]] of its own.",
        example=({"kind": "embedded"},),
    )

    def __attrs_post_init__(self) -> None:
        _wants_url(self.kind, TTS_KINDS, bool(self.url))
        schemes = {"chatterbox": "http", "openai": "http", "wyoming": "tcp"}
        wanted = schemes.get(self.kind)
        fits = not self.url or wanted is None or self.url.startswith((f"{wanted}://", f"{wanted}s://"))
        require(fits, "url", f'does not fit kind = "{self.kind}"', allowed=f"{wanted}://host:port")
        for language, words in self.lexicon.items():
            is_language = re.fullmatch(LANGUAGE, language) is not None
            require(is_language, f"lexicon.{language}", "is no language", allowed="a code such as en or de")
            for word in words:
                require(bool(word.strip()), f"lexicon.{language}", "holds an empty word")
        _no_nesting(self.backup)


@attrs.frozen
class TurnSettings:
    """[turn]."""

    first_audio_target_ms: int = option(1000, "End of the turn to first sound of the answer: measured.", _LIMIT)
    limit_ms: int = option(120_000, "Longest turn, the answer's sound included.", _LIMIT)
    answer_chars_max: int = option(4000, "An answer is cut there.", at_least(1))
    queue_ahead_ms: int = option(10_000, "No further sentence is asked for while so much sound waits.", _LIMIT)
    apology: str = option("Sorry, something went wrong. Please try again.", "Spoken when a stage has failed.")
    mute_apology: str = option(
        "Sorry, my voice has failed. You can read my answer in the chat.",
        "Spoken when an answer is written because it could not be spoken. Both are rendered at the start.",
    )
    no_reply: str = option(
        "apology",
        "What follows an answer with nothing to speak in it (an acknowledgement, a page, nothing at all). An agent "
        "that answers with an empty text is silent on purpose, and nothing follows.",
        one_of("apology", "silence"),
    )


@attrs.frozen
class EnginesSettings:
    """[engines]."""

    socket: str = option(
        "",
        "The engines' unix socket when they run as a service of their own; otherwise the daemon starts them.",
        example="/run/voxbridge-engines/engines.sock",
    )
    model_dir: str = option("", "A directory of models to use instead.", example="/var/lib/voxbridge/models")
    workers: int = option(2, "Threads that compute.", between(1, 64))
    start_limit_ms: int = option(30_000, "Longest wait for the engines' start.", _LIMIT)


@attrs.frozen
class LogSettings:
    """[log]."""

    level: str = option("info", "How much is logged.", one_of("debug", "info", "warning", "error"))
    format: str = option(
        "auto", "auto: for people on a terminal, JSON lines elsewhere.", one_of("auto", "console", "json")
    )
    speech: bool = option(False, "Let transcripts, answers and names into the log.")


@attrs.frozen
class JournalSettings:
    """[journal]."""

    file: str = option(
        "", "One JSON line per turn, transcripts included; off when not set.", example="/var/lib/voxbridge/turns.jsonl"
    )


@attrs.frozen
class DrainSettings:
    """[drain]."""

    limit_ms: int = option(15_000, "From the signal to the exit.", _LIMIT)
    sentence_ms: int = option(8000, "How long a sentence may go on before it is faded out.", between(0, 60_000))


@attrs.frozen
class ControlSettings:
    """[control]."""

    socket: str = option(
        "",
        "The unix socket that `voxbridge ctl` talks to; by default control.sock in systemd's RuntimeDirectory= or in "
        "$XDG_RUNTIME_DIR/voxbridge. Who may open it may use it.",
        example="/run/voxbridge/control.sock",
    )


@attrs.frozen
class HealthSettings:
    """[health]."""

    listen: str = option(
        "127.0.0.1:4910",
        "Where /healthz, /readyz and /metrics are served, to whoever can connect; off when empty.",
        matches(_HOST_AND_PORT, "address:port"),
    )


@attrs.frozen
class Settings:
    """The whole configuration."""

    discord: DiscordSettings = option(DiscordSettings(), "The bot's account and where it sits.")
    endpointing: EndpointingSettings = option(
        EndpointingSettings(), "Deciding that the user has finished. Silences count from the last voiced frame."
    )
    barge_in: BargeInSettings = option(BargeInSettings(), "The user speaks over the agent.")
    stt: SttSettings = option(SttSettings(), "Speech to text.")
    agent: AgentSettings = option(AgentSettings(), "The agent.")
    tts: TtsSettings = option(TtsSettings(), "Text to speech.")
    turn: TurnSettings = option(TurnSettings(), "One exchange: what the user said and the answer.")
    engines: EnginesSettings = option(EnginesSettings(), "The embedded engines, for the stages of kind embedded.")
    log: LogSettings = option(LogSettings(), "The log.")
    journal: JournalSettings = option(JournalSettings(), "A record of the turns.")
    drain: DrainSettings = option(DrainSettings(), "Stopping: turns in progress may end, new ones are not taken.")
    control: ControlSettings = option(ControlSettings(), "The door for `voxbridge ctl`.")
    health: HealthSettings = option(HealthSettings(), "Health and metrics over HTTP.")
