"""The authorization server: the library's rules, put together. It waits for nothing, keeps nothing (`transaction.py`)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc9207 import IssuerParameter

from edge.oauth.assertion import ClientAssertion
from edge.oauth.grant_rules import (
    AUTH_METHODS,
    CodeGrant,
    GrantRecord,
    RefreshGrant,
    S256Only,
    check_bound_resource,
    check_wanted_resource,
    tokens_of,
)
from edge.oauth.known_client import KnownClient
from edge.oauth.parameters import Parameters
from edge.oauth.transaction import Request, Transaction, current
from shared import scopes
from shared.settings import Settings


@dataclass(slots=True)
class Answer:
    """A response as the library gives it."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str | None:
        """Where it leads; the library adds the issuer to it."""
        return self.headers.get("Location")

    @location.setter
    def location(self, value: str) -> None:
        self.headers["Location"] = value


class AuthorizeError(Exception):
    """An authorization request that can't be answered by a redirect: its client or redirect URI is not known."""

    def __init__(self, error: OAuth2Error) -> None:
        super().__init__(error.error)
        self.code: str = error.error


class _Issuer(IssuerParameter):
    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        return self._issuer


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def check_params(self, request: Any, client: KnownClient) -> None:
        """A hint is but a hint: one that means nothing here is no reason to keep a token alive (RFC 7009 section 2.1)."""
        if "token" not in request.form:
            raise InvalidRequestError("Send the token.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> GrantRecord | None:
        found = current.get().grant
        return GrantRecord(found) if found is not None else None

    def revoke_token(self, token: GrantRecord, request: Any) -> None:
        current.get().allowed["revoke"] = token.grant.family


def _by_basic(query_client: Callable[[str], KnownClient | None], request: Request) -> KnownClient | None:
    """RFC 6749 section 2.3.1, from the header as it was read once: two readings of one header could name two clients."""
    basic = current.get().basic
    client = query_client(basic.client_id) if basic is not None else None
    return client if client is not None and basic is not None and client.check_client_secret(basic.client_secret) else None


class Server(AuthorizationServer):
    """Of one issuer, which is the public URL."""

    def __init__(self, public_url: str, settings: Settings) -> None:
        super().__init__(scopes_supported=list(scopes.ALL))
        self.public_url = public_url
        self._default_scopes = scopes.in_order(settings.challenge_scopes)
        self._access_token_s = settings.access_token_s
        self._issuer = _Issuer(public_url)
        self.register_token_generator("default", self._tokens)
        self.register_grant(
            CodeGrant,
            [
                S256Only(required=True),
                lambda grant: grant.register_hook("after_validate_authorization_request_payload", check_wanted_resource),
                lambda grant: grant.register_hook("after_validate_token_request", check_bound_resource),
            ],
        )
        self.register_grant(RefreshGrant)
        audiences = [public_url, f"{public_url}/token", f"{public_url}/revoke"]
        self.register_client_auth_method("private_key_jwt", ClientAssertion(audiences))
        self.register_client_auth_method("client_secret_basic", _by_basic)
        self.register_extension(self._issuer)
        self.register_endpoint(_Revocation)

    # What the endpoints ask.

    def check_request(self, parameters: Parameters, transaction: Transaction) -> Answer | None:
        """Check an authorization request; gives the redirect by which it is refused, None for one that a person may decide.

        Raises AuthorizeError where there is nobody to redirect to. RFC 6749 section 4.1.1.
        """
        current.set(transaction)
        request = Request("GET", self.public_url, parameters, {})
        try:
            grant = self._consent_grant(request)
        except OAuth2Error as error:
            return self._redirected(request, error)
        transaction.allowed |= {"scope": grant.request.scope, "redirect_uri": grant.redirect_uri}
        transaction.challenge = parameters.values["code_challenge"]
        return None

    def decide(self, parameters: Parameters, transaction: Transaction, *, allowed: bool) -> Answer:
        """Answer an authorization request for the person who decided; who allows it, with the code of the transaction.

        Raises AuthorizeError.
        """
        current.set(transaction)
        request = Request("POST", self.public_url, parameters, {})
        try:
            grant = self._consent_grant(request)
        except OAuth2Error as error:
            return self._redirected(request, error)
        transaction.allowed["redirect_uri"] = grant.redirect_uri
        transaction.challenge = parameters.values["code_challenge"]
        answer: Answer = self.create_authorization_response(request, grant_user=allowed, grant=grant)
        return answer

    def exchange(self, parameters: Parameters, transaction: Transaction, headers: dict[str, str]) -> Answer:
        """Answer a token request (RFC 6749 sections 4.1.3 and 6)."""
        current.set(transaction)
        request = Request("POST", f"{self.public_url}/token", parameters, headers)
        answer: Answer = self.create_token_response(request)
        return answer

    def revoke(self, parameters: Parameters, transaction: Transaction, headers: dict[str, str]) -> Answer:
        """Answer a revocation request (RFC 7009)."""
        current.set(transaction)
        request = Request("POST", f"{self.public_url}/revoke", parameters, headers)
        answer: Answer = self.create_endpoint_response("revocation", request)
        return answer

    def _consent_grant(self, request: Request) -> Any:
        sent = request.payload.data
        redirect_uri = self._redirect_uri(sent)
        for name, only in (("response_type", None), ("response_mode", "query")):
            value = sent.get(name)
            if (value is None and only is None) or (value is not None and only is not None and value != only):
                raise InvalidRequestError(f"{name} must be {only or 'code'}.", redirect_uri=redirect_uri)
        if "request" in sent or "request_uri" in sent:
            raise InvalidRequestError("Request objects are not supported.", redirect_uri=redirect_uri)
        return self.get_consent_grant(request)

    def _redirect_uri(self, sent: dict[str, str]) -> str:
        """Where the client may be answered. Raises OAuth2Error without a redirect URI where that is not known."""
        client = self.query_client(sent.get("client_id", ""))
        if client is None:
            raise InvalidClientError(description="The client is not known.")
        redirect_uri = sent.get("redirect_uri")
        if redirect_uri is None or not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The redirect URI is not one of the client's.")
        return redirect_uri

    def _redirected(self, request: Request, error: OAuth2Error) -> Answer:
        if not getattr(error, "redirect_uri", None):
            raise AuthorizeError(error)
        error.state = request.payload.state
        answer: Answer = self.handle_error_response(request, error)
        self._issuer.add_issuer_parameter(self, answer)
        return answer

    # What the library asks.

    def create_oauth2_request(self, request: Any) -> Any:
        """Requests come as the library's."""
        return request

    def query_client(self, client_id: str) -> KnownClient | None:
        """The client that was looked up."""
        found = current.get().client
        return KnownClient(found, self._default_scopes) if found is not None and found.client_id == client_id else None

    def authenticate_client(self, request: Request, methods: list[str], endpoint: str = "token") -> KnownClient:
        """By the one method that the request uses: what it says wrongly is not overlooked for want of anything else."""
        sent = request.payload.data
        used = "none"
        if current.get().basic is not None:
            used = "client_secret_basic"
        elif "client_assertion" in sent or "client_assertion_type" in sent:
            used = "private_key_jwt"
        elif "client_secret" in sent:
            used = "client_secret_post"
        try:
            found: KnownClient = super().authenticate_client(request, [used], endpoint)
        except InvalidClientError as error:
            raise InvalidClientError(
                description="The client is not known, or did not authenticate as it has to.", status_code=401
            ) from error
        return found

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        """Keep the tokens, to be written when the library is done."""
        current.get().tokens = token

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        """Leave it for the endpoint to send."""
        return Answer(status, body, dict(headers))

    def _tokens(
        self,
        grant_type: str,
        client: KnownClient,
        user: Any = None,
        scope: str | None = None,
        expires_in: Any = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        return tokens_of(grant_type, client, scope, self._access_token_s)
