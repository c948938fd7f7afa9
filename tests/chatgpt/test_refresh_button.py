"""The Refresh button: the one time after its creation at which a connector looks at the list of tools again
(docs/clients-on-the-wire.md, row G)."""

import pytest

from tests.chatgpt.connector import Connector
from tests.chatgpt.lint import complaints
from tests.chatgpt.stage import Stage
from tests.chatgpt.variants import V1, V3, Variant
from tests.chatgpt.wire import result_of
from tests.mesh import wait_until
from tests.oauth.person import Person


def press(connector: Connector) -> set[str]:
    """Discover, say hello where it has to, list."""
    connector.open()
    tools = connector.list()
    assert complaints(tools) == []
    return {tool["name"] for tool in tools}


def settled(at: Stage, connector: Connector, there: str, gone: str = "") -> None:
    """Wait until each edge lists the one, and not the other any more."""

    def seen() -> bool:
        lists = [{tool["name"] for tool in connector.list(url=edge.mcp_url)} for edge in at.edges]
        return all(there in names and gone not in names for names in lists)

    wait_until(seen, f"{there} is listed at both edges, and {gone or 'nothing'} is gone")


@pytest.mark.parametrize("variant", [V1, V3], ids=["2026", "2025"])
def test_it_shows_what_came_and_what_went_and_a_name_that_is_gone_is_a_clean_error(
    at: Stage, ada: Person, variant: Variant
) -> None:
    connector = at.connector(variant)
    connector.log_in(ada)
    before = press(connector)
    name = f"fresh_{variant.name[:2].lower()}"
    result_of(connector.call("up_grow", {"name": name}))
    settled(at, connector, f"up_{name}")
    assert press(connector) == before | {f"up_{name}"}
    assert result_of(connector.call(f"up_{name}", {"a": 40, "b": 2}))["content"][0]["text"] == "42"
    # Renamed: one goes, another one comes. ChatGPT still has the old list.
    result_of(connector.call("up_shed", {"name": name}))
    result_of(connector.call("up_grow", {"name": f"{name}_renamed"}))
    settled(at, connector, f"up_{name}_renamed", f"up_{name}")
    gone = connector.call(f"up_{name}", {"a": 1, "b": 2})
    assert (gone.status_code, gone.json()["error"]["code"]) == (200, -32602)
    assert press(connector) == before | {f"up_{name}_renamed"}
    assert result_of(connector.call(f"up_{name}_renamed", {"a": 1, "b": 2}))["content"][0]["text"] == "3"


@pytest.mark.parametrize("variant", [V1, V3], ids=["2026", "2025"])
def test_a_former_name_that_the_operator_keeps_is_not_listed_and_goes_on(at: Stage, ada: Person, variant: Variant) -> None:
    """So that nobody has to press it."""
    connector = at.connected(ada, variant)
    assert "up_former_echo" not in press(connector)
    for message in ("at one edge", "at the other"):
        assert result_of(connector.call("up_former_echo", {"message": message}))["content"][0]["text"] == message
