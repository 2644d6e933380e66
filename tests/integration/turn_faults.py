"""Whole turns against every fault of every stage: what the speaker hears, what the operator reads, what comes next.

``python -m tests.integration.turn_faults`` writes what came of them into docs/faults.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import pathlib
import random
import re
from collections.abc import Awaitable, Callable

import attrs
import numpy as np
import structlog
import trio
import trio.testing
from structlog.testing import capture_logs

from tests.support.hall import ANSWER, Hall, open_hall
from tests.support.voices import SentFrame, tone_pcm
from voxbridge.audio.opus import Decoder
from voxbridge.core.outages import Back, Down
from voxbridge.core.sound import HEARING_RATE_HZ, SPEECH_RATE_HZ, Pcm
from voxbridge.core.wav import streaming_header
from voxbridge.errors import StageName
from voxbridge.rehearsal.memnet import MemNet
from voxbridge.rehearsal.servers.chatterbox import hum
from voxbridge.rehearsal.servers.http import HttpServer, Reply, Request
from voxbridge.session.outages import TEXTS
from voxbridge.session.report import TurnReport
from voxbridge.stages.tts.chatterbox import SPEECH_PATH

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "faults.md"
NOISE = "quux swordfish"
"""Words of error bodies, headers and pages: nobody may hear or read them."""

APOLOGY_HZ = 3000.0
APOLOGY = Pcm(tone_pcm(0.5, APOLOGY_HZ), SPEECH_RATE_HZ)
"""Higher than anything the simulated voice hums, so that it can be told in what was sent."""

STAGES: tuple[StageName, ...] = ("stt", "agent", "tts")
_SEED = 7  # of the jitter of retries
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_PAGE = f"<!DOCTYPE html><html><body><h1>{NOISE}</h1></body></html>".encode()
_ERROR = json.dumps({"error": {"message": NOISE}}).encode()

Deed = Callable[[StageName, Request, Reply], Awaitable[None]]


# -- what a server does; ``begin`` is as far as a good one comes before the middle of its answer


def _item(kind: str, content: str | None = None) -> bytes:
    fields = {"type": kind, "content": content, "metadata": {"nodeId": "1", "nodeName": "AI Agent"}}
    return json.dumps({key: value for key, value in fields.items() if value is not None}).encode() + b"\n"


def frame(payload: bytes, *, opcode: int = 1) -> bytes:
    """Return a server's WebSocket frame (RFC 6455 section 5.2)."""
    size = len(payload)
    short = bytes([0x80 | opcode, size]) if size < 126 else bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big")
    return short + payload


MIDDLE: dict[StageName, bytes] = {
    "stt": frame(b'{"type": "partial", "text": "hello", "userId": "1"}'),
    "agent": _item("begin") + _item("item", "This much was said. And"),
    "tts": streaming_header() + hum("A second of sound or so", 0),
}
HUGE: dict[StageName, bytes] = {
    "stt": frame(b"x" * (2 << 20)),
    "agent": b'{"type":"item","content":"' + b"x" * (2 << 20),
    "tts": b"x" * (2 << 20),
}
BAD_UTF8: dict[StageName, bytes] = {
    "stt": frame(b'{"type": "final", "text": "\xff\xfe"}'),
    "agent": b'{"type":"item","content":"\xff\xfe"}\n',
    "tts": b"\xff\xfe",
}
BAD_JSON: dict[StageName, bytes] = {
    "stt": frame(b"{oops"),
    "agent": _item("begin") + f"{{{NOISE}\n".encode(),
    "tts": b"{oops",
}
WRONG_TYPE: dict[StageName, bytes] = {
    "stt": frame(b"RIFF\x24\x00\x00\x00WAVE", opcode=2),
    "agent": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "tts": json.dumps({"text": NOISE}).encode(),
}


