"""Which servers clients are told of, in which order, and by which names they are to ask for scopes."""

import pytest

from edge.external.scope_names import OURS, ScopeNames
from edge.external.servers import Servers, caller_of
from shared.authorization_servers_file import AuthorizationServerEntry
from shared.settings import Settings

PUBLIC, ONE, TWO = "https://mesh.example", "https://one.example", "https://two.example/realms/a"
BOTH = {"mesh.all": ("tools:read", "tools:write"), "mesh.read": ("tools:read",)}
READ, WRITE = "tools:read", "tools:write"


def servers(own: str, *issuers: str) -> Servers:
    entries = [AuthorizationServerEntry(issuer=issuer, scopes={f"{issuer[8:11]}.read": (READ,)}) for issuer in issuers]
    return Servers(entries, Settings(own_authorization_server=own), PUBLIC)


@pytest.mark.parametrize(
    ("own", "issuers", "listed", "named"),
    [
        ("last", (), (PUBLIC,), (READ, WRITE)),
        ("first", (), (PUBLIC,), (READ, WRITE)),
        ("off", (), (), (READ, WRITE)),
        ("last", (ONE, TWO), (ONE, TWO, PUBLIC), ("one.read",)),
        ("last", (TWO, ONE), (TWO, ONE, PUBLIC), ("two.read",)),
        ("first", (ONE, TWO), (PUBLIC, ONE, TWO), (READ, WRITE)),
        ("off", (ONE, TWO), (ONE, TWO), ("one.read",)),
    ],
)
def test_order_is_the_operator_s_and_names_are_those_of_the_first(
    own: str, issuers: tuple[str, ...], listed: tuple[str, ...], named: tuple[str, ...]
) -> None:
    found = servers(own, *issuers)
    assert (found.listed, found.names.all) == (listed, named)
    assert bool(found) is bool(issuers)


def test_a_client_is_told_the_names_of_where_it_got_its_token() -> None:
    found = servers("last", ONE, TWO)
    assert found.names_for(caller_of(TWO, "agent#1")).all == ("two.read",)
    for ours in ("client-id", "https://chatgpt.com/oauth/client.json", "owner", "", "https://three.example#x"):
        assert found.names_for(ours) is OURS


@pytest.mark.parametrize(
    ("mapped", "prefix", "wanted", "asked"),
    [
        (None, "", (READ, WRITE), (READ, WRITE)),
        (None, "", (WRITE, "offline_access"), (WRITE, "offline_access")),
        (None, "api://mesh/", (READ,), ("api://mesh/tools:read",)),
        (BOTH, "", (READ,), ("mesh.read",)),
        (BOTH, "", (WRITE,), ("mesh.all",)),
        (BOTH, "", (READ, WRITE), ("mesh.all",)),
        (BOTH, "api://mesh/", (READ, WRITE), ("api://mesh/mesh.all",)),
        ({"r": (READ,), "w": (WRITE,)}, "", (READ, WRITE), ("r", "w")),
        ({"r": (READ,)}, "", (READ, WRITE), ("r",)),
        ({"r": (READ,)}, "", (WRITE,), ()),
        ({"r": (READ,)}, "", (), ()),
        ({"a": (READ, WRITE), "b": (READ, WRITE)}, "", (READ, WRITE), ("a",)),
    ],
)
def test_a_client_is_to_ask_for_what_is_needed_and_as_little_beside_as_can_be(
    mapped: dict[str, tuple[str, ...]] | None, prefix: str, wanted: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    assert set(ScopeNames(mapped, prefix).asked(wanted)) == set(asked)


def test_what_a_token_says_counts_without_the_prefix() -> None:
    names = ScopeNames(BOTH, "api://mesh/")
    assert names.ours(["mesh.read", "openid"]) == (READ,)
    assert names.ours(["mesh.all"]) == (READ, WRITE)
    assert names.ours(["api://mesh/mesh.read"]) == ()
    assert names.all == ("api://mesh/mesh.all", "api://mesh/mesh.read")
