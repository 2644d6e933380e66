"""What a daemon that somebody took over could do: nearly nothing. Tried from inside the units' own sandboxes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.systemd.machine import CHECKOUT, Machine
from tests.systemd.stage import Stage, open_stage

pytestmark = pytest.mark.systemd

_PROBE = f"[Service]\nExecStartPre=/opt/voxbridge/bin/python {CHECKOUT}/tests/systemd/probe.py\n"
_OTHERS = ("/run/credentials/other.service/token", "/var/lib/private/other/state")
_DYNAMIC_USERS = range(61184, 65520)  # systemd's UID_DYNAMIC, "Users, Groups, UIDs and GIDs on systemd systems"

# Of both kinds of unit. ENOENT: nothing is to be seen there.
_NOTHING = frozenset({"EACCES", "ENOENT"})
_READ_ONLY = frozenset({"EACCES", "EROFS"})
_FORBIDDEN = frozenset({"EPERM"})
REFUSED = {
    **dict.fromkeys(["read the token's file", "read /etc/shadow"], frozenset({"EACCES"})),
    **dict.fromkeys(["list /root", "list /home", "see others' credentials", "see others' state"], _NOTHING),
    **dict.fromkeys(["see other processes", "read the kernel's log"], _NOTHING | _FORBIDDEN),
    **dict.fromkeys(["write /etc", "write /usr", "write /opt/voxbridge", "write /run", "write /var/lib"], _READ_ONLY),
    "write /proc/sys": _READ_ONLY,
    **dict.fromkeys(["AF_NETLINK", "AF_PACKET", "AF_VSOCK"], frozenset({"EAFNOSUPPORT"})),
    **dict.fromkeys(["new user namespace", "new mount namespace", "become root"], _FORBIDDEN),
    **dict.fromkeys(["real-time scheduling", "set the host's name", "trace a process"], _FORBIDDEN),
}
ALLOWED = {"read the configuration", "write /tmp", "write the cache", "AF_UNIX", "pin a thread"}
NETWORK = {"AF_INET", "AF_INET6"}
CODE = {"memory writable and executable", "memory made executable"}
PLAIN = {"CapEff", "CapPrm", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "devices", "interfaces", "core bytes", "user"}


async def probed(stage: Stage, unit: str) -> dict[str, Any]:
    """Return what the probe found in a unit that has started."""
    (line,) = re.findall(r"^probe (\{.*\})$", await stage.journal("-u", unit), flags=re.MULTILINE)
    return json.loads(line)


@pytest.fixture
def others(machine: Machine) -> None:
    """Let there be another service's secret and state, readable for everybody but for the directory they are in."""
    for file in _OTHERS:
        machine.write(file, "of somebody else")


def check_common(found: dict[str, Any]) -> None:
    """Check what holds in each sandbox."""
    assert set(found) == {*REFUSED, *ALLOWED, *NETWORK, *CODE, *PLAIN}, "the probe and this test differ"
    wrong = {name: found[name] for name, errors in REFUSED.items() if found[name] not in errors}
    wrong |= {name: found[name] for name in ALLOWED if found[name] != "ok"}
    assert not wrong, f"not as it should be: {wrong}"
    assert {found[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0000000000000000"}
    assert (found["NoNewPrivs"], found["Seccomp"], found["core bytes"]) == ("1", "2", 0)
    assert found["user"] in _DYNAMIC_USERS
    assert not {"kmsg", "mem", "vda", "sda"} & set(found["devices"])


@pytest.mark.usefixtures("others")
async def test_daemon_is_locked_in(machine: Machine) -> None:
    """It reads and writes nothing outside, opens IP and unix sockets only, and cannot make memory executable."""
    async with open_stage(machine) as stage:
        await stage.drop_in(_PROBE)
        await stage.systemctl("start", "voxbridge")
        found = await probed(stage, "voxbridge")
        check_common(found)
        assert {name: found[name] for name in NETWORK} == dict.fromkeys(NETWORK, "ok")
        assert {name: found[name] for name in CODE} == dict.fromkeys(CODE, "EPERM"), "executable memory"


async def test_token_is_in_no_argument_and_no_environment(machine: Machine) -> None:
    """The running daemon's command line, environment and log do not hold the token, and its file is root's alone."""
    async with open_stage(machine) as stage:
        await stage.systemctl("start", "voxbridge")
        pid = await stage.pid()
        token = stage.discord.bot_token
        for name in ("cmdline", "environ"):
            assert token.encode() not in machine.path(f"/proc/{pid}/{name}").read_bytes(), name
        assert token not in await stage.journal()
        status = await machine.run("systemctl", "show", "voxbridge")
        assert token not in status.stdout
        given = machine.path("/run/credentials/voxbridge.service/discord-token")
        assert given.stat().st_mode & 0o777 == 0o400
        assert given.stat().st_uid in {0, *_DYNAMIC_USERS}


@pytest.mark.usefixtures("others")
async def test_engines_are_locked_in_without_any_network(machine: Machine) -> None:
    """As the daemon, and more: no IP at all, no interface but the loopback. Memory may be executable: they need it."""
    async with open_stage(machine) as stage:
        await stage.drop_in(_PROBE, "voxbridge-engines.service")
        await stage.systemctl("start", "voxbridge-engines.socket")
        await stage.systemctl("start", "voxbridge-engines.service")
        found = await probed(stage, "voxbridge-engines")
        check_common(found)
        assert {name: found[name] for name in NETWORK} == dict.fromkeys(NETWORK, "EAFNOSUPPORT")
        assert found["interfaces"] == ["lo"]
        assert {name: found[name] for name in CODE} == dict.fromkeys(CODE, "ok")
