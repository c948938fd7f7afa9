"""`toolmesh dadl call`: from the command line, through an edge and a worker, to the API and back."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.composed_mesh import BOB_KEY, Composed
from tests.mesh import API_KEY, free_port
from tests.toolmesh.command import Done, refused, toolmesh


def call(composed: Composed, *words: str, key: str = API_KEY, stdin: str = "", url: str = "") -> Done:
    where = ("--config", str(composed.running.config), "--url", url or composed.edge.url)
    return toolmesh("dadl", "call", *where, *words, stdin=stdin, TOOLMESH_API_KEY=key)


def sent(composed: Composed) -> Any:
    """What the API got last."""
    return composed.upstream.last.json


def test_a_tool_is_called_and_its_text_printed(composed: Composed) -> None:
    done = call(composed, "grid", "zone_load", "zone=n")
    assert (done.code, json.loads(done.out), done.err) == (0, {"pct": 90}, "")


def test_values_are_read_by_the_tools_schema(composed: Composed) -> None:
    assert call(composed, "grid", "set_limit", "zone=12", "watts=7").code == 0
    assert composed.upstream.last.path == "/zones/12/limit"
    assert sent(composed) == {"watts": 7}
    done = call(composed, "grid", "busy_zones", "min=1e1", "words=a", "words=b")
    assert json.loads(done.out)["words"] == ["a", "b"]
    done = call(composed, "grid", "busy_zones", 'words:=["x=y", 1]')
    assert json.loads(done.out)["words"] == ["x=y", 1]


def test_a_file_or_standard_input_may_hold_the_arguments(composed: Composed, tmp_path: Path) -> None:
    (tmp_path / "arguments.json").write_text('{"zone": "s"}')
    assert json.loads(call(composed, "grid", "zone_load", f"@{tmp_path}/arguments.json").out) == {"pct": 10}
    done = call(composed, "grid", "zone_load", "@-", "zone=n", stdin='{"zone": "s"}')
    assert json.loads(done.out) == {"pct": 90}, "what comes later wins"


def test_the_whole_result_may_be_asked_for(composed: Composed) -> None:
    result = json.loads(call(composed, "grid", "busy_zones", "--json").out)
    assert result["_meta"]["toolmesh/logs"] == ["looked at 2"]
    assert json.loads(result["content"][0]["text"])["busy"] == ["North"]


def test_a_tool_that_fails_is_told_by_the_exit_code(composed: Composed) -> None:
    done = call(composed, "grid", "zone_load", "zone=nowhere")
    assert done.code == 1
    assert done.out.startswith("[not_found] HTTP 404: ")


def test_it_is_made_for_the_keys_user(composed: Composed) -> None:
    assert "no tool 'reset' for you" in refused(call(composed, "grid", "reset", key=BOB_KEY))
    assert call(composed, "grid", "safe_reset", key=BOB_KEY).out == '"reset"\n'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gird", "reset"), "The edge has no backend 'gird' for you. Did you mean `grid`?"),
        (("grid", "zone_loda"), "no tool 'zone_loda' for you. Did you mean `zone_load`?"),
        (("grid", "xxx"), "no tool 'xxx' for you. It has "),
        (("grid", "zone_load"), "Missing: zone=string."),
        (("grid", "zone_load", "zoen=n"), "The tool has no argument `zoen`. Did you mean `zone`?"),
        (("grid", "list_zones", "a=b"), "The tool has no argument `a`. It has none."),
        (("grid", "zone_load", "zone"), "`zone` is no argument. Write name=value, name:=JSON, or @file."),
        (("grid", "set_limit", "zone=n", "watts=1.5"), "`watts` is a whole number. Write for instance watts=3."),
        (("grid", "set_limit", "zone=n", "watts:={"), "What is given for `watts` is no JSON."),
        (("grid", "zone_load", "@/no/such"), "@/no/such can't be read: No such file or directory."),
        (("grid", "zone_load", "@-"), "@- holds no JSON object with arguments."),
    ],
)
def test_what_can_not_be_called_is_told_with_what_to_write(composed: Composed, words: tuple[str, ...], said: str) -> None:
    before = len(composed.upstream.requests)
    assert said in refused(call(composed, *words))
    assert len(composed.upstream.requests) == before


def test_an_edge_that_is_away_or_is_none_is_told(composed: Composed) -> None:
    away = refused(call(composed, "grid", "reset", url=f"http://127.0.0.1:{free_port()}"))
    assert "did not answer (ConnectionRefusedError). Is a mesh running there? `toolmesh up` starts one" in away
    assert "--url is the base URL of an edge" in refused(call(composed, "grid", "reset", url="grid"))
    assert "is no edge of ToolMesh" in refused(call(composed, "grid", "reset", url=composed.upstream.url))


def test_a_key_is_needed(composed: Composed) -> None:
    assert "TOOLMESH_API_KEY is not set." in refused(toolmesh("dadl", "call", "grid", "reset"))
    assert "The edge does not know the key" in refused(call(composed, "grid", "reset", key="a-key-of-nobody-012345"))
