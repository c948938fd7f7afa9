"""What the authorization server keeps (RFC 6749): signed with the edges' own key, each record bound to the secret it is of.

A write into Redis makes no log-in: nobody without the edges' key can write such a record, and a true one that is copied to
another place is refused, because it says itself what it lies under.
"""

import msgspec

from shared.foreign_identity import Subject, username_of
from shared.messages import Message

ACCESS = "tmat_"
REFRESH = "tmrt_"
CODE = "tmac_"
"""What the secrets begin with; no API key may."""


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """What a person allowed a client (RFC 6749 section 1.3)."""

    family: str
    """Names all that comes of it: a code, access tokens, refresh tokens. They end together."""
    client_id: str
    client_name: str
    """What the client calls itself."""
    subject: Subject
    """The user. Roles and plan are looked up when a token is used."""
    scopes: tuple[str, ...]
    resource: str
    """The one resource that its tokens are for (RFC 8707)."""
    started_ms: int

    @property
    def username(self) -> str:
        """What the user is called, in rules and in the audit."""
        return username_of(self.subject)


class AuthorizationRequest(Message, frozen=True, kw_only=True, tag="authorization-request"):
    """A client's request that waits for the person (RFC 6749 section 4.1.1)."""

    digest: str
    browser: str
    """Digest of the browser's session that it belongs to."""
    parameters: dict[str, str]
    """As they came; checked again when the person has decided."""
    former: str = ""
    """Digest of the session that it belonged to until somebody logged in; empty before."""
    logged_in_ms: int = 0
    """When that was."""


class DecidedRequest(Message, frozen=True, kw_only=True, tag="decided-request"):
    """One that the person has decided just now: the form that is sent twice gets the same answer."""

    digest: str
    browser: str
    """Digest of the browser's session in which it was decided."""
    parameters: dict[str, str]
    family: str = ""
    """Of the grant that it was allowed by; empty where it was denied."""
    code: str = ""
    """Digest of the code that was given."""


class LogInElsewhere(Message, frozen=True, kw_only=True, tag="log-in-elsewhere"):
    """A person who was sent to an identity provider, and is to come back."""

    digest: str
    """Of the browser's session and the state together: nobody else's browser finds it."""
    provider: str
    """Its name, which is in the callback's path."""
    issuer: str
    rid: str
    """The client's request that it is for; of no use without the browser's cookie."""


class BrowserSession(Message, frozen=True, kw_only=True, tag="browser-session"):
    """A browser in which somebody logged in."""

    digest: str
    subject: Subject


class AuthorizationCode(Message, frozen=True, kw_only=True, tag="authorization-code"):
    """A code that was not redeemed yet (RFC 6749 section 4.1.2)."""

    digest: str
    grant: Grant
    redirect_uri: str
    challenge: str
    """`code_challenge` of method S256 (RFC 7636)."""


class AccessToken(Message, frozen=True, kw_only=True, tag="access-token"):
    """An access token."""

    digest: str
    grant: Grant
    scopes: tuple[str, ...]
    """Of this token: all of the grant's, or fewer."""
    expires_ms: int


class Family(Message, frozen=True, kw_only=True, tag="family"):
    """A grant that lives, and the refresh token that continues it."""

    grant: Grant
    refresh: str = ""
    """Digest of the current refresh token; empty for a client that gets none."""


class RegisteredClient(Message, frozen=True, kw_only=True, tag="registered-client"):
    """A client that registered itself (RFC 7591)."""

    client_id: str
    metadata: bytes
    """JSON object: what it registered, with the digest of its secret in place of the secret."""
