"""`identity-providers.yaml`: where people can log in beside the form for passwords, from the file to checked structs."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from shared.claims_mapping import ClaimsMapping, problems_of_mapping
from shared.findings import Findings
from shared.issuer_urls import problem_of_issuer
from shared.yaml_entries import EntriesFile, Report, load_entries

IDENTITY_PROVIDERS_FILE = "identity-providers.yaml"
GITHUB = "https://github.com"
_OPENID = "openid"
_LABEL_CHARACTERS_MAX = 60
_SCOPES_MAX = 20
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}")
"""RFC 6749 section 3.3."""
_CLIENT_ID = re.compile(r"[\x20-\x7e]{1,256}")
_OF_NO_TENANT = frozenset({"common", "organizations", "consumers"})
"""What Entra calls several tenants at once: what it issues there is of another issuer for each."""


class IdentityProviderEntry(ClaimsMapping, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry: where people are sent to; who of them comes in is said by the keys of `ClaimsMapping`."""

    name: str
    """In the callback's path, and in `TOOLMESH_IDENTITY_SECRETS`."""
    kind: Literal["oidc", "github"] = "oidc"
    """OpenID Connect, or GitHub, which knows OAuth 2 and an API of its own."""
    label: str = ""
    """What the button says; the name where it is empty."""
    issuer: str = ""
    """Byte for byte what the provider calls itself. Of GitHub the URL of the site; empty for github.com."""
    client_id: str
    client_auth: Literal["client_secret_basic", "client_secret_post", "none"] | None = None
    """None: as the provider's metadata says. `none`: a client without a secret."""
    scopes: tuple[str, ...] = ()
    """What is asked for; nothing: what the mapping needs."""
    api_url: str = ""
    """GitHub: where its API is, where that does not follow from the site's URL."""

    @property
    def site(self) -> str:
        """The issuer, with what it is where nothing is written."""
        return self.issuer or (GITHUB if self.kind == "github" else "")

    @property
    def shown(self) -> str:
        """What people know it by."""
        return self.label or self.name


_FILE = EntriesFile(
    name=IDENTITY_PROVIDERS_FILE,
    key="providers",
    kind=IdentityProviderEntry,
    noun="provider",
    named_by="name",
    entries_max=20,
)


def load_identity_providers(config_dir: Path, file: Path | None = None) -> tuple[IdentityProviderEntry, ...]:
    """The providers, in their order; none where the directory has no such file. Raises ConfigurationError."""
    findings = Findings()
    found: list[IdentityProviderEntry] = []
    for entry, report in load_entries(_FILE, config_dir, file, findings):
        _check(entry, report)
        if any(entry.name == other.name for other in found):
            report("name", f"a second provider is called `{entry.name[:40]}`. Give each its own name.")
        if any(entry.site == other.site for other in found):
            report("issuer", "an earlier entry has the same issuer. Keep one of them: people are known by their issuer.")
        found.append(entry)
    findings.stop()
    return tuple(found)


def _check(entry: IdentityProviderEntry, report: Report) -> None:
    if not _NAME.fullmatch(entry.name):
        report(
            "name",
            f"`{entry.name[:40]}` is not a provider's name. Use at most 32 lower-case letters, digits and `-`, as `corp`.",
        )
    if len(entry.label) > _LABEL_CHARACTERS_MAX or not entry.label.isprintable():
        report("label", f"more than {_LABEL_CHARACTERS_MAX} characters, or one that can't be seen. Write a short name.")
    if not _CLIENT_ID.fullmatch(entry.client_id):
        report("client_id", "is empty, or holds a character that no client id has. Write what the provider gave you.")
    if len(entry.scopes) > _SCOPES_MAX or not all(_SCOPE.fullmatch(scope) for scope in entry.scopes):
        report("scopes", f"more than {_SCOPES_MAX}, or one that is no scope (RFC 6749 section 3.3). Write one name each.")
    if entry.kind == "github":
        _check_github(entry, report)
    else:
        _check_oidc(entry, report)
    for key, problem in problems_of_mapping(entry):
        report(key, problem)


def _check_oidc(entry: IdentityProviderEntry, report: Report) -> None:
    if not entry.issuer:
        report("issuer", "is missing. Write the provider's issuer, as its discovery document has it.")
    elif problem := problem_of_issuer(entry.issuer):
        report("issuer", f"`{entry.issuer[:80]}` {problem}")
    elif urlsplit(entry.issuer).hostname == "login.microsoftonline.com" and _OF_NO_TENANT & set(entry.issuer.split("/")):
        report(
            "issuer",
            "this is of several tenants, and no token has it as its issuer. Write your tenant's id in place of that word.",
        )
    if entry.scopes and _OPENID not in entry.scopes:
        report("scopes", "`openid` is not among them, and without it a provider says nothing of who it is. Add it.")
    if entry.api_url:
        report("api_url", "is of GitHub alone. Remove it.")


def _check_github(entry: IdentityProviderEntry, report: Report) -> None:
    for key, url in (("issuer", entry.issuer), ("api_url", entry.api_url)):
        if url and (problem := problem_of_issuer(url)):
            report(key, f"`{url[:80]}` {problem}")
        elif url.endswith("/"):
            report(key, "write it without a slash at its end.")
    if entry.client_auth == "none":
        report("client_auth", "GitHub knows no client without a secret. Remove it.")
    for key in ("subject_claim", "groups_claim", "name_claim"):
        if getattr(entry, key) != getattr(_PLAIN, key):
            report(key, "GitHub has no claims: people are known by number, groups are `org` and `org/team`. Remove it.")


_PLAIN = ClaimsMapping()
