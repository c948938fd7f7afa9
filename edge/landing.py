"""The page for a person who opens the endpoint in a browser, and what is at `/`."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from edge.exchange import Send
from edge.external.servers import Servers
from edge.pages.landing import LandingView, landing_page
from shared.settings import Settings


class Landing:
    """Shows it. It is the same for everybody, and tells nothing of backends or users."""

    def __init__(self, settings: Settings, public_url: str, servers: Callable[[], Servers]) -> None:
        """`servers`: where clients send people to log in now."""
        self._redirect = settings.root_redirect
        self._anonymous = settings.auth == "none"
        self._public_url = public_url
        self._servers = servers
        self._https = public_url.startswith("https://")

    def _page(self) -> Response:
        listed = self._servers().listed
        view = LandingView(
            mcp_url=f"{self._public_url}/mcp",
            anonymous=self._anonymous,
            log_in_at=None if not listed else "" if listed[0] == self._public_url else urlsplit(listed[0]).netloc,
        )
        return landing_page(view, https=self._https, headers={"vary": "Accept"})

    async def show(self, scope: Any, send: Send) -> None:
        """Answer an ASGI request with the page."""
        await self._page()(scope, _nothing_more, send)

    async def root(self, request: Request) -> Response:
        """What is at `/`."""
        return RedirectResponse(self._redirect, 302) if self._redirect else self._page()


async def no_icon(request: Request) -> Response:
    """What browsers ask for beside any page: there is none, and that is no error."""
    return Response(status_code=204, headers={"cache-control": "public, max-age=86400"})


async def _nothing_more() -> Any:
    return {"type": "http.disconnect"}
