"""Says, when somebody gets a key or an account, that no rule lets them use anything yet."""

from collections.abc import Mapping
from pathlib import Path

from shared.authorization_file import load_authorization
from shared.errors import ConfigurationError
from toolmesh.configured import authorization_file
from toolmesh.console import warn


def warn_of_no_rule(
    config: Path | None, environment: Mapping[str, str], *, user: str, company: str, plan: str, roles: tuple[str, ...]
) -> None:
    """Warn on standard error where `authorization.yaml` is missing, broken, or allows this caller nothing."""
    path = authorization_file(config, environment)
    try:
        rules = load_authorization(path.parent, path).rules_of(plan=plan, roles=roles, company=company, user=user)
    except ConfigurationError:
        if path.exists():
            warn(f"{path} has problems, so nobody but the owner can use anything. `toolmesh check` says which.")
            return
        rules = frozenset()
    if not any(rule.allow for rule in rules):
        warn(
            f"{path} does not let {user} use any tool yet. Write there, for instance, "
            f"`plans: {{{plan}: {{allow: ['**']}}}}`, or a rule under `users:`, `roles:` or `companies:`."
        )
