"""One link after another, for one guild: made in the order in which they are ordered, each supervised by itself."""

from __future__ import annotations

import math
from collections.abc import Callable

import structlog
import trio

from voxbridge.core.call.facts import LinkEnded, LinkUp, MakeLink
from voxbridge.core.call.rejoin import Drop
from voxbridge.core.ids import GuildId
from voxbridge.discord.island import Island
from voxbridge.discord.link import VoiceLink

_log = structlog.get_logger(__name__)


class Links:
    """``newest`` is the link that is being made or stands. All methods but ``run`` are synchronous."""

    def __init__(
        self,
        guild_id: GuildId,
        island: Island,
        make: Callable[[MakeLink], VoiceLink],
        take: Callable[[LinkUp | LinkEnded], None],
    ) -> None:
        self.newest: VoiceLink | None = None
        self._guild_id, self._island, self._make, self._take = guild_id, island, make, take
        self._scope = trio.CancelScope()
        # Few in number, and none may be lost: unbounded.
        self._order, self._orders = trio.open_memory_channel[tuple[MakeLink, trio.CancelScope]](math.inf)

    def order(self, order: MakeLink) -> None:
        """Have a link made."""
        self._scope = trio.CancelScope()
        self._order.send_nowait((order, self._scope))

    def cut(self) -> None:
        """Let nothing leave over the newest link any more, at once, and let go of it."""
        self._scope.cancel("left")
        if self.newest is not None:
            self.newest.shut()
            self.newest = None

    async def run(self) -> None:
        """Make what is ordered, until cancelled."""
        async with trio.open_nursery() as nursery:
            async for order, scope in self._orders:
                nursery.start_soon(self._hold, order, scope)

    async def _hold(self, order: MakeLink, scope: trio.CancelScope) -> None:
        drop = Drop("unsound", "broken off")
        try:
            with scope:
                await trio.lowlevel.checkpoint()
                link = self.newest = self._make(order)
                drop = await link.hold(self._island, lambda: self._take(LinkUp(order.number)))
        except Exception as exc:  # noqa: BLE001 - the supervisor of one link: the next one is made anew
            _log.exception("a voice connection failed", guild_id=str(self._guild_id), error=type(exc).__name__)
        finally:
            self._take(LinkEnded(order.number, drop))
