"""What the tests of the broker's users share: how to come in as one of them, and how the broker says no."""

from pathlib import Path

import redis

from tests.mesh import Broker

DENIED = r"(?i)noperm|no permissions|can't access|can't run"
"""How Redis and Valkey say no: to a command, and to a function's command."""


def url_of(broker: tuple[Broker, Path], user: str) -> str:
    """The URL that one of the users has."""
    return (broker[1] / user / "redis_url").read_text().strip()


def connect(broker: tuple[Broker, Path], user: str) -> "redis.Redis":
    """A connection as one of the users."""
    return redis.Redis.from_url(url_of(broker, user), socket_timeout=5)
