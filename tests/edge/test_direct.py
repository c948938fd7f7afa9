"""Which tools are listed for whom, where there is a limit."""

from typing import Any

from structlog.testing import capture_logs

from edge.authorize import ANONYMOUS
from edge.direct import Direct
from edge.promotion import Promotion
from shared.authorization import Authorization, Rule
from shared.configuration import BackendEntry
from shared.identity import Principal
from tests.edge.discovery.some_tools import ADA, OWNER, There, allowing, tool
from tests.edge.rules import ruled

PROMOTION = Promotion([BackendEntry(name="b", transport="echo", expose_tools=("tool_3", "web_search"))])


def there(count: int) -> There:
    found = There()
    found.change(PROMOTION, b={**{f"tool_{n}": tool() for n in range(count)}, "web_search": tool()})
    return found


def listed(there: There, tools_max: int | None, principal: Principal = OWNER, *allowed: str) -> list[str]:
    return list(Direct(there, ruled(allowing(*allowed)), tools_max).tools(principal))


def test_who_has_few_tools_sees_all_and_the_promoted_ones_once() -> None:
    assert listed(there(4), 5) == ["b_tool_0", "b_tool_1", "b_tool_2", "b_web_search", "tool_3"]


def test_who_has_more_sees_the_promoted_ones_alone() -> None:
    assert listed(there(5), 5) == ["b_web_search", "tool_3"]
    assert listed(there(5), 0) == ["b_web_search", "tool_3"]


def test_what_counts_is_what_one_may_use() -> None:
    many = there(1_000)
    assert listed(many, 5, ADA, "b_tool_7", "b_tool_3") == ["b_tool_7", "tool_3"]
    assert listed(many, 5, ADA, "b_tool_7") == ["b_tool_7"]
    assert listed(many, 5, ADA, "b_tool_*") == ["tool_3"]
    assert listed(many, 5, ADA) == []


def test_who_did_not_log_in_has_all_listed_for_there_is_nothing_to_find_others_with() -> None:
    rules = Authorization(anonymous=Rule(allow=("b_tool_*",)))
    assert len(Direct(there(50), ruled(rules), 5).tools(ANONYMOUS)) == 50


def test_without_a_limit_all_are_listed() -> None:
    assert len(listed(there(100), None)) == 101


def warned(direct: Direct, *principals: Principal) -> list[Any]:
    with capture_logs() as logs:
        for principal in principals:
            direct.tools(principal)
    return [(entry["user"], entry["count"]) for entry in logs if entry["event"] == "many tools listed"]


def test_the_operator_hears_once_of_each_user_who_has_many_tools_listed() -> None:
    direct = Direct(there(40), ruled(allowing("b_tool_*")), 100)
    assert warned(direct, OWNER, OWNER, ADA, OWNER, ADA) == [("owner", 41), ("ada", 40)]
    assert warned(Direct(there(40), ruled(), 30), OWNER) == []
    assert warned(Direct(there(29), ruled(), 30), OWNER) == []
