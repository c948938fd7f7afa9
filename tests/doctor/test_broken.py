"""The front that the tests of `toolmesh doctor` bend: unbent it is the house itself; a bend reaches only what it names."""

import ssl
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.client import Client
from tests.doctor import bends
from tests.doctor.bends import Bend
from tests.doctor.broken import BrokenHouse, broken_house
from tests.mesh import API_KEY

METADATA = "/.well-known/oauth-authorization-server"
WRITER = Client("", API_KEY)
"""Writes requests; sends none."""
WRITER.close()


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenHouse]:
    with broken_house(tmp_path_factory.mktemp("broken")) as found:
        yield found


@pytest.fixture(scope="module")
def http(broken: BrokenHouse) -> Iterator[httpx2.Client]:
    trust = ssl.create_default_context(cafile=broken.front.certificates.ca)
    with httpx2.Client(base_url=broken.url, verify=trust, trust_env=False, timeout=20) as client:
        yield client


def test_the_house_answers_under_the_url_of_its_front(broken: BrokenHouse, http: httpx2.Client) -> None:
    assert http.get(METADATA).json()["issuer"] == broken.url
    tools = http.post("/mcp", **_request("tools/list"))
    assert "echo_echo" in tools.text


def test_an_answer_is_changed_where_it_is_bent_and_nowhere_else(broken: BrokenHouse, http: httpx2.Client) -> None:
    with broken.front.bent(Bend(METADATA, "GET", bends.without("issuer")), Bend(METADATA, "GET", bends.Status(203))):
        answer = http.get(METADATA)
        assert answer.status_code == 203
        assert "issuer" not in answer.json()
        assert http.get("/.well-known/oauth-protected-resource").status_code == 200
    assert http.get(METADATA).json()["issuer"] == broken.url


def test_a_bend_may_look_at_the_message(broken: BrokenHouse, http: httpx2.Client) -> None:
    with broken.front.bent(Bend("/mcp", "POST", bends.Streamed(), bends.rpc("server/discover"))):
        said = http.post("/mcp", **_request("server/discover"))
        assert said.headers["content-type"] == "text/event-stream"
        listed = http.post("/mcp", **_request("tools/list"))
        assert listed.headers["content-type"] == "application/json"


def test_what_a_client_sends_may_be_lost_on_the_way(broken: BrokenHouse, http: httpx2.Client) -> None:
    with broken.front.bent(Bend("/mcp", "POST", bends.Sent("authorization", None))):
        answer = http.post("/mcp", **_request("tools/list"))
        assert answer.status_code == 401


def test_a_connection_may_end_without_an_answer(broken: BrokenHouse, http: httpx2.Client) -> None:
    with broken.front.bent(Bend("/mcp", "*", bends.Dropped())), pytest.raises(httpx2.RemoteProtocolError):
        http.get("/mcp")


def test_a_stream_passes_as_it_comes_and_is_held_back_where_that_is_bent(broken: BrokenHouse) -> None:
    trust = ssl.create_default_context(cafile=broken.front.certificates.ca)
    with httpx2.Client(verify=trust, trust_env=False, timeout=httpx2.Timeout(20, read=1)) as http:
        with http.stream("POST", broken.front.mcp_url, **_listen()) as stream:
            assert next(stream.iter_text())
        with (
            broken.front.bent(Bend("/mcp", "POST", bends.Buffered())),
            pytest.raises(httpx2.ReadTimeout),
            http.stream("POST", broken.front.mcp_url, **_listen()),
        ):
            pass


def test_another_certificate_is_shown(broken: BrokenHouse) -> None:
    authority = broken.front.certificates.authority
    trust = ssl.create_default_context(cafile=authority.ca)
    for wrong in (
        authority.issue("over", until_days=-0.5, since_days=-2),
        authority.issue("elsewhere", ["elsewhere.example"]),
        authority.issue("untrusted", trusted=False),
    ):
        with broken.front.showing(wrong), pytest.raises(httpx2.ConnectError, match="certificate verify failed"):
            httpx2.get(broken.url, verify=trust, trust_env=False)
    assert httpx2.get(broken.url, verify=trust, trust_env=False).status_code in (200, 303, 307)


def _request(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"content": WRITER.body(method, params), "headers": WRITER.headers(method)}


def _listen() -> dict[str, Any]:
    return _request("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
