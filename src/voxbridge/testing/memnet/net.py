"""The network itself: names, addresses, listeners, and the faults a test can make."""

from __future__ import annotations

import errno
import functools
import itertools
import socket as stdsocket
from typing import Any, Literal, Self

import attrs
import trio

from voxbridge.testing.memnet.backlog import Backlog
from voxbridge.testing.memnet.lane import Lane, Link, fail
from voxbridge.testing.memnet.sockets import MemSocket

Key = tuple[str, int]  # (IPv4 address, port), or (path, 0) of a unix socket
End = Literal["client", "server"]

_ANY = "0.0.0.0"  # noqa: S104 -- compared with, not listened on
_CLIENT_HOST = "10.0.0.2"


@attrs.frozen(eq=False)
class Connection:
    """One connection ever made, with its two ends; for faults and for the audit at the end of a test."""

    client: MemSocket
    server: MemSocket
    link: Link
    _upward: Lane
    _downward: Lane

    @property
    def is_closed(self) -> bool:
        """Tell whether both ends have closed their sockets."""
        return self.client.fileno() == self.server.fileno() == -1

    def sent_bytes(self, end: End) -> int:
        """Return how many bytes one end has sent so far."""
        return self._from(end).sent_bytes

    def reset(self) -> None:
        """Cut the connection now: both ends read what has arrived, then get ECONNRESET."""
        for end in (self.client, self.server):
            end.receive_reset(float("-inf"), lose_unarrived=True)

    def reset_after(self, count_bytes: int, *, sender: End) -> None:
        """Cut the connection when ``sender`` has sent so many bytes in all; the other end still reads these."""
        lane = self._from(sender)
        if lane.sent_bytes >= count_bytes:
            self.reset()
        else:
            lane.reset_after_bytes = count_bytes

    def half_close(self, end: End) -> None:
        """Let one end's direction finish (FIN) though its program did not ask for it."""
        self._from(end).finish()

    def _from(self, end: End) -> Lane:
        return self._upward if end == "client" else self._downward


