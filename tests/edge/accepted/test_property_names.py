"""Properties of the arguments whose names clients refuse."""

from typing import Any

from edge.accepted.part import Part
from edge.accepted.property_names import renamed

TEXT = {"type": "string"}


def test_names_that_fit_stay_and_so_does_all_else() -> None:
    part = Part({"a.b-c": TEXT}, {}, ("a.b-c",), {"dependentRequired": {"a.b-c": []}})
    assert renamed(part) == (part, {}, False)


def test_others_are_listed_under_an_alias_that_says_what_they_are_called() -> None:
    properties: dict[str, Any] = {"user name": {"type": "string", "description": "Who."}, "ok": TEXT, "größe": True}
    found, own, lost = renamed(Part(properties, {"x y": {}}, ("user name", "ok", "not described!")))
    assert found.properties == {
        "user_name": {"type": "string", "description": "Passed on as `user name`. Who."},
        "ok": TEXT,
        "gr__e": {"description": "Passed on as `größe`."},
    }
    assert found.partial == {"x_y": {"description": "Passed on as `x y`."}}
    assert found.required == ("user_name", "ok", "not described!")
    assert own == {"user_name": "user name", "gr__e": "größe", "x_y": "x y"}
    assert not lost


def test_an_alias_is_never_another_propertys_name() -> None:
    found, own, _ = renamed(Part({"a_b": TEXT, "a b": TEXT, "a/b": TEXT}))
    assert len(found.properties) == 3
    assert set(own.values()) == {"a b", "a/b"}


def test_what_speaks_of_properties_by_name_is_left_out_and_that_is_told() -> None:
    for keyword, value in (
        ("dependentRequired", {"a b": ["c"]}),
        ("dependentSchemas", {"a b": {"required": ["c"]}}),
        ("dependencies", {"a b": ["c"]}),
        ("propertyNames", {"pattern": " "}),
    ):
        found, _, lost = renamed(Part({"a b": TEXT}, rest={keyword: value, "additionalProperties": False}))
        assert (found.rest, lost) == ({"additionalProperties": False}, True)
    found, _, lost = renamed(Part({"a b": TEXT}, rest={"patternProperties": {"_": TEXT}, "additionalProperties": False}))
    assert (found.rest, lost) == ({}, True)
