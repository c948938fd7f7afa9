"""`toolmesh edge`: one process that takes HTTP and MCP and holds no backend's secret."""

import typer

from shared.authorization_file import AUTHORIZATION_FILE
from shared.errors import ConfigurationError
from shared.identity_providers_file import IDENTITY_PROVIDERS_FILE
from shared.identity_secrets import VARIABLE
from toolmesh.check_providers import without_secret
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
    raise typer.Exit(serve(settings, configured.entries, port=settings.port))


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
    """Raise ConfigurationError where nobody could come in, or anybody without a rule that says what for."""
    from edge.identities.identities import Identities

    settings = configured.settings
    require_anonymous_rule(configured)
    require_identity_secrets(configured)
    identities = Identities(
        settings, configured.users, configured.keys, configured.caller_classes, configured.identity_providers
    )
    if settings.auth != "none" and not identities.anybody and not configured.authorization_servers:
        if settings.own_authorization_server == "off":
            raise ConfigurationError(
                "TOOLMESH_OWN_AUTHORIZATION_SERVER is off, so nobody logs in here, and nobody else could call this edge: "
                "it does not start. Write a server whose tokens are taken into authorization-servers.yaml, set "
                "TOOLMESH_API_KEY (16 characters or more), or leave the variable out."
            )
        raise ConfigurationError(
            "Nobody could call this edge, so it does not start. Set TOOLMESH_API_KEY (16 characters or more) or "
            "TOOLMESH_AUTH_PASSWORD, write a key into apikeys.yaml with `toolmesh key new`, a user into users.yaml with "
            "`toolmesh user add`, or a server whose tokens are taken into authorization-servers.yaml."
        )


def require_identity_secrets(configured: Configured) -> None:
    """Raise ConfigurationError where a provider would refuse every log-in, because this server can't prove itself there."""
    missing = without_secret(configured.settings, configured.identity_providers)
    if missing:
        raise ConfigurationError(
            f"{IDENTITY_PROVIDERS_FILE}: there is no secret of {', '.join(f'`{name}`' for name in missing)}. Write "
            f"`{missing[0]}=…` into {VARIABLE}, or into the file that {VARIABLE}_FILE names, one provider a line; or write "
            "`client_auth: none` there for a client without one."
        )


def require_anonymous_rule(configured: Configured) -> None:
    """Raise ConfigurationError where everybody may come in and nothing says what for."""
    settings = configured.settings
    if settings.auth == "none" and configured.authorization.anonymous is None:
        path = settings.authorization_config or settings.config_dir / AUTHORIZATION_FILE
        raise ConfigurationError(
            f"TOOLMESH_AUTH is none, and {path} does not say what callers without a credential may use. Write there, for "
            "instance, `anonymous: {allow: ['echo_*']}`, or leave TOOLMESH_AUTH out."
        )


def _listed(groups: set[str]) -> str:
    names = ", ".join(f"`{group}`" for group in sorted(groups))
    return f"the group{'s' if len(groups) > 1 else ''} {names}"
