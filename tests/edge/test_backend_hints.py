"""What is said in front of scripts of the backends that a caller may use."""

from edge.code.backend_hints import BackendHints
from edge.shelf import Shelf, tools_of
from shared.authorization import Authorization, Rule
from shared.catalogue import Catalogue, catalogue_hash, define
from shared.configuration import BackendEntry
from shared.identity import Principal
from tests.edge.rules import ruled

OWNER = Principal(subject="owner", owner=True)
ADA = Principal(subject="ada")
SCHEMA = b'{"inputSchema":{"type":"object"}}'


def shelf(backend: str) -> Shelf:
    tools = (define("look", "read", SCHEMA),)
    catalogue = Catalogue(backend=backend, at_ms=1, tools=tools, hash=catalogue_hash(tools))
    return Shelf("default", catalogue, dict(tools_of("default", catalogue, None)))


def text(principal: Principal, **hints: str | None) -> str:
    entries = {name: BackendEntry(name=name, transport="echo", hint=hint) for name, hint in hints.items()}
    shelves = {name: shelf(name) for name in sorted(hints, reverse=True)}
    rules = Authorization(users={"ada": Rule(allow=("b_*",))})
    return BackendHints(entries, lambda: shelves, ruled(rules)).text_for(principal)


def test_backends_are_named_in_order_and_those_that_say_the_same_are_told_once() -> None:
    said = text(OWNER, b="Tickets.", a=" What is\n on stock ", c="Tickets.", d=None)
    assert said == "Backends: a, b, c, d. Hints: a: What is on stock; b, c: Tickets."


def test_nothing_is_said_of_a_backend_that_the_caller_may_not_use() -> None:
    assert text(ADA, a="secret", b=None) == "Backends: b."
    assert text(ADA, a="secret") == ""


def test_it_stays_short_and_says_how_much_is_missing() -> None:
    said = text(OWNER, **{f"backend_{number:03}": "x" * 500 for number in range(400)})
    assert len(said) <= 2_000
    assert said.startswith("Backends: backend_000, backend_001")
    assert " more. Hints" in said or said.endswith(" more.")
    many = text(OWNER, **{f"backend_{number:03}": f"{number} {'x' * 500}" for number in range(20)})
    assert len(many) <= 2_000
    assert many.endswith("more.")
