"""A client that the doctor registers for itself (RFC 7591), and how it says who it is at the token endpoint (RFC 6749
section 2.3, RFC 7523)."""

import base64
import secrets
import time
from functools import cache
from typing import Any
from urllib.parse import quote

from joserfc import jwt
from joserfc.jwk import RSAKey

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.learned import Client
from toolmesh.doctor.registration import CLIENT_NAME, client_of
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SIGNED = "private_key_jwt"
_KEY_BITS = 2048
_ASSERTION_S = 60


class NotRegistered(Exception):
    """The server did not take the client. The text says what came."""

    def __init__(self, answer: Answer) -> None:
        error = (answer.document() or {}).get("error")
        super().__init__(f"{answer.summary}{f', {error}' if isinstance(error, str) else ''}")
        self.answer = answer


async def register(visit: Visit, report: Report, redirect_uri: str, method: str = "none") -> Client:
    """Register one, at the metadata's `registration_endpoint`; its secret is hidden. Raises NotRegistered, Unanswered."""
    wanted: dict[str, Any] = {
        "client_name": CLIENT_NAME,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
    }
    if method == SIGNED:
        wanted |= {"jwks": {"keys": [_key().as_dict(private=False)]}, "token_endpoint_auth_signing_alg": "RS256"}
    answer = await visit.post_json(visit.learned.endpoint("registration_endpoint"), wanted)
    client = client_of(answer.document() or {}, redirect_uri)
    if answer.status not in (200, 201) or client is None:
        raise NotRegistered(answer)
    report.hide(client.secret)
    report.hide(client.management_token)
    visit.learned.clients.append(client)
    return client


@cache
def _key() -> RSAKey:
    """The one with which clients of this process sign: it is no secret of anybody's."""
    return RSAKey.generate_key(_KEY_BITS, {"kid": "doctor", "use": "sig", "alg": "RS256"})


def token_request(client: Client, audience: str, **fields: str) -> tuple[dict[str, str], dict[str, str]]:
    """Fields and headers of a request at the token endpoint, by the client's own method. `audience`: who reads an
    assertion."""
    sent = {name: value for name, value in fields.items() if value}
    if client.auth_method == "client_secret_basic":
        return sent, {"Authorization": f"Basic {_basic(client)}"}
    sent["client_id"] = client.client_id
    if client.auth_method == "client_secret_post":
        sent["client_secret"] = client.secret
    elif client.auth_method == SIGNED:
        sent |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": _assertion(client, audience)}
    return sent, {}


def _basic(client: Client) -> str:
    pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
    return base64.b64encode(pair.encode()).decode()


def _assertion(client: Client, audience: str) -> str:
    now = int(time.time())
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": audience,
        "iat": now,
        "exp": now + _ASSERTION_S,
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode({"alg": "RS256", "kid": "doctor"}, claims, _key())
