"""A definition that is in force, with its tools got ready."""

from shared.catalogue import ToolDefinition
from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from workers.backends.backend import Offer
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.operation import Operation, Parts
from workers.backends.rest.requests.plan import RequestPlan
from workers.backends.rest.tools.introduction import introduction
from workers.backends.rest.tools.offering import tools_of


class Held:
    """Never changed: a file that changes makes a new one, and calls that run end with the one that they began with."""

    def __init__(self, definition: Definition, entry: BackendEntry, base_url: str, parts: Parts) -> None:
        self.definition = definition
        self.base_url = base_url
        self._parts = parts
        self._operations: dict[str, Operation] = {}
        if any(tool.response.transform is not None for tool in definition.tools.values()):
            parts.pipeline.prepare()
        self.offer = Offer(tools=_offered(definition, entry), server=introduction(definition))

    def operation(self, name: str) -> Operation | None:
        """The tool of that name, got ready when it is first asked for; None where there is none."""
        found = self._operations.get(name)
        if found is None and (tool := self.definition.tools.get(name)) is not None:
            plan = RequestPlan(tool, self.definition.headers, self.base_url)
            found = self._operations[name] = Operation(tool, plan, self._parts)
        return found


def base_url_of(definition: Definition, entry: BackendEntry) -> str:
    """Without a slash at its end. Raises ConfigurationError where there is none."""
    base_url = (entry.url or definition.base_url).rstrip("/")
    if not base_url:
        raise ConfigurationError(
            f"Backend {entry.name!r}: base_url is required (set in .dadl file or via backends.yaml url field)."
        )
    return base_url


def _offered(definition: Definition, entry: BackendEntry) -> tuple[ToolDefinition, ...]:
    return tools_of(definition, classes=entry.classes, include=entry.include_tools)
