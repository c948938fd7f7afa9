"""The part of a connection that happens in a person's browser, from the agent's link to where the agent is answered."""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from tests.chatgpt.discovery import Discovered
from tests.oauth.house import PASSWORD
from tests.oauth.person import Person, form_of, pkce


@dataclass(frozen=True)
class Link:
    """An authorization request, as the agent puts it behind its button."""

    url: str
    redirect_uri: str
    state: str
    verifier: str
    issuer: str


def link(found: Discovered, client_id: str, redirect_uri: str, **changes: Any) -> Link:
    """A new one; a change to None leaves a parameter out. The state holds what a URL has to encode."""
    verifier, challenge = pkce()
    state = f'{{"c":"{secrets.token_urlsafe(16)}+/=&%20"}} ~'
    parameters = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "scope": found.scope,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": found.resource["resource"],
        **changes,
    }
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return Link(f"{found.server['authorization_endpoint']}?{query}", redirect_uri, state, verifier, found.issuer)


def open_link(person: Person, asked: Link) -> httpx2.Response:
    """The first answer to it."""
    return person.get(asked.url)


def decide(person: Person, asked: Link, decision: str = "allow", username: str = "ada") -> dict[str, str]:
    """Follow it as somebody who logs in where they are asked to, and decides; gives what the agent is answered."""
    answer = open_link(person, asked)
    for _ in range(4):
        assert answer.status_code == 303, f"{answer.status_code}: {answer.text[:600]}"
        page = person.get(answer.headers["location"])
        form = form_of(page.text)
        if "password" in form.names:
            answer = person.post(form.action, {**form.fields, "username": username, "password": PASSWORD})
        else:
            return sent_back(person.post(form.action, {**form.fields, "decision": decision}), asked)
    raise AssertionError("the person was led in circles")


def sent_back(answer: httpx2.Response, asked: Link) -> dict[str, str]:
    """What a redirect to the agent says: exactly to its URI, with state and issuer byte for byte."""
    assert answer.status_code in (302, 303), f"{answer.status_code}: {answer.text[:600]}"
    location = answer.headers["location"]
    assert location.startswith(f"{asked.redirect_uri}{'&' if '?' in asked.redirect_uri else '?'}"), location
    pairs = parse_qsl(urlsplit(location).query, keep_blank_values=True, strict_parsing=True)
    found = dict(pairs)
    assert len(found) == len(pairs), location
    assert (found.pop("state"), found.pop("iss")) == (asked.state, asked.issuer)
    assert ("code" in found) != ("error" in found), found
    return found
