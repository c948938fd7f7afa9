"""What `toolmesh check` says of rules: patterns that fit nothing there is, and people whom no rule gives anything."""

import re
from collections.abc import Iterable, Iterator

from shared.authorization import Authorization, Rule
from shared.authorization_file import AUTHORIZATION_FILE
from shared.configuration import ApiKeyEntry, BackendEntry, UserEntry
from shared.patterns import CLASS_PATTERNS
from shared.settings import Settings
from shared.yaml_structs import nearest

_SHOWN_MAX = 5
_WILD = re.compile(r"[*?]")


def warnings_of_rules(
    settings: Settings,
    authorization: Authorization,
    backends: Iterable[BackendEntry],
    users: tuple[UserEntry, ...],
    keys: tuple[ApiKeyEntry, ...],
    issuers: Iterable[str] = (),
) -> list[str]:
    """What the rules can't mean as they stand. `issuers`: where people come from who are called `<issuer>#<subject>`."""
    names = [backend.name for backend in backends]
    found = [
        f"{AUTHORIZATION_FILE}: {where} has `{pattern[:60]}`, which fits no backend of backends.yaml."
        + _advice(pattern, names)
        for where, pattern in _patterns(authorization)
        if not may_fit(pattern, names)
    ]
    found += _of_rules_for_nobody(settings, authorization, users, keys, tuple(f"{issuer}#" for issuer in issuers))
    if authorization.anonymous is not None and settings.auth != "none":
        found.append(
            f"{AUTHORIZATION_FILE} has the rule `anonymous`, and TOOLMESH_AUTH is not none: nobody comes in without a "
            "credential, so the rule is for nobody."
        )
    return found + _of_people_without_rules(authorization, users, keys)


def may_fit(pattern: str, backends: Iterable[str]) -> bool:
    """Whether any tool of these backends could be called like that: tools are called `<backend>_<tool>`."""
    if pattern in CLASS_PATTERNS:
        return True
    wild = _WILD.search(pattern)
    head = pattern[: wild.start()] if wild else pattern
    return any(head.startswith(f"{name}_") or (wild is not None and f"{name}_".startswith(head)) for name in backends)


def _advice(pattern: str, names: list[str]) -> str:
    head = _WILD.split(pattern.partition("_")[0])[0]
    return nearest(head, names) or f" There are {', '.join(names[:20])}."


def _patterns(authorization: Authorization) -> Iterator[tuple[str, str]]:
    for where, rule in _rules(authorization):
        for member, patterns in (("allow", rule.allow), ("deny", rule.deny)):
            for pattern in patterns:
                yield f"`{member}` of {where}", pattern


def _rules(authorization: Authorization) -> Iterator[tuple[str, Rule]]:
    for table in ("plans", "roles", "companies", "users"):
        for name, rule in getattr(authorization, table).items():
            yield f"`{table}`, `{name[:40]}`", rule
    if authorization.anonymous is not None:
        yield "`anonymous`", authorization.anonymous


def _of_rules_for_nobody(
    settings: Settings,
    authorization: Authorization,
    users: tuple[UserEntry, ...],
    keys: tuple[ApiKeyEntry, ...],
    elsewhere: tuple[str, ...],
) -> list[str]:
    known = [settings.auth_user, *(user.username for user in users), *(key.user_id for key in keys)]
    return [
        f"{AUTHORIZATION_FILE}: `users` has a rule for `{name[:40]}`, and no user or key is called so."
        f"{nearest(name, known)}"
        for name in authorization.users
        if name not in known and not name.startswith(elsewhere)
    ]


def _of_people_without_rules(
    authorization: Authorization, users: tuple[UserEntry, ...], keys: tuple[ApiKeyEntry, ...]
) -> list[str]:
    people = {(u.username, u.company, u.plan, u.roles) for u in users if not u.disabled}
    people |= {(k.user_id, k.company_id, k.plan, k.roles) for k in keys}
    without = sorted(
        {
            user
            for user, company, plan, roles in people
            if not any(r.allow for r in authorization.rules_of(plan=plan, roles=roles, company=company, user=user))
        }
    )
    if not without:
        return []
    shown = ", ".join(f"`{name[:40]}`" for name in without[:_SHOWN_MAX])
    more = f" and {len(without) - _SHOWN_MAX} more" if len(without) > _SHOWN_MAX else ""
    return [
        f"{AUTHORIZATION_FILE} lets {shown}{more} use no tool: no rule of their plan, role, company or name has `allow`."
    ]
