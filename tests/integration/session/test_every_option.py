"""No option without effect: each option of each kind of backend is asked for while it is made, probed and used.

An option that nobody reads cannot change anything. What the options of a session do is in ``test_reload_rules``.
"""

from __future__ import annotations

import sys
from typing import Any

import attrs
import pytest
import trio

from tests.integration.session.turn_faults.backends import KINDS
from tests.support.hall import open_hall
from voxbridge.config.settings import Settings
from voxbridge.errors import StageName
from voxbridge.testing.memnet import MemNet

pytestmark = pytest.mark.integration

# Who copies or compares settings reads all of them, and makes nothing of any.
COPIERS = {"evolve", "__eq__", "__hash__", "__repr__", "__attrs_post_init__", "recorded"}
# Asked for only where a tool server is named: what they do is in tests/integration/stages/agent/tools.
ONLY_WITH_TOOLS = {"tool_calls_max", "tools_limit_ms", "tool_result_chars_max"}
SOCKET = "/nowhere/engines.sock"


def recorded(settings: Any, read: set[str]) -> Any:
    """Return the same settings, of a class that notes which options are read."""

    class Recorded(type(settings)):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            if sys._getframe(1).f_code.co_name not in COPIERS:
                read.add(name)
            return super().__getattribute__(name)

    copy = object.__new__(Recorded)
    for field in attrs.fields(type(settings)):
        object.__setattr__(copy, field.name, getattr(settings, field.name))
    return copy


@pytest.mark.parametrize(("stage", "kind"), [(stage, kind) for stage, kinds in KINDS.items() for kind in kinds])
async def test_every_option_of_a_kind_is_asked_for(autojump_clock: object, stage: StageName, kind: str) -> None:
    """With a backup of its kind, for a turn that fails, one that does not, and a probe: none is left unread."""
    backend, net, read = KINDS[stage][kind](), MemNet(latency_s=0.001).install(), set[str]()
    net.hosts[f"{stage}.test"] = "127.0.0.1"
    uds, options = SOCKET if backend.is_embedded else "", set[str]()

    def point(settings: Settings) -> Settings:
        own: Any = backend.settings(backend.server.url.rstrip("/"))
        options.update(field.name for field in attrs.fields(type(own)))
        changed: dict[str, Any] = {stage: recorded(attrs.evolve(own, backup=(own,)), read)}
        return attrs.evolve(settings, **changed)

    async with (
        backend.server.running(f"{stage}.test", uds=uds),
        open_hall(net=net, point=point, engines_socket=uds) as hall,
    ):
        ada = hall.port.join(1)
        backend.spoil("500")
        await hall.say(ada)
        await hall.wait_report()
        backend.mend()
        await trio.sleep(10)
        await hall.say(ada)
        assert (await hall.wait_report(1)).outcome == "answered"
        await getattr(hall.tools, stage).probe()
    unread = options - read - ONLY_WITH_TOOLS
    assert not unread, f"nobody asks for {sorted(unread)}"
