"""A client that signs its assertions (`private_key_jwt`, RFC 7523 section 2.2), with a key of its own."""

import secrets
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Signer:
    """One RSA key with its id."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self._key = RSAKey.generate_key(2048, {"kid": key_id, "use": "sig", "alg": "RS256"}, private=True)

    @property
    def public(self) -> dict[str, Any]:
        """The JWK that the client publishes."""
        return dict(self._key.as_dict(private=False))

    @property
    def private(self) -> dict[str, Any]:
        """The JWK that nobody may publish."""
        return dict(self._key.as_dict(private=True))

    def fields(self, client_id: str, audience: str) -> dict[str, str]:
        """The fields by which a client authenticates at the token endpoint, once."""
        now = int(time.time())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_urlsafe(16),
        }
        assertion = jwt.encode({"alg": "RS256", "kid": self.key_id}, claims, self._key)
        return {"client_assertion": assertion, "client_assertion_type": TYPE}
