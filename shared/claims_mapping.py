"""From what another server says of somebody to who that is here: who may come in, with which roles and plan.

Used for those who log in at an identity provider, and for those whose tokens another authorization server issued. Nobody is
let in whom the mapping does not name; what can't be read means no.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from shared.foreign_identity import ForeignIdentity
from shared.identity import Principal

GROUPS_MAX = 256
"""Groups of one person that are kept, those first that the mapping names."""
GROUP_CHARACTERS_MAX = 256
SUBJECT_CHARACTERS_MAX = 255
"""OpenID Connect Core 1.0, section 2."""
_TEXT_CHARACTERS_MAX = 320
_ENTRIES_MAX = 1_000
_REASSIGNED = frozenset({"email", "preferred_username", "upn", "unique_name", "name", "nickname", "login"})
"""Claims whose value may be another person's tomorrow (OpenID Connect Core 1.0, section 5.7)."""


class ClaimsRefused(Exception):
    """What was said of somebody can't be used. The text says why, and quotes nothing of it."""


class Allowed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`allow:` — whoever fits one of these may come in. Nobody does where nothing is written."""

    everyone: bool = False
    """Whoever the other server lets in: with a public one (GitHub, Google) that is anybody at all."""
    groups: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    """Only addresses that the other server says it has verified."""
    domains: tuple[str, ...] = ()
    """What stands behind the @ of such an address."""
    subjects: tuple[str, ...] = ()


class ClaimsMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys by which an entry of a YAML file maps claims; the entry's own struct inherits them."""

    subject_claim: str = "sub"
    name_claim: str = "name"
    groups_claim: str = "groups"
    """A claim's name, or a way into one: `realm_access.roles`."""
    roles: dict[str, tuple[str, ...]] = {}
    """Group → roles here; those of all groups count."""
    plans: dict[str, str] = {}
    """Group → plan; the first of them that fits counts, else `plan`."""
    plan: str = "free"
    company: str = "default"
    allow: Allowed = Allowed()
    blocked: tuple[str, ...] = ()
    """Subjects that may not come in, whatever allows it. Who came in before is out at once."""


def problems_of_mapping(mapping: ClaimsMapping) -> Iterator[tuple[str, str]]:
    """What is wrong with a mapping: the key, and what to write instead."""
    if mapping.subject_claim in _REASSIGNED:
        yield (
            "subject_claim",
            f"`{mapping.subject_claim}` may be somebody else's tomorrow, who would then be taken for this person. Write a "
            "claim that is never given to another, such as `sub`.",
        )
    for key in ("subject_claim", "name_claim", "groups_claim", "plan", "company"):
        if not getattr(mapping, key):
            yield key, "is empty. Write a name, or leave the key out."
    for key in ("roles", "plans"):
        table: Mapping[str, Any] = getattr(mapping, key)
        if len(table) > _ENTRIES_MAX:
            yield key, f"more than {_ENTRIES_MAX} groups. Let the other server put people into fewer."
        if any(not group or len(group) > GROUP_CHARACTERS_MAX for group in table):
            yield key, f"a group's name is empty, or has more than {GROUP_CHARACTERS_MAX} characters. Write its name."
        if any(not value for value in table.values()) or any("" in value for value in table.values() if key == "roles"):
            yield key, "a group is mapped to nothing. Write what it stands for, or remove it."
    if len(mapping.blocked) > _ENTRIES_MAX or any(not subject for subject in mapping.blocked):
        yield (
            "blocked",
            f"an empty subject, or more than {_ENTRIES_MAX}. Write what the audit shows behind the #.",
        )
    yield from _problems_of_allow(mapping.allow)


def _problems_of_allow(allow: Allowed) -> Iterator[tuple[str, str]]:
    lists = {name: getattr(allow, name) for name in ("groups", "emails", "domains", "subjects")}
    if not allow.everyone and not any(lists.values()):
        yield (
            "allow",
            "nobody may come in. Write who may: `groups`, `emails`, `domains`, `subjects`, or `everyone: true` for all "
            "whom the other server lets in.",
        )
    if allow.everyone and any(lists.values()):
        yield "allow", "`everyone` lets in more than the lists beside it name. Keep one of the two."
    for name, values in lists.items():
        if len(values) > _ENTRIES_MAX:
            yield "allow", f"more than {_ENTRIES_MAX} `{name}`. Use groups."
        if any(not value or value != value.strip() for value in values):
            yield "allow", f"one of `{name}` is empty, or begins or ends with a space. Correct it."
    for email in allow.emails:
        if not email.isascii() or not email.rpartition("@")[0] or not email.rpartition("@")[2]:
            yield "allow", f"`{email[:60]}` is no e-mail address that is compared. Write `name@host.example`."
    for domain in allow.domains:
        if not domain.isascii() or "@" in domain or "." not in domain.strip(".") or "*" in domain:
            yield "allow", f"`{domain[:60]}` is no domain. Write what stands behind the @, such as `host.example`."


