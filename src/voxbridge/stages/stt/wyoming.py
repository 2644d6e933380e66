"""Speech to text over the Wyoming protocol (wyoming-faster-whisper and its kin): a TCP connection per utterance.

The server closes after each transcript, so the next connection is made ahead of time; one that waits costs it nothing.
Sound goes out as it comes, ``audio-stop`` ends it, and the one answer is ``transcript``. There are no partials.
Wyoming has no ping: a peer that is cut off is noticed when a final does not come in time, or by TCP itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar, NoReturn, Self

import attrs
import trio

from voxbridge.config.kinds import Kind
from voxbridge.config.rules import own_kind
from voxbridge.config.stages import SttSettings, server_url
from voxbridge.core.sound.pcm import HEARING_RATE_HZ
from voxbridge.core.wire.wyoming import AudioFormat, WyomingEvent, entries
from voxbridge.errors import StageProtocolError, StageRefused, StageTimeout
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.stt.per_utterance import TakeStage
from voxbridge.stages.stt.settings import first_part, model
from voxbridge.stages.stt.takes import OnPartial
from voxbridge.stages.wyoming import WyomingAddress, WyomingLine

_FORMAT = AudioFormat(HEARING_RATE_HZ, 2, 1).data


@attrs.frozen(kw_only=True)
class WyomingSttSettings(SttSettings):
    """The settings of this kind."""

    finds_language: ClassVar[bool] = True

    kind: str = own_kind("wyoming")
    url: str = server_url("The server.", "tcp", example="tcp://localhost:10300")
    model: str = model()


def wyoming_stage(settings: WyomingSttSettings) -> TakeStage:
    """Make the stage. Raises: ConfigError."""
    return TakeStage("wyoming", Wyoming(settings), limit_s=settings.limit_ms / 1000)


class Wyoming:
    """A Wyoming server; see ``Connector``."""

    connects_ahead = True
    has_connection = True
    is_greeted = False

    def __init__(self, settings: WyomingSttSettings) -> None:
        """Take the settings. Raises: ConfigError."""
        self._address = WyomingAddress.parse("stt", settings.url)
        self._model = settings.model
        self._connect_limit_s = settings.connect_limit_ms / 1000

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave nothing: every line closes its own connections."""

    @asynccontextmanager
    async def connect(self, speaker: Speaker, on_partial: OnPartial | None) -> AsyncIterator[WyomingTake]:  # noqa: ARG002
        """Connect; nothing is said until somebody speaks. Raises: StageError."""
        line = await self._dial()
        try:
            yield WyomingTake(line, _request(self._model, speaker.language))
        finally:
            await line.close()

    async def _dial(self) -> WyomingLine:
        with trio.move_on_after(self._connect_limit_s):
            return await WyomingLine.connect(self._address, "stt", backend="wyoming")
        raise StageTimeout("stt", "connect", self._connect_limit_s, backend="wyoming")

    async def probe(self) -> str:
        """Ask what the server can do, and whether it has our model. Raises: StageError."""
        with trio.move_on_after(self._connect_limit_s) as waiting:
            line = await self._dial()
            try:
                await line.send(WyomingEvent("describe"))
                while (event := await line.receive()).kind != "info":
                    pass
            finally:
                await line.close()
        if waiting.cancelled_caught:
            raise StageTimeout("stt", "connect", self._connect_limit_s, backend="wyoming")
        where = f"{self._address.host}:{self._address.port}"
        models = _models(event)
        if models is None:
            detail = f"the Wyoming server at {where} does not offer speech to text: check stt.url"
            raise StageRefused("stt", 0, detail, backend="wyoming")
        if self._model and models and self._model not in models:
            known = ", ".join(sorted(models))
            detail = f"the Wyoming server at {where} has no model {self._model}; it has {known}"
            raise StageRefused("stt", 0, detail, backend="wyoming")
        return f"a Wyoming server with speech to text answers at {where}"


def _request(model: str, language: str) -> WyomingEvent:
    wanted = {"language": first_part(language), "name": model}
    return WyomingEvent("transcribe", {key: value for key, value in wanted.items() if value})


def _models(info: WyomingEvent) -> set[str] | None:
    """Return the names of the speech-to-text models, or None if there is no such service."""
    services = info.data.get("asr")
    if not isinstance(services, list) or not services:
        return None
    return {name for model in entries(services, "models") if isinstance(name := model.get("name"), str)}


class WyomingTake:
    """One connection, for one utterance; see ``Take``."""

    def __init__(self, line: WyomingLine, request: WyomingEvent) -> None:
        self._line, self._request = line, request
        self._has_begun = False
        self.is_told_all = False

    async def send(self, pcm: bytes) -> None:
        """Send a piece, the request before the first one."""
        chunk = WyomingEvent("audio-chunk", _FORMAT, pcm)
        if self._has_begun:
            await self._line.send(chunk)
        else:
            self._has_begun = True
            await self._line.send(self._request, WyomingEvent("audio-start", _FORMAT), chunk)

    async def end(self, *, is_voiced: bool = False) -> None:  # noqa: ARG002 -- there is always an answer
        """Say that this was all."""
        await self._line.send(WyomingEvent("audio-stop"))
        self.is_told_all = True

    async def listen(self) -> Transcript:
        """Wait for the transcript."""
        while (event := await self._line.receive()).kind != "transcript":
            if event.kind == "error":
                detail = "the server failed to transcribe the utterance; its own log says why"
                raise StageProtocolError("stt", detail, backend="wyoming")
        if not isinstance(event.data.get("text"), str):
            raise StageProtocolError("stt", "the server sent a transcript without a text", backend="wyoming")
        return Transcript(" ".join(event.text("text").split()))  # segments are joined with their own spaces (seen)

    async def keep_alive(self) -> NoReturn:
        """Do nothing: the protocol has no ping."""
        await trio.sleep_forever()
        raise AssertionError("unreachable")


KIND = Kind(WyomingSttSettings, wyoming_stage)
