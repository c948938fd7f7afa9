"""What arguments hold stays what it is, byte for byte on the wire: it becomes no header, no parameter and no request."""

import re
import ssl
from pathlib import Path

import msgspec
import pytest

from shared.errors import EgressDenied, UpstreamUnreachable
from tests.certificates import Authority
from tests.upstreams.recorder import Reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.planned import tool_of
from tests.workers.rest.written import V2

NASTY = (
    *(
        "a&admin=true",
        "a=b",
        "a#b",
        "a%26b",
        "a;b",
        "a\r\nX-Admin: 1\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n",
        "a\x00b",
    ),
    *(
        '"},"admin":{"a":"',
        "' OR 1=1; --",
        "{a:user b:user c:user}",
        "é\u2028\u202e",
        "..",
        "../../admin",
        "a b+c",
        "${x}{{y}}",
    ),
    *("--toolmesh-\r\nContent-Disposition: form-data; name=x\r\n\r\n1", "<x/>", "\\", "😀"),
)
VALUE = "{type: string, in: "
DADL = (
    V2
    + "backend:\n  name: wx\n  type: rest\n  description: Weather\n"
    + "  auth: {type: apikey, credential: none, header_name: X-Key}\n"
    + "  defaults: {headers: {Accept: application/json, X-Level: '3'}}\n  tools:\n"
    + f"    query: {tool_of('GET', '/q', f'v: {VALUE}query}}', f'other: {VALUE}query}}')}\n"
    + f"    path: {tool_of('GET', '/p/{v}/end', f'v: {VALUE}path, required: true}}')}\n"
    + f"    json: {tool_of('POST', '/j', f'v: {VALUE}body}}', 'query: {type: string, in: body}')}\n"
    + f"    form: {tool_of('POST', '/f', f'v: {VALUE}body}}', content_type='application/x-www-form-urlencoded')}\n"
    + f"    parts: {tool_of('POST', '/m', f'v: {VALUE}body}}', content_type='multipart/form-data')}\n"
    + f"    header: {tool_of('GET', '/h', f'X-Site: {VALUE}header}}')}\n"
)


def text_of(result: bytes) -> str:
    return str(msgspec.json.decode(result)["content"][0]["text"])


def test_no_argument_becomes_anything_but_its_value(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as upstream, opened(tmp_path, DADL, upstream.url) as caller:
            for value in NASTY:
                upstream.requests.clear()
                await caller.call("query", {"v": value})
                await caller.call("json", {"v": value, "query": value})
                await caller.call("form", {"v": value})
                await caller.call("parts", {"v": value})
                query, json, form, parts = upstream.requests
                assert query.query == [("v", value)]
                assert (json.target, json.json) == ("/j", {"v": value, "query": value})
                assert (form.target, form.body.count(b"&"), form.body.count(b"=")) == ("/f", 0, 1)
                boundary = (parts.header("Content-Type") or "").partition("boundary=")[2].encode()
                assert parts.body.count(b"--" + boundary) == 2
                assert value.encode() in parts.body
                for request in upstream.requests:
                    assert request.raw.partition(b"\r\n\r\n")[0].isascii()
                    assert request.raw.count(b"HTTP/1.1\r\n", 0, request.raw.index(b"\r\n\r\n")) == 1
                    assert request.header("X-Admin") is None

    run(test)


def test_a_path_is_what_the_tool_says_whatever_is_in_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as upstream, opened(tmp_path, DADL, f"{upstream.url}/base") as caller:
            for value in NASTY:
                upstream.requests.clear()
                result = await caller.call("path", {"v": value})
                if value == "..":
                    assert text_of(result).startswith("[invalid_input] The parameter `v` can't be")
                    assert upstream.requests == []
                else:
                    assert re.fullmatch(r"/base/p/[A-Za-z0-9._~%-]+/end", upstream.last.target)

    run(test)


def test_a_request_is_these_bytes(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as upstream, opened(tmp_path, DADL, f"{upstream.url}/base") as caller:
            await caller.call("form", {"v": "a&b=é\r\n"})
            head, _, body = upstream.last.raw.partition(b"\r\n\r\n")
            assert body == b"v=a%26b%3D%C3%A9%0D%0A"
            line, *headers = head.decode("ascii").split("\r\n")
            assert line == "POST /base/f HTTP/1.1"
            assert sorted(headers) == [
                "Accept-Encoding: gzip, deflate",
                "Accept: application/json",
                "Content-Length: 22",
                "Content-Type: application/x-www-form-urlencoded",
                f"Host: 127.0.0.1:{upstream.port}",
                "User-Agent: toolmesh",
                "X-Level: 3",
            ]

    run(test)


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\nX-Admin: 1", "a\rb", "a\x00b", "é", "a\x7f", " a", "x" * 9000])
def test_no_header_is_made_of_a_value(tmp_path: Path, value: str) -> None:
    async def test() -> None:
        async with recording() as upstream, opened(tmp_path, DADL, upstream.url) as caller:
            text = text_of(await caller.call("header", {"X-Site": value}))
            assert text.startswith("[invalid_input] The value for the header 'X-Site'")
            assert "X-Admin" not in text
            assert upstream.requests == []
            assert caller.dispatched == 0
            await caller.call("header", {"X-Site": "a b"})
            assert upstream.last.header("X-Site") == "a b"

    run(test)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Host",
            "Authorization",
            "Cookie",
            "Content-Length",
            "Transfer-Encoding",
            "Content-Type",
            "Connection",
            "Upgrade",
        ),
        *("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_Method_Override", "X-Forwarded-For"),
        *("X-Forwarded-Host", "Forwarded", "X-Real-IP", "X-Original-URL", "X-Rewrite-URL", "Proxy-Authorization", "X-Key"),
        *("x_key", "TE", "Expect", "Via", "Sec-Fetch-Site", "Origin", "Referer"),
    ],
)
def test_no_argument_fills_a_header_that_is_not_its_own(tmp_path: Path, name: str) -> None:
    dadl = DADL.replace("X-Site", name)

    async def test() -> None:
        async with recording() as upstream, opened(tmp_path, dadl, upstream.url) as caller:
            text = text_of(await caller.call("header", {name: "evil"}))
            assert text.startswith(
                ("[invalid_input] There is no parameter", f"[invalid_input] The header {name!r} is not one")
            )
            assert upstream.requests == []

    run(test)


