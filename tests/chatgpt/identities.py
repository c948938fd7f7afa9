"""How ChatGPT says who it is: the ways to become a client, and how each authenticates at the token endpoint.

Some cells there are not. A client with a metadata document has no secret that the server knows (`client_secret_post`,
`client_secret_basic`): everybody can read the document, and there is nowhere else to agree on one. And a client that the
operator set up has no keys (`private_key_jwt`): the dialog takes an id and a secret, `clients.yaml` has no place for more.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.chatgpt.wire import Wire
from tests.oauth.documents import Documents
from tests.oauth.signing import Signer

STABLE = "https://chatgpt.com/connector_platform_oauth_redirect"
"""Where the answer goes of an authorization server that says who it is (`iss`, RFC 9207)."""
OWN = "https://chatgpt.com/connector/oauth/IbUR3zxyNQ16"
"""Where it goes otherwise: of each connector an address of its own."""
METHODS = ("none", "client_secret_post", "client_secret_basic", "private_key_jwt")
WAYS = ("document", "registered", "static")
LEFT_OUT = {
    ("document", "client_secret_post"),
    ("document", "client_secret_basic"),
    ("static", "private_key_jwt"),
}
CELLS = [(way, method) for way in WAYS for method in METHODS if (way, method) not in LEFT_OUT]
SECRET = "a secret / of the: dialog+%s"
"""Of the clients that the operator set up, with their method in it: characters that Basic has to encode."""
SIGNER = Signer("chatgpt-2026-10")
_KEYS = "/oauth/jwks.json"


@dataclass(frozen=True)
class Identity:
    """A client, as its own servers know it."""

    client_id: str
    redirect_uri: str
    method: str
    secret: str = ""

    def credentials(self, audience: str) -> tuple[dict[str, str], dict[str, str]]:
        """Fields and headers by which it authenticates, once."""
        if self.method == "client_secret_basic":
            pair = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
            return {}, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        fields = {"client_id": self.client_id}
        if self.method == "client_secret_post":
            fields["client_secret"] = self.secret
        elif self.method == "private_key_jwt":
            fields |= SIGNER.fields(self.client_id, audience)
        return fields, {}


def client_document(host: Documents, path: str = "/oauth/client.json", redirect_uri: str = STABLE) -> dict[str, Any]:
    """ChatGPT's metadata document as it was served in October 2026, at another host.

    The singular member of RFC 7591 says one method of two: who reads it alone takes the client for a confidential one.
    """
    return {
        "client_id": host.url(path),
        "client_uri": "https://chatgpt.com/",
        "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "client_name": "ChatGPT",
        "logo_uri": "https://persistent.oaistatic.com/sonic/misc/openai-logo.png",
        "token_endpoint_auth_signing_alg": "RS256",
        "jwks_uri": host.url(_KEYS),
    }


def publish(host: Documents) -> None:
    """Put there what is at chatgpt.com: the stable document, that of one connector, and the keys."""
    own = "/oauth/IbUR3zxyNQ16/client.json"
    host.put("/oauth/client.json", client_document(host), headers={"cache-control": "max-age=300"})
    host.put(own, client_document(host, own, OWN), headers={"cache-control": "max-age=300"})
    host.put(_KEYS, {"keys": [SIGNER.public]}, headers={"cache-control": "max-age=300"})


def registration(host: Documents, method: str, redirect_uri: str = STABLE) -> dict[str, Any]:
    """The body of its `POST /register`, with members that mean nothing here."""
    keys = {"jwks_uri": host.url(_KEYS), "token_endpoint_auth_signing_alg": "RS256"} if method == "private_key_jwt" else {}
    return {
        "client_name": "ChatGPT",
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
        "client_uri": "https://chatgpt.com/",
        "logo_uri": "https://persistent.oaistatic.com/sonic/misc/openai-logo.png",
        "application_type": "web",
        "contacts": ["support@openai.com"],
        "x_of_a_later_release": {"nested": [1]},
        **keys,
    }


def clients_file() -> str:
    """clients.yaml with one client for each method of the dialog."""
    lines = ["clients:"]
    for method in METHODS:
        if ("static", method) not in LEFT_OUT:
            secret = hashlib.sha256((SECRET % method).encode()).hexdigest()
            lines.append(f"  - client_id: lab-{method}\n    redirect_uris: ['{STABLE}', '{OWN}']")
            lines.append(f"    client_name: ChatGPT of the lab\n    token_endpoint_auth_method: {method}")
            lines += [] if method == "none" else [f"    client_secret_sha256: '{secret}'"]
    return "\n".join(lines) + "\n"


def described(wire: Wire, host: Documents, method: str) -> Identity:
    """By its metadata document: no request at all."""
    return Identity(host.url("/oauth/client.json"), STABLE, method)


def registered(wire: Wire, host: Documents, method: str, redirect_uri: str = STABLE) -> Identity:
    """By registration (RFC 7591)."""
    wanted = registration(host, method, redirect_uri)
    answer = wire.json(f"{wire.url}/register", wanted)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json"), answer.text
    said = answer.json()
    kept = ("client_name", "redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method")
    assert {name: said[name] for name in kept} == {name: wanted[name] for name in kept}
    assert ("client_secret" in said) == method.startswith("client_secret")
    return Identity(said["client_id"], redirect_uri, method, said.get("client_secret", ""))


def set_up(wire: Wire, host: Documents, method: str) -> Identity:
    """By what the operator typed into the dialog."""
    return Identity(f"lab-{method}", STABLE, method, "" if method == "none" else SECRET % method)


IDENTIFY: dict[str, Callable[[Wire, Documents, str], Identity]] = {
    "document": described,
    "registered": registered,
    "static": set_up,
}
