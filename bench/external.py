"""What the check of another server's access token costs by itself: the edge's own code, in this process."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from bench.figures import Figures
from edge.authenticate import Authenticator
from edge.external.servers import Servers
from edge.external.tokens import ExternalTokens
from edge.identities.identities import Identities
from edge.identities.slow_keys import SlowKeys
from shared.authorization_servers_file import AuthorizationServerEntry
from shared.claims_mapping import Allowed
from shared.settings import Settings

_URL = "https://mesh.example"
_NEW_MAX = 2_000
"""Tokens that are signed beforehand, to be checked for the first time: to sign one takes longer than to check it."""
_WARM = 50


def measure_external(checks: int, figures: Figures) -> None:
    """Processor time of one check: of a token that is remembered, and of one that comes for the first time."""
    keys: dict[str, Key] = {
        "rs256": RSAKey.generate_key(2048, {"kid": "rs256", "alg": "RS256"}, private=True),
        "es256": ECKey.generate_key("P-256", {"kid": "es256", "alg": "ES256"}, private=True),
    }
    with _published(keys) as issuer:
        entry = AuthorizationServerEntry(issuer=issuer, jwks_uri=f"{issuer}/jwks", allow=Allowed(everyone=True))
        for alg, key in keys.items():
            tokens = [_signed(issuer, alg, key, number) for number in range(min(checks, _NEW_MAX) + _WARM)]
            asyncio.run(_measure(entry, alg, tokens, checks, figures))


async def _measure(entry: AuthorizationServerEntry, alg: str, tokens: list[str], checks: int, figures: Figures) -> None:
    settings = Settings(external_token_cache_s=3600.0)
    servers, identities = Servers([entry], settings, _URL), Identities(settings)
    elsewhere = ExternalTokens(settings, lambda: servers, lambda: identities)
    checker = Authenticator(
        lambda: identities, None, SlowKeys(), _URL, anonymous=lambda: False, elsewhere=elsewhere, characters_max=16_384
    )
    headers = [{"authorization": f"Bearer {token}"} for token in tokens]
    for each in headers[:_WARM]:
        await checker.authenticate(each, "/mcp")
    begun_s = time.process_time()
    for each in headers[_WARM:]:
        await checker.authenticate(each, "/mcp")
    figures.add(f"log_in/check_new_{alg}/us", (time.process_time() - begun_s) / (len(headers) - _WARM) * 1e6)
    if alg != "rs256":
        return
    begun_s = time.process_time()
    for _ in range(checks):
        await checker.authenticate(headers[0], "/mcp")
    figures.add("log_in/check_jwt/us", (time.process_time() - begun_s) / checks * 1e6)


def _signed(issuer: str, alg: str, key: Key, number: int) -> str:
    now = int(time.time())
    claims = {
        "iss": issuer,
        "sub": f"a-person-{number}",
        "aud": f"{_URL}/mcp",
        "client_id": "an-agent",
        "scope": "tools:read tools:write",
        "groups": ["staff", "ops"],
        "iat": now,
        "exp": now + 3600,
        "jti": str(number),
    }
    header = {"alg": alg.upper(), "kid": alg, "typ": "at+jwt"}
    return jwt.encode(header, claims, key, default_type=None)


@contextmanager
def _published(keys: dict[str, Key]) -> Iterator[str]:
    """A server of these keys; gives the issuer."""
    body = json.dumps({"keys": [key.as_dict(private=False) for key in keys.values()]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)
