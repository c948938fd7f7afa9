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
    said_ms: int = 0
    """When all this was said, in Unix milliseconds by the broker's clock; 0 where it is said again with each request."""

    @property
    def username(self) -> str:
        """What the person is called here, in rules and in the audit: `<issuer>#<subject>`.

        No user of `users.yaml`, and no owner, can be called like that (`shared/usernames.py`).
        """
        return f"{self.issuer}#{self.subject}"


Subject = str | ForeignIdentity
"""Who logged in: a user of this server, by name, or somebody from elsewhere.

As a field of a record the former is encoded as it was before there were others: edges of two releases read one another's.
"""


def username_of(subject: Subject) -> str:
    """What somebody is called here, in rules and in the audit."""
    return subject if isinstance(subject, str) else subject.username
