"""URIs of several backends in one name space: prefixed, and found again."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.names import inner_uri, outer_uri

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True)


@given(NAMES, st.text(min_size=1))
def test_every_uri_of_every_backend_is_found_again(backend: str, uri: str) -> None:
    assert inner_uri(outer_uri(backend, uri)) == (backend, uri)


@given(NAMES)
def test_what_was_a_uri_stays_one(backend: str) -> None:
    parts = urlsplit(outer_uri(backend, "note://one/2?x=1"))
    assert parts.scheme == f"{backend.replace('_', '.')}+note"
    assert (parts.netloc, parts.path, parts.query) == ("one", "/2", "x=1")


@pytest.mark.parametrize("uri", ["note://1", "a+", "", "http://host/a+b", "file:///c++/x", "x/y+z"])
def test_a_uri_without_a_prefix_of_ours_has_no_backend(uri: str) -> None:
    assert inner_uri(uri) is None
