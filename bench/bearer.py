"""What the check of an access token costs by itself: the edge's own code on a real broker, in this process."""

import asyncio
import time
from pathlib import Path

from bench.figures import Figures
from bench.mesh import Mesh
from edge.authenticate import Authenticator
from edge.identities.identities import load_identities
from edge.identities.slow_keys import SlowKeys
from edge.oauth.access_tokens import AccessTokens
from edge.oauth.auth_broker import AuthBroker
from edge.oauth.store import GrantStore
from shared.clock import BrokerClock
from shared.environment import load_settings
from shared.line import RedisLine

_KEPT_S = 3600.0
"""Longer than the edge's, so that each check finds the token in memory, as nearly all of them do there."""


def measure_check(mesh: Mesh, token: str, config: Path, checks: int, figures: Figures) -> None:
    """Processor time of one check, of a token that is known and of the API key."""
    asyncio.run(_measure(mesh, token, config, checks, figures))


async def _measure(mesh: Mesh, token: str, config: Path, checks: int, figures: Figures) -> None:
    environment = {
        "REDIS_URL": mesh.redis_url,
        "TOOLMESH_MESH_KEYS": mesh.mesh_keys,
        "TOOLMESH_API_KEY": mesh.api_key,
    }
    settings = load_settings(environment, config_dir=config)
    assert settings.mesh_keys is not None
    line = RedisLine(mesh.redis_url, pending_max=settings.redis_pending_max, timeout_s=settings.redis_timeout_s)
    await line.open()
    clock = BrokerClock()
    await clock.measure(line)
    broker = AuthBroker(settings, line, clock)
    store = GrantStore(line, settings.mesh_keys, clock, settings, refused=_refused)
    tokens = AccessTokens(store, kept_s=_KEPT_S, hears=lambda: broker.hears)
    await broker.open(tokens.on_end, tokens.forget)
    identities = load_identities(settings)
    url = mesh.url.removesuffix("/mcp")
    checker = Authenticator(lambda: identities, tokens, SlowKeys(), url, anonymous=lambda: False)
    try:
        for way, credential in (("token", token), ("key", mesh.api_key)):
            headers = {"authorization": f"Bearer {credential}"}
            await checker.authenticate(headers, "/mcp")
            begun_s = time.process_time()
            for _ in range(checks):
                await checker.authenticate(headers, "/mcp")
            figures.add(f"log_in/check_{way}/us", (time.process_time() - begun_s) / checks * 1e6)
    finally:
        await broker.close()
        await line.close()


def _refused(kind: str, detail: str) -> None:
    raise AssertionError(f"a record that nobody forged was refused: {kind}: {detail}")
