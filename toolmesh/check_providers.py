"""What `toolmesh check` says of identity providers, and of people who come from elsewhere."""

from collections.abc import Iterable

from shared.authorization import Authorization
from shared.authorization_file import AUTHORIZATION_FILE
from shared.claims_mapping import ClaimsMapping
from shared.identity_providers_file import IDENTITY_PROVIDERS_FILE, IdentityProviderEntry
from shared.identity_secrets import VARIABLE, parse_identity_secrets
from shared.settings import Settings
from shared.yaml_structs import nearest


def without_secret(settings: Settings, providers: Iterable[IdentityProviderEntry]) -> list[str]:
    """The names of providers that need a secret and have none."""
    known = _secrets(settings)
    return [entry.name for entry in providers if entry.client_auth != "none" and entry.name not in known]


def warnings_of_providers(settings: Settings, providers: tuple[IdentityProviderEntry, ...]) -> list[str]:
    """What is weaker than it need be, and what would stop a log-in."""
    found = [
        f"{IDENTITY_PROVIDERS_FILE}: `{name}` has no secret here; edges need `{name}=…` in {VARIABLE} (or the file that "
        f"{VARIABLE}_FILE names), or `client_auth: none` for a client without one."
        for name in without_secret(settings, providers)
    ]
    names = [entry.name for entry in providers]
    found += [
        f"{VARIABLE} has a secret of `{name[:40]}`, and no provider is called so.{nearest(name, names)}"
        for name in _secrets(settings)
        if name not in names
    ]
    found += [
        f"{IDENTITY_PROVIDERS_FILE}: `{entry.name}`: `everyone` lets in whoever can log in there. Be sure that it is yours."
        for entry in providers
        if entry.allow.everyone
    ]
    if not settings.password_login and not providers:
        found.append(f"TOOLMESH_PASSWORD_LOGIN is off and {IDENTITY_PROVIDERS_FILE} names no provider: nobody can log in.")
    if providers and (settings.auth == "none" or settings.own_authorization_server == "off"):
        found.append(f"Nobody logs in here, by the settings, so {IDENTITY_PROVIDERS_FILE} does nothing.")
    return found


def warnings_of_mappings(authorization: Authorization, mappings: Iterable[tuple[str, str, ClaimsMapping]]) -> list[str]:
    """Mappings that make nobody of anybody. Each: what it is called in its file, its issuer, and itself."""
    return [
        f"{AUTHORIZATION_FILE} lets nobody from {where} use a tool: no rule of a plan, role or company of its mapping "
        "has `allow`."
        for where, issuer, mapping in mappings
        if not _gives_something(authorization, issuer, mapping)
    ]


def _gives_something(authorization: Authorization, issuer: str, mapping: ClaimsMapping) -> bool:
    roles = [role for named in mapping.roles.values() for role in named]
    rules = [
        rule
        for plan in (mapping.plan, *mapping.plans.values())
        for rule in authorization.rules_of(plan=plan, roles=roles, company=mapping.company, user="")
    ]
    rules += [rule for user, rule in authorization.users.items() if user.startswith(f"{issuer}#")]
    return any(rule.allow for rule in rules)


def _secrets(settings: Settings) -> Iterable[str]:
    return parse_identity_secrets(settings.identity_secrets.reveal()) if settings.identity_secrets is not None else {}
