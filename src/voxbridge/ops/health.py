"""/healthz, /readyz and /metrics: for whoever watches the daemon. Nothing here names what was said, or by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voxbridge.ops.heartbeat import Beat, silent_sides
from voxbridge.ops.metrics import CONTENT_TYPE, Metrics
from voxbridge.ops.view import View

# Kubernetes and its kin give a probe one second by default.
_BEAT_LIMIT_S = 0.8


class HealthRoutes:
    """The three routes."""

    def __init__(self, view: Callable[[], View], metrics: Metrics, beats: Mapping[str, Beat]) -> None:
        self._view, self._metrics, self._beats = view, metrics, beats

    @property
    def routes(self) -> list[Route]:
        """Return the routes, to be served on TCP and on the control socket."""
        return [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._scraped),
        ]

    async def _healthz(self, _request: Request) -> Response:
        """Tell whether the process lives: the loop by this answer, the other sides by their beat."""
        silent = await silent_sides(self._beats, _BEAT_LIMIT_S)
        return JSONResponse({"status": "stalled" if silent else "ok", "silent": silent}, 503 if silent else 200)

    async def _readyz(self, _request: Request) -> Response:
        """Tell whether people would be served."""
        reasons = self._view().unready()
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def _scraped(self, _request: Request) -> Response:
        return Response(self._metrics.text(), media_type=CONTENT_TYPE)
