"""What an argument may put into a header, and what it never may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidArguments
from workers.egress.argument_headers import argument_header, may_be_argument

NEVER = [
    "Host",
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "Set-Cookie",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Upgrade",
    "Expect",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Anything",
    "X-Real-IP",
    "Via",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "Accept-Encoding",
    "Mcp-Session-Id",
]


@pytest.mark.parametrize("name", NEVER)
@pytest.mark.parametrize("spelling", [str, str.lower, str.upper, lambda name: name.replace("-", "_")], ids=range(4))
def test_headers_that_are_not_a_callers_are_refused_in_every_spelling(name: str, spelling: object) -> None:
    assert callable(spelling)
    spelt = str(spelling(name))
    assert not may_be_argument(spelt)
    with pytest.raises(InvalidArguments):
        argument_header(spelt, "x")


@pytest.mark.parametrize("name", ["X-Api-Key", "x_api_key", "X_API-KEY"])
def test_a_header_with_the_backends_credential_is_not_a_callers(name: str) -> None:
    assert may_be_argument(name)
    with pytest.raises(InvalidArguments):
        argument_header(name, "mine", secret=["X-API-Key"])


@pytest.mark.parametrize("name", ["", " ", "a b", "a:b", "a\r\nb", "ä", "x" * 129, "X-Trace\n", "\x00"])
def test_what_is_no_header_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidArguments):
        argument_header(name, "x")


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nX: y",
        "a\nb",
        "a\rb",
        "a\x00b",
        "ä",
        "a\u2028b",
        " a",
        "a ",
        "\t",
        "a\x7fb",
        "a\x0bb",
        "x" * 8193,
        "\r\n",
        "a\n",
    ],
)
def test_what_no_header_can_carry_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(InvalidArguments) as raised:
        argument_header("X-Trace", value)
    assert value not in raised.value.detail or len(value) < 3


@pytest.mark.parametrize("value", ["", "a", "a b\tc", "*/*; q=0.5", '"x"', "x" * 8192])
def test_everything_else_goes_as_it_is(value: str) -> None:
    assert argument_header("X-Trace", value) == ("X-Trace", value)


@given(st.text(max_size=40))
def test_no_value_ends_a_line(value: str) -> None:
    try:
        _, taken = argument_header("X-Trace", value)
    except InvalidArguments:
        return
    assert taken.isascii()
    assert not set(taken) & {"\r", "\n", "\x00"}
