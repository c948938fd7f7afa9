"""Whether a compact JWS is signed with one of some keys (RFC 7515 section 5.2); headers that no token may have."""

from collections.abc import Iterable

from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry, deserialize_compact

REFUSED_HEADERS = frozenset({"crit", "b64", "zip", "jku", "jwk", "x5u", "x5c"})
"""They change what is signed, or bring a key of their own (RFC 7515 sections 4.1.2 to 4.1.6 and 4.1.11)."""


def is_signed(token: str, alg: str, keys: Iterable[Key], *, characters_max: int) -> bool:
    """Whether one of the keys signed it with that algorithm. `characters_max`: of the token."""
    registry = JWSRegistry(algorithms=[alg], strict_check_header=False)
    registry.max_header_length = registry.max_payload_length = characters_max
    for key in keys:
        try:
            deserialize_compact(token, key, registry=registry)
        except (JoseError, ValueError, TypeError):
            continue
        return True
    return False
