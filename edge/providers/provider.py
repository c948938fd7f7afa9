"""What a log-in asks of an identity provider, whatever its kind, and how it fails."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Failed = Literal["away", "declined", "refused", "untrue", "setup"]
"""Not reached; the person did not log in there; it refused; what it says can't be believed; it is set up wrongly."""


class ProviderFailed(Exception):
    """Nobody was logged in. The text is for the operator, and holds nothing that a person or a provider keeps secret."""

    def __init__(self, kind: Failed, why: str) -> None:
        super().__init__(why)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Round:
    """One way of a person to the provider and back. Nobody but this browser and this edge's kind can know the last two."""

    redirect_uri: str
    """The callback, by its whole URL."""
    state: str
    """RFC 6749 section 10.12."""
    nonce: str
    """OpenID Connect Core 1.0, section 15.5.2."""
    verifier: str
    """RFC 7636."""


class Provider(Protocol):
    """One of them."""

    async def way_in(self, way: Round, *, again: bool) -> str:
        """The URL to send the person to. `again`: somebody is logged in there, perhaps, and wants to be somebody else.

        Raises ProviderFailed.
        """
        ...

    async def claims(self, way: Round, came: Mapping[str, str]) -> Mapping[str, Any]:
        """What the provider says of the person who came back with these parameters. Raises ProviderFailed."""
        ...


def check_came(came: Mapping[str, str]) -> str:
    """The code that a person came back with (RFC 6749 section 4.1.2). Raises ProviderFailed.

    `iss` (RFC 9207) is to be looked at before that.
    """
    if error := came.get("error"):
        if error in ("access_denied", "login_required", "interaction_required", "consent_required"):
            raise ProviderFailed("declined", f"the provider answered {error}")
        raise ProviderFailed("refused", f"the provider answered {plain(error)}")
    if not (code := came.get("code")):
        raise ProviderFailed("untrue", "the person came back with neither a code nor an error")
    return code


def plain(code: str) -> str:
    """An error's name, if it looks like one (RFC 6749 section 4.1.2.1): what else came is not repeated."""
    usable = len(code) <= 64 and all(
        character.isascii() and (character.isalnum() or character in "_-.") for character in code
    )
    return code if usable and code else "an error without a name"
