"""What `toolmesh check` says of who may come in."""

import ipaddress
import stat
from pathlib import Path
from urllib.parse import urlsplit

from shared.addresses import is_loopback
from shared.authorization import Authorization
from shared.authorization_file import AUTHORIZATION_FILE
from shared.configuration import ApiKeyEntry, ClientEntry, UserEntry
from shared.settings import Settings
from shared.users_file import USERS_FILE
from shared.yaml_files import API_KEYS_FILE
from toolmesh.access_notes import access_notes, access_warnings

_PASSWORD_CHARACTERS_MIN = 8


def errors_of_anonymous(settings: Settings, authorization: Authorization) -> list[str]:
    """What stops an edge that is to let anybody in."""
    if settings.auth != "none" or authorization.anonymous is not None:
        return []
    return [
        f"TOOLMESH_AUTH is none and {AUTHORIZATION_FILE} has no rule `anonymous`: an edge does not start with that. Write, "
        "for instance, `anonymous: {allow: ['echo_*']}` there, or leave TOOLMESH_AUTH out."
    ]


def warnings_of_access(
    settings: Settings, users: tuple[UserEntry, ...], keys: tuple[ApiKeyEntry, ...], clients: tuple[ClientEntry, ...]
) -> list[str]:
    """Warnings about users, keys, OAuth clients and the way that they come in by."""
    found = [*access_warnings(settings), *access_notes(settings, users)]
    password = settings.auth_password.reveal() if settings.auth_password is not None else None
    if password is not None and len(password) < _PASSWORD_CHARACTERS_MIN:
        found.append(f"TOOLMESH_AUTH_PASSWORD has less than {_PASSWORD_CHARACTERS_MIN} characters, and it is the owner's.")
    found += _of_slow_keys(keys)
    found += [
        f"clients.yaml: nobody can log in with `{client.client_id}`, which has no redirect URI. `toolmesh client redirect "
        f"{client.client_id} URL` adds the one that the agent shows."
        for client in clients
        if not client.redirect_uris
    ]
    found += _of_mode(settings.users_config or settings.config_dir / USERS_FILE)
    if any(key.key_hash is not None for key in keys):  # a SHA-256 of 256 random bits tells nobody anything
        found += _of_mode(settings.apikeys_config or settings.config_dir / API_KEYS_FILE)
    return found + _of_the_way_in(settings)


def _of_slow_keys(keys: tuple[ApiKeyEntry, ...]) -> list[str]:
    slow = [key.user_id for key in keys if key.key_hash is not None]
    if not slow:
        return []
    return [
        f"{len(slow)} of the keys in apikeys.yaml have a key_hash (the first is of user {slow[0][:40]}): bcrypt costs a "
        "tenth of a second or more for each of them whenever an unknown key comes. Use key_sha256: `toolmesh key new` does."
    ]


def _of_mode(path: Path) -> list[str]:
    try:
        mode = path.stat().st_mode
    except OSError:
        return []
    if not mode & stat.S_IROTH:
        return []
    return [f"{path} can be read by every user of this machine; the hashes in it are not for them: chmod o-rwx {path}."]


def _of_the_way_in(settings: Settings) -> list[str]:
    found = []
    issuer = urlsplit(settings.issuer or "")
    public = bool(issuer.hostname) and not is_loopback(issuer.hostname or "")
    if public and not settings.trusted_proxies:
        found.append(
            f"TOOLMESH_ISSUER is {settings.issuer} and TOOLMESH_TRUSTED_PROXIES is not set: behind a proxy all log-ins "
            "then count as one address, so a few wrong passwords of anybody lock everybody out. Name the proxy's address."
        )
    if issuer.scheme == "http":
        found.append(
            f"TOOLMESH_ISSUER is {settings.issuer}: that is for this machine alone. ChatGPT and Claude need a public https "
            "URL."
        )
    if any(ipaddress.ip_network(network).prefixlen == 0 for network in settings.trusted_proxies):
        found.append(
            "TOOLMESH_TRUSTED_PROXIES holds all addresses there are: anybody can then say that they come from another one, "
            "and no limit by address holds. Name the proxy's address."
        )
    return found
