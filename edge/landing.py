"""The page for a person who opens the endpoint in a browser, and what is at `/`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from edge.exchange import Send
from edge.pages.landing import LandingView, landing_page
from shared.settings import Settings


class Landing:
    """Shows it. It is the same for everybody, and tells nothing of backends or users."""

    def __init__(self, settings: Settings, public_url: str) -> None:
        self._redirect = settings.root_redirect
        self._view = LandingView(mcp_url=f"{public_url}/mcp", anonymous=settings.auth == "none")
        self._https = public_url.startswith("https://")

    def _page(self) -> Response:
        return landing_page(self._view, https=self._https, headers={"vary": "Accept"})

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
