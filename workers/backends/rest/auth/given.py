"""The credentials that the operator gave one backend, looked up when they are used."""

import re

import structlog

from shared.configuration import BackendEntry, credential_variable
from workers.backends.rest.failed import Failed
from workers.credentials import Credentials

log = structlog.get_logger()

NO_CREDENTIAL = "none"
"""So published files name a credential that an API does not want."""
_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")


class Given:
    """By their logical names. Shows none of them, and says once of each that it is missing."""

    def __init__(self, credentials: Credentials, entry: BackendEntry) -> None:
        self._credentials = credentials
        self._entry = entry
        self._missed: set[str] = set()

    def variable(self, name: str) -> str:
        """The variable that holds it."""
        return credential_variable(name, self._entry)

    def find(self, name: str) -> str | None:
        """The value; None where there is none. Raises Failed for what is no text."""
        if not name or name == NO_CREDENTIAL:
            return None
        secret = self._credentials.find(name, self._entry)
        if secret is None:
            self._miss(name)
            return None
        value = secret.reveal()
        # Python reads bytes of a variable that are not UTF-8 as lone surrogates.
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise self.unfit(name, "is not text in UTF-8")
        return value

    def in_header(self, name: str) -> str | None:
        """As `find`, of what is to stand in a header (RFC 9110 section 5.5)."""
        value = self.find(name)
        if value is not None and not is_header_value(value):
            raise self.unfit(name, "holds what no header can carry: use visible ASCII characters, without a line break")
        return value

    def unfit(self, name: str, why: str) -> Failed:
        """What tells the operator which variable to mend, and not what is in it."""
        return Failed("unauthorized", f"The variable {self.variable(name)} of the workers {why}. Nothing was sent.")

    def _miss(self, name: str) -> None:
        if name in self._missed:
            return
        self._missed.add(name)
        log.warning(
            "a credential is not set, so requests go without it",
            backend=self._entry.name,
            credential=name,
            variable=self.variable(name),
        )


def is_header_value(text: str) -> bool:
    """Whether a text can stand in a header as it is."""
    return _VALUE.fullmatch(text) is not None
