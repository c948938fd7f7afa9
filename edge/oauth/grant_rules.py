"""The grants of RFC 6749 as the library has them, tightened to OAuth 2.1: PKCE always and with S256, one audience, no
forks."""

import re
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError, grants
from authlib.oauth2.rfc7636 import CodeChallenge

from edge.oauth.known_client import KnownClient
from edge.oauth.resource import accepted
from edge.oauth.secret_tokens import new_refresh_token, new_token
from edge.oauth.transaction import Request, current
from shared import scopes
from shared.grants import ACCESS, AuthorizationCode, Grant

AUTH_METHODS = ["none", "private_key_jwt", "client_secret_basic", "client_secret_post"]
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""BASE64URL(SHA256(verifier)) has exactly so many characters (RFC 7636 section 4.2)."""
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class InvalidTarget(OAuth2Error):
    """RFC 8707 section 2."""

    error = "invalid_target"
    description = "The resource is not one of this server's, or not the one that was granted."


class CodeRecord:
    """A code as the library asks about it."""

    def __init__(self, record: AuthorizationCode, *, uri_matters: bool) -> None:
        self.record = record
        self.code_challenge = record.challenge
        self.code_challenge_method = "S256"
        self._uri_matters = uri_matters

    def get_redirect_uri(self) -> str | None:
        """To be compared, where the client sends it again (OAuth 2.1 section 10.1 lets it leave it out)."""
        return self.record.redirect_uri if self._uri_matters else None

    def get_scope(self) -> str:
        """What was granted."""
        return " ".join(self.record.grant.scopes)


class GrantRecord:
    """A refresh token's grant, or one that is to be revoked, as the library asks about it."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant

    def get_scope(self) -> str:
        """What was granted."""
        return " ".join(self.grant.scopes)

    def check_client(self, client: KnownClient) -> bool:
        """Whether it is this client's."""
        return self.grant.client_id == client.get_client_id()


class CodeGrant(grants.AuthorizationCodeGrant):
    """RFC 6749 section 4.1."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def generate_authorization_code(self) -> str:
        """The code that was made for it."""
        return str(current.get().allowed["code"])

    def save_authorization_code(self, code: str, request: Request) -> None:
        """Keep what the code is for, to be written when the library is done."""
        current.get().allowed |= {"given": code, "scope": request.scope}

    def query_authorization_code(self, code: str, client: KnownClient) -> CodeRecord | None:
        """The code that was looked up, if it is this client's."""
        record = current.get().code
        if record is None or record.grant.client_id != client.get_client_id():
            return None
        return CodeRecord(record, uri_matters="redirect_uri" in self.request.form)

    def delete_authorization_code(self, authorization_code: CodeRecord) -> None:
        """Done when the tokens are written."""

    def authenticate_user(self, authorization_code: CodeRecord) -> str | None:
        """Whose grant it is, if that user may still come in."""
        return authorization_code.record.grant.username if current.get().user_exists else None


class RefreshGrant(grants.RefreshTokenGrant):
    """RFC 6749 section 6, with rotation (RFC 9700 section 4.14.2)."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> GrantRecord | None:
        """The grant that was looked up."""
        found = current.get().grant
        return GrantRecord(found) if found is not None else None

    def authenticate_user(self, refresh_token: GrantRecord) -> str:
        """Whose grant it is."""
        if not current.get().user_exists:
            raise InvalidGrantError("The user may not come in any more.")
        return refresh_token.grant.username

    def revoke_old_credential(self, refresh_token: GrantRecord) -> None:
        """Done when the new tokens are written."""

    def validate_token_request(self) -> None:
        """As the library, and the resource."""
        super().validate_token_request()
        check_bound_resource(self)


class S256Only(CodeChallenge):
    """RFC 7636 without `plain`, and never left out: the library lets public clients alone be asked for it."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Of the request at the authorization endpoint."""
        sent = grant.request.payload.data
        if sent.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(sent.get("code_challenge", "")):
            raise InvalidRequestError(
                "PKCE is required: send code_challenge (43 characters) and code_challenge_method=S256.",
                redirect_uri=redirect_uri,
            )

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        """Of the request at the token endpoint."""
        verifier = grant.request.form.get("code_verifier")
        if verifier is None or not _VERIFIER.fullmatch(verifier):
            raise InvalidRequestError("Send the code_verifier: 43 to 128 characters.")
        super().validate_code_verifier(grant, result)


def check_wanted_resource(grant: Any, redirect_uri: str) -> None:
    """RFC 8707 at the authorization endpoint: one resource, and it is ours. Without one it is `/mcp`."""
    wanted = grant.request.payload.datalist.get("resource", [])
    public_url = grant.server.public_url
    resource = accepted(public_url, wanted[0]) if wanted else f"{public_url}/mcp"
    if len(wanted) > 1 or resource is None:
        raise InvalidTarget(redirect_uri=redirect_uri)
    current.get().allowed["resource"] = resource


def check_bound_resource(grant: Any, result: Any = None) -> None:
    """RFC 8707 at the token endpoint: if a resource is named it is the one that was granted."""
    wanted = grant.request.payload.datalist.get("resource", [])
    found = current.get()
    granted = found.code.grant if found.code is not None else found.grant
    if granted is None:
        return  # refused for that
    if len(wanted) > 1 or (wanted and accepted(grant.server.public_url, wanted[0]) != granted.resource):
        raise InvalidTarget()


def tokens_of(grant_type: str, client: KnownClient, scope: str | None, access_token_s: float) -> dict[str, Any]:
    """The members of a token answer (RFC 6749 section 5.1), with fresh tokens."""
    found = current.get()
    granted = found.code.grant if found.code is not None else found.grant
    if granted is None:
        raise InvalidGrantError()
    wanted = scopes.in_order((scope or "").split())
    if not wanted:
        raise InvalidScopeError()
    answer: dict[str, Any] = {
        "access_token": new_token(ACCESS, granted.family),
        "token_type": "Bearer",
        "expires_in": int(access_token_s),
        "scope": " ".join(wanted),
    }
    if grant_type == "authorization_code" and client.check_grant_type("refresh_token"):
        answer["refresh_token"] = new_refresh_token(granted.family)
    return answer
