"""What the server says of itself to models."""

import pytest

from edge.authorize import ANONYMOUS
from edge.introduction import ESSENTIALS, Introduction
from edge.shelf import Shelf
from shared.catalogue import Catalogue
from shared.identity import Principal
from tests.edge.rules import Offers, ruled

OWNER = Principal(subject="owner", owner=True)
MAIL = Shelf("default", Catalogue(backend="mail", at_ms=1, tools=(), hash="h", server=b'{"instructions":"Of the mail."}'))
FILES = Shelf("default", Catalogue(backend="files", at_ms=1, tools=(), hash="h"))


def introduction() -> Introduction:
    offers = Offers(MAIL, FILES)
    return Introduction(offers, ruled(offers=offers))


def test_what_a_model_has_to_know_stands_in_the_first_512_characters() -> None:
    said = introduction().discovered(OWNER, None)["instructions"]
    assert said.startswith(ESSENTIALS)
    assert said == introduction().initialized(OWNER, None, "2025-11-25")["instructions"]
    assert len(ESSENTIALS) <= 512
    for word in (
        "starts with the name of its system",
        '"running"',
        "mesh_wait(call_id)",
        '"outcome_unknown"',
        "mesh_more(cursor)",
        "discover_tools(query)",
        "execute_code(code)",
    ):
        assert word in said[:512]


def test_tools_that_are_not_offered_are_not_spoken_of() -> None:
    offers = Offers(MAIL)
    without = Introduction(offers, ruled(offers=offers), code_mode=False).discovered(OWNER, None)["instructions"]
    anonymous = introduction().discovered(ANONYMOUS, None)["instructions"]
    for found in (without, anonymous):
        assert "mesh_more(cursor)" in found[:512]
        assert "discover_tools" not in found
        assert "execute_code" not in found


@pytest.mark.parametrize(("backend", "said"), [("mail", "Of the mail."), ("files", None)])
def test_one_backend_speaks_for_itself(backend: str, said: str | None) -> None:
    assert introduction().discovered(OWNER, backend).get("instructions") == said
