"""What `toolmesh check` says of the DADL files that backends.yaml names."""

from collections.abc import Iterator, Mapping, Sequence

from shared.configuration import BackendEntry, credential_variable
from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.yaml_structs import nearest
from toolmesh.check_delegates import delegation_warnings
from toolmesh.check_sharing import sharing_warnings
from workers.backends.rest.dadl.auth import credentials_of
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl_file import dadl_directory, dadl_file
from workers.backends.rest.reader.loading import load_definition
from workers.backends.rest.tools.offering import has_health

_NO_CREDENTIAL = "none"
"""How published files say that an API wants none."""


def check_dadl(
    backends: Sequence[BackendEntry],
    settings: Settings,
    environment: Mapping[str, str],
    errors: list[str],
    warnings: list[str],
) -> None:
    """Read the file of each backend of transport `rest`, and add what is wrong to the lists."""
    definitions: dict[str, Definition] = {}
    for entry in backends:
        if entry.transport != "rest" or not entry.dadl:
            continue
        try:
            path = dadl_file(entry, settings)
        except ConfigurationError as error:
            errors.append(error.detail)
            continue
        loaded = load_definition(path, dadl_directory(settings), shown=f"{dadl_directory(settings).name}/{entry.dadl}")
        where = f"backend {entry.name}"
        for problem in loaded.problems:
            (errors if problem.severity == "error" else warnings).append(f"{where}: {problem.placed}")
        if loaded.definition is not None:
            definitions[entry.name] = loaded.definition
            errors += [f"{where}: {text}" for text in _errors(entry, loaded.definition)]
            warnings += [f"{where}: {text}" for text in _warnings(entry, loaded.definition, environment)]
    warnings += sharing_warnings(backends, definitions)


def _errors(entry: BackendEntry, definition: Definition) -> Iterator[str]:
    if not (entry.url or definition.base_url):
        yield (
            "base_url is required (set in .dadl file or via backends.yaml url field). Add `url:` to the entry: this file "
            "leaves it to you."
        )


def _warnings(entry: BackendEntry, definition: Definition, environment: Mapping[str, str]) -> Iterator[str]:
    tools = {*definition.tools, *definition.composites, *(["health"] if has_health(definition) else [])}
    for key, names in (
        ("class", entry.classes),
        ("expose_tools", entry.expose_tools),
        ("include_tools", entry.include_tools or ()),
    ):
        for name in names:
            if name not in tools:
                yield f"`{key}` names `{name[:60]}`, which {entry.dadl} does not have.{nearest(name, tools)}"
    yield from delegation_warnings(entry, definition)
    for name in credentials_of(definition.auth):
        variable = credential_variable(name, entry)
        if name != _NO_CREDENTIAL and not environment.get(variable):
            yield f"{variable} is not set here; its workers need it, or send requests without a credential."
