"""`toolmesh edge`: one process that takes HTTP and MCP and holds no backend's secret."""

import typer

from shared.errors import ConfigurationError
from toolmesh.configured import Configured, load_configuration, log_notes
from toolmesh.options import ConfigOption, PortOption


def edge(config: ConfigOption = None, port: PortOption = None) -> None:
    """Start an edge. It needs REDIS_URL, TOOLMESH_MESH_KEYS and somebody who may come in."""
    configured = load_configuration(config, port=port)
    require_mesh_keys(configured)
    require_authentication(configured)
    log_notes(configured, "edge")

    from edge.serve import serve

    settings = configured.settings
    raise typer.Exit(serve(settings, configured.entries, configured.keys, port=settings.port))


def require_mesh_keys(configured: Configured) -> None:
    """Raise ConfigurationError unless there is a key of the edges' own group and of each group of backends."""
    ring = configured.settings.mesh_keys
    needed = {"edge"} | {entry.group for entry in configured.entries}
    if ring is None:
        raise ConfigurationError(
            f"TOOLMESH_MESH_KEYS is not set, and an edge signs every call. Set it to keys of {_listed(needed)}, as "
            "group:keyid:base64key[,…] or as a file with that; each key is 32 random bytes. `toolmesh up` makes its own."
        )
    missing = needed - ring.groups
    if missing:
        raise ConfigurationError(f"TOOLMESH_MESH_KEYS has no key of {_listed(missing)}. Add what is missing.")


def require_authentication(configured: Configured) -> None:
    """Raise ConfigurationError where nobody could come in: there is no anonymous caller."""
    settings = configured.settings
    ways = (settings.api_key, settings.owner_key_sha256, settings.auth_password, configured.keys)
    if not any(ways):
        raise ConfigurationError(
            "Nobody could call this edge, so it does not start. Set TOOLMESH_API_KEY (16 characters or more), or write a "
            "key into apikeys.yaml with `toolmesh key new`."
        )


def _listed(groups: set[str]) -> str:
    names = ", ".join(f"`{group}`" for group in sorted(groups))
    return f"the group{'s' if len(groups) > 1 else ''} {names}"
