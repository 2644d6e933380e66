"""Leads a Python program to the simulated Discord: Python itself imports this at start, if it is on the path.

The program stays as it is. Only where names of hosts become addresses, those of Discord become ports of this machine.
VOXBRIDGE_HOSTS is the list, as JSON: {"discord.com": "127.0.0.1:41234", "*.discord.media": ...}.
"""

import importlib.machinery
import importlib.util
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
_HOSTS = json.loads(os.environ.get("VOXBRIDGE_HOSTS", "{}"))
_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    """Answer as socket.getaddrinfo does; the address of a host of Discord's has a port of its own."""
    name = host.decode() if isinstance(host, bytes) else host
    target = _HOSTS.get(name) or _HOSTS.get("*." + str(name).partition(".")[2])
    if target is None:
        return _getaddrinfo(host, port, *args, **kwargs)
    address, _, its_port = target.partition(":")
    return _getaddrinfo(address, int(its_port), *args, **kwargs)


def _the_one_we_hide() -> None:
    """Load the sitecustomize that this one stands in front of, if there is one."""
    elsewhere = [place for place in sys.path if Path(place).resolve() != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if _HOSTS:
    socket.getaddrinfo = getaddrinfo
_the_one_we_hide()
