"""The assertion by which a service account asks for a token (RFC 7523 sections 2.1 and 3), signed with RS256.

The key is a JSON object as Google's: `client_email`, `private_key` (PEM), `private_key_id` and `token_uri` if it has them.
"""

import time
import uuid
from typing import Any

import msgspec

_EXPIRES_S = 3600
"""The longest that DADL 0.2 and Google take."""
_KEY_BITS_MIN = 2048


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of such a key. Its repr shows nothing."""

    client_email: str
    private_key: str
    private_key_id: str = ""
    token_uri: str = ""

    def __repr__(self) -> str:
        return "ServiceAccount(…)"


class BadKey(ValueError):
    """What is wrong with a key; the text holds nothing of it."""


def service_account(text: str) -> ServiceAccount:
    """Read a key. Raises BadKey."""
    try:
        return msgspec.json.decode(text, type=ServiceAccount)
    except (msgspec.DecodeError, RecursionError):
        raise BadKey(
            "is no key of a service account: give the whole JSON file, which has `client_email` and `private_key`"
        ) from None


def assertion(account: ServiceAccount, *, audience: str, scopes: tuple[str, ...], subject: str) -> str:
    """A JWT that says who asks, for what, and where. Raises BadKey."""
    from joserfc import jwt  # only who needs it pays for it: 3 MiB in each worker

    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": account.client_email,
        "aud": audience,
        "iat": now,
        "exp": now + _EXPIRES_S,
        "jti": str(uuid.uuid4()),
    }
    if scopes:
        claims["scope"] = " ".join(scopes)
    if subject:
        claims["sub"] = subject
    header = {"alg": "RS256", "typ": "JWT"} | ({"kid": account.private_key_id} if account.private_key_id else {})
    return jwt.encode(header, claims, _rsa_key(account), algorithms=["RS256"])


def _rsa_key(account: ServiceAccount) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from joserfc.errors import JoseError
    from joserfc.jwk import RSAKey

    try:
        key = RSAKey.import_key(account.private_key)
        private = key.private_key
    except (JoseError, ValueError, TypeError):
        raise BadKey("holds a `private_key` that is no RSA key in PEM") from None
    if not isinstance(private, RSAPrivateKey) or private.key_size < _KEY_BITS_MIN:
        raise BadKey(f"holds a `private_key` that is no private RSA key of at least {_KEY_BITS_MIN} bits")
    return key
