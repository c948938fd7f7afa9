"""What a server says that it can (MCP, lifecycle, "Capability negotiation"), as far as it matters to us."""

from dataclasses import dataclass

import msgspec


class _Listed(msgspec.Struct):
    listChanged: bool | None = False  # noqa: N815 (MCP's name)


class _Resources(msgspec.Struct):
    listChanged: bool | None = False  # noqa: N815 (MCP's name)
    subscribe: bool | None = False


class ServerCapabilities(msgspec.Struct, frozen=True):
    """The members of `capabilities` that are looked at."""

    tools: _Listed | None = None
    prompts: _Listed | None = None
    resources: _Resources | None = None
    logging: dict[str, msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """What a server can tell of beside its answers."""

    tools: bool = False
    """That its list of tools changed; the next two likewise."""
    prompts: bool = False
    resources: bool = False
    updates: bool = False
    """That a resource changed."""
    logs: bool = False
    """Log messages, of a level that is asked for."""

    @property
    def changes(self) -> bool:
        """Whether it can tell of any change."""
        return self.tools or self.prompts or self.resources or self.updates


def telling_of(capabilities: ServerCapabilities) -> Telling:
    """What these capabilities promise to tell."""
    tools, prompts, resources = capabilities.tools, capabilities.prompts, capabilities.resources
    return Telling(
        tools=tools is not None and bool(tools.listChanged),
        prompts=prompts is not None and bool(prompts.listChanged),
        resources=resources is not None and bool(resources.listChanged),
        updates=resources is not None and bool(resources.subscribe),
        logs=capabilities.logging is not None,
    )