async def _head(stage: StageName, request: Request, reply: Reply) -> None:
    if stage == "stt":
        key = request.headers.get("sec-websocket-key", "").encode()
        accept = base64.b64encode(hashlib.sha1(key + _WEBSOCKET_GUID).digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        await reply.raw(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    else:
        kind = "application/json; charset=utf-8" if stage == "agent" else "audio/wav"
        await reply.head(200, [("content-type", kind), ("x-note", NOISE)])


async def _write(stage: StageName, reply: Reply, data: bytes) -> None:
    await (reply.raw(data) if stage == "stt" else reply.chunk(data))


def status(code: int, body: bytes = _ERROR, kind: str = "application/json", **headers: str) -> Deed:
    async def deed(_stage: StageName, _request: Request, reply: Reply) -> None:
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        await reply.send(code, body, kind, [*fields, ("x-note", NOISE)])

    return deed


def begun(data: Callable[[StageName], bytes], then: str) -> Deed:
    """Send the head and some bytes, then cut, reset, hang or end."""

    async def deed(stage: StageName, request: Request, reply: Reply) -> None:
        await _head(stage, request, reply)
        await _write(stage, reply, data(stage))
        await trio.sleep(0.1)
        await {"cut": reply.cut, "reset": reply.reset, "hang": reply.hang, "end": reply.end}[then]()

    return deed


async def hang(_stage: StageName, _request: Request, reply: Reply) -> None:
    await reply.hang()


async def drip(stage: StageName, request: Request, reply: Reply) -> None:
    await _head(stage, request, reply)
    for byte in MIDDLE[stage] * 20:
        await trio.sleep(1.0)
        await _write(stage, reply, bytes([byte]))


def _half(stage: StageName) -> bytes:
    return MIDDLE[stage][: len(MIDDLE[stage]) // 2]


async def wrong_type(stage: StageName, request: Request, reply: Reply) -> None:
    if stage == "stt":
        await begun(WRONG_TYPE.__getitem__, "hang")(stage, request, reply)
    else:
        kind = {"agent": "audio/wav", "tts": "application/json"}[stage]
        await reply.send(200, WRONG_TYPE[stage], kind)


FAULTS: dict[str, Deed | None] = {
    "refused": None,
    "DNS failure": None,
    "TLS failure": None,
    "hang before headers": hang,
    "hang after headers": begun(lambda _stage: b"", "hang"),
    "hang in the middle": begun(MIDDLE.__getitem__, "hang"),
    "slow drip": drip,
    "truncated body": begun(MIDDLE.__getitem__, "cut"),
    "reset in mid-word": begun(lambda stage: MIDDLE[stage] + _half(stage)[:20], "reset"),
    "wrong type": wrong_type,
    "HTML page": status(200, _PAGE, "text/html"),
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "422": status(422),
    "429 with Retry-After": status(429, retry_after="2"),
    "500": status(500),
    "503": status(503, _PAGE, "text/html"),
    "200 empty": status(200, b""),
    "huge line": begun(HUGE.__getitem__, "end"),
    "invalid UTF-8": begun(BAD_UTF8.__getitem__, "end"),
    "invalid JSON": begun(BAD_JSON.__getitem__, "end"),
}


# -- how one is played


@attrs.frozen
class Played:
    """What came of one case. ``apology_s`` counts from the decision that the user had finished."""

    report: TurnReport
    again: TurnReport | None
    requests: int
    heard_apology: bool
    apology_s: float | None
    posted: tuple[str, ...]
    posted_back: tuple[str, ...]
    asked_to_speak: tuple[str, ...]
    logged: str

    @property
    def heard(self) -> str:
        """Say what the speaker heard."""
        parts = [f"“{self.report.spoken}”"] if self.report.spoken else []
        if self.heard_apology:
            parts.append("the apology")
        return ", then ".join(parts) or "nothing"


def hears_apology(frames: list[SentFrame]) -> bool:
    """Tell whether the apology's tone was sent."""
    decoder = Decoder(rate_hz=HEARING_RATE_HZ)
    samples = np.frombuffer(b"".join(decoder.decode(frame.opus) for frame in frames), "<i2").astype(float)
    size = HEARING_RATE_HZ // 10
    tones = 0
    for begin in range(0, len(samples) - size + 1, size):
        power = np.abs(np.fft.rfft(samples[begin : begin + size] * np.hanning(size)))
        tones += bool(power.max() > 1e5) and abs(power.argmax() * 10 - APOLOGY_HZ) < 50
    return tones >= 3


class _Fault:
    """The fault of one stage, while it lasts: the real server is gone and another one has its address."""

    def __init__(self, hall: Hall, stage: StageName, title: str) -> None:
        self._hall, self._stage, self._title = hall, stage, title
        self._real = {"stt": hall.stt, "agent": hall.agent, "tts": hall.tts}[stage]
        self.rogue = HttpServer()
        self._scope = trio.CancelScope()
        self._over = trio.Event()

    async def begin(self) -> None:
        net, name = self._hall.net, f"{self._stage}.test"
        assert net is not None
        if self._title == "DNS failure":
            del net.hosts[name]
        if self._title == "TLS failure":
            return
        await self._real.stop()
        if (deed := FAULTS[self._title]) is not None:
            await self._hall.nursery.start(self._serve, deed)

    async def _serve(self, deed: Deed, task_status: trio.TaskStatus[None]) -> None:
        async def handler(request: Request, reply: Reply) -> None:
            await deed(self._stage, request, reply)

        for method, path in (("GET", "/"), ("POST", "/webhook/test"), ("POST", f"{SPEECH_PATH}")):
            self.rogue.route(method, path, handler)
        with self._scope:
            async with self.rogue.running("127.0.0.1", self._real.port):
                task_status.started()
                await trio.sleep_forever()
        self._over.set()

    async def end(self) -> None:
        assert self._hall.net is not None
        self._hall.net.hosts[f"{self._stage}.test"] = "127.0.0.1"
        if FAULTS[self._title] is not None:
            self._scope.cancel(reason="the fault is over")
            await self._over.wait()
        await self._real.start()


async def play(stage: StageName, title: str) -> Played:
    """Live one turn with the fault and one after it, in the same room."""
    random.seed(_SEED)
    tls = stage if title == "TLS failure" else ""
    with capture_logs() as lines:
        async with open_hall(net=MemNet(), names=True, tls=tls, apology=APOLOGY) as hall:
            fault = _Fault(hall, stage, title)
            await fault.begin()
            ada = hall.port.join(1)
            await trio.sleep(0.5)
            await hall.say(ada)
            report = await hall.wait_report(0)
            await trio.sleep(0.1)
            heard_apology = hears_apology(hall.port.frames)
            posted = tuple(text for _, text in hall.port.posted)
            # A voice's connection is opened in advance by a GET, which asks for no speech.
            requests = sum(stage != "tts" or request.method == "POST" for request in fault.rogue.requests)
            asked = [speech.fields.text for speech in hall.tts.spoken]
            again = None
            if not tls:  # an address of the wrong kind is mended in the configuration
                await fault.end()
                await trio.sleep(0.5)
                await hall.say(ada)
                again = await hall.wait_report(1)
                await trio.sleep(0.1)
            back = tuple(text for _, text in hall.port.posted)[len(posted) :]
    first_audio = report.first_audio
    return Played(
        report=report,
        again=again,
        requests=requests,
        heard_apology=heard_apology,
        apology_s=None if first_audio is None or report.spoken else first_audio.ms / 1000,
        posted=posted,
        posted_back=back,
        asked_to_speak=tuple(asked),
        logged=json.dumps(lines, default=str),
    )


def notice_of(stage: StageName) -> str:
    return TEXTS[Down, stage]


def back_of(stage: StageName) -> str:
    return TEXTS[Back, stage]


# -- the page

_TITLES: dict[StageName, str] = {
    "stt": "Speech to text (whisperx)",
    "agent": "Agent (n8n)",
    "tts": "Text to speech (chatterbox)",
}


def page() -> str:
    """Return docs/faults.md: what came of every case, told from what was seen."""
    lines = [
        "# What a user meets when something fails",
        "",
        "Made by `python -m tests.integration.turn_faults` from whole turns that the tests play in virtual time, with",
        "the default settings and no backup; a test holds this page to them. The agent would have answered",
        f"“{ANSWER}” “Sound after” counts from the decision that the user had finished to the",
        "first sound, which is the apology's where no answer is heard. “Requests” are those that reached the faulty",
        "server in that turn, new connections for speech to text.",
        "",
        "- **notice**: one line in the channel when the outage begins, and one when it is over; later turns of the",
        "  same outage post none. **answer in the chat**: the text that could not be spoken.",
        "- With `[[stt.backup]]`, `[[agent.backup]]` or `[[tts.backup]]` the backup serves instead, unless part of the",
        "  answer has been heard.",
        "- The turn after the fault was an ordinary one in every case, with no restart. (A TLS failure is one of the",
        "  address: it is mended in the configuration.)",
        "- What each backend's kind does by itself is told in [agent-faults.md](agent-faults.md) and",
        "  [tts-faults.md](tts-faults.md).",
    ]
    for stage in STAGES:
        lines += ["", f"## {_TITLES[stage]}", ""]
        lines += ["| fault | the speaker hears | sound after | in the channel | requests | the operator reads |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [row(stage, title, _played(stage, title)) for title in FAULTS]
    return "\n".join([*lines, ""])


def _played(stage: StageName, title: str) -> Played:
    async def run() -> Played:
        return await play(stage, title)

    return trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


def row(stage: StageName, title: str, played: Played) -> str:
    """Return the page's line for one case."""
    report = played.report
    sound_s = "" if report.first_audio is None else f"{report.first_audio.ms / 1000:.1f} s"
    told = ["notice" if text == notice_of(stage) else "answer in the chat" for text in played.posted]
    error = (report.error or "").replace(NOISE, "*(the server's words)*").replace("|", "\\|")
    error = re.sub(r"(not trusted) \(.*\)", r"\1 (OpenSSL's reason)", error)  # it words it differently by version
    cells = (title, played.heard, sound_s, ", ".join(sorted(told)), str(played.requests), error)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
