"""Hashes of definitions: whatever a call was validated against is in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import canonical_name, catalogue_hash, define
from shared.messages import CallClass

SCHEMA = b'{"inputSchema":{"type":"object"}}'
NAMES = st.text("abcdefgh_.-", min_size=1, max_size=6)
CLASSES: st.SearchStrategy[CallClass] = st.sampled_from(["read", "idempotent", "write"])


def test_the_same_definition_has_the_same_hash_on_every_worker() -> None:
    assert define("echo", "read", SCHEMA) == define("echo", "read", SCHEMA)
    assert define("echo", "read", SCHEMA).hash == f"{int(define('echo', 'read', SCHEMA).hash, 16):016x}"


@pytest.mark.parametrize(
    ("name", "access", "definition"),
    [("echo2", "read", SCHEMA), ("echo", "write", SCHEMA), ("echo", "read", SCHEMA + b" "), ("ech", "read", b"o" + SCHEMA)],
)
def test_name_class_and_definition_each_change_the_hash(name: str, access: CallClass, definition: bytes) -> None:
    assert define(name, access, definition).hash != define("echo", "read", SCHEMA).hash


@given(NAMES, CLASSES, st.binary(max_size=20), NAMES, CLASSES, st.binary(max_size=20))
def test_different_definitions_never_share_a_hash(
    name: str, access: CallClass, definition: bytes, name2: str, access2: CallClass, definition2: bytes
) -> None:
    same = (name, access, definition) == (name2, access2, definition2)
    assert (define(name, access, definition).hash == define(name2, access2, definition2).hash) == same


def test_a_catalogue_s_hash_sees_a_tool_that_comes_goes_or_changes() -> None:
    one, two = define("one", "read", SCHEMA), define("two", "read", SCHEMA)
    hashes = {catalogue_hash(tools) for tools in ((), (one,), (two,), (one, two), (one, define("two", "write", SCHEMA)))}
    assert len(hashes) == 5


def test_clients_see_a_tool_under_the_name_of_its_backend() -> None:
    assert canonical_name("github", "create_issue") == "github_create_issue"
