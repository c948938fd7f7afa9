"""JSONPaths and conditions as DADL files write them."""

import pytest

from workers.backends.rest.dadl.condition import Condition, Literally, Path, parse_condition
from workers.backends.rest.dadl.json_path import Segment, parse_json_path


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("$", ()),
        ("$.data.rows", ("data", "rows")),
        ("$.errors[0].message", ("errors", 0, "message")),
        ("$[-1]", (-1,)),
        ("$[*].token", (True, "token")),
        ("$.a.*", ("a", True)),
        ("$.invoice-items", ("invoice-items",)),
        ("$['a b']['it\\'s']", ("a b", "it's")),
        ('$["x.y"]', ("x.y",)),
        ("$.größe", ("größe",)),
    ],
)
def test_paths_that_are_understood(text: str, segments: tuple[Segment, ...]) -> None:
    assert parse_json_path(text) == segments


@pytest.mark.parametrize(
    "text",
    ["", "data", "$.", "$..a", "$[1:2]", "$[?(@.a)]", "$.a b", "$[", "$['a", "$.a[", "$" + ".a" * 65, "$." + "a" * 1000],
)
def test_paths_that_are_not(text: str) -> None:
    with pytest.raises(ValueError, match=r"path|descendants"):
        parse_json_path(text)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("$.more", Condition(Path(("more",)))),
        ("$.page < $.pages", Condition(Path(("page",)), "<", Path(("pages",)))),
        ("$.a>=$.b", Condition(Path(("a",)), ">=", Path(("b",)))),
        ("$.next != null", Condition(Path(("next",)), "!=", Literally(None))),
        ("$.cursor != ''", Condition(Path(("cursor",)), "!=", Literally(""))),
        ('$.state == "open"', Condition(Path(("state",)), "==", Literally("open"))),
        ("$.left > 0.5", Condition(Path(("left",)), ">", Literally(0.5))),
        ("$.done == false", Condition(Path(("done",)), "==", Literally(False))),
        ("$['a<b']", Condition(Path(("a<b",)))),
    ],
)
def test_conditions(text: str, condition: Condition) -> None:
    assert parse_condition(text) == condition


@pytest.mark.parametrize("text", ["1 < 2", "$.a <", "$.a < b", "$.a = 1", "$.a == 'x' 'y'", "$.a " + "<" * 2000])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_condition(text)
