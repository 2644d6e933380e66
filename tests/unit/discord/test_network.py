"""Where Discord's names lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxbridge.config.discord import NetworkSettings
from voxbridge.discord.bridge import parse_seats
from voxbridge.discord.island import open_island
from voxbridge.discord.login import explain_failure
from voxbridge.discord.network import OverrideResolver, make_connector, parse_address
from voxbridge.errors import ConfigError, LoginRefused

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "address"),
    [("127.0.0.1:443", ("127.0.0.1", 443)), ("[::1]:8443", ("::1", 8443)), ("proxy.lan:1", ("proxy.lan", 1))],
)
def test_parse_address_reads_address_and_port(value, address):
    """Addresses of both families are read, IPv6 in brackets, and names as well."""
    assert parse_address(value) == address


@given(st.text(max_size=20).filter(lambda text: not text.rpartition(":")[2].isdecimal()))
def test_parse_address_refuses_the_rest(value):
    """Without a port there is no address."""
    with pytest.raises(ConfigError, match=r"discord\.network\.hosts"):
        parse_address(value)


async def test_resolver_prefers_the_exact_name_then_the_longest_suffix():
    """An exact name beats a suffix, a longer suffix beats a shorter one; other names are the system's."""
    async with open_island() as island:

        async def check() -> None:
            resolver = OverrideResolver(
                {
                    "*.discord.media": "127.0.0.1:1",
                    "*.eu.discord.media": "127.0.0.1:2",
                    "Gateway.discord.gg": "[::1]:3",
                }
            )
            assert resolver.lookup("x.discord.media") == ("127.0.0.1", 1)
            assert resolver.lookup("x.EU.discord.media") == ("127.0.0.1", 2)
            assert resolver.lookup("gateway.discord.gg") == ("::1", 3)
            assert resolver.lookup("discord.media") is None
            assert resolver.lookup("evildiscord.media") is None
            (answer,) = await resolver.resolve("a.discord.media", 443)
            assert (answer["host"], answer["port"]) == ("127.0.0.1", 1)
            await resolver.close()

        await island.call(check)


async def test_connector_is_discord_pys_own_where_nothing_is_overridden():
    """No override, no connector of ours."""
    assert await make_connector(NetworkSettings()) is None


def test_parse_seats_reads_one_channel_per_guild():
    """guild:channel pairs, in order."""
    assert parse_seats(("1:2", "3:4")) == [(1, 2), (3, 4)]
    for wrong in (("here",), ("1:",), ("1:2", "1:3")):
        with pytest.raises(ConfigError, match=r"discord\.join"):
            parse_seats(wrong)


def test_an_unknown_failure_may_be_tried_again_and_quotes_nothing():
    """What we do not know is taken for a passing fault; its text stays out of ours."""
    failure = explain_failure(OSError("https://secret@host"))
    assert failure.retryable
    assert not isinstance(failure, LoginRefused)
    assert "secret" not in str(failure)
