"""Where Discord's names lead: the ``[discord.network]`` override, and the TLS trust that goes with it."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from voxbridge.config.discord import NetworkSettings
from voxbridge.errors import ConfigError


def parse_address(value: str) -> tuple[str, int]:
    """Split ``address:port``, with an IPv6 address in brackets or not.

    Raises:
        ConfigError: There is no address or no port.
    """
    address, _, port = value.rpartition(":")
    if not address or not port.isdecimal():
        raise ConfigError(
            "not an address with a port", key="discord.network.hosts", value=value, allowed="address:port"
        )
    return address.strip("[]"), int(port)


class OverrideResolver(AbstractResolver):
    """Answers for the names in ``hosts`` (exact, then the longest ``*.suffix``); asks the system for the rest.

    aiohttp connects to the *port of the answer*, so one name may lead to another port than the URL says.
    """

    def __init__(self, hosts: dict[str, str]) -> None:
        self._exact = {name.lower(): parse_address(at) for name, at in hosts.items() if not name.startswith("*.")}
        suffixes = {name[1:].lower(): parse_address(at) for name, at in hosts.items() if name.startswith("*.")}
        self._suffixes = sorted(suffixes.items(), key=lambda item: -len(item[0]))
        self._system = aiohttp.ThreadedResolver()

    def lookup(self, host: str) -> tuple[str, int] | None:
        """Return the address and port that the override names for ``host``, if any."""
        host = host.lower()
        if host in self._exact:
            return self._exact[host]
        return next((at for suffix, at in self._suffixes if host.endswith(suffix)), None)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Answer as ``aiohttp`` asks (its AbstractResolver)."""
        found = self.lookup(host)
        if found is None:
            return await self._system.resolve(host, port, family)
        address, at_port = found
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [ResolveResult(hostname=host, host=address, port=at_port, family=kind, proto=0, flags=0)]

    async def close(self) -> None:
        """Release the system's resolver."""
        await self._system.close()


async def make_connector(settings: NetworkSettings) -> aiohttp.BaseConnector | None:
    """Return the connector for discord.py, or None where nothing is overridden.

    A coroutine, since aiohttp binds a connector to the running loop.

    Raises:
        ConfigError: ``ca_file`` cannot be read, or a host has no port.
    """
    if not settings.hosts and settings.ca_file is None:
        return None
    # limit=0 as in discord.py's own connector: the websockets it holds open must not starve its REST calls.
    options: dict[str, Any] = {"limit": 0, "resolver": OverrideResolver(settings.hosts)}
    if settings.ca_file is not None:
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(settings.ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigError(
                "the certificates cannot be read", key="discord.network.ca_file", value=settings.ca_file
            ) from exc
        options["ssl"] = context
    return aiohttp.TCPConnector(**options)