class MemNet(trio.abc.SocketFactory):
    """A network in memory. ``latency_s`` (one way) and ``chunk_bytes`` are what each new link starts with.

    ``hosts`` maps names to IPv4 addresses and may be added to; any other name is unknown. ``connections`` lists every
    connection ever made. Serves TCP over IPv4 and unix stream sockets, and refuses everything else.
    """

    def __init__(self, latency_s: float = 0.0, chunk_bytes: int | None = None) -> None:
        self.hosts: dict[str, str] = {"localhost": "127.0.0.1"}
        self.connections: list[Connection] = []
        self.sockets: list[MemSocket] = []
        self.listeners: dict[Key, MemSocket] = {}
        self._make_link = functools.partial(Link, latency_s=latency_s, chunk_bytes=chunk_bytes)
        self._links: dict[Key, Link] = {}
        self._claimed: set[Key] = set()
        self._paths_seen: set[str] = set()
        self._ports = itertools.count(40_000)

    def install(self) -> Self:
        """Set Trio's hooks; called inside ``trio.run``, and in force until that run ends."""
        trio.socket.set_custom_socket_factory(self)
        trio.socket.set_custom_hostname_resolver(_Resolver(self))
        return self

    # -- faults --

    def link(self, host: str, port: int = 0) -> Link:
        """Return the link to a server's address (a unix socket: its path alone), to be changed at will."""
        return self.link_of(self._normal((host, port)))

    def refuse(self, host: str, port: int = 0) -> None:
        """Turn new connections away with ECONNREFUSED, whoever listens; those that exist live on."""
        self.link(host, port).refusing = True

    def allow(self, host: str, port: int = 0) -> None:
        """Undo ``refuse``."""
        self.link(host, port).refusing = False

    def reset(self, host: str | None = None, port: int = 0) -> int:
        """Cut every open connection (to one server); return how many."""
        link = None if host is None else self.link(host, port)
        cut = [each for each in self.connections if not each.is_closed and link in {None, each.link}]
        for connection in cut:
            connection.reset()
        return len(cut)

    def assert_all_closed(self, *, listeners: bool = False) -> None:
        """Check that every socket made here is closed, the listening ones only on demand. Raises: AssertionError."""
        left = [each for each in self.sockets if each.fileno() != -1 and (listeners or not each.is_listening)]
        if left:
            raise AssertionError(f"{len(left)} of {len(self.sockets)} sockets are open: {left}")

    # -- what sockets ask --

    def socket(
        self,
        family: stdsocket.AddressFamily | int = stdsocket.AF_INET,
        type: stdsocket.SocketKind | int = stdsocket.SOCK_STREAM,  # noqa: A002 -- the parameter's name in Trio
        proto: int = 0,
    ) -> MemSocket:
        """Make a socket. Raises: OSError for a kind that this network does not do."""
        if family not in {stdsocket.AF_INET, stdsocket.AF_UNIX}:
            raise OSError(errno.EAFNOSUPPORT, f"MemNet does IPv4 and unix sockets, not family {family!r}")
        if type != stdsocket.SOCK_STREAM:
            raise OSError(errno.ESOCKTNOSUPPORT, f"MemNet does stream sockets, not {type!r}")
        made = MemSocket(self, family, proto)
        self.sockets.append(made)
        return made

    def key(self, family: int, address: Any) -> Key:
        """Turn an address of the socket interface into a key, names resolved. Raises: OSError (gaierror)."""
        if family == stdsocket.AF_UNIX:
            path = address.decode() if isinstance(address, bytes) else str(address)
            return (path, 0)
        host, port = address[:2]
        return (self.resolve(host or _ANY), int(port))

    def resolve(self, host: str) -> str:
        """Return the IPv4 address of a name or of itself. Raises: socket.gaierror for a name nobody entered."""
        found = self.hosts.get(host, host)
        try:
            return stdsocket.inet_ntoa(stdsocket.inet_aton(found))
        except OSError:
            raise stdsocket.gaierror(stdsocket.EAI_NONAME, f"MemNet.hosts has no {host!r}") from None

    def address(self, family: int, key: Key | None) -> Any:
        """Turn a key back into an address of the socket interface."""
        if family == stdsocket.AF_UNIX:
            return "" if key is None else key[0]
        return key or (_ANY, 0)

    def claim(self, key: Key) -> Key:
        """Take an address for a socket, a port of our choice for port 0. Raises: OSError (EADDRINUSE)."""
        if key[1] == 0 and not _is_path(key):
            key = (key[0], next(self._ports))
        if key in self._claimed:
            fail(errno.EADDRINUSE)
        self._claimed.add(key)
        return key

    def release(self, key: Key) -> None:
        """Give an address back, and listen there no longer."""
        self._claimed.discard(key)
        self.listeners.pop(key, None)

    def listening(self, key: Key | None, sock: MemSocket) -> None:
        """Note who listens at an address."""
        assert key is not None
        self.listeners[key] = sock
        self._paths_seen.add(key[0])

    def client_key(self, family: int) -> Key:
        """Return an address for a client that did not bind."""
        if family == stdsocket.AF_UNIX:
            return (f"\0{next(self._ports)}", 0)  # an abstract name, so that ends can be told apart
        return (_CLIENT_HOST, 0)

    def link_of(self, key: Key) -> Link:
        """Return the link to an address, made at first use."""
        if key not in self._links:
            self._links[key] = self._make_link()
        return self._links[key]

    def find(self, key: Key) -> Backlog | None:
        """Return the queue of who listens at an address."""
        listener = self.listeners.get(key) or self.listeners.get((_ANY, key[1]))
        return listener.backlog if listener else None

    def why_not(self, family: int, key: Key) -> int:
        """Return the errno for a connect that failed. A unix socket's file outlives its listener."""
        return errno.ENOENT if family == stdsocket.AF_UNIX and key[0] not in self._paths_seen else errno.ECONNREFUSED

    def join(self, client: MemSocket, server_key: Key) -> MemSocket:
        """Connect a socket to a new one at the server's address; return the new one."""
        assert client.key is not None
        server, link = self.socket(client.family, client.type, client.proto), self.link_of(server_key)
        upward, downward = Lane(link), Lane(link)
        client.plug(client.key, server_key, rx=downward, tx=upward)
        server.plug(server_key, client.key, rx=upward, tx=downward)

        def reset_both(at: float) -> None:
            client.receive_reset(at)
            server.receive_reset(at)

        upward.on_reset = downward.on_reset = reset_both
        upward.on_lost, downward.on_lost = client.receive_reset, server.receive_reset
        client.on_abort, server.on_abort = server.receive_reset, client.receive_reset
        self.connections.append(Connection(client, server, link, upward, downward))
        return server

    def _normal(self, key: Key) -> Key:
        return key if _is_path(key) else (self.resolve(key[0]), key[1])


def _is_path(key: Key) -> bool:
    return key[0][:1] in {"/", "\0"}


class _Resolver(trio.abc.HostnameResolver):
    """Knows the names in ``net.hosts`` and nothing else; no thread, no DNS."""

    def __init__(self, net: MemNet) -> None:
        self._net = net

    async def getaddrinfo(
        self,
        host: bytes | None,
        port: bytes | str | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002, ARG002 -- Trio's signature; streams are all there is
        proto: int = 0,  # noqa: ARG002
        flags: int = 0,  # noqa: ARG002
    ) -> list[Any]:
        await trio.lowlevel.checkpoint()
        if family not in {stdsocket.AF_UNSPEC, stdsocket.AF_INET}:
            raise stdsocket.gaierror(stdsocket.EAI_FAMILY, "MemNet resolves to IPv4 only")
        name = host.decode() if host else _ANY
        address = (self._net.resolve(name), int(port or 0))
        return [(stdsocket.AF_INET, stdsocket.SOCK_STREAM, stdsocket.IPPROTO_TCP, "", address)]

    async def getnameinfo(
        self,
        sockaddr: tuple[str, int] | tuple[str, int, int, int],
        flags: int,  # noqa: ARG002 -- Trio's signature
    ) -> tuple[str, str]:
        await trio.lowlevel.checkpoint()
        return sockaddr[0], str(sockaddr[1])
