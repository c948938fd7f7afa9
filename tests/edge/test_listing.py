"""tools/list: every tool once, in one order, page by page, and nothing to those who may use nothing."""

import asyncio
import base64
from typing import Any

import pytest

from edge.directory import Directory
from edge.listing import LIST_VERSION, Listing
from shared import keys
from shared.authorization import Authorization, Rule
from shared.catalogue import Catalogue, ToolDefinition, catalogue_hash, define
from shared.clock import BrokerClock
from shared.codec import seal
from shared.configuration import BackendEntry
from shared.errors import InvalidParams
from shared.identity import Principal
from tests.contract.hop import GROUP, RING, open_line
from tests.edge.rules import ruled
from tests.mesh import Broker

OWNER = Principal(subject="owner", owner=True)
STRANGER = Principal(subject="ada", roles=("admin",), plan="pro")
SCHEMA = b'{"inputSchema":{"type":"object"}}'


def catalogue(backend: str, *tools: ToolDefinition) -> bytes:
    found = Catalogue(backend=backend, at_ms=1, tools=tools, hash=catalogue_hash(tools))
    return seal(RING, GROUP, found)


def directory(broker: Broker, **catalogues: bytes) -> Directory:
    """What an edge knows after it has read these catalogues."""
    refused: list[tuple[str, str]] = []

    async def load() -> Directory:
        async with open_line(broker) as line:
            for backend, raw in catalogues.items():
                await line.cmd("SET", keys.catalogue(GROUP, backend), raw)
            entries = [BackendEntry(name=backend, transport="echo") for backend in catalogues]
            found = Directory(
                entries,
                RING,
                line,
                BrokerClock(),
                heartbeat_ttl_s=3,
                refused=lambda kind, detail: refused.append((kind, detail)),
            )
            await found.load()
            return found

    found = asyncio.run(load())
    assert not refused
    return found


@pytest.fixture
def seven(broker: Broker) -> Directory:
    """Seven tools of two backends, published out of order."""
    return directory(
        broker,
        b=catalogue("b", *(define(name, "read", SCHEMA) for name in ("z", "a", "Z", "_"))),
        a=catalogue("a", *(define(name, "write", SCHEMA) for name in ("2", "10", "1"))),
    )


def list_tools(tools: Directory, principal: Principal, cursor: object, size: int) -> dict[str, Any]:
    return Listing(tools, ruled(), size).page("tools", principal, None, cursor)


def pages(tools: Directory, size: int) -> list[list[str]]:
    found: list[list[str]] = []
    cursor: object = None
    while len(found) < 50:
        page = list_tools(tools, OWNER, cursor, size)
        found.append([tool["name"] for tool in page["tools"]])
        if "nextCursor" not in page:
            return found
        cursor = page["nextCursor"]
    raise AssertionError(f"the pages do not end: {found}")


ALL = ["a_1", "a_10", "a_2", "b_Z", "b__", "b_a", "b_z"]


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 200])
def test_all_pages_together_are_every_tool_once_and_in_order(seven: Directory, size: int) -> None:
    found = pages(seven, size)
    assert [name for page in found for name in page] == ALL
    assert all(len(page) == size for page in found[:-1])
    assert len(found[-1]) >= 1


def test_a_cursor_of_a_tool_that_is_gone_goes_on_behind_its_place(seven: Directory) -> None:
    cursor = base64.urlsafe_b64encode(b"a_11").decode()
    assert [tool["name"] for tool in list_tools(seven, OWNER, cursor, 2)["tools"]] == ["a_2", "b_Z"]


def test_a_cursor_behind_the_last_tool_is_an_empty_last_page(seven: Directory) -> None:
    assert list_tools(seven, OWNER, base64.urlsafe_b64encode(b"zzz").decode(), 2).keys() == {"tools", "_meta"}


@pytest.mark.parametrize(
    "cursor",
    [
        "!",
        "é",
        "\u2028",
        "a",
        "YQ",
        "YQ==\n",
        "/w==",
        "_w==",
        "x" * 100_000,
        "YQ==" * 129,
        0,
        1,
        True,
        1.5,
        [],
        {},
        ["YQ=="],
    ],
)
def test_a_cursor_that_is_not_ours_is_invalid_params(seven: Directory, cursor: Any) -> None:
    with pytest.raises(InvalidParams):
        list_tools(seven, OWNER, cursor, 2)


