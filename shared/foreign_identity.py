"""Somebody whom another server vouches for, an identity provider or an authorization server, as it described them once."""

import msgspec


class ForeignIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """Who it is, by issuer and subject alone (OpenID Connect Core 1.0, section 5.7), and what was said of them.

    What that makes of them here is worked out from the mapping as it is when they ask (`shared/claims_mapping.py`).
    """

    issuer: str
    """As the server writes its own name; it holds no `#`."""
    subject: str
    """Never given to anybody else by that issuer."""
    name: str = ""
    """To be shown, never to be decided on."""
    email: str = ""
    """Only one that the issuer said it has verified, in lower case; empty for none."""
    groups: tuple[str, ...] = ()

    @property
    def username(self) -> str:
        """What the person is called here, in rules and in the audit: `<issuer>#<subject>`.

        No user of `users.yaml`, and no owner, can be called like that (`shared/usernames.py`).
        """
        return f"{self.issuer}#{self.subject}"
