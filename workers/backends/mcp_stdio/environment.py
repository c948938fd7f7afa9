"""The environment of a server: a few harmless variables of the worker, what the entry maps, and nothing else.

`env: {NAME_FOR_THE_SERVER: NAME_OF_THE_WORKERS_VARIABLE}`; `api_key_env: X` gives it `X` with the value of `CREDENTIAL_X`.
"""

import re
from dataclasses import dataclass

from shared.configuration import BackendEntry, credential_variable
from shared.errors import ConfigurationError
from workers.credentials import Credentials

_HARMLESS = ("PATH", "HOME", "LOGNAME", "SHELL", "TERM", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|(?:^|[_ ])(?:PAT|PWD|PASS|PASSPHRASE)(?:$|[_ ])")
_PASSWORD_OF_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@:]*:([^/?#@]+)@")
_MASK = "***"
_SECRET_CHARACTERS_MIN = 6
"""Shorter values would blacken half of a log."""


@dataclass(frozen=True, slots=True)
class ServerEnvironment:
    """The variables, and which of their values must not be seen in a log."""

    variables: dict[str, str]
    fragments: tuple[str, ...]
    """Lines of the values that were mapped, the longest first."""
    secrets: tuple[str, ...] = ()
    """Those of the values that are credentials by their names."""

    def __repr__(self) -> str:
        return f"ServerEnvironment({sorted(self.variables)})"

    @property
    def fragment_bytes_max(self) -> int:
        """The longest of them."""
        return max((len(fragment.encode()) for fragment in self.fragments), default=0)

    def mask(self, text: str) -> str:
        """A text without them."""
        for fragment in self.fragments:
            text = text.replace(fragment, _MASK)
        return text


def environment_of(entry: BackendEntry, credentials: Credentials) -> ServerEnvironment:
    """What a server of this entry gets. Raises ConfigurationError that names each variable which the worker lacks."""
    named: list[str] = []
    variables = {name: value.reveal() for name in _HARMLESS if (value := credentials.variable(name)) is not None}
    secrets: list[str] = []
    missing: list[str] = []
    for name, source in entry.env.items():
        value = credentials.variable(source)
        if value is None:
            missing.append(f"`{source}` (for `{name}`)")
        else:
            variables[name] = value.reveal()
            secrets.append(variables[name])
            named += _credentials_in(name, source, variables[name])
    if entry.api_key_env is not None:
        value = credentials.find(entry.api_key_env, entry)
        if value is None:
            missing.append(f"`{credential_variable(entry.api_key_env, entry)}` (for `api_key_env`)")
        else:
            variables[entry.api_key_env] = value.reveal()
            secrets.append(variables[entry.api_key_env])
            named.append(variables[entry.api_key_env])
    if missing:
        raise ConfigurationError(
            f"Backend {entry.name!r}: its server is not started, because this worker has no {', '.join(missing)} in its "
            "environment. Set it where the worker is started."
        )
    fragments = {line.strip() for secret in secrets for line in secret.splitlines()}
    long = sorted((f for f in fragments if len(f) >= _SECRET_CHARACTERS_MIN), key=len, reverse=True)
    return ServerEnvironment(variables, tuple(long), tuple(named))


def _credentials_in(name: str, source: str, value: str) -> list[str]:
    """What of a variable may be in no result. Most are no secrets: a server that was told a directory has to name it."""
    if source.startswith("CREDENTIAL_") or _SECRET_NAME.search(f"{name} {source}".upper()):
        return [value]
    return [found[1]] if (found := _PASSWORD_OF_URL.match(value)) else []
