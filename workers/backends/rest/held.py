"""A definition that is in force, with its tools got ready."""

from shared.catalogue import ToolDefinition
from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from shared.listed_hosts import ListedHosts
from workers.backends.backend import Offer
from workers.backends.rest.composites.composed import Composed
from workers.backends.rest.dadl.auth import credential_headers, credential_members
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.health import HEALTH_TOOL, Health
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.health.check import HealthCheck
from workers.backends.rest.operation import Operation, Parts
from workers.backends.rest.requests.path import check_base_url
from workers.backends.rest.requests.plan import RequestPlan
from workers.backends.rest.tools.introduction import introduction
from workers.backends.rest.tools.offering import has_health, tools_of


class Held:
    """Never changed: a file that changes makes a new one, and calls that run end with the one that they began with."""

    def __init__(self, definition: Definition, entry: BackendEntry, base_url: str, parts: Parts) -> None:
        self.definition = definition
        self._entry = entry
        self.base_url = base_url
        self._parts = parts
        self._credential_hosts = _credential_hosts(entry)
        self._operations: dict[str, Operation | HealthCheck] = {}
        if any(tool.response.transform is not None for tool in definition.tools.values()):
            parts.pipeline.prepare()
        self.offer = Offer(tools=_offered(definition, entry), server=introduction(definition))

    def operation(self, name: str) -> Operation | HealthCheck | None:
        """The tool of that name, got ready when it is first asked for; None where there is none."""
        found = self._operations.get(name)
        if found is not None:
            return found
        if (tool := self.definition.tools.get(name)) is not None:
            found = self._operations[name] = Operation(tool, self._plan(tool), self._parts)
        elif name == HEALTH_TOOL and self.definition.health is not None and has_health(self.definition):
            found = self._operations[name] = self._health(self.definition.health)
        return found

    def composed(self, name: str) -> Composed | None:
        """The composite of that name; None where there is none."""
        composite = self.definition.composites.get(name)
        if composite is None:
            return None
        parts = self._parts
        return Composed(name, composite, self._entry.name, self.definition.tools, parts.scripts, parts.settings)

    def _plan(self, tool: Tool) -> RequestPlan:
        return RequestPlan(
            tool,
            self.definition.headers,
            self.base_url,
            secret_headers=credential_headers(self.definition.auth),
            secret_query=credential_members(self.definition.auth),
            credential_hosts=self._credential_hosts,
            body_bytes_max=self._parts.settings.upstream_request_bytes_max,
        )

    def _health(self, health: Health) -> HealthCheck:
        tool = self.definition.tools[health.tool] if health.tool else Tool(method=health.method, path=health.path or "/")
        parts = self._parts
        return HealthCheck(health, self._plan(tool), parts.wire, parts.authenticator)


def base_url_of(definition: Definition, entry: BackendEntry) -> str:
    """Without a slash at its end. Raises ConfigurationError where there is none."""
    base_url = (entry.url or definition.base_url).rstrip("/")
    if not base_url:
        raise ConfigurationError(
            f"Backend {entry.name!r}: base_url is required (set in .dadl file or via backends.yaml url field)."
        )
    check_base_url(base_url)
    return base_url


def _offered(definition: Definition, entry: BackendEntry) -> tuple[ToolDefinition, ...]:
    return tools_of(definition, classes=entry.classes, include=entry.include_tools)


def _credential_hosts(entry: BackendEntry) -> ListedHosts:
    try:
        return ListedHosts.parse(entry.credential_hosts)
    except ValueError as cause:
        raise ConfigurationError(f"Backend {entry.name!r}: `credential_hosts`: {cause}.") from None
