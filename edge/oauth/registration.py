"""What a client that registers says of itself (RFC 7591 section 2), and which of it is taken.

A client that signs (`private_key_jwt`) brings its keys with it, as `jwks`. A `jwks_uri` is a URL that a stranger wrote: it
is taken under the rules for client metadata documents, from the hosts that the operator lists (so that ChatGPT, which
publishes its keys, can register too), and not fetched before the client signs something.
"""

import re
from typing import Annotated, Any, Literal

import msgspec

from edge.oauth.assertion import ALGORITHMS
from edge.oauth.client_document import DocumentRefused, DocumentRules
from edge.oauth.client_keys import key_set
from shared import scopes
from shared.json_text import depth_exceeds
from shared.redirect_uris import problem_of
from shared.settings import Settings

_DEPTH_MAX = 16
_REDIRECT_URIS_MAX = 10
_NAME_CHARACTERS_MAX = 200
_GRANT_TYPES = ("authorization_code", "refresh_token")

_WHERE = re.compile(r"`\$\.([a-z_]+)[^`]*`$")

_Text = Annotated[str, msgspec.Meta(max_length=2048)]
_Words = Annotated[tuple[_Text, ...], msgspec.Meta(max_length=16)]
_Method = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]


class BadRegistration(Exception):
    """The client can't be registered like that: an error of RFC 7591 section 3.2.2. The text may be shown to anyone."""

    def __init__(self, description: str, error: str = "invalid_client_metadata") -> None:
        super().__init__(description)
        self.error = error


class Registration(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The members that mean something here; others are let pass and left out of the answer. Null is the same as absent."""

    redirect_uris: list[str] = []
    token_endpoint_auth_method: _Method | None = None
    grant_types: _Words | None = None
    response_types: _Words | None = None
    client_name: _Text | None = None
    client_uri: _Text | None = None
    scope: _Text | None = None
    software_id: _Text | None = None
    software_version: _Text | None = None
    application_type: Literal["web", "native", ""] | None = None
    token_endpoint_auth_signing_alg: _Text | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: _Text | None = None
    software_statement: Any = None


_registrations = msgspec.json.Decoder(Registration)


class RegistrationRules:
    """What the operator and the RFC allow."""

    def __init__(self, settings: Settings) -> None:
        self._schemes = settings.redirect_schemes
        self._documents = DocumentRules(settings)

    def read(self, body: bytes) -> Registration:
        """What is registered of it: what is left out is filled in, what is not offered here is taken away. Raises
        BadRegistration."""
        wanted = _decoded(body)
        self._check_redirects(wanted.redirect_uris)
        # RFC 7591 section 2: the server may replace what a client asks for. It reads in the answer what it got.
        asked = _GRANT_TYPES[:1] if wanted.grant_types is None else wanted.grant_types
        grant_types = tuple(one for one in _GRANT_TYPES if one in asked)
        if "authorization_code" not in grant_types:
            raise BadRegistration("grant_types must hold authorization_code.")
        if wanted.response_types is not None and "code" not in wanted.response_types:
            raise BadRegistration("response_types must hold code.")
        if unknown := set((wanted.scope or "").split()) - set(scopes.ALL):
            raise BadRegistration(f"{len(unknown)} of the scopes are not known. There are {', '.join(scopes.ALL)}.")
        if wanted.software_statement is not None:
            raise BadRegistration("There is nobody whose software statement is trusted here. Register without one.")
        method = wanted.token_endpoint_auth_method or "client_secret_basic"
        signs = method == "private_key_jwt"
        if signs:
            self._check_keys(wanted)
        return msgspec.structs.replace(
            wanted,
            token_endpoint_auth_method=method,
            grant_types=grant_types,
            response_types=("code",),
            client_name=(wanted.client_name or "")[:_NAME_CHARACTERS_MAX] or None,
            token_endpoint_auth_signing_alg=ALGORITHMS[0] if signs else None,
            jwks=wanted.jwks if signs else None,
            jwks_uri=wanted.jwks_uri if signs else None,
        )

    def _check_redirects(self, uris: list[str]) -> None:
        if not 0 < len(uris) <= _REDIRECT_URIS_MAX:
            raise BadRegistration(
                f"Name at least one redirect URI, and at most {_REDIRECT_URIS_MAX}.", "invalid_redirect_uri"
            )
        for uri in uris:
            if problem := problem_of(uri, self._schemes):
                raise BadRegistration(problem, "invalid_redirect_uri")

    def _check_keys(self, wanted: Registration) -> None:
        if (wanted.token_endpoint_auth_signing_alg or ALGORITHMS[0]) not in ALGORITHMS:
            raise BadRegistration(f"Assertions must be signed with {ALGORITHMS[0]}.")
        if (wanted.jwks is None) == (wanted.jwks_uri is None):
            raise BadRegistration("A client that signs brings its keys: in jwks, or in jwks_uri, and not in both.")
        if wanted.jwks is not None and key_set(msgspec.json.encode(wanted.jwks)) is None:
            raise BadRegistration("jwks must hold a public RSA key of at least 2048 bits, and no private one.")
        if wanted.jwks_uri is not None:
            try:
                self._documents.check_url(wanted.jwks_uri)
            except DocumentRefused as refused:
                raise BadRegistration("jwks_uri is not at a host whose keys are taken here. Send jwks.") from refused


def _decoded(body: bytes) -> Registration:
    if depth_exceeds(body, _DEPTH_MAX):
        raise BadRegistration(f"The metadata nests deeper than {_DEPTH_MAX}.")
    try:
        return _registrations.decode(body)
    except msgspec.ValidationError as cause:
        where = _WHERE.search(str(cause))  # the rest of the text quotes what was sent
        raise BadRegistration(f"The metadata can't be used: {where[1] if where else 'it'} has a wrong value.") from cause
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise BadRegistration("The body is not JSON.") from cause
