"""/livez: the process turns. /readyz: it can take calls (503 while it drains, or when the broker is away)."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

IsReady = Callable[[], tuple[bool, str]]
"""Whether the edge can take calls, and if not why."""


async def livez(request: Request) -> Response:
    """Always 200."""
    return JSONResponse({"live": True})


def readyz(is_ready: IsReady) -> Callable[[Request], "object"]:
    """The endpoint for a readiness check; tells nothing of backends, since anyone may ask."""

    async def endpoint(request: Request) -> Response:
        ready, reason = is_ready()
        if ready:
            return JSONResponse({"ready": True})
        return JSONResponse({"ready": False, "reason": reason}, 503, {"retry-after": "2"})

    return endpoint
