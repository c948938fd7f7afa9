"""Houses that several modules share: to start one takes longer than most of what is asked of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from edge.identities.passwords import hash_password
from shared import log_in_keys
from tests.oauth.connections import Connections
from tests.oauth.documents import Documents, documents_host
from tests.oauth.house import PASSWORD, House, house
from tests.oauth.person import ODD_NAME, ODD_PASSWORD, OAuthClient, Person
from tests.oauth.recorded import Recorded, recorded_house


@pytest.fixture(scope="package")
def known_documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    """The host whose documents the house of `connections` takes."""
    with documents_host(tmp_path_factory.mktemp("documents")) as found:
        yield found


@pytest.fixture(scope="package")
def connections(tmp_path_factory: pytest.TempPathFactory, known_documents: Documents) -> Iterator[Connections]:
    """Clients that users allow in, at a house of their own. Its edges believe what they know of a token for so long that it
    is seen when one is not told of its end."""
    environment: dict[str, Any] = {
        **known_documents.environment,
        "TOOLMESH_TOKEN_CACHE_S": "60",
        "TOOLMESH_LOGIN_MAX_FAILURES_PER_USER_IP": "0",
        "TOOLMESH_LOGIN_MAX_FAILURES_PER_USER": "0",
    }
    with house(tmp_path_factory.mktemp("house"), **environment) as running:
        found = Connections(running)
        yield found
        found.close()


@pytest.fixture(scope="package")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """A house in front of a server that writes down what reaches it."""
    with recorded_house(tmp_path_factory.mktemp("recorded"), TOOLMESH_TRUSTED_PROXIES="127.0.0.1") as found:
        yield found


@pytest.fixture(scope="package")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house for the pages, where few wrong passwords lock, and the tests say from which address somebody comes."""
    users = [
        f"{{username: '{ODD_NAME}', password_hash: '{hash_password(ODD_PASSWORD)}'}}",
        f"{{username: out, password_hash: '{hash_password(PASSWORD)}', disabled: true}}",
        "{username: bare}",
    ]
    environment: dict[str, Any] = {
        "TOOLMESH_TRUSTED_PROXIES": "127.0.0.1",
        "TOOLMESH_LOGIN_MAX_FAILURES_PER_USER_IP": "3",
        "TOOLMESH_LOGIN_MAX_FAILURES_PER_USER": "6",
        "TOOLMESH_LOGIN_MAX_FAILURES_PER_IP": "12",
    }
    with house(tmp_path_factory.mktemp("pages"), users="\n".join(users), **environment) as found:
        found.secrets.add(ODD_PASSWORD)
        yield found


@pytest.fixture(scope="module")
def client(at: House) -> OAuthClient:
    """One that registered itself."""
    return at.client()


@pytest.fixture
def person(at: House) -> Iterator[Person]:
    """Somebody new, after a time in which nobody typed a wrong password."""
    with at.running.broker.client() as redis:
        for key in redis.scan_iter(log_in_keys.failures("*", "*")):
            redis.delete(key)
    found = at.person()
    yield found
    found.close()
