"""authorize: may this principal use this? Asked for every list, every request and every word of a change.

The rules are those of `authorization.yaml` (`shared/authorization.py`), and the worker asks its own ones again. What may
not be used looks like what there is not. That a token is not good for something (RFC 6750 section 3.1) is said only of what
may be used.
"""

from collections.abc import Callable
from typing import Protocol

from edge.shelf import Shelf
from shared import scopes
from shared.authorization import Evaluator, Judge
from shared.catalogue import canonical_name
from shared.errors import InsufficientScope
from shared.identity import Principal
from shared.messages import CallClass

ANONYMOUS = Principal(subject="anonymous", anonymous=True)
"""Whoever brings no credential, as far as rules are concerned."""


class Offers(Protocol):
    """What backends offer now."""

    shelves: dict[str, Shelf]
    """By backend."""


class Authorizer:
    """Asks the rules as they are now."""

    def __init__(self, rules: Callable[[], Evaluator], offers: Offers) -> None:
        self._rules = rules
        self._offers = offers

    def may_use(self, principal: Principal, name: str, access: CallClass) -> bool:
        """Whether the principal may list and use the tool of that canonical name and class; a prompt is of class read."""
        return self._rules().may_use(principal, name, access)

    def judge(self, principal: Principal) -> Judge:
        """The same as `may_use`, by the rules as they are now, for who asks about thousands of tools at once."""
        return self._rules().judge(principal)

    def may_reach(self, principal: Principal, backend: str) -> bool:
        """Whether the principal may list, read and follow resources of a backend, and complete URIs of them.

        Rules name all of them at once, as `<backend>_resources` of class read.
        """
        return self._rules().may_reach(principal, backend)

    def may_enter(self, principal: Principal, backend: str) -> bool:
        """Whether the principal may use anything of a backend: a tool, a prompt, or its resources."""
        return self.may_reach(principal, backend) or self.may_use_some(principal, self._offers.shelves.get(backend))

    def may_use_some(self, principal: Principal, shelf: Shelf | None) -> bool:
        """Whether the principal may use a tool or a prompt of what a backend offers, or offered."""
        if shelf is None:
            return False
        rules = self._rules()
        return any(rules.may_use(principal, tool.name, tool.access) for tool in shelf.tools.values()) or any(
            rules.may_use(principal, canonical_name(shelf.backend, own), "read") for own in shelf.prompts
        )


def check_scope(principal: Principal, access: CallClass) -> None:
    """Raise InsufficientScope where the principal's token is not good for calls of that class.

    To be asked only for what the principal may use: else the answer would tell that it is there.
    """
    needed = scopes.needed_for(access)
    if principal.scopes is None or needed in principal.scopes:
        return
    raise InsufficientScope(
        f"This needs the scope {needed}, which the access token does not have. Nothing was started. Connect again, allow "
        "it, and call again.",
        data={"scope": " ".join(scopes.in_order((*principal.scopes, needed)))},
    )
