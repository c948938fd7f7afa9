"""What `toolmesh check` says of authorization servers of others, and of where clients are sent to log in."""

from shared import scopes
from shared.authorization_servers_file import LIFE_S_MAX, AuthorizationServerEntry
from shared.settings import Settings

_FILE = "authorization-servers.yaml"


def warnings_of_servers(settings: Settings, servers: tuple[AuthorizationServerEntry, ...]) -> list[str]:
    """What is weaker than it need be, and what clients will stumble over."""
    found = [text for entry in servers for text in _of_server(entry)]
    if servers and settings.own_authorization_server == "off":
        found += _of_names([(entry.issuer, _asked(entry)) for entry in servers])
    elif servers:
        own = (settings.issuer or "ToolMesh's own", set(scopes.OF_RESOURCE))
        others = [(entry.issuer, _asked(entry)) for entry in servers]
        found += _of_names([own, *others] if settings.own_authorization_server == "first" else [*others, own])
    if servers and settings.auth == "none":
        found.append(
            f"TOOLMESH_AUTH is none, so no client is told of the servers in {_FILE}; their tokens are taken all the same."
        )
    return found


def _of_server(entry: AuthorizationServerEntry) -> list[str]:
    where = f"{_FILE}: {entry.issuer}"
    found = []
    if entry.audiences:
        found.append(
            f"{where}: with `audiences` a token is good at every endpoint here, and wherever else its audience is taken. "
            "Leave it out if the server knows RFC 8707 (`resource`)."
        )
    if weak := [kind for kind in entry.types if kind != "at+jwt"]:
        found.append(
            f"{where}: with the type `{weak[0]}` a token need not say that it is an access token; what has a scope and is "
            "no id_token is taken for one. Leave it out if the server writes `at+jwt`."
        )
    if entry.token_life_s_max > LIFE_S_MAX:
        found.append(
            f"{where}: tokens may live for {entry.token_life_s_max} s, and one that the server revokes works until it ends."
        )
    if entry.allow.everyone:
        found.append(f"{where}: `everyone` lets in whoever that server gives a token. Be sure that it is yours alone.")
    given = {scope for ours in entry.scopes.values() for scope in ours} if entry.scopes else set(scopes.OF_RESOURCE)
    found += [
        f"{where}: no scope of `scopes` stands for {scope}, so nobody from there can make such calls."
        for scope in scopes.OF_RESOURCE
        if scope not in given
    ]
    return found


def _asked(entry: AuthorizationServerEntry) -> set[str]:
    return {entry.scope_prefix + name for name in entry.scopes or scopes.OF_RESOURCE}


def _of_names(listed: list[tuple[str, set[str]]]) -> list[str]:
    """Clients are told one set of names, before anybody knows where they will go."""
    (first, names), *others = listed
    return [
        f"{_FILE}: clients are told to ask for the scopes of {first}, and {issuer} knows other ones: a client that goes "
        "there asks for what it does not have. Give both the same names, or keep one of them (TOOLMESH_OWN_AUTHORIZATION_"
        "SERVER for ToolMesh's own)."
        for issuer, known in others
        if not names <= known
    ]
