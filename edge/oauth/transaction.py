"""One request on its way through the library: what was looked up for it beforehand, and what is to be kept of it
afterwards.

The library's rules are synchronous, our stores are not. So everything that a rule may ask is loaded first, the rule runs
without waiting for anything, and what it wants written is written at the end, in one step.
"""

from collections import defaultdict
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import OAuth2Payload

from edge.oauth.clients import OAuthClient
from edge.oauth.parameters import BasicCredentials, Parameters
from shared.grants import AuthorizationCode, Grant


@dataclass(slots=True)
class Transaction:
    """Mutable, and of one request only."""

    client: OAuthClient | None = None
    client_keys: Any = None
    """joserfc's KeySet of a client that signs its assertions."""
    basic: BasicCredentials | None = None
    code: AuthorizationCode | None = None
    grant: Grant | None = None
    """The grant of a refresh token, or of a token that is to be revoked, that was found to be genuine."""
    user_exists: bool = True
    """Whether the user of code or grant may still come in."""
    challenge: str = ""
    allowed: dict[str, Any] = field(default_factory=dict)
    """What the person is asked to allow, and then what the code is for."""
    tokens: dict[str, Any] | None = None
    """To be given out: the members of the answer."""
    assertion: tuple[str, float] | None = None
    """Id and end, in Unix seconds, of an assertion that was found to be genuine: to be used once."""
    recorded: bool = False
    """Whether the audit has the refusal already, under a code of its own."""


current: ContextVar[Transaction] = ContextVar("current")


class Payload(OAuth2Payload):
    """Parameters as the library looks at them."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    @property
    def data(self) -> dict[str, str]:
        """By name."""
        return dict(self._parameters.values)

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """By name, with all values of those that may be repeated."""
        many = defaultdict(list, {name: [value] for name, value in self._parameters.values.items()})
        if self._parameters.resources:
            many["resource"] = list(self._parameters.resources)
        return many


class Request(OAuth2Request):
    """A request as the library looks at it. Its URI comes from the configuration: the library refuses plain HTTP, which is
    what is spoken behind a proxy."""

    def __init__(self, method: str, uri: str, parameters: Parameters, headers: dict[str, str]) -> None:
        super().__init__(method, uri if uri.startswith("https://") else "https://loopback.invalid/", headers=headers)
        self.payload = Payload(parameters)
        self._data = dict(parameters.values)

    @property
    def args(self) -> dict[str, str]:
        """Parameters of the query."""
        return self._data

    @property
    def form(self) -> dict[str, str]:
        """Parameters of the body."""
        return self._data
