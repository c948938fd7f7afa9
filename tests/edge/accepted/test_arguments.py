"""Arguments under the names that a tool's properties are listed by, and back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.accepted.arguments import under_own_names
from edge.accepted.fitted import fitted_properties
from edge.parse import CallParams
from shared.errors import InvalidArguments

RENAMED = {"user_name": "user name", "gr__e": "größe"}


def params(raw: str) -> CallParams:
    return CallParams("tool", json.loads(raw), raw.encode(), {}, {})


def test_names_are_put_back_and_values_stay_the_bytes_that_they_are() -> None:
    found = under_own_names(
        params('{ "user_name":1.50,"x" : {"user_name":12345678901234567890123}, "gr__e":"\\u00e9"}'), RENAMED
    )
    assert found.raw_arguments == '{"user name":1.50,"x":{"user_name":12345678901234567890123},"größe":"\\u00e9"}'.encode()
    assert found.arguments == {"user name": 1.5, "x": {"user_name": 12345678901234567890123}, "größe": "é"}


@pytest.mark.parametrize("raw", ["{}", '{"user name":1}', '{ "x":1,  "größe":2}'])
def test_what_comes_under_the_own_names_is_left_as_it_is(raw: str) -> None:
    given_params = params(raw)
    assert under_own_names(given_params, RENAMED) is given_params


def test_a_property_that_comes_under_both_names_is_refused() -> None:
    with pytest.raises(InvalidArguments, match="user_name and as user name") as error:
        under_own_names(params('{"user_name":"secret-canary","user name":"b"}'), RENAMED)
    assert error.value.data is not None
    assert error.value.data["pointer"] == "/user_name"
    assert "canary" not in f"{error.value.detail}{error.value.data}"


@given(st.dictionaries(st.text(alphabet="ab .é", max_size=5), st.integers(), max_size=6))
def test_every_call_comes_back_as_it_would_have_been_made(arguments: dict[str, Any]) -> None:
    alias = fitted_properties(arguments)
    listed = {alias.get(name, name): value for name, value in arguments.items()}
    found = under_own_names(params(json.dumps(listed)), {name: own for own, name in alias.items()})
    assert found.arguments == arguments == json.loads(found.raw_arguments)
