"""Which variables are backends' secrets, so that only workers are given them."""

from collections.abc import Iterable, Mapping

from shared.configuration import BackendEntry

_PREFIX = "CREDENTIAL_"


def without_secrets(environment: Mapping[str, str], entries: Iterable[BackendEntry] = ()) -> dict[str, str]:
    """The environment without `CREDENTIAL_*` and without the variables that backends' `env:` names instead."""
    renamed = {variable for entry in entries for variable in entry.env.values()}
    return {name: value for name, value in environment.items() if not name.startswith(_PREFIX) and name not in renamed}
