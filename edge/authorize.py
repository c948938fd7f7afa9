"""authorize: may this principal use this tool? In this release the owner may use all, and nobody else any."""

from shared.identity import Principal


def may_use(principal: Principal, tool: str) -> bool:
    """Whether the principal may list and call the tool of that canonical name."""
    return principal.owner and bool(tool)
