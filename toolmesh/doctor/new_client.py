"""A client that the doctor registers for itself (RFC 7591), and how it says who it is at the token endpoint (RFC 6749
section 2.3, RFC 7523)."""

import base64
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from joserfc import jwt
from joserfc.jwk import RSAKey

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.learned import Client
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_NAME = "toolmesh doctor"
_KEY_BITS = 2048
_ASSERTION_S = 60


class NotRegistered(Exception):
    """The server did not take the client. The text says what came."""

    def __init__(self, answer: Answer) -> None:
        error = (answer.document() or {}).get("error")
        super().__init__(f"{answer.summary}{f', {error}' if isinstance(error, str) else ''}")
        self.answer = answer


@dataclass(slots=True)
class NewClient(Client):
    """One that may sign."""

    key: RSAKey | None = None


async def register(visit: Visit, report: Report, redirect_uri: str, method: str = "none", **metadata: Any) -> NewClient:
    """Register one, at the metadata's `registration_endpoint`; its secret is hidden. Raises NotRegistered, Unanswered."""
    key = (
        RSAKey.generate_key(_KEY_BITS, {"kid": "doctor", "use": "sig", "alg": "RS256"})
        if method == "private_key_jwt"
        else None
    )
    wanted: dict[str, Any] = {
        "client_name": _NAME,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
        **metadata,
    }
    if key is not None:
        wanted |= {"jwks": {"keys": [key.as_dict(private=False)]}, "token_endpoint_auth_signing_alg": "RS256"}
    answer = await visit.post_json(visit.learned.endpoint("registration_endpoint"), wanted)
    said = answer.document() or {}
    client_id, secret = said.get("client_id"), said.get("client_secret")
    if answer.status not in (200, 201) or not isinstance(client_id, str) or not client_id:
        raise NotRegistered(answer)
    given = said.get("token_endpoint_auth_method", method)
    found = NewClient(
        client_id,
        redirect_uri,
        secret if isinstance(secret, str) else "",
        given if isinstance(given, str) else method,
        key=key,
    )
    report.hide(found.secret)
    visit.learned.clients.append(found)
    return found


def token_request(client: Client, audience: str, **fields: str) -> tuple[dict[str, str], dict[str, str]]:
    """Fields and headers of a request at the token endpoint, by the client's own method. `audience`: who reads an
    assertion."""
    sent = {name: value for name, value in fields.items() if value}
    if client.auth_method == "client_secret_basic":
        return sent, {"Authorization": f"Basic {_basic(client)}"}
    sent["client_id"] = client.client_id
    if client.auth_method == "client_secret_post":
        sent["client_secret"] = client.secret
    elif client.auth_method == "private_key_jwt":
        sent |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": _assertion(client, audience)}
    return sent, {}


def _basic(client: Client) -> str:
    pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
    return base64.b64encode(pair.encode()).decode()


def _assertion(client: Client, audience: str) -> str:
    key = client.key if isinstance(client, NewClient) else None
    assert key is not None
    now = int(time.time())
    claims = {
        "iss": client.client_id,
        "sub": client.client_id,
        "aud": audience,
        "iat": now,
        "exp": now + _ASSERTION_S,
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode({"alg": "RS256", "kid": "doctor"}, claims, key)
