"""The only file that sees a backend's secret.

A credential `X` is the environment variable `CREDENTIAL_X` of the worker (upstream's embedded store). A backend's `env:`
may remap it to another variable. Empty counts as absent.
"""

import os
from collections.abc import Mapping

from shared.configuration import BackendEntry, credential_variable
from shared.settings import Secret


class Credentials:
    """Secrets by logical name, resolved at the time of use."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def __repr__(self) -> str:
        return "Credentials(…)"

    def variable(self, name: str) -> Secret | None:
        """A variable of this worker, for a process that gets it under a name of its own; None where it is absent."""
        value = self._environment.get(name, "")
        return Secret(value) if value else None

    def find(self, name: str, entry: BackendEntry) -> Secret | None:
        """The secret of that logical name for this backend, or None."""
        return self.variable(credential_variable(name, entry))
