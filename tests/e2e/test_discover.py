"""Finding tools among 2,500, at two edges, for callers who may use different ones."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from tests.client import MODERN, Client
from tests.e2e.unusual_mesh import Unusual, tool, unusual_mesh
from tests.edge.discovery.parsers import kinds, parsed
from tests.mesh import wait_until
from tests.own_tools import OWN

LEGACY = "2025-11-25"
KEYS = {name: f"the-key-of-{name}-0123456789" for name in ("ada", "bea", "cyd", "dan")}
ANIMALS = ("owl", "fox", "bat", "elk", "hen")
VERBS = ("create", "list", "update", "delete", "count")
TEXT = {"type": "string"}
HUGE = [
    tool(
        f"{verb}_{animal}_{number}",
        {"properties": {"label": TEXT, "size": {"type": "integer", "default": number}}, "required": ["label"]},
        description=f"{verb.title()}s one {animal} of herd {number}.",
        annotations={"readOnlyHint": verb in ("list", "count")},
    )
    for verb in VERBS
    for animal in ANIMALS
    for number in range(100)
]
SHOP = [
    tool(
        "create_invoice",
        {"properties": {"customer-id": TEXT}, "required": ["customer-id"]},
        description="Bills */ somebody.",
    ),
    tool("find", description="Finds invoices.", annotations={"readOnlyHint": True}),
    tool("web_search", description="Searches."),
    *(tool(f"secret_{number}", description="Nobody's invoice.") for number in range(40)),
]
HINT = "Customers are named by number, like C-17."
RULES = """users:
  ada: {allow: ['shop_*', 'huge_list_owl_*'], deny: ['shop_secret_*']}
  bea: {allow: [shop_find, huge_list_owl_1]}
  cyd: {allow: [shop_find]}
  dan: {allow: [shop_find]}