def test_a_credential_stays_with_its_host(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as other, recording() as upstream:
            dadl = (
                V2
                + "backend:\n  name: wx\n  type: rest\n  description: Weather\n"
                + "  auth: {type: bearer, credential: wx}\n  health: {tool: there}\n  tools:\n"
                + f"    there: {tool_of('GET', f'{other.url}/a?b=1', 'q: {type: string, in: query}')}\n"
                + f"    same: {tool_of('GET', f'{upstream.url}/a')}\n"
                + f"    own: {tool_of('GET', '/a')}\n"
            )
            secret = {"CREDENTIAL_WX": "canary-of-wx"}
            other.answers = lambda request: Reply(401)
            listed = (f"127.0.0.1:{other.port}",)
            async with opened(tmp_path, dadl, f"{upstream.url}/base", environment=secret, private_hosts=listed) as caller:
                assert (await caller.text("there", {"q": "2"})).startswith("[unauthorized] HTTP 401")
                assert other.last.target == "/a?b=1&q=2"
                assert len(other.requests) == 1
                assert "401" in await caller.text("health")
                await caller.call("same")
                await caller.call("own")
                assert [request.target for request in upstream.requests] == ["/a", "/base/a"]
            assert len(other.requests) == 2
            assert not [request for request in other.requests if b"canary" in request.raw]
            async with opened(tmp_path, dadl, upstream.url, environment=secret, credential_hosts=listed) as caller:
                await caller.call("there", {})
            for request in (*upstream.requests, other.last):
                assert request.header("Authorization") == "Bearer canary-of-wx"

    run(test)


def test_a_whole_url_in_a_file_leads_to_no_private_address_that_the_operator_did_not_name(tmp_path: Path) -> None:
    """Others publish files, and the operator looks at `url` and `base_url`."""

    async def test() -> None:
        async with recording() as inside, recording() as upstream:
            dadl = (
                V2
                + "backend:\n  name: wx\n  type: rest\n  description: Weather\n"
                + f"  auth: {{type: bearer, credential: wx}}\n  health: {{path: '{inside.url}/health'}}\n  tools:\n"
                + f"    metadata: {tool_of('GET', f'{inside.url}/latest/meta-data')}\n"
            )
            async with opened(tmp_path, dadl, upstream.url, environment={"CREDENTIAL_WX": "canary-of-wx"}) as caller:
                with pytest.raises(EgressDenied, match="not public"):
                    await caller.call("metadata")
                assert '"ok":false' in await caller.text("health")
            assert inside.requests == []

    run(test)


def test_a_credential_goes_to_no_other_host_that_can_not_show_who_it_is(tmp_path: Path) -> None:
    """`tls_skip_verify` is for the backend's own URL; a host of `credential_hosts` is another one."""
    authority = Authority(tmp_path)

    async def test() -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(authority.issue("server"))
        async with recording(tls=tls) as own, recording(tls=tls) as other:
            dadl = (
                V2
                + "backend:\n  name: wx\n  type: rest\n  description: Weather\n"
                + "  auth: {type: bearer, credential: wx}\n  tools:\n"
                + f"    own: {tool_of('GET', '/a')}\n"
                + f"    there: {tool_of('GET', f'{other.url}/a')}\n"
            )
            secret, hosts = {"CREDENTIAL_WX": "canary-of-wx"}, (f"127.0.0.1:{other.port}",)
            async with opened(
                tmp_path, dadl, own.url, environment=secret, tls_skip_verify=True, credential_hosts=hosts
            ) as caller:
                await caller.call("own")
                with pytest.raises(UpstreamUnreachable, match="secure connection"):
                    await caller.call("there")
            assert len(own.requests) == 1
            assert other.requests == []

    run(test)
