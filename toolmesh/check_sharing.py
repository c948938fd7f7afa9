"""What `toolmesh check` says of credentials that several backends use: a file may ask for those of another."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from shared.configuration import BackendEntry, credential_variable
from workers.backends.rest.auth.given import NO_CREDENTIAL
from workers.backends.rest.dadl.auth import OAuth2Auth, credentials_of
from workers.backends.rest.dadl.definition import Definition


def sharing_warnings(backends: Sequence[BackendEntry], definitions: Mapping[str, Definition]) -> Iterator[str]:
    """`definitions`: by the name of their backend. What an entry says itself (`env`, `api_key_env`) is meant so."""
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in backends:
        for variable in (*_said(entry), *_asked(entry, definitions.get(entry.name))):
            users[entry.group, variable].add(entry.name)
    for entry in backends:
        definition = definitions.get(entry.name)
        if definition is None:
            continue
        for variable in _asked(entry, definition):
            others = sorted(users[entry.group, variable] - {entry.name})
            if others:
                where = ", ".join(_hosts(entry, definition))
                yield (
                    f"backend {entry.name}: its file asks for {variable}, which {', '.join(others)} uses too, and sends it "
                    f"to {where}. Who publishes a file chooses that name. Where it is right, say so: "
                    f"`env: {{{variable}: {variable}}}`; else put a variable of its own behind it there."
                )


def _said(entry: BackendEntry) -> tuple[str, ...]:
    own = () if entry.api_key_env is None else (credential_variable(entry.api_key_env, entry),)
    return (*entry.env.values(), *own)


def _asked(entry: BackendEntry, definition: Definition | None) -> list[str]:
    """Variables that a file names, and its entry does not."""
    if definition is None:
        return []
    names = [name for name in credentials_of(definition.auth) if name != NO_CREDENTIAL]
    plain = [credential_variable(name, entry) for name in names]
    return [variable for variable in dict.fromkeys(plain) if variable not in entry.env.values()]


def _hosts(entry: BackendEntry, definition: Definition) -> list[str]:
    token_url = definition.auth.token_url if isinstance(definition.auth, OAuth2Auth) else ""
    urls = (entry.url or definition.base_url, token_url)
    return list(dict.fromkeys(host for url in urls if (host := urlsplit(url).hostname)))
