"""Every kind of every stage as a server that can go wrong in each way, and be well again.

What goes over the wire is what the tables of the single stages know: ``agent_faults``, ``tts_faults`` and
``tests.support.stt_spoiling``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
import trio

from tests.integration.stages.agent import agent_faults
from tests.integration.stages.tts import tts_faults
from tests.support import stt_kinds, stt_spoiling
from tests.support.hall import ANSWER
from voxbridge.config.kinds import kind_names, settings_of
from voxbridge.config.stages import EMBEDDED, AgentSettings, SttSettings, TtsSettings
from voxbridge.core.wire.wyoming import WyomingEvent
from voxbridge.errors import StageName
from voxbridge.stages.tts.wyoming import WyomingTtsSettings
from voxbridge.testing.servers import chat
from voxbridge.testing.servers.chatterbox import PROMPT, ChatterboxServer
from voxbridge.testing.servers.dify import DifyServer
from voxbridge.testing.servers.hearing import HearingScript
from voxbridge.testing.servers.http import Handler, HttpServer, Reply, Request
from voxbridge.testing.servers.listening import ListeningServer
from voxbridge.testing.servers.n8n import N8nServer
from voxbridge.testing.servers.n8n_plans import agent as agent_plan
from voxbridge.testing.servers.n8n_plans import words
from voxbridge.testing.servers.ollama import OllamaServer
from voxbridge.testing.servers.openai_chat import OpenAiServer
from voxbridge.testing.servers.openai_speech import OpenAiSpeechServer
from voxbridge.testing.servers.whisperx import WhisperXScript
from voxbridge.testing.servers.wyoming_speech import WyomingSpeechServer

HEARD = "hello, can you hear me"
STT_S, AGENT_S = 0.3, 0.4
TIMING = attrs.evolve(PROMPT, head_s=0.04, synthesis_s=0.0)
NOISE = (*agent_faults.NOISE.split(), *tts_faults.NOISE.split(), "nginx")
"""Words of error bodies, headers and pages: nobody may hear or read them."""

StageSettings = SttSettings | AgentSettings | TtsSettings

TITLES = (
    "refused",
    "DNS failure",
    "TLS failure",
    "hang before headers",
    "hang after headers",
    "hang in the middle",
    "slow drip",
    "truncated body",
    "reset in mid-word",
    "wrong type",
    "HTML page",
    "401",
    "403",
    "404",
    "422",
    "429 with Retry-After",
    "500",
    "503",
    "200 empty",
    "huge line",
    "invalid UTF-8",
    "invalid JSON",
)


@attrs.define
class Backend:
    """One server of one kind. ``spoil`` is for what the server itself does wrong, and lasts until ``mend``."""

    stage: StageName
    kind: str
    server: ListeningServer
    settings: Callable[[str], StageSettings]
    """Makes settings that lead to a URL, the scheme, host and port of the server."""
    spoil: Callable[[str], None]
    mend: Callable[[], None]
    asked: Callable[[], int]
    """How often it was asked so far."""
    texts: Callable[[], str] = lambda: ""
    """All that it was ever told to speak."""

    @property
    def is_embedded(self) -> bool:
        """Tell whether it is behind the engines' unix socket."""
        return self.kind == EMBEDDED

    @property
    def has_tls(self) -> bool:
        """Tell whether its clients can speak TLS; Wyoming has none."""
        return not self.is_embedded and self.server.scheme != "tcp"


def titles_of(kind: str) -> tuple[str, ...]:
    """Return the faults that this kind can meet: a unix socket has no name to resolve and no TLS."""
    return tuple(title for title in TITLES if kind != EMBEDDED or title not in ("DNS failure", "TLS failure"))


# -- speech to text

_STT_TITLES = {
    "hang before headers": "hang before the upgrade",
    "hang after headers": "hang after",
    "truncated body": "truncated",
    "reset in mid-word": "reset each time",
    "HTML page": "html page",
    "429 with Retry-After": "429",
    "invalid UTF-8": "invalid utf-8",
    "invalid JSON": "invalid json",
}


def _stt(kind: str) -> Backend:
    name = "whisperx" if kind == EMBEDDED else kind
    form = stt_kinds.KINDS.get(name, stt_spoiling.WHISPERX)
    server = form.make_server(HearingScript())

    def mend() -> None:
        whisperx = WhisperXScript(HEARD, STT_S, extension=kind == EMBEDDED)
        stt_spoiling.mend(server, HearingScript(HEARD, STT_S), whisperx)

    mend()
    return Backend(
        "stt",
        kind,
        server,
        settings=lambda url: SttSettings() if kind == EMBEDDED else settings_of("stt", kind, url=url),
        spoil=lambda title: stt_spoiling.spoil(server, name, _STT_TITLES.get(title, title)),
        mend=mend,
        asked=lambda: stt_spoiling.times_asked(server),
    )


# -- agent

_BEGUN = agent_faults.kinds_saying("This much was said. And", " more.")
_WHOLE = agent_faults.kinds_saying("Hello there. ", "This is the answer.")
_HUGE = agent_faults.kinds_saying("x" * (2 << 20), "")
_AGENT_TITLES = {"hang in the middle": "hang after text", "truncated body": "truncated after text"}


