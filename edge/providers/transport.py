"""How the library reaches a provider: over guarded connections, and never for more than so many bytes."""

import httpx2

from edge.oauth.guarded_http import GuardedHttp, NotFetched
from edge.providers.provider import ProviderFailed

_SENT = ("accept", "authorization", "content-type")


class Transport(httpx2.AsyncBaseTransport):
    """Of one provider."""

    def __init__(self, http: GuardedHttp, own: frozenset[str], bytes_max: int) -> None:
        """`own`: hosts that the operator wrote."""
        self._http = http
        self._own = own
        self._bytes_max = bytes_max

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises ProviderFailed."""
        headers = {name: request.headers[name] for name in _SENT if name in request.headers}
        content = await request.aread()
        try:
            answer = await self._http.send(
                request.method, str(request.url), headers, content, bytes_max=self._bytes_max, own=self._own
            )
        except NotFetched as failed:
            raise ProviderFailed("away", f"{request.url.host}: {failed}") from failed
        if answer.status >= 500 or answer.status == 429:
            raise ProviderFailed("away", f"{request.url.host}{request.url.path} answered {answer.status}")
        kept = {"content-type": answer.headers.get("content-type", "")}
        return httpx2.Response(answer.status, headers=kept, content=answer.body, request=request)
