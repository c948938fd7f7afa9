"""What a client metadata document must say, must not say, and which ways to authenticate follow from it."""

import json
from typing import Any

import pytest

from edge.oauth.client_document import DocumentRefused, DocumentRules
from edge.oauth.clients import OAuthClient
from shared.settings import Settings

URL = "https://chatgpt.com/oauth/client.json"
CALLBACK = "https://chatgpt.com/connector_platform_oauth_redirect"
JWKS_URI = "https://chatgpt.com/oauth/jwks.json"
DOCUMENT = {"client_id": URL, "client_name": "ChatGPT", "redirect_uris": [CALLBACK]}
PLURAL, SINGULAR = "token_endpoint_auth_methods_supported", "token_endpoint_auth_method"
BOTH = ["none", "private_key_jwt"]
JWKS = {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}


def read(body: Any) -> OAuthClient:
    rules = DocumentRules(Settings())
    return rules.read(URL, rules.check_url(URL), body if isinstance(body, bytes) else json.dumps(body).encode())


def test_a_document_says_who_the_client_is() -> None:
    client = read(DOCUMENT | {"logo_uri": "https://x.example/", "unknown": {"a": [1]}})
    assert (client.client_id, client.client_name, client.kind) == (URL, "ChatGPT", "document")
    assert client.redirect_uris == (CALLBACK,)
    assert client.document_host == "chatgpt.com"
    assert client.auth_methods == ("none",)
    assert not client.verified


REFUSED: dict[str, Any] = {
    "not JSON": b"<html>",
    "not UTF-8": b'{"client_name": "\xff"}',
    "an array": [DOCUMENT],
    "deep": DOCUMENT | {"x": json.loads("[" * 100 + "]" * 100)},
    "no id": {name: DOCUMENT[name] for name in ("client_name", "redirect_uris")},
    "another id": DOCUMENT | {"client_id": URL + "2"},
    "the id in upper case": DOCUMENT | {"client_id": URL.replace("chatgpt.com", "ChatGPT.com")},
    "the id with a slash": DOCUMENT | {"client_id": URL + "/"},
    "no name": DOCUMENT | {"client_name": ""},
    "no redirects": DOCUMENT | {"redirect_uris": []},
    "too many redirects": DOCUMENT | {"redirect_uris": [f"{CALLBACK}/{n}" for n in range(11)]},
    "a bad redirect": DOCUMENT | {"redirect_uris": [CALLBACK, "javascript:alert(1)"]},
    "a secret": DOCUMENT | {"client_secret": "x"},
    "an end of a secret": DOCUMENT | {"client_secret_expires_at": 0},
    "implicit": DOCUMENT | {"grant_types": ["implicit"]},
    "token": DOCUMENT | {"response_types": ["token"]},
    "a shared secret": DOCUMENT | {SINGULAR: "client_secret_basic"},
    "shared secrets": DOCUMENT | {SINGULAR: "none", PLURAL: ["client_secret_post", "client_secret_jwt"]},
    "signs without keys": DOCUMENT | {SINGULAR: "private_key_jwt"},
    "two sets of keys": DOCUMENT | {SINGULAR: "private_key_jwt", "jwks": JWKS, "jwks_uri": JWKS_URI},
    "keys at an address": DOCUMENT | {SINGULAR: "private_key_jwt", "jwks_uri": "https://169.254.169.254/jwks"},
    "keys at another host": DOCUMENT | {SINGULAR: "private_key_jwt", "jwks_uri": "https://evil.example/jwks"},
    "keys without TLS": DOCUMENT | {SINGULAR: "private_key_jwt", "jwks_uri": "http://chatgpt.com/jwks"},
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_document_that_is_wrong_is_refused(body: Any) -> None:
    with pytest.raises(DocumentRefused) as refused:
        read(body)
    assert not refused.value.temporary


@pytest.mark.parametrize(
    ("said", "methods"),
    [
        ({}, ("none",)),
        ({SINGULAR: "none"}, ("none",)),
        ({SINGULAR: "private_key_jwt", "jwks_uri": JWKS_URI}, ("private_key_jwt",)),
        ({SINGULAR: "private_key_jwt", "jwks": JWKS}, ("private_key_jwt",)),
        # ChatGPT's: the singular alone would make it look as if it could do one thing only.
        (
            {SINGULAR: "private_key_jwt", PLURAL: ["none", "private_key_jwt"], "jwks_uri": JWKS_URI},
            ("none", "private_key_jwt"),
        ),
        ({SINGULAR: "private_key_jwt", PLURAL: ["none"], "jwks_uri": JWKS_URI}, ("none",)),
        ({SINGULAR: "private_key_jwt", PLURAL: BOTH}, ("none",)),
        ({SINGULAR: "none", PLURAL: ["private_key_jwt", "tls_client_auth"], "jwks_uri": JWKS_URI}, ("private_key_jwt",)),
        ({SINGULAR: "none", PLURAL: []}, ("none",)),
    ],
)
def test_the_plural_says_how_a_client_can_authenticate_and_the_singular_only_where_there_is_none(
    said: dict[str, Any], methods: tuple[str, ...]
) -> None:
    assert read(DOCUMENT | said).auth_methods == methods


@pytest.mark.parametrize(
    ("hosts", "url", "taken"),
    [
        (("chatgpt.com",), URL, True),
        (("chatgpt.com",), "https://chatgpt.com:443/x", True),
        (("chatgpt.com",), "https://CHATGPT.com/x", True),
        (("chatgpt.com",), "https://sub.chatgpt.com/x", False),
        (("chatgpt.com",), "https://chatgpt.com.evil.example/x", False),
        (("chatgpt.com",), "https://evil.example/chatgpt.com", False),
        (("chatgpt.com",), "https://chatgpt.com@evil.example/x", False),
        (("chatgpt.com",), "https://chatgpt.com\\@evil.example/x", False),
        (("chatgpt.com",), "https://chatgpt.com:8443/x", False),
        (("chatgpt.com",), "https://chatgpt。com/x", False),
        (("*",), "https://anything.example/x", True),
        (("*",), "https://localhost/x", False),
        (("*",), "https://127.0.0.1/x", False),
        (("*",), "https://127.0.0.1.:443/x", False),
        (("*",), "https://0x7f000001/x", False),
        (("*",), "https://1.2.3.0x4/x", False),
        (("*",), "https://[2606:4700:4700::1111]/x", False),
        (("*",), "https://anything.example:22/x", False),
    ],
)
def test_only_hosts_that_the_operator_lists_are_asked(hosts: tuple[str, ...], url: str, taken: bool) -> None:
    rules = DocumentRules(Settings(client_document_hosts=hosts))
    if taken:
        assert rules.check_url(url)
    else:
        with pytest.raises(DocumentRefused):
            rules.check_url(url)