async def _drip(kind: agent_faults.Kind, _request: Request, reply: Reply) -> None:
    """Send a byte a second: the first word would be there after a minute."""
    await reply.head(200, [("content-type", kind.content_type)])
    for byte in b"".join(kind.pieces):
        await trio.sleep(1.0)
        await reply.chunk(bytes([byte]))


def _agent_deed(name: str, title: str) -> Handler:
    deed = agent_faults.FAULTS[_AGENT_TITLES.get(title, title)].does
    if title == "slow drip":
        deed = _drip
    elif title == "huge line":
        deed = agent_faults.after(lambda _kind: _HUGE[name].pieces[0], "end")
    assert deed is not None
    return partial(deed, _BEGUN[name])


async def _answer_in_pieces(_request: Request, reply: Reply) -> None:
    kind = _WHOLE["http"]
    await trio.sleep(AGENT_S)
    await reply.head(200, [("content-type", kind.content_type)])
    for piece in kind.pieces:
        await reply.chunk(piece)


def _agent_server(name: str) -> HttpServer:
    plan = chat.answer(words(ANSWER), first_s=AGENT_S)
    match name:
        case "n8n":
            n8n = N8nServer(lambda _question: agent_plan(words(ANSWER), first_s=AGENT_S))
            n8n.paths.add(_BEGUN["n8n"].route)
            return n8n
        case "openai":
            return OpenAiServer(plan, key=agent_faults.KEY)
        case "ollama":
            return OllamaServer(plan, key=agent_faults.KEY)
        case "dify":
            return DifyServer(plan, key=agent_faults.KEY)
        case _:
            server = HttpServer()
            server.route("POST", _BEGUN[name].route, _answer_in_pieces)
            return server


def _agent(kind: str) -> Backend:
    name = "n8n" if kind == EMBEDDED else kind

    def settings(url: str) -> AgentSettings:
        return AgentSettings() if kind == EMBEDDED else agent_faults.settings_of(name, url)

    return _http("agent", kind, _agent_server(name), settings, partial(_agent_deed, name))


# -- text to speech

_TTS_TITLES = {
    "hang in the middle": "hang after a second of sound",
    "slow drip": "slow drip, 100 ms of sound a second",
    "truncated body": "truncated in the sound",
    "200 empty": "200, empty",
}


def _speech_deed(name: str, title: str) -> Handler:
    deed = tts_faults.FAULTS[_TTS_TITLES.get(title, title)].http
    assert deed is not None
    return partial(deed, tts_faults.KINDS[name])


def _tts(kind: str) -> Backend:
    if kind == "wyoming":
        return _wyoming_tts()
    name = "openai, wav" if kind == "openai" else "chatterbox"
    server = OpenAiSpeechServer(timing=TIMING) if kind == "openai" else ChatterboxServer(TIMING)

    def settings(url: str) -> TtsSettings:
        return TtsSettings() if kind == EMBEDDED else settings_of("tts", kind, url=url)

    return _http("tts", kind, server, settings, partial(_speech_deed, name))


def _wyoming_tts() -> Backend:
    server = WyomingSpeechServer(TIMING)

    def spoil(title: str) -> None:
        deed = tts_faults.FAULTS[_TTS_TITLES.get(title, title)].wyoming
        if (response := stt_spoiling.RESPONSES.get(title.removesuffix(" with Retry-After"))) and deed is None:
            deed = tts_faults.wyoming_raw(response)
        assert deed is not None
        server.spoilers.extend([deed] * 99)

    def asked() -> list[WyomingEvent]:
        return [event for event in server.received if event.kind == "synthesize"]

    return Backend(
        "tts",
        "wyoming",
        server,
        settings=lambda url: WyomingTtsSettings(url=url),
        spoil=spoil,
        mend=server.spoilers.clear,
        asked=lambda: len(asked()),
        texts=lambda: " ".join(event.text("text") for event in asked()),
    )


def _http(
    stage: StageName,
    kind: str,
    server: HttpServer,
    settings: Callable[[str], StageSettings],
    deed_of: Callable[[str], Handler],
) -> Backend:
    """Return a server over HTTP, which goes wrong as a whole: also its probes meet the fault."""

    def spoil(title: str) -> None:
        server.instead = deed_of(title)

    def mend() -> None:
        server.instead = None

    def asked() -> list[Request]:
        # Dify is told to stop by a POST.
        return [each for each in server.requests if each.method == "POST" and not each.path.endswith("/stop")]

    return Backend(
        stage,
        kind,
        server,
        settings,
        spoil,
        mend,
        asked=lambda: len(asked()),
        texts=lambda: b" ".join(request.body for request in asked()).decode("utf-8", "replace"),
    )


def _ours_last(stage: StageName) -> list[str]:
    return sorted(kind_names(stage), key=lambda kind: (kind == EMBEDDED, kind))


KINDS: dict[StageName, dict[str, Callable[[], Backend]]] = {
    "stt": {kind: partial(_stt, kind) for kind in _ours_last("stt")},
    "agent": {
        kind: partial(_agent, kind) for kind in sorted(kind_names("agent"), key=lambda kind: (kind == EMBEDDED, kind))
    },
    "tts": {kind: partial(_tts, kind) for kind in _ours_last("tts")},
}
"""Every kind that can be configured, embedded last."""


def cases() -> list[tuple[StageName, str, str]]:
    """Return (stage, kind, fault) for each that can happen."""
    return [(stage, kind, title) for stage, kinds in KINDS.items() for kind in kinds for title in titles_of(kind)]
