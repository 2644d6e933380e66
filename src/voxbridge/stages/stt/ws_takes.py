"""What the kinds of speech to text share that have one WebSocket per utterance; see ``takes``."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, NoReturn, Protocol, Self

import attrs

from voxbridge.config.secrets import Secret
from voxbridge.stages.stt.takes import OnPartial, bearer, ping_regularly
from voxbridge.stages.ws import WebSocket, WsAddress, open_websocket


class WsSettings(Protocol):
    """The settings that these kinds share."""

    @property
    def url(self) -> str:
        """Return where the server is."""
        ...

    @property
    def api_key(self) -> Secret:
        """Return the key that it asks for."""
        ...

    @property
    def limit_ms(self) -> int:
        """Return the limit of a final transcript."""
        ...

    @property
    def connect_limit_ms(self) -> int:
        """Return the limit of a connection."""
        ...


class WsConnector:
    """A server at ``stt.url``: the parts of a ``Connector`` that are alike."""

    backend: ClassVar[str]
    has_connection = is_greeted = True

    def __init__(self, settings: WsSettings, *, tls: ssl.SSLContext | None = None) -> None:
        """Take the settings. Raises: ConfigError."""
        self._address = WsAddress.parse("stt", settings.url)
        self._api_key, self._tls = settings.api_key, tls
        self._limit_s, self._connect_limit_s = settings.limit_ms / 1000, settings.connect_limit_ms / 1000

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Leave nothing: every line closes its own connections."""

    def _dial(self, target: str) -> AbstractAsyncContextManager[WebSocket]:
        """Connect; ``target`` is path and query. Raises: StageError."""
        return open_websocket(
            attrs.evolve(self._address, target=target),
            stage="stt",
            backend=self.backend,
            limit_s=self._connect_limit_s,
            tls=self._tls,
            headers=self._headers(),
        )

    def _headers(self) -> Mapping[str, str]:
        return bearer(self._api_key)


class WsTake:
    """One connection, for one utterance: the parts of a ``Take`` that are alike."""

    backend: ClassVar[str]

    def __init__(self, ws: WebSocket, on_partial: OnPartial | None, *, limit_s: float) -> None:
        self._ws, self._on_partial, self._limit_s = ws, on_partial, limit_s
        self.is_told_all = False

    async def keep_alive(self) -> NoReturn:
        """Ping."""
        await ping_regularly(self._ws, self.backend, limit_s=self._limit_s)
        raise AssertionError("unreachable")
