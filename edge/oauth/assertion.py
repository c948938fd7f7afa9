"""Clients that sign: `private_key_jwt` (RFC 7523 section 2.2, OpenID Connect Core section 9), RS256 alone."""

import time
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError

from edge.oauth.known_client import KnownClient
from edge.oauth.signature import REFUSED_HEADERS
from edge.oauth.transaction import current

ALGORITHMS = ("RS256",)
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_LIFE_S_MAX = 600
"""What is to come of an assertion's life: ids are remembered for as long."""
_LEEWAY_S = 60
_CHARACTERS_MAX = 8 * 1024
_ID_CHARACTERS_MAX = 512


class ClientAssertion(JWTBearerClientAssertion):
    """The library's rules, narrowed."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, audiences: list[str]) -> None:
        super().__init__(leeway=_LEEWAY_S)
        self._audiences = audiences

    def get_audiences(self) -> list[str]:
        """The issuer and its endpoints."""
        return self._audiences

    def resolve_client_public_key(self, client: KnownClient) -> Any:
        """The client's keys, loaded beforehand."""
        found = current.get().client_keys
        if found is None:
            raise InvalidClientError(description="The client's keys are not known.")
        return found

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> Any:
        """Check signature and claims; the library would take more algorithms."""
        headers, _ = self.extract_assertion(assertion)
        if headers.get("alg") not in ALGORITHMS or REFUSED_HEADERS & headers.keys():
            raise InvalidClientError(description="The assertion must be signed with RS256 and bring no key.")
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=list(ALGORITHMS))
            self.verify_claims(token.claims)
        except (JoseError, ValueError, TypeError) as cause:
            raise InvalidClientError(description="The assertion is not valid.") from cause
        return token.claims

    def validate_jti(self, claims: dict[str, Any], jti: object) -> bool:
        """Remember its id, to be used once when all else was found right."""
        audience, expires = claims.get("aud"), claims.get("exp")
        if isinstance(audience, list) and len(audience) != 1:
            raise InvalidClientError(description="The assertion must be for this server alone.")
        now = time.time()
        if isinstance(expires, bool) or not isinstance(expires, int | float) or expires > now + _LIFE_S_MAX + _LEEWAY_S:
            raise InvalidClientError(description=f"The assertion must end within {_LIFE_S_MAX} s.")
        if not isinstance(jti, str) or not 0 < len(jti) <= _ID_CHARACTERS_MAX:
            raise InvalidClientError(description="The assertion needs an id (jti).")
        current.get().assertion = f"{claims['iss']}|{jti}", float(expires) + _LEEWAY_S
        return True


def unverified_client(assertion: str) -> tuple[str | None, str | None]:
    """Whom an assertion says it is of (`sub`), and the id of its key; nothing of it is believed yet."""
    if len(assertion) > _CHARACTERS_MAX:
        return None, None
    try:
        headers, claims = ClientAssertion([]).extract_assertion(assertion)
    except (InvalidClientError, ValueError, TypeError, RecursionError):
        return None, None
    subject, key_id = claims.get("sub"), headers.get("kid")
    return subject if isinstance(subject, str) else None, key_id if isinstance(key_id, str) else None