def test_who_may_use_nothing_sees_nothing_whatever_the_cursor(seven: Directory) -> None:
    for cursor in (None, base64.urlsafe_b64encode(b"a_1").decode()):
        found = list_tools(seven, STRANGER, cursor, 2)
        assert (found["tools"], "nextCursor" in found) == ([], False)


def test_one_bad_definition_is_left_out_and_the_rest_is_listed(broker: Broker) -> None:
    bad = [
        define("no-schema", "read", b"{}"),
        define("no-json", "read", b"\xff\xfe"),
        define("not-utf-8", "read", b'{"inputSchema":{"type":"object"},"description":"\xff"}'),
        define("too-deep", "read", b'{"inputSchema":' + b"[" * 3_000 + b"]" * 3_000 + b"}"),
        define("no-object", "read", b'{"inputSchema":{"type":"array"}}'),
    ]
    found = directory(broker, a=catalogue("a", *bad[:3], define("good", "read", SCHEMA), *bad[3:]))
    assert pages(found, 10) == [["a_good"]]


RULES = Authorization(
    plans={"pro": Rule(allow=("a_1*", "b_?"), deny=("b_z",)), "free": Rule(allow=("access:read",))},
    anonymous=Rule(allow=("b_[az]", "b_a")),
)


@pytest.mark.parametrize(
    ("principal", "names"),
    [
        (Principal(subject="ada", plan="pro"), ["a_1", "a_10", "b_Z", "b__", "b_a"]),
        (Principal(subject="bob", plan="free"), ["b_Z", "b__", "b_a", "b_z"]),
        (Principal(subject="eve", plan="other"), []),
        (Principal(subject="anonymous", plan="pro", anonymous=True), ["b_a"]),
        (OWNER, ALL),
    ],
)
@pytest.mark.parametrize("size", [2, 200])
def test_everybody_sees_what_they_may_use_at_either_endpoint_and_on_all_pages(
    seven: Directory, principal: Principal, names: list[str], size: int
) -> None:
    listing = Listing(seven, ruled(RULES), size)

    def listed(backend: str | None) -> list[str]:
        page = listing.page("tools", principal, backend, None)
        seen = [tool["name"] for tool in page["tools"]]
        while "nextCursor" in page:
            page = listing.page("tools", principal, backend, page["nextCursor"])
            seen += [tool["name"] for tool in page["tools"]]
        return seen

    assert listed(None) == names
    for backend in ("a", "b"):
        assert listed(backend) == [name[2:] for name in names if name.startswith(backend)]
    assert listed("c") == []


def test_where_nobody_has_to_log_in_a_tool_says_whether_that_holds_for_it(seven: Directory) -> None:
    listing = Listing(seven, ruled(RULES), 200, own, anonymous=True)

    def free(backend: str | None) -> list[str]:
        tools = listing.page("tools", OWNER, backend, None)["tools"]
        assert all(tool["_meta"]["securitySchemes"] == tool["securitySchemes"] for tool in tools)
        return [tool["name"] for tool in tools if tool["securitySchemes"] == [{"type": "noauth"}]]

    assert free(None) == ["b_a", "mesh_wait"]
    assert free("b") == ["a"]
    assert free("a") == []


OWN = {"mesh_wait": {"name": "mesh_wait", "inputSchema": {"type": "object"}}}


def own(principal: Principal) -> dict[str, Any]:
    return OWN


