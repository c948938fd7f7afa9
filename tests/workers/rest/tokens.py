"""What the tests of access tokens share: a worker whose API wants them, and how to look for them where they must not be."""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from tests.mesh import Broker
from tests.upstreams.invocations import Caller
from tests.upstreams.recorder import Recorder, recording
from tests.upstreams.token_endpoint import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, TokenServer
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2

TAKEN = '{"taken":true}'
"""What the API says to a token that is good."""
QUICK = {"rest_token_s": 1.0, "rest_token_pause_s": 0.1}
ENVIRONMENT = {
    "CREDENTIAL_WX_ID": CLIENT_ID,
    "CREDENTIAL_WX_SECRET": CLIENT_SECRET,
    "CREDENTIAL_WX_REFRESH": FIRST_REFRESH_TOKEN,
}
CLIENT = "client_id_credential: wx_id, client_secret_credential: wx_secret"
CLIENT_CREDENTIALS = f"{{type: oauth2, flow: client_credentials, token_url: URL/token, {CLIENT}}}"
REFRESH = f"{{type: oauth2, flow: refresh_token, token_url: URL/token, {CLIENT}, refresh_token_credential: wx_refresh}}"
ROTATES = REFRESH.replace("}", ", rotates_refresh_token: true}")


def dadl(auth: str, upstream: Recorder | None = None) -> str:
    return (
        V2
        + f"""backend:
  name: wx
  type: rest
  description: Weather
  auth: {auth.replace("URL", upstream.url if upstream else "https://127.0.0.1:1")}
  tools:
    look: {{method: GET, path: /look, access: read, description: A look}}
"""
    )


@asynccontextmanager
async def serving(server: TokenServer) -> AsyncIterator[Recorder]:
    async with recording(server.answers) as upstream:
        yield upstream


@asynccontextmanager
async def worker(directory: Path, auth: str, upstream: Recorder, **how: Any) -> AsyncIterator[Caller]:
    how.setdefault("environment", ENVIRONMENT)
    async with opened(directory, dadl(auth, upstream), upstream.url, **how) as caller:
        yield caller


@asynccontextmanager
async def workers(
    count: int, directory: Path, auth: str, upstream: Recorder, broker: Broker, **how: Any
) -> AsyncIterator[list[Caller]]:
    """Several workers of one group."""
    async with AsyncExitStack() as stack:
        callers = []
        for number in range(count):
            own = directory / f"w{number}"
            own.mkdir(exist_ok=True)
            callers.append(await stack.enter_async_context(worker(own, auth, upstream, redis_url=broker.url, **how)))
        yield callers


def forget(broker: Broker, *, all_of_it: bool = False) -> None:
    """As if access tokens were over; `all_of_it`: refresh tokens too."""
    with broker.client() as client:
        for key in client.keys("*"):
            if all_of_it or b":rest-token:" in key:
                client.delete(key)


def forms_of(secret: str) -> set[bytes]:
    """How a secret may be written."""
    raw = secret.encode()
    # Of base64 the part that does not hang on what is around it.
    inside = {base64.b64encode(bytes(before) + raw)[4:-4] for before in range(3)}
    return {raw, raw.hex().encode(), quote(secret, safe="").encode(), quote_plus(secret).encode(), *inside}


def everything_in(broker: Broker) -> bytes:
    """All keys, and all that is in them."""
    with broker.client() as client:
        held = []
        for key in client.keys("*"):
            held += [key, client.dump(key), client.get(key) if client.type(key) == b"string" else b""]
        return b"\n".join(each for each in held if isinstance(each, bytes))
