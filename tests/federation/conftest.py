"""A house that logs people in elsewhere."""

from collections.abc import Iterator

import pytest

from tests.federation.sso_house import BENT, CORP, GITHUB, Sso, sso_house
from tests.oauth.person import OAuthClient, Person


@pytest.fixture(scope="package")
def sso(npm_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sso]:
    """One with all three providers. A test that changes the file writes it again as it was."""
    environment = {"TOOLMESH_IDENTITY_PROVIDER_CACHE_S": "0.001", "TOOLMESH_IDENTITY_PROVIDER_S": "3"}
    with sso_house(tmp_path_factory.mktemp("sso"), **environment) as found:
        found.write(CORP, BENT, GITHUB)
        yield found


@pytest.fixture
def person(sso: Sso) -> Iterator[Person]:
    """A browser."""
    found = sso.house.person()
    yield found
    found.close()


@pytest.fixture(scope="package")
def client(sso: Sso) -> OAuthClient:
    """A client that has just registered itself."""
    return sso.house.client(client_name="Agent")
