"""authorize: may this principal use this? In this release the owner may use all, and nobody else anything."""

from shared.identity import Principal


def may_use(principal: Principal, name: str) -> bool:
    """Whether the principal may list and use the tool or prompt of that canonical name."""
    return principal.owner and bool(name)


def may_reach(principal: Principal, backend: str) -> bool:
    """Whether the principal may use anything of a backend: its resources, and hearing of what changes there."""
    return principal.owner and bool(backend)
