"""Whether an id_token is that provider's, for this server, about this log-in (OpenID Connect Core 1.0, section 3.1.3.7).

The library checks what is in it; what it does not ask for (an audience at all, a signature's algorithm, a repeated name) is
looked at before.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from authlib.oidc.core import CodeIDToken
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import Key

from edge.external.unverified import Unverified, read_unverified
from edge.oauth.signature import is_signed
from edge.providers.provider import ProviderFailed
from shared.authorization_servers_file import Algorithm

_ALGORITHMS: frozenset[str] = frozenset(get_args(Algorithm))
_TYPES = (None, "JWT", "jwt")
LEEWAY_S = 60
"""By so much the clocks of provider and edge may differ."""
_CHARACTERS_MAX = 64 * 1024


def read_id_token(token: Any, supported: Sequence[str] | None) -> Unverified:
    """What an id_token says of itself. `supported`: the algorithms that the provider names. Raises ProviderFailed."""
    if not isinstance(token, str) or not token:
        # The library takes that for an answer of plain OAuth 2, which says nothing of who it is.
        raise ProviderFailed("untrue", "the token answer has no id_token; is the scope openid among those of the provider?")
    said = read_unverified(token) if len(token) <= _CHARACTERS_MAX else None
    if said is None:
        raise ProviderFailed("untrue", "the id_token is no signed JWT")
    alg = said.header.get("alg")
    if alg not in _ALGORITHMS or (supported is not None and alg not in supported):
        raise ProviderFailed("untrue", "the id_token is signed with an algorithm that is not taken")
    if said.header.get("typ") not in _TYPES or "crit" in said.header:
        raise ProviderFailed("untrue", "what came as the id_token is a token of another kind")
    return said


def check_signature(token: str, alg: str, keys: Sequence[Key]) -> None:
    """Raise ProviderFailed unless one of the keys signed it."""
    if not is_signed(token, alg, keys, characters_max=_CHARACTERS_MAX):
        raise ProviderFailed("untrue", "the id_token is not signed with a key that the provider publishes")


def check_claims(
    said: Unverified, *, issuer: str, client_id: str, nonce: str, access_token: str, now_s: int
) -> Mapping[str, Any]:
    """The claims, if they are of that issuer, for that client, about the log-in of that nonce. Raises ProviderFailed."""
    options: Any = {
        "iss": {"essential": True, "value": issuer},
        "aud": {"essential": True, "value": client_id},
        "sub": {"essential": True},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }
    params = {"nonce": nonce, "client_id": client_id, "access_token": access_token}
    claims = CodeIDToken(said.claims, said.header, options, params)
    try:
        claims.validate(now=now_s, leeway=LEEWAY_S)
    except ClaimError as error:
        raise ProviderFailed(
            "untrue", f"the claim {error.claim} of the id_token is not as it must be{_clock(said, error, now_s)}"
        ) from None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as cause:
        raise ProviderFailed("untrue", f"the claims of the id_token can't be read ({type(cause).__name__})") from None
    return said.claims


def _clock(said: Unverified, error: ClaimError, now_s: int) -> str:
    """A clock that is wrong is the usual reason, and nobody finds it without a hint."""
    issued_s = said.claims.get("iat")
    if error.claim not in ("exp", "iat", "nbf") or not isinstance(issued_s, int | float):
        return ""
    return f": by this edge's clock it was issued {now_s - int(issued_s)} s ago. Set the clocks of both machines right"
