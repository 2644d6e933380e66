"""Which request goes to which handler of Discord's REST API, version 10; a handler is one step of the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from voxbridge.rehearsal.discord.http import Request, Response
from voxbridge.rehearsal.discord.world import Bot

if TYPE_CHECKING:
    from voxbridge.rehearsal.discord.rest import Rest

UNAUTHORIZED = Response(401, {"message": "401: Unauthorized", "code": 0})
NOT_FOUND = Response(404, {"message": "404: Not Found", "code": 0})
NO_CHANNEL = Response(404, {"message": "Unknown Channel", "code": 10003})
NO_MESSAGE = Response(404, {"message": "Unknown Message", "code": 10008})
NO_MEMBER = Response(404, {"message": "Unknown Member", "code": 10007})
NO_GUILD = Response(404, {"message": "Unknown Guild", "code": 10004})


@attrs.frozen
class Ask:
    """One authorised request on its way to its handler; ``args`` are the variable parts of its path."""

    rest: Rest
    bot: Bot
    request: Request
    args: tuple[str, ...]


Handler = Callable[[Ask], Response]


class Routes:
    """The handlers of one part of the API."""

    def __init__(self) -> None:
        self._known: list[tuple[str, re.Pattern[str], Handler]] = []

    def on(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Enter the decorated handler for a method and a path with {variable} parts."""
        pattern = re.compile("^" + re.sub(r"\{\w+\}", r"([^/]+)", path) + "$")

        def add(handler: Handler) -> Handler:
            self._known.append((method, pattern, handler))
            return handler

        return add

    def handler_of(self, method: str, path: str) -> tuple[Handler, tuple[str, ...]] | None:
        """Find who answers a request, and the variable parts of its path."""
        for known, pattern, handler in self._known:
            if known == method and (match := pattern.match(path)):
                return handler, match.groups()
        return None
