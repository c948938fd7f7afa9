"""`authorization-servers.yaml`: authorization servers of others whose access tokens are taken, from the file to structs."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from shared import scopes
from shared.claims_mapping import ClaimsMapping, problems_of_mapping
from shared.findings import Findings
from shared.issuer_urls import problem_of_issuer
from shared.yaml_entries import EntriesFile, Report, load_entries
from shared.yaml_structs import nearest

AUTHORIZATION_SERVERS_FILE = "authorization-servers.yaml"
LIFE_S_MAX = 24 * 3600
_SCOPES_MAX = 100
_LEEWAY_S_MAX = 300
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
"""RFC 6749 section 3.3."""

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
"""Asymmetric ones alone (RFC 7518 section 3.1, RFC 9864): with a shared secret whoever checks could also sign."""


class AuthorizationServerEntry(ClaimsMapping, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry: whose tokens are taken, and what they give; who comes in is said by the keys of `ClaimsMapping`."""

    issuer: str
    """Byte for byte what its tokens have as `iss`."""
    jwks_uri: str | None = None
    """Where its keys are; None: as its metadata says (RFC 8414 section 3)."""
    audiences: tuple[str, ...] = ()
    """What `aud` may be; nothing: the URL that is called, and no other (RFC 8707)."""
    types: tuple[Literal["at+jwt", "JWT", "absent"], ...] = ("at+jwt",)
    """What `typ` may be (RFC 9068 section 2.1); `absent`: it need not be there."""
    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "Ed25519")
    client_claim: str = "client_id"
    scopes: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """A scope of its tokens → ours that it stands for; nothing: they are called as ours are."""
    scope_prefix: str = ""
    """What a client puts before the name of a scope when it asks for one, and what is not in the token."""
    clock_leeway_s: int = 30
    token_life_s_max: int = LIFE_S_MAX
    """A token that ends later than this from now is refused."""


_FILE = EntriesFile(
    name=AUTHORIZATION_SERVERS_FILE,
    key="servers",
    kind=AuthorizationServerEntry,
    noun="server",
    named_by="issuer",
    entries_max=20,
)


def load_authorization_servers(
    config_dir: Path, file: Path | None = None, *, own_url: str | None = None
) -> tuple[AuthorizationServerEntry, ...]:
    """The servers, in their order; none where the directory has no such file. Raises ConfigurationError.

    `own_url`: our own public URL, which can't be that of another server.
    """
    findings = Findings()
    found: list[AuthorizationServerEntry] = []
    for entry, report in load_entries(_FILE, config_dir, file, findings):
        _check(entry, report)
        if any(entry.issuer == other.issuer for other in found):
            report("issuer", "an earlier entry has the same issuer. Keep one of them.")
        if entry.issuer.rstrip("/") == own_url:
            report("issuer", "this is ToolMesh's own URL. Its own tokens need no entry; remove it.")
        found.append(entry)
    findings.stop()
    return tuple(found)


def _check(entry: AuthorizationServerEntry, report: Report) -> None:
    if problem := problem_of_issuer(entry.issuer):
        report("issuer", f"`{entry.issuer[:80]}` {problem}")
    if entry.jwks_uri is not None and (problem := problem_of_issuer(entry.jwks_uri.partition("?")[0])):
        report("jwks_uri", f"`{entry.jwks_uri[:80]}` {problem}")
    for key, values in (("types", entry.types), ("algorithms", entry.algorithms)):
        if not values:
            report(key, "is empty, so no token would fit. Name what the server uses, or leave the key out.")
    for audience in entry.audiences:
        if not audience or audience != audience.strip():
            report("audiences", "one is empty, or begins or ends with a space. Write `aud` as the tokens have it.")
    if not entry.client_claim:
        report("client_claim", "is empty. Write the claim that says which client it is, or leave the key out.")
    if not 0 <= entry.clock_leeway_s <= _LEEWAY_S_MAX:
        report("clock_leeway_s", f"must be 0 to {_LEEWAY_S_MAX} seconds. Set the clocks of both machines right.")
    if entry.token_life_s_max <= 0:
        report("token_life_s_max", "must be a number of seconds above 0.")
    _check_scopes(entry, report)
    for key, problem in problems_of_mapping(entry):
        report(key, problem)


def _check_scopes(entry: AuthorizationServerEntry, report: Report) -> None:
    if entry.scope_prefix and not _SCOPE.fullmatch(entry.scope_prefix):
        report("scope_prefix", "holds a character that no scope may have, or is too long. Correct it.")
    if len(entry.scopes) > _SCOPES_MAX:
        report("scopes", f"more than {_SCOPES_MAX}. Name those that give something here.")
    for theirs, ours in entry.scopes.items():
        if not _SCOPE.fullmatch(theirs):
            report("scopes", f"`{theirs[:40]}` is no scope (RFC 6749 section 3.3). Write one name, without spaces.")
        if not ours:
            report("scopes", f"`{theirs[:40]}` stands for nothing. Write `[{scopes.READ}]`, for instance, or remove it.")
        for scope in _unknown(ours):
            listed = ", ".join(scopes.OF_RESOURCE)
            report("scopes", f"`{scope[:40]}` is no scope of ours; there are {listed}.{nearest(scope, scopes.OF_RESOURCE)}")


def _unknown(given: Iterable[str]) -> list[str]:
    return [scope for scope in given if scope not in scopes.OF_RESOURCE]
