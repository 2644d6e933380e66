"""Speech to text with one connection per utterance: what all kinds but ``whisperx`` share.

    TakeStage --- open ---> SttLine --- connects through ---> Connector --- makes ---> Take
    one per backend         one per speaker                    one per backend          one per utterance

Most servers end a conversation with the transcript, or can only be made to forget by hanging up. So nothing is kept
between utterances: a final cannot be mistaken for another's, and giving up is hanging up. Where a waiting connection
costs the server nothing, the next one is opened ahead of time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NoReturn, Protocol, Self

import trio

from voxbridge.config.secrets import Secret
from voxbridge.core.wire.json_text import Malformed, parse_json
from voxbridge.errors import StageError, StageProtocolError, StageRefused, StageUnavailable
from voxbridge.stages.contracts import Speaker, Transcript
from voxbridge.stages.ws import WebSocket

OnPartial = Callable[[str], None]
"""Takes the words of the utterance so far, all of them, whatever the server's own partials are."""

_KEEPALIVE_S = 20.0
# A pong may be late by a whole transcription, since some servers run the model on their event loop.
_PONG_GRACE_S = 5.0


class Take(Protocol):
    """One open connection, which hears one utterance.

    Three tasks use it: one sends (``send``, then ``end``), one is in ``listen``, one in ``keep_alive``; all from the
    opening on, also while nobody speaks yet. A cancel of any of them is followed by the close of the connection.
    """

    @property
    def is_told_all(self) -> bool:
        """Tell whether the server has the whole utterance and knows it: a failure from then on is its own."""
        ...

    async def send(self, pcm: bytes) -> None:
        """Send a piece of the utterance: s16le, 16 kHz, mono, 20 to 100 ms. Raises: StageError."""

    async def end(self, *, is_voiced: bool = False) -> None:
        """Say that the utterance is over. Raises: StageError.

        ``is_voiced``: somebody did speak, so ``listen`` must not take it for silence that the server says nothing.
        """

    async def listen(self) -> Transcript:
        """Read until the final transcript is in, and return it. Raises: StageError."""
        ...

    async def keep_alive(self) -> None:
        """Do what keeps the connection up, and notice a peer that is gone. Raises: StageError."""


class Connector(Protocol):
    """What a kind of backend does in its own way."""

    connects_ahead: bool
    """A connection that waits for the next utterance costs the server nothing."""
    has_connection: bool
    """``connect`` reaches the server. Without that, only an answer shows that it is there."""
    is_greeted: bool
    """The server itself answers when it is connected to. Without that, one that hangs takes connections as well."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    def connect(self, speaker: Speaker, on_partial: OnPartial | None) -> AbstractAsyncContextManager[Take]:
        """Open a connection, ready to hear; bounded in time. The words to expect are those of now.

        Entering raises: StageError.
        """
        ...

    async def probe(self) -> str:
        """See ``Stage.probe``."""
        ...


def bearer(token: Secret) -> dict[str, str]:
    """Return the header that carries a token, if there is one."""
    return {"Authorization": f"Bearer {token.reveal()}"} if token else {}


async def ping_regularly(ws: WebSocket, backend: str, *, limit_s: float) -> NoReturn:
    """Ask every 20 s whether the peer is still there. Raises: StageUnavailable when it does not say so."""
    while True:
        await trio.sleep(_KEEPALIVE_S)
        await must_answer(ws, backend, limit_s=limit_s + _PONG_GRACE_S)


async def must_answer(ws: WebSocket, backend: str, *, limit_s: float) -> None:
    """Send a ping and wait for its pong. Raises: StageUnavailable."""
    with trio.move_on_after(limit_s) as waiting:
        await ws.ping()
    if waiting.cancelled_caught:
        detail = "the server has stopped answering: it hangs, or the network is cut"
        raise StageUnavailable("stt", detail, backend=backend)


def why_closed(ws: WebSocket, error: StageUnavailable, *, backend: str) -> StageError:
    """Return what the close of a connection means: ``error`` itself unless its code says that we are refused."""
    # WhisperLiveKit's codes, of both its protocols. Its 4401 precedes the upgrade, so that uvicorn makes HTTP 403 of it
    # (0.2.26, seen); a server that looks at the token behind the upgrade can say it.
    match ws.close_code:
        case 4401 as code:
            detail = f"the server refuses our credentials (close code {code}): check stt.api_key"
        case 4400 as code:
            detail = f"the server refuses our parameters (close code {code}): check stt.url, stt.model and stt.language"
        case _:
            return error
    return StageRefused("stt", code, detail, backend=backend)


def says_nothing(backend: str) -> StageProtocolError:
    """Return the error for a server that is done with what was clearly voiced and has said nothing at all about it."""
    detail = "the server sent nothing for an utterance with clear speech in it; its own log may say why"
    return StageProtocolError("stt", detail, backend=backend)


def json_object(message: str | bytes, backend: str) -> dict[str, object]:
    """Read a message that must be a JSON object. Raises: StageProtocolError, whose text holds nothing of it."""
    parsed = parse_json(message.encode() if isinstance(message, str) else message)
    if isinstance(parsed, Malformed):
        detail = f"the server sent a message that is {parsed.reason}: check stt.kind and stt.url"
        raise StageProtocolError("stt", detail, backend=backend)
    if not isinstance(parsed.value, dict):
        detail = "the server sent JSON that is not this protocol's: check stt.kind and stt.url"
        raise StageProtocolError("stt", detail, backend=backend)
    return parsed.value
