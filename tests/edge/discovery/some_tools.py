"""Tools for tests of finding them, without a mesh around."""

import asyncio
import json
from typing import Any

from edge.authorize import ANONYMOUS
from edge.backend_names import BackendNames
from edge.discovery.called import CalledTools
from edge.discovery.collection import Collection, Collections
from edge.discovery.entry import Entry
from edge.discovery.finding import Finding
from edge.name_space import NameSpace, name_space
from edge.promotion import NOBODY as NO_PROMOTION
from edge.promotion import Promotion
from edge.shelf import Shelf
from shared.authorization import Authorization, Rule
from shared.catalogue import Catalogue, define
from shared.identity import Principal
from shared.messages import CallClass
from tests.edge.rules import ruled

OWNER = Principal(subject="owner", owner=True)
ADA = Principal(subject="ada")
NOBODY = ANONYMOUS
Described = dict[str, Any]


def tool(description: str = "", access: CallClass = "read", /, **properties: Any) -> Described:
    """A tool's definition, and its class. `required` and `output` (the schema of the result) are no properties."""
    required, output = properties.pop("required", []), properties.pop("output", None)
    schema = {"type": "object", "properties": properties, "required": required}
    found: Described = {"description": description, "inputSchema": schema, "access": access}
    return found if output is None else found | {"outputSchema": output}


class There:
    """What there is now, as a test says."""

    def __init__(self, **backends: dict[str, Described]) -> None:
        self.name_space = NameSpace()
        self.change(**backends)

    def change(self, promotion: Promotion = NO_PROMOTION, /, **backends: dict[str, Described]) -> dict[str, BackendNames]:
        shelves = {name: _shelf(name, tools) for name, tools in sorted(backends.items())}
        names = {name: BackendNames(shelf, {}, tuple(backends), promotion) for name, shelf in shelves.items()}
        self.name_space = name_space(shelves, names)
        return names


def _shelf(backend: str, tools: dict[str, Described]) -> Shelf:
    definitions = []
    for own, described in tools.items():
        plain = {name: value for name, value in described.items() if name != "access"}
        definitions.append(define(own, described["access"], json.dumps(plain | {"name": own}).encode()))
    return Shelf("default", Catalogue(backend=backend, at_ms=1, tools=tuple(definitions), hash="h"))


def collected(there: There) -> Collection:
    """All of it, with its index."""
    return asyncio.run(Collections(CalledTools(there)).current())


def entry_of(described: Described, name: str = "make", backend: str = "b") -> Entry:
    """One tool as it is found."""
    (entry,) = collected(There(**{backend: {name: described}})).entries
    return entry


def finding(there: There, rules: Authorization | None = None) -> Finding:
    return Finding(Collections(CalledTools(there)), ruled(rules))


def allowing(*patterns: str) -> Authorization:
    """Rules that let Ada use these."""
    return Authorization(users={"ada": Rule(allow=patterns)})