"""


@dataclass
class Found:
    """The mesh, its edges to the owner, and both to each of two users."""

    mesh: Unusual
    users: dict[str, tuple[Client, Client]]

    @property
    def a(self) -> Client:
        return self.mesh.a

    @property
    def b(self) -> Client:
        return self.mesh.b


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    directory = tmp_path_factory.mktemp("huge")
    more = {"shop": f", expose_tools: [find, web_search, gone], hint: '{HINT}'"}
    with (
        unusual_mesh(directory, {"huge": HUGE, "shop": SHOP}, more, TOOLMESH_SEARCH_FETCH="on") as mesh,
        ExitStack() as stack,
    ):
        entries = [
            f"  - user_id: {name}\n    key_sha256: {sha256(key.encode()).hexdigest()}\n" for name, key in KEYS.items()
        ]
        (mesh.running.config / "apikeys.yaml").write_text("keys:\n" + "".join(entries))
        (mesh.running.config / "authorization.yaml").write_text(RULES)
        users = {name: (Client(mesh.a.url, key), Client(mesh.b.url, key)) for name, key in KEYS.items()}
        for edge in (each for pair in users.values() for each in pair):
            stack.callback(edge.close)
        for edge, mine in zip((mesh.a, mesh.b), users["bea"], strict=True):
            wait_until(
                lambda e=edge: len(ask(e, backend="huge", detail="names", limit=9).splitlines()) == 10, "all are found"
            )
            wait_until(lambda e=mine: "result" in e.request("tools/list"), "the users are let in")
            wait_until(lambda e=mine: {"find", "huge_list_owl_1"} <= set(e.tool_names()), "they have what they may use")
        yield Found(mesh, users)


def ask(edge: Client, era: str = MODERN, **arguments: Any) -> str:
    return edge.text("discover_tools", arguments, era)


def refused(edge: Client, **arguments: Any) -> str:
    result = edge.call("discover_tools", arguments)["result"]
    assert result["isError"], result
    return str(result["content"][0]["text"])


def functions(source: str) -> list[str]:
    parsed(source)
    return re.findall(r"^  function (\w+)\(", source, re.MULTILINE)


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_long_list_is_short_and_has_what_finds_the_rest(found: Found, era: str) -> None:
    listed = found.a.request("tools/list", era=era)["result"]
    assert [each["name"] for each in listed["tools"]] == sorted({*OWN, "search", "fetch", "find", "shop_web_search"})
    assert listed["_meta"] == found.b.request("tools/list", era=era)["result"]["_meta"]


def test_what_is_not_listed_is_called_by_its_name(found: Found) -> None:
    said = json.loads(found.b.text("huge_count_elk_7", {"label": "x"}))
    assert said == {"tool": "count_elk_7", "arguments": {"label": "x"}}


def test_a_promoted_tool_is_called_by_both_names_and_is_one_tool_to_rules_and_audit(found: Found) -> None:
    found.a.text("find", {"n": 1})
    found.a.text("shop_find", {"n": 2})

    def recorded() -> list[object]:
        lines = found.mesh.running.audit()
        return [line["backend"] for line in lines if (line["phase"], line["tool"]) == ("outcome", "find")]

    wait_until(lambda: len(recorded()) >= 2, "both are in the audit")
    assert set(recorded()) == {"shop"}


def test_the_operator_hears_what_could_not_be_promoted(found: Found) -> None:
    for edge in (0, 1):
        (demoted,) = found.mesh.logged("exposed tool not listed by its bare name", [edge])
        assert (demoted["tool"], demoted["backend"]) == ("shop_web_search", "shop")
        (unknown,) = found.mesh.logged("exposed tool is not there", [edge])
        assert unknown["tool"] == "gone"
    assert found.mesh.logged("many tools listed") == []


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_words_find_what_they_mean_with_all_that_a_call_needs(found: Found, era: str) -> None:
    source = ask(found.a, era, query="make a new invoice for a customer")
    assert functions(source)[0] == "shop_create_invoice"
    assert 'function shop_create_invoice(args: {\n    "customer-id": string;\n  }): Promise<any>;' in source
    assert "Bills *\\/ somebody." in source
    assert len(functions(source)) == 25


def test_the_same_question_has_the_same_answer_at_every_edge_byte_for_byte(found: Found) -> None:
    questions: list[dict[str, Any]] = [
        {},
        {"query": "count bats"},
        {"query": "list owl 7", "limit": 200},
        {"pattern": "^huge_.*_1$"},
        {"backend": "huge", "detail": "full"},
        {"detail": "summary"},
    ]
    for question in questions:
        assert ask(found.a, **question) == ask(found.b, **question)
        assert len({ask(edge, **question) for edge in found.users["ada"]}) == 1


def test_the_more_there_are_the_less_is_told_and_never_more_than_fits(found: Found) -> None:
    assert ask(found.a).splitlines() == [
        "// backend: tools",
        "echo: 3 (3 read).",
        "huge: 2500 (1000 read, 1500 write).",
        f"shop: 43 (1 read, 42 write). {HINT}",
        "// All 3 backends are shown.",
    ]
    assert len(functions(ask(found.a, pattern="^huge_create_owl_1.$"))) == 10
    lines = ask(found.a, pattern="^huge_create_owl").splitlines()
    assert lines[1] == "huge_create_owl_0(label, size?) [write] Creates one owl of herd 0."
    assert len(ask(found.a, backend="huge", pattern="create|list").splitlines()) == 1001
    whole = ask(found.a, backend="huge", detail="full")
    assert len(whole.encode()) <= 50 * 1024
    shown, matched = map(int, re.findall(r"\d+", whole.splitlines()[-1])[:2])
    assert len(functions(whole)) == kinds(parsed(whole)).count("function_signature") == shown
    assert matched == 2500


def test_nothing_that_one_may_not_use_is_found_counted_or_hinted_at(found: Found) -> None:
    _, mine = found.users["ada"]
    assert ask(mine).splitlines()[-1] == "// All 103 tools are shown."
    assert "secret" not in ask(mine, detail="names")
    assert "43" not in ask(mine, detail="overview")
    assert functions(ask(mine, query="secret")) == []
    assert ask(mine, pattern="secret") == ask(mine, pattern="no_such_thing_at_all")
    assert ask(mine, query="huge create owl", limit=1000).count("create_owl") == 0
    unknown = ask(mine, backend="shopp")
    assert unknown.replace("shopp", "mesh") == ask(mine, backend="mesh")
    assert "Backends: huge, shop." in unknown


def test_who_has_few_tools_sees_them_and_one_more_makes_the_list_short_and_back(found: Found) -> None:
    edge, rules = found.users["ada"][0], found.mesh.running.config / "authorization.yaml"
    few = RULES.replace("huge_list_owl_*", "huge_list_owl_1?")
    try:
        rules.write_text(few)
        wait_until(lambda: "huge_list_owl_12" in edge.tool_names(), "all are listed")
        names = set(edge.tool_names())
        assert {"find", "shop_create_invoice", "shop_web_search"} < names
        assert "shop_find" not in names
        assert len(names - OWN - {"search", "fetch"}) == 13
        before = edge.request("tools/list")["result"]["_meta"]
        rules.write_text(few.replace("'huge_list_owl_1?'", "'huge_list_owl_1?', 'huge_count_fox_1?', 'huge_count_bat_1?'"))
        wait_until(lambda: "huge_list_owl_12" not in edge.tool_names(), "the list is short")
        assert {"find", "shop_web_search"} < set(edge.tool_names())
        assert edge.request("tools/list")["result"]["_meta"] != before
        assert edge.succeeds("huge_list_owl_12", {"label": "x"})
        rules.write_text(few)
        wait_until(lambda: "huge_list_owl_12" in edge.tool_names(), "all are listed again")
        assert edge.request("tools/list")["result"]["_meta"] == before
        assert found.mesh.logged("listed names are gone") == []
    finally:
        rules.write_text(RULES)
    wait_until(lambda: ask(edge).splitlines()[-1] == "// All 103 tools are shown.", "the rules are as before")


def test_what_can_not_be_asked_is_refused_with_what_to_write(found: Found) -> None:
    assert "without look-around" in refused(found.a, pattern="(?=x)")
    assert "/limit" in refused(found.a, limit=0)
    assert "/detail" in refused(found.a, detail="everything")
    assert "qery" in refused(found.a, qery="x")
    assert "/pattern" in refused(found.a, pattern="x" * 513)


@pytest.mark.parametrize("query", ['"', "' OR 1=1 --", "\0", "💥" * 100, "NEAR(a b)", "x" * 10_000, "a " * 5_000, "*"])
def test_rubbish_is_answered(found: Found, query: str) -> None:
    assert ask(found.a, query=query).endswith(".\n")


def test_at_the_endpoint_of_one_backend_all_of_its_tools_are_listed_as_they_are(found: Found) -> None:
    answer = found.a.post(found.a.body("tools/list"), found.a.headers("tools/list"), "/mcp/b/shop").json()
    assert [each["name"] for each in answer["result"]["tools"]] == sorted(each["name"] for each in SHOP)


def test_a_hint_is_given_once_to_each_user_with_the_first_result_at_whichever_edge(found: Found) -> None:
    a, b = found.users["bea"]
    blocks = a.call("shop_find", {"n": 1})["result"]["content"]
    assert [HINT in block["text"] for block in blocks] == [True, False]
    assert blocks[0]["_meta"] == {"toolmesh/hint": "shop"}
    assert json.loads(blocks[1]["text"])["tool"] == "find"
    for edge in (a, b, a):
        assert len(edge.call("find", {"n": 2})["result"]["content"]) == 1
    assert len(b.call("huge_list_owl_1", {"label": "x"})["result"]["content"]) == 1


def test_a_hint_that_came_to_a_script_is_not_given_again(found: Found) -> None:
    edge, other = found.users["dan"]
    code = 'const [one] = await toolmesh.discover("find invoices"); return (await toolmesh[one.js_name]({n: 1})).tool'
    answer = json.loads(edge.text("execute_code", {"code": code}))
    assert answer[0] == {"return": "find"}
    assert (answer[1]["tool"], answer[1]["notice"]) == ("shop_find", HINT)
    assert len(other.call("shop_find", {"n": 2})["result"]["content"]) == 1


def test_a_hint_before_a_long_result_leaves_its_pages_whole_and_within_the_limit(found: Found) -> None:
    edge, other = found.users["cyd"]
    text = "".join(f"word {number}; " for number in range(8_000))
    headers = edge.headers("tools/call", "shop_find") | {"User-Agent": "openai-mcp/1.0.0 (ChatGPT)"}
    body = edge.body("tools/call", {"name": "shop_find", "arguments": {"text": text}})
    page = edge.post(body, headers).json()["result"]
    assert HINT in page["content"][0]["text"]
    pages = [page["content"][1:]]
    assert sum(len(block["text"]) for block in page["content"]) <= 30_000
    while cursor := page["_meta"]["toolmesh/page"].get("cursor"):
        more = edge.headers("tools/call", "mesh_more") | {"User-Agent": "openai-mcp/1.0.0 (ChatGPT)"}
        body = other.body("tools/call", {"name": "mesh_more", "arguments": {"cursor": cursor}})
        page = other.post(body, more).json()["result"]
        pages.append(page["content"])
    assert len(pages) > 2
    whole = "".join(block["text"] for blocks in pages for block in blocks[:-1])
    assert json.loads(whole) == {"tool": "find", "arguments": {"text": text}}


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_deep_research_finds_tools_and_reads_about_them_in_its_own_form(found: Found, era: str) -> None:
    edge, other = found.users["ada"]
    result = edge.call("search", {"query": "invoice"}, era=era)["result"]
    (block,) = result["content"]
    assert json.loads(block["text"]) == result["structuredContent"]
    first, *others = result["structuredContent"]["results"]
    assert first == {
        "id": "shop_create_invoice",
        "title": "Create invoice (shop_create_invoice)",
        "url": f"{edge.url}/mcp#shop_create_invoice",
    }
    assert [each["id"] for each in others] == ["shop_find"]
    document = other.call("fetch", {"id": first["id"]}, era=era)["result"]["structuredContent"]
    assert document["text"].startswith("  /**\n   * Bills *\\/ somebody.")
    assert "shop_create_invoice(args: {" in document["text"]
    assert document["metadata"] == {"backend": "shop", "access": "write"}
    assert {"id", "title", "text", "url", "metadata"} == set(document)


def test_deep_research_reads_nothing_that_one_may_not_use(found: Found) -> None:
    edge, _ = found.users["ada"]
    for name in ("shop_secret_1", "shop_nothing", ""):
        result = edge.call("fetch", {"id": name})["result"]
        assert (result["isError"], "There is no tool of that id" in result["content"][0]["text"]) == (True, True)
    assert edge.call("search", {"query": "secret nobody"})["result"]["structuredContent"] == {"results": []}