@pytest.mark.parametrize("size", [1, 3, 4, 200])
def test_a_tool_of_the_edge_itself_stands_at_its_place_for_everybody_at_the_endpoint_of_all(
    broker: Broker, size: int
) -> None:
    tools = [define(name, "read", SCHEMA) for name in ("wait", "wake")]
    found = directory(broker, mesh=catalogue("mesh", *tools), a=catalogue("a", tools[0]), z=catalogue("z", tools[0]))
    listing = Listing(found, ruled(), size, own)

    def names(principal: Principal, backend: str | None = None) -> list[str]:
        cursor, seen = None, []
        while True:
            page = listing.page("tools", principal, backend, cursor)
            seen += [tool["name"] for tool in page["tools"]]
            assert len(seen) <= 5
            if (cursor := page.get("nextCursor")) is None:
                return seen

    alias = "mesh_wait_a6d14412"
    assert names(OWNER) == ["a_wait", "mesh_wait", alias, "mesh_wake", "z_wait"]
    assert found.find_tool(None, "mesh_wait") is None, "no backend answers to a name of the mesh's own"
    assert found.find_tool(None, alias) is found.shelves["mesh"].tools["wait"] is found.find_tool("mesh", "wait")
    assert names(STRANGER) == ["mesh_wait"]
    assert names(OWNER, "mesh") == ["wait", "wake"]
    assert listing.page("tools", OWNER, None, None)["tools"] != []
    assert OWN["mesh_wait"] in Listing(found, ruled(), 200, own).page("tools", OWNER, None, None)["tools"]
    assert listing.page("prompts", OWNER, None, None) == {"prompts": []}


def test_a_client_that_cuts_is_told_of_no_schema_that_a_handle_would_break(broker: Broker) -> None:
    described = b'{"inputSchema":{"type":"object"},"outputSchema":{"type":"object","required":["city"]},"title":"T"}'
    found = directory(broker, a=catalogue("a", define("x", "read", described), define("y", "read", SCHEMA)))
    for backend in (None, "a"):
        listing = Listing(found, ruled(), 10)
        usual, _ = listing.page("tools", OWNER, backend, None)["tools"]
        cut, _ = listing.page("tools", OWNER, backend, None, bare=True)["tools"]
        assert usual == cut | {"outputSchema": {"type": "object", "required": ["city"]}}
        assert "outputSchema" not in cut


def version(tools: Directory, principal: Principal = OWNER, backend: str | None = None, **how: Any) -> str:
    listing = Listing(tools, ruled(RULES), 2, own, anonymous=how.pop("anonymous", False))
    versions = set()
    page = listing.page("tools", principal, backend, None, **how)
    versions.add(page["_meta"][LIST_VERSION])
    while "nextCursor" in page:
        page = listing.page("tools", principal, backend, page["nextCursor"], **how)
        versions.add(page["_meta"][LIST_VERSION])
    (found,) = versions
    return str(found)


def test_a_list_has_a_version_that_is_the_same_on_all_pages_and_at_every_edge(broker: Broker, seven: Directory) -> None:
    assert version(seven) == version(seven)
    one = catalogue("a", define("x", "read", SCHEMA), define("y", "read", SCHEMA))
    assert version(directory(broker, a=one)) == version(directory(broker, a=one))


def test_the_version_is_another_one_wherever_the_list_is(broker: Broker, seven: Directory) -> None:
    ada, bob, eve = (Principal(subject=name, plan=plan) for name, plan in (("ada", "pro"), ("bob", "free"), ("eve", "no")))
    known = [version(seven, who) for who in (OWNER, ada, bob, eve)]
    known += [version(seven, OWNER, "a"), version(seven, OWNER, "b"), version(seven, bare=True)]
    known += [version(seven, anonymous=True), version(seven, OWNER, "a", view="strict")]
    changes = (
        (define("x", "read", SCHEMA),),
        (define("x", "write", SCHEMA),),
        (define("x", "read", b'{"inputSchema":{"type":"object"},"title":"X"}'),),
        (define("x", "read", SCHEMA), define("y", "read", SCHEMA)),
        (define("z", "read", SCHEMA),),
    )
    known += [version(directory(broker, a=catalogue("a", *tools))) for tools in changes]
    assert len(set(known)) == len(known)
    assert version(seven, Principal(subject="another", plan="pro")) == version(seven, ada)


def test_only_tools_have_a_version(seven: Directory) -> None:
    assert "_meta" not in Listing(seven, ruled(), 2).page("prompts", OWNER, None, None)
