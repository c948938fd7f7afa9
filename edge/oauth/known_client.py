"""A client as the library asks about it."""

import hmac

from authlib.oauth2.rfc6749 import ClientMixin

from edge.oauth.clients import OAuthClient
from edge.oauth.secret_tokens import digest_of
from shared import scopes
from shared.redirect_uris import matches


class KnownClient(ClientMixin):
    """Around the facts."""

    def __init__(self, facts: OAuthClient, default_scopes: tuple[str, ...]) -> None:
        self.facts = facts
        self._default_scopes = default_scopes

    def get_client_id(self) -> str:
        """RFC 6749 section 2.2."""
        return self.facts.client_id

    def get_default_redirect_uri(self) -> None:
        """There is none: a request always says where it wants its answer."""
        return

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes to ask the person for; None where the client may not ask for one of them."""
        wanted = scopes.in_order(scope.split()) if scope else self._default_scopes
        limits = self.facts.scope.split()
        if limits and self.facts.kind == "static":
            if scope and not set(wanted) <= {*limits, scopes.OFFLINE}:
                return None
            wanted = tuple(one for one in wanted if one in limits or one == scopes.OFFLINE)
        return " ".join(wanted) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """RFC 9700 section 2.1."""
        return any(matches(registered, redirect_uri) for registered in self.facts.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        """By digest, in a time that says nothing."""
        expected = self.facts.secret_sha256
        return expected is not None and hmac.compare_digest(expected.lower(), digest_of(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Exactly the methods that it has: a confidential client never gets by with none."""
        return method in self.facts.auth_methods

    def check_response_type(self, response_type: str) -> bool:
        """Only codes."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """As registered."""
        return grant_type in self.facts.grant_types
