"""One house with a front for all tests of the doctor: to start one takes longer than most looks at it."""

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doctor.broken import BrokenHouse, broken_house
from tests.doctor.examined import Doctor
from tests.oauth.documents import Documents, documents_host
from toolmesh.doctor.persona import PERSONAS


@pytest.fixture(scope="package")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    """The host of a client's metadata document."""
    with documents_host(tmp_path_factory.mktemp("documents")) as found:
        yield found


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, documents: Documents) -> Iterator[BrokenHouse]:
    """It is in order as long as nobody bends it."""
    environment: dict[str, Any] = dict(documents.environment)
    with broken_house(tmp_path_factory.mktemp("house"), **environment) as found:
        yield found


@pytest.fixture(scope="package")
def doctor(house: BrokenHouse, documents: Documents) -> Doctor:
    """Visits to it, by a client whose document the house can fetch."""
    document = documents.publish(
        "/oauth/client.json",
        client_name="ChatGPT",
        redirect_uris=[*(uri for persona in PERSONAS.values() for uri in persona.redirect_uris)],
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_methods_supported=["none", "private_key_jwt"],
        token_endpoint_auth_signing_alg="RS256",
        jwks_uri=documents.url("/oauth/jwks.json"),
    )
    trust = ssl.create_default_context(cafile=house.front.certificates.ca)
    return Doctor(house, trust, document)
