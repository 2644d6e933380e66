"""How one case is played: a room, a turn whose server fails, a pause, and a turn after the server is well again."""

from __future__ import annotations

import functools
import json
import random
import ssl
from typing import Any

import attrs
import trio
import trustme
from structlog.testing import capture_logs

from tests.integration.session.turn_faults.backends import KINDS, Backend
from tests.support.apology import APOLOGY, hears_apology
from tests.support.hall import Hall, open_hall
from tests.support.notices import TEXTS
from voxbridge.config.settings import Settings
from voxbridge.core.health.outages import Back, Down
from voxbridge.errors import StageName
from voxbridge.session.report import TurnReport
from voxbridge.stages.http import ssl_context
from voxbridge.testing.memnet import MemNet

_SEED = 7  # of the jitter of retries
_LATENCY_S = 0.001  # what happens at one instant comes in any order, on the wire one after the other
_SOCKET = "/nowhere/engines.sock"  # in memory: no such file is made
_PAUSE_S = 10.0
"""From the failed turn to the end of the fault: the probes of an outage come after 2 s and 4 s more."""


@attrs.frozen
class Played:
    """What came of one case."""

    report: TurnReport
    """Of the first turn with the fault."""
    again: TurnReport
    """Of the turn after it."""
    requests: int
    heard_apology: bool
    posted: tuple[str, ...]
    """Up to the end of the fault."""
    posted_back: tuple[str, ...]
    """After it."""
    texts: str
    """All that was ever asked to be spoken."""
    logged: str

    @property
    def heard(self) -> str:
        """Say what the speaker heard."""
        parts = [f"“{self.report.spoken}”"] if self.report.spoken else []
        if self.heard_apology:
            parts.append("the apology")
        return ", then ".join(parts) or "nothing"


@functools.cache
def _trusted_tls() -> ssl.SSLContext:
    """Return the server's side of TLS, with certificates that this process trusts from now on."""
    authority = trustme.CA()
    authority.configure_trust(ssl_context())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(f"{stage}.test" for stage in KINDS)).configure_cert(context)
    return context


class _Fault:
    """The fault of one backend, while it lasts."""

    def __init__(self, hall: Hall, backend: Backend, host: str, title: str) -> None:
        self._hall, self._backend, self._host, self._title = hall, backend, host, title

    async def begin(self) -> None:
        server, net = self._backend.server, self._hall.net
        assert net is not None
        match self._title:
            case "refused":
                await server.stop()
            case "DNS failure":
                del net.hosts[self._host]
            case "TLS failure":
                # https is asked for where plain HTTP is spoken; of Wyoming, which has no TLS, it is the other way round
                if not self._backend.has_tls:
                    await self._swap_to_tls()
            case title:
                self._backend.spoil(title)

    async def end(self) -> None:
        server, net = self._backend.server, self._hall.net
        assert net is not None
        match self._title:
            case "refused":
                await server.start()
            case "DNS failure":
                net.hosts[self._host] = "127.0.0.1"
            case "TLS failure":
                if self._backend.has_tls:
                    await self._swap_to_tls()
                else:
                    self._front.cancel()
                    await self._front_is_gone.wait()
                    await server.start()
            case _:
                self._backend.mend()

    async def _swap_to_tls(self) -> None:
        """Let the server speak TLS from now on, at the same address."""
        await self._backend.server.stop()
        self._front, self._front_is_gone = trio.CancelScope(), trio.Event()
        await self._hall.nursery.start(self._serve_tls)

    async def _serve_tls(self, task_status: trio.TaskStatus[list[trio.SSLListener[trio.SocketStream]]]) -> None:
        server = self._backend.server
        listeners = await trio.open_ssl_over_tcp_listeners(
            server.port, _trusted_tls(), host=self._host, https_compatible=True
        )
        with self._front:
            await trio.serve_listeners(server.handle, listeners, task_status=task_status)
        self._front_is_gone.set()


def _settings(settings: Settings, backend: Backend, title: str) -> Settings:
    url = backend.server.url.rstrip("/")
    if title == "TLS failure" and backend.has_tls:
        url = url.replace("://", "s://", 1)
    changed: dict[str, Any] = {backend.stage: backend.settings(url)}
    return attrs.evolve(settings, **changed)


async def play(stage: StageName, kind: str, title: str, *, turns: int = 1) -> Played:
    """Live ``turns`` turns with the fault and one after it, in the same room."""
    random.seed(_SEED)
    backend, net, host = KINDS[stage][kind](), MemNet(latency_s=_LATENCY_S).install(), f"{stage}.test"
    net.hosts[host] = "127.0.0.1"
    uds = _SOCKET if backend.is_embedded else ""
    with capture_logs() as lines:
        async with (
            backend.server.running(host, uds=uds),
            open_hall(
                net=net,
                apology=APOLOGY,
                point=lambda settings: _settings(settings, backend, title),
                engines_socket=uds,
            ) as hall,
        ):
            fault = _Fault(hall, backend, host, title)
            await fault.begin()
            before = backend.asked()
            ada = hall.port.join(1)
            await trio.sleep(0.5)
            await hall.say(ada)
            report = await hall.wait_report(0)
            requests = backend.asked() - before
            await trio.sleep(0.1)
            heard_apology = hears_apology(hall.port.frames)
            for number in range(1, turns):
                await hall.say(ada)
                await hall.wait_report(number)
            await trio.sleep(_PAUSE_S)
            posted = tuple(text for _, text in hall.port.posted)
            await fault.end()
            await trio.sleep(0.5)
            await hall.say(ada)
            again = await hall.wait_report(turns)
            await trio.sleep(0.1)
            back = tuple(text for _, text in hall.port.posted)[len(posted) :]
            texts = " ".join([*(speech.fields.text for speech in hall.tts.spoken), backend.texts()])
    return Played(
        report=report,
        again=again,
        requests=requests,
        heard_apology=heard_apology,
        posted=posted,
        posted_back=back,
        texts=texts if stage != "agent" else "",
        logged=json.dumps(lines, default=str),
    )


def notice_of(stage: StageName) -> str:
    """Return the line in the channel that begins an outage."""
    return TEXTS[Down, stage]


def back_of(stage: StageName) -> str:
    """Return the line that ends it."""
    return TEXTS[Back, stage]
