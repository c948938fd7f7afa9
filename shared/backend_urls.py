"""URLs that stand for those of backends.yaml (`TOOLMESH_BACKEND_URLS`), so that one file does for several surroundings."""

from collections.abc import Iterable, Sequence

import msgspec

from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from shared.yaml_files import problem_of_url
from shared.yaml_structs import nearest

_WITH_URL = ("http", "rest")


def with_urls(entries: tuple[BackendEntry, ...], said: Sequence[str]) -> tuple[BackendEntry, ...]:
    """The entries, with the URLs that are said: `name=url` each. A name that no entry has is none of this file's, and let
    pass. Raises ConfigurationError; its text shows no URL, since a secret may stand in it."""
    known = {entry.name: entry for entry in entries}
    for text in said:
        name, url = _read(text)
        entry = known.get(name)
        if entry is None:
            continue
        if entry.transport not in _WITH_URL:
            raise ConfigurationError(
                f"TOOLMESH_BACKEND_URLS has a URL for `{name}`, which is of transport `{entry.transport}` and has none."
            )
        if (problem := problem_of_url(url)) is not None:
            raise ConfigurationError(f"TOOLMESH_BACKEND_URLS, `{name}`: {problem}")
        known[name] = msgspec.structs.replace(entry, url=url)
    return tuple(known.values())


def notes_of_urls(entries: Iterable[BackendEntry], said: Sequence[str]) -> tuple[str, ...]:
    """What of it has no effect."""
    known = [entry.name for entry in entries]
    names = [text.partition("=")[0].strip() for text in said]
    return tuple(
        f"TOOLMESH_BACKEND_URLS names a backend `{name[:40]}`, which backends.yaml does not have.{nearest(name, known)}"
        for name in names
        if name not in known
    )


def _read(text: str) -> tuple[str, str]:
    name, equals, url = text.strip().partition("=")
    if not equals or not name.strip():
        raise ConfigurationError("TOOLMESH_BACKEND_URLS is a list of `name=url`, separated by commas.")
    return name.strip(), url.strip()
