"""Speech to text by ``POST /v1/audio/transcriptions``: OpenAI itself, speaches, faster-whisper-server and the like.

One upload per utterance, made when the speaker has finished; no partials, nothing to keep alive but the client's
connection pool. An upload that fails before the server has answered anything is made again as often as the time allows;
one that the server itself failed is repeated twice at most.
"""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import ssl
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, NoReturn, Self

import attrs
import structlog
import trio

from voxbridge.config.kinds import Kind
from voxbridge.config.rules import own_kind
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import SttSettings, api_key, proxy, server_url
from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.core.wire import transcriptions
from voxbridge.core.wire.json_text import Malformed
from voxbridge.core.wire.quote import Hidden, is_html
from voxbridge.errors import StageProtocolError, StageTimeout
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.http import Client, Response, open_client, open_response, raise_for_status, read_body
from voxbridge.stages.stt.per_utterance import TakeStage
from voxbridge.stages.stt.settings import expected_words, first_part, hints, member_hints, model
from voxbridge.stages.stt.takes import OnPartial, bearer

log = structlog.get_logger(__name__)

_NAME = "openai"
_PATH = "/audio/transcriptions"
_MODEL = "whisper-1"
_ANSWER_BYTES_MAX = 1 << 20
_CLOSE_S = 1.0


@attrs.frozen(kw_only=True)
class OpenAiSttSettings(SttSettings):
    """The settings of this kind."""

    finds_language: ClassVar[bool] = True

    kind: str = own_kind("openai")
    url: str = server_url("The server.", "http", "https", example="https://api.openai.com/v1")
    api_key: Secret = api_key(was="token")
    proxy: str = proxy()
    model: str = model()
    hints: tuple[str, ...] = hints()
    member_hints: bool = member_hints()


def openai_stage(settings: OpenAiSttSettings, *, tls: ssl.SSLContext | None = None) -> TakeStage:
    """Make the stage. Raises: ConfigError."""
    return TakeStage(_NAME, OpenAi(settings, tls=tls), limit_s=settings.limit_ms / 1000)


def base_url(url: str) -> str:
    """Return the URL to which routes are added, from whatever a user may have copied into the configuration."""
    url = url.strip().rstrip("/").removesuffix(_PATH)
    return url if url.rpartition("/")[2].startswith("v") and url.rpartition("/")[2][1:].isdecimal() else f"{url}/v1"


