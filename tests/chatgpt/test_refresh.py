"""A link that lasts: what ChatGPT does when its token has expired, on both of its planes, after a long rest, and after the
edges were replaced (docs/clients-on-the-wire.md, row F)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chatgpt.connector import CONTROL, TOOLS, Connector
from tests.chatgpt.discovery import challenge_of
from tests.chatgpt.identities import IDENTIFY
from tests.chatgpt.request_meta import META
from tests.chatgpt.stage import Stage
from tests.chatgpt.variants import V1, V3, VARIANTS, Variant
from tests.chatgpt.wire import result_of
from tests.mesh import wait_until
from tests.oauth.connections import assert_refused
from tests.oauth.person import Person

NAMES = [variant.name for variant in VARIANTS]


def refused(connector: Connector) -> dict[str, str]:
    """A call that is refused, as ChatGPT's tools plane makes it: what the challenge says."""
    found = challenge_of(connector.call("up_echo", {"message": "too late"}, meta=META))
    assert found["error"] == "invalid_token"
    assert found["error_description"]
    assert found["resource_metadata"] == connector.found.challenge["resource_metadata"]
    assert found["scope"] == connector.found.challenge["scope"]
    return found


def works(connector: Connector) -> bool:
    """Whether both planes go on, at whatever edge."""
    for message in ("one", "two"):
        said = result_of(connector.call("up_echo", {"message": message}))["content"][0]["text"]
        if said != message:
            return False
    return bool(connector.list())


@pytest.mark.parametrize(
    ("variant", "way", "method"),
    [
        (V1, "document", "private_key_jwt"),
        (V1, "static", "client_secret_basic"),
        (VARIANTS[1], "registered", "client_secret_post"),
        (V3, "registered", "none"),
    ],
    ids=["document", "static", "registered-with-secret", "registered"],
)
def test_an_expired_token_is_a_401_and_renewed_and_the_call_made_again(
    at: Stage, ada: Person, variant: Variant, way: str, method: str
) -> None:
    connector = at.connector(variant)
    connector.identify(IDENTIFY[way](connector.wire, at.documents, method))
    connector.log_in(ada)
    connector.open()
    for _ in range(2):
        before = connector.tokens
        at.expire(before["access_token"])
        refused(connector)
        after = connector.take(connector.refresh())
        assert after["scope"] == before["scope"]
        assert not {before["access_token"], before["refresh_token"]} & {after["access_token"], after["refresh_token"]}
        assert works(connector)


def test_both_planes_renew_at_once_at_two_edges_and_go_on(at: Stage, ada: Person) -> None:
    connector = at.connected(ada)
    for _ in range(3):
        at.expire(connector.tokens["access_token"])
        with ThreadPoolExecutor(2) as pool:
            ways = ((CONTROL, at.edges[0].url), (TOOLS, at.edges[1].url))
            answers = list(pool.map(lambda way: connector.refresh(agent=way[0], url=way[1]), ways))
        control, tools = (connector.take(answer) for answer in answers)
        assert control["refresh_token"] == tools["refresh_token"], "neither logs the other out"
        for tokens in (control, tools):
            connector.tokens = tokens
            assert works(connector)


def test_a_plane_that_was_late_by_a_moment_is_not_logged_out(at: Stage, ada: Person) -> None:
    connector = at.connector()
    connector.log_in(ada)
    old = connector.tokens["refresh_token"]
    first = connector.take(connector.refresh(old, agent=CONTROL))
    second = connector.take(connector.refresh(old, agent=TOOLS))
    assert first["refresh_token"] == second["refresh_token"]
    assert works(connector)


@pytest.mark.parametrize("variant", VARIANTS, ids=NAMES)
def test_a_dead_link_is_told_and_linked_anew_with_the_same_client(at: Stage, ada: Person, variant: Variant) -> None:
    connector = at.connected(ada, variant)
    revoked = {"token": connector.tokens["refresh_token"], "client_id": connector.identity.client_id}
    assert connector.wire.form(connector.found.server["revocation_endpoint"], revoked).status_code == 200
    wait_until(lambda: {connector.send("tools/list").status_code for _ in range(2)} == {401}, "it is over at both edges")
    refused(connector)
    assert_refused(connector.refresh(), 400, "invalid_grant")
    refused(connector)
    before = connector.found
    assert connector.find_out() == before, "the first request without a token is challenged as in the beginning"
    connector.log_in(ada, id_token_hint="what.was.never.given")
    connector.open()
    assert works(connector)


@pytest.mark.parametrize("variant", [V1, V3], ids=["2026", "2025"])
def test_after_a_long_rest_a_request_for_a_stream_tells_that_the_token_has_expired(
    at: Stage, ada: Person, variant: Variant
) -> None:
    """After two hours ChatGPT has been seen to begin with that, instead of with the token."""
    connector = at.connected(ada, variant)
    url, stream = f"{connector.wire.url}/mcp", {"accept": "text/event-stream"}
    assert connector.wire.get(url, **stream, **connector.authorization()).status_code == 405
    assert "error" not in challenge_of(connector.wire.get(url, **stream))
    with_session = connector.authorization() | connector.session
    assert connector.wire.opens(url, with_session) == bool(connector.session), "of its session there is one"
    at.expire(connector.tokens["access_token"])
    late = challenge_of(connector.wire.get(url, **stream, **connector.authorization()))
    assert late["error"] == "invalid_token"
    assert challenge_of(connector.wire.get(url, **stream, **with_session))["error"] == "invalid_token"
    connector.take(connector.refresh())
    assert works(connector)


def test_a_link_outlives_the_edges(at: Stage, ada: Person) -> None:
    """All of them end and others begin, and nobody logs in again: neither with a token that is good, nor with one that
    expired meanwhile. What a browser was asked before it answers afterwards."""
    linked, expired = [at.connector(variant) for variant in (V3, V1)]
    for connector in (linked, expired):
        connector.log_in(ada)
        connector.open()
    at.expire(expired.tokens["access_token"])
    half = at.connector(V1)
    asked = half.link()
    waiting = ada.get(asked.url)
    assert waiting.status_code == 303
    at.restart_edges()
    assert works(linked)
    refused(expired)
    expired.take(expired.refresh())
    assert works(expired)
    page = ada.get(waiting.headers["location"])
    assert (page.status_code, "Allow" in page.text) == (200, True)
    half.log_in(ada)
    assert works(half)
