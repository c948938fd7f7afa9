"""Providers at one edge: what is kept of them, and how many log-ins are under way there."""

import asyncio
from collections.abc import Iterator

import pytest

from edge.identities.identities import Identities
from edge.oauth.guarded_http import GuardedHttp
from edge.providers.github import api_of
from edge.providers.metadata import MetadataOf
from edge.providers.provider import ProviderFailed
from edge.providers.providers import Providers
from shared.access_settings import Secret
from shared.claims_mapping import Allowed
from shared.errors import TooBusy
from shared.identity_providers_file import IdentityProviderEntry
from shared.settings import Settings
from tests.federation.bent_provider import CLIENT, SECRET, Bent, bent_provider

SETTINGS = Settings(identity_secrets=Secret(f"bent={SECRET}"), identity_provider_s=5.0, identity_provider_steps_max=2)


@pytest.fixture(scope="module")
def provider() -> Iterator[Bent]:
    with bent_provider() as found:
        yield found


@pytest.fixture
def bent(provider: Bent) -> Bent:
    provider.straighten()
    return provider


def entry_of(bent: Bent) -> IdentityProviderEntry:
    return IdentityProviderEntry(name="bent", issuer=bent.issuer, client_id=CLIENT, allow=Allowed(everyone=True))


def providers(*entries: IdentityProviderEntry, settings: Settings = SETTINGS) -> Providers:
    identities = Identities(settings, providers=entries)
    return Providers(settings, lambda: identities, "https://mesh.example", lambda: 1)


def test_metadata_is_asked_for_once_by_many_and_again_when_its_time_is_over(bent: Bent) -> None:
    async def main() -> None:
        now = 0.0
        own = frozenset({"127.0.0.1"})
        metadata = MetadataOf(bent.issuer, GuardedHttp(SETTINGS), SETTINGS, own=own, now=lambda: now)
        await asyncio.gather(*(metadata.get() for _ in range(5)))
        assert len(bent.asked) == 1
        now = SETTINGS.identity_provider_cache_s - 1
        await metadata.get()
        assert len(bent.asked) == 1
        now += 2
        await metadata.get()
        assert len(bent.asked) == 2
        bent.changes["metadata"] = {"issuer": "https://evil.example"}
        now += SETTINGS.identity_provider_cache_s
        for _ in range(2):
            with pytest.raises(ProviderFailed):
                await metadata.get()

    asyncio.run(main())


def test_a_provider_on_the_own_network_is_asked_only_where_the_operator_named_its_host(bent: Bent) -> None:
    async def main() -> None:
        metadata = MetadataOf(bent.issuer, GuardedHttp(SETTINGS), SETTINGS, own=frozenset())
        with pytest.raises(ProviderFailed):
            await metadata.get()

    asyncio.run(main())
    assert bent.asked == []


def test_what_a_person_takes_along_is_of_this_browser_and_this_state_alone(bent: Bent) -> None:
    async def main() -> None:
        found = providers(entry_of(bent))
        (entry,) = found.listed
        urls = [
            await found.way_in(entry, browser, state, again=False)
            for browser, state in (("b" * 43, "s"), ("b" * 43, "s"), ("c" * 43, "s"), ("b" * 43, "t"))
        ]
        assert urls[0] == urls[1], "any edge finds the same ones again"
        assert len(set(urls)) == 3
        assert all("b" * 43 not in url for url in urls)
        assert "redirect_uri=https%3A%2F%2Fmesh.example%2Fauth%2Fcallback%2Fbent" in urls[0]

    asyncio.run(main())


def test_an_entry_that_changed_is_asked_anew(bent: Bent) -> None:
    async def main() -> None:
        entry = entry_of(bent)
        found = providers(entry)
        other = IdentityProviderEntry(
            name="bent", issuer=bent.issuer, client_id="another", scopes=("openid",), allow=Allowed(everyone=True)
        )
        assert f"client_id={CLIENT.replace(' ', '+')}" in await found.way_in(entry, "b", "s", again=False)
        assert "client_id=another" in await found.way_in(other, "b", "s", again=False)
        assert bent.asked == ["/.well-known/openid-configuration"] * 2

    asyncio.run(main())


def test_more_than_so_many_at_once_are_told_to_come_again(bent: Bent) -> None:
    async def main() -> None:
        found = providers(entry_of(bent))
        (entry,) = found.listed
        steps = [found.way_in(entry, "b", str(number), again=False) for number in range(5)]
        outcomes = await asyncio.gather(*steps, return_exceptions=True)
        assert sum(isinstance(each, TooBusy) for each in outcomes) == 3
        assert await found.way_in(entry, "b", "s", again=False), "and there is room again"

    asyncio.run(main())


def test_without_a_secret_nobody_is_sent_there(bent: Bent) -> None:
    async def main() -> None:
        found = providers(entry_of(bent), settings=Settings())
        (entry,) = found.listed
        with pytest.raises(ProviderFailed, match="TOOLMESH_IDENTITY_SECRETS"):
            await found.way_in(entry, "b", "s", again=False)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("site", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://octo.ghe.com", "https://api.octo.ghe.com"),
        ("https://github.corp.example", "https://github.corp.example/api/v3"),
    ],
)
def test_where_githubs_api_is_follows_from_its_site(site: str, api: str) -> None:
    assert api_of(site) == api