class OpenAi:
    """A server with OpenAI's route; see ``Connector``."""

    connects_ahead = False
    has_connection = is_greeted = False

    def __init__(self, settings: OpenAiSttSettings, *, tls: ssl.SSLContext | None = None) -> None:
        """Take the settings. Raises: ConfigError."""
        self._settings = settings
        self._connect_limit_s = settings.connect_limit_ms / 1000
        self._hidden = self._hide(settings.hints)
        self._is_model_listed = True  # what was told last
        self._client = open_client(
            "stt",
            base_url(settings.url),
            proxy=settings.proxy,
            headers=bearer(settings.api_key),
            read_backstop_s=settings.limit_ms / 1000 + 10,
            verify=tls,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        with trio.move_on_after(_CLOSE_S, shield=True):
            await self._client.aclose()

    @asynccontextmanager
    async def connect(self, speaker: Speaker, on_partial: OnPartial | None) -> AsyncIterator[OpenAiTake]:  # noqa: ARG002
        """Begin an upload; the server hears of it at the end."""
        hints = expected_words(self._settings, speaker)
        yield OpenAiTake(self._client, self._fields(speaker.language, hints), self._hide(hints))

    def _hide(self, hints: Sequence[str]) -> Hidden:
        """Name what a server's complaint may repeat."""
        return Hidden(secrets=(self._settings.api_key.reveal(),), speech=", ".join(hints))

    def _fields(self, language: str, hints: Sequence[str]) -> dict[str, str]:
        model = self._settings.model or _MODEL
        fields = {"model": model}
        if (code := first_part(language)) is not None:
            fields["language"] = code
        # OpenAI's gpt-4o-transcribe models refuse verbose_json, which alone tells how sure the model is.
        fields["response_format"] = "verbose_json" if "whisper" in model.lower() else "json"
        if hints:
            fields["prompt"] = ", ".join(hints)
        return fields

    async def probe(self) -> str:
        """Ask for the list of models. Raises: StageError."""
        with trio.move_on_after(self._connect_limit_s):
            async with open_response(self._client, "stt", "GET", "/models", backend=_NAME) as response:
                if response.status_code in (404, 405):
                    return f"an HTTP server answers at {self._client.base_url}; it lists no models"
                await raise_for_status(response, "stt", backend=_NAME, hidden=self._hidden)
                body = await _read(response)
            if is_html(body.decode("utf-8", "replace")):
                raise StageProtocolError("stt", f"a web page answers there: {_CHECK}", backend=_NAME)
            return f"a transcription server answers at {self._client.base_url}{self._judge_model(body)}"
        raise StageTimeout("stt", "connect", self._connect_limit_s, backend=_NAME)

    def _judge_model(self, models: bytes) -> str:
        """Say that the configured model is not in the list, which is no error.

        speaches takes "whisper-1" for the model that it stands for, WhisperLiveKit any name (0.2.26, seen); where it is
        one, the first upload is refused in words.
        """
        model = self._settings.model
        is_listed = not model or model.encode() in models
        if not is_listed and self._is_model_listed:
            log.warning("the model is not listed by the transcription server", model=model)
        self._is_model_listed = is_listed
        return "" if is_listed else f"; it does NOT LIST the model {model!r}: if it refuses uploads, change stt.model"


_CHECK = "check stt.url"


class OpenAiTake:
    """One upload; see ``Take``."""

    def __init__(self, client: Client, fields: dict[str, str], hidden: Hidden) -> None:
        self._client, self._fields, self._hidden = client, fields, hidden
        self._pcm = bytearray()
        self._has_ended = trio.Event()
        self.is_told_all = False

    async def send(self, pcm: bytes) -> None:
        """Keep a piece."""
        self._pcm += pcm
        await trio.lowlevel.checkpoint()

    async def end(self, *, is_voiced: bool = False) -> None:  # noqa: ARG002 -- there is always an answer
        """Let the upload begin."""
        self._has_ended.set()
        await trio.lowlevel.checkpoint()

    async def listen(self) -> Transcript:
        """Upload, and read the answer."""
        await self._has_ended.wait()
        upload = {"file": ("speech.wav", _wav(bytes(self._pcm)), "audio/wav")}
        async with open_response(
            self._client, "stt", "POST", _PATH, backend=_NAME, data=self._fields, files=upload
        ) as response:
            self.is_told_all = True
            await raise_for_status(response, "stt", backend=_NAME, hidden=self._hidden)
            body = await _read(response)
        heard = transcriptions.parse(body)
        if isinstance(heard, Malformed):
            page = is_html(body.decode("utf-8", "replace"))
            reason = "a web page" if page else heard.reason
            raise StageProtocolError("stt", f"the answer is {reason}: {_CHECK}", backend=_NAME)
        return Transcript(
            heard.text, confidence=heard.confidence, duration_s=heard.duration_s, no_speech=heard.no_speech
        )

    async def keep_alive(self) -> NoReturn:
        """Do nothing: there is no connection to keep."""
        await trio.sleep_forever()
        raise AssertionError("unreachable")


async def _read(response: Response) -> bytes:
    body = bytearray()

    async def take(chunk: bytes) -> bool:  # read_body awaits it
        body.extend(chunk)
        return len(body) > _ANSWER_BYTES_MAX

    if not await read_body(response, take) and len(body) > _ANSWER_BYTES_MAX:
        raise StageProtocolError("stt", "the answer is larger than 1 MiB", backend=_NAME)
    return bytes(body)


def _wav(pcm: bytes) -> bytes:
    """Put the 44-byte header of 16 kHz mono s16le in front (RIFF, WAVE format 1)."""
    fmt = struct.pack("<HHIIHH", 1, 1, HEARING_RATE_HZ, HEARING_RATE_HZ * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(pcm))
        + b"WAVEfmt \x10\0\0\0"
        + fmt
        + b"data"
        + struct.pack("<I", len(pcm))
        + pcm
    )


KIND = Kind(OpenAiSttSettings, openai_stage)