def has_groups(claims: Mapping[str, Any], mapping: ClaimsMapping) -> bool:
    """Whether anything was said of groups."""
    return _claim(claims, mapping.groups_claim) is not None


def identity_of(claims: Mapping[str, Any], issuer: str, mapping: ClaimsMapping, *, said_ms: int = 0) -> ForeignIdentity:
    """Who it is, out of claims that were verified to be that issuer's. Raises ClaimsRefused.

    `said_ms`: of `ForeignIdentity`, where the claims are to count for longer than this request.
    """
    subject = _claim(claims, mapping.subject_claim)
    if isinstance(subject, int) and not isinstance(subject, bool):
        subject = str(subject)
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARACTERS_MAX or not subject.isprintable():
        raise ClaimsRefused(
            "the claim that says who it is (`subject_claim`) is missing, or no text of up to 255 characters"
        )
    if subject != subject.strip():
        raise ClaimsRefused("the claim that says who it is (`subject_claim`) begins or ends with a space")
    name = _claim(claims, mapping.name_claim)
    return ForeignIdentity(
        issuer=issuer,
        subject=subject,
        name=name[:_TEXT_CHARACTERS_MAX] if isinstance(name, str) else "",
        email=_verified_email(claims),
        groups=_groups(claims, mapping),
        said_ms=said_ms,
    )


def principal_of(
    identity: ForeignIdentity,
    mapping: ClaimsMapping,
    *,
    caller_id: str,
    caller_name: str = "",
    caller_class: str = "",
    scopes: tuple[str, ...] | None = None,
) -> Principal | None:
    """Who that is here, as the mapping says now; None for who may not come in. Never the owner."""
    if not is_allowed(identity, mapping):
        return None
    groups = frozenset(identity.groups)
    roles = (role for group, named in mapping.roles.items() if group in groups for role in named)
    return Principal(
        tenant=mapping.company,
        subject=identity.username,
        roles=tuple(dict.fromkeys(roles)),
        plan=next((plan for group, plan in mapping.plans.items() if group in groups), mapping.plan),
        caller_id=caller_id,
        caller_name=caller_name,
        caller_class=caller_class,
        scopes=scopes,
    )


def is_allowed(identity: ForeignIdentity, mapping: ClaimsMapping) -> bool:
    """Whether somebody may come in."""
    allow = mapping.allow
    if identity.subject in mapping.blocked:
        return False
    if allow.everyone or identity.subject in allow.subjects:
        return True
    if not frozenset(identity.groups).isdisjoint(allow.groups):
        return True
    if not identity.email:
        return False
    domain = identity.email.rpartition("@")[2]
    return any(identity.email == each.lower() for each in allow.emails) or any(
        domain == each.lower() for each in allow.domains
    )


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim of that very name (some have dots), or what the way leads to."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _verified_email(claims: Mapping[str, Any]) -> str:
    """In lower case. Only ASCII: other letters become those of ASCII when they are made small (the Kelvin sign a k)."""
    email, said = claims.get("email"), claims.get("email_verified")
    if not (said is True or said == "true") or not isinstance(email, str):
        return ""
    if not email.isascii() or len(email) > _TEXT_CHARACTERS_MAX:
        return ""
    local, _, domain = email.rpartition("@")
    return email.lower() if local and domain and email.isprintable() else ""


def _groups(claims: Mapping[str, Any], mapping: ClaimsMapping) -> tuple[str, ...]:
    found = _claim(claims, mapping.groups_claim)
    elsewhere = claims.get("_claim_names")
    if found is None and isinstance(elsewhere, Mapping) and mapping.groups_claim in elsewhere:
        # OpenID Connect Core 1.0, section 5.6.2; Entra does so for who is in more than 200.
        raise ClaimsRefused("the groups are too many to be told. Let the other server tell only those that this one needs")
    if found is None:
        return ()
    groups = [found] if isinstance(found, str) else found
    if not isinstance(groups, list | tuple) or not all(isinstance(group, str) for group in groups):
        raise ClaimsRefused("the claim of the groups (`groups_claim`) is no list of texts")
    usable = [group for group in dict.fromkeys(groups) if group and len(group) <= GROUP_CHARACTERS_MAX]
    named = {*mapping.roles, *mapping.plans, *mapping.allow.groups}
    return tuple(sorted(usable, key=lambda group: group not in named)[:GROUPS_MAX])
