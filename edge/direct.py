"""Which tools of backends are listed at the endpoint of all: those of `expose_tools`, and the others while they are few.

The rest is found with `discover_tools`. Listed or not, a tool can be called by its name by whoever may use it.
"""

import time
from collections.abc import Mapping

import structlog

from edge.authorize import Authorizer
from edge.backend_names import Listed
from edge.name_space import Names
from shared.identity import Principal, share_of

log = structlog.get_logger()

MANY = 30
"""Of so many tools models choose well; beyond, worse and worse, and some clients cut the list."""
_TOLD_AGAIN_S = 3600.0
_TOLD_MAX = 10_000


class Direct:
    """Knows it for one edge."""

    def __init__(self, names: Names, authorizer: Authorizer, tools_max: int | None = None) -> None:
        """`tools_max`: how many tools somebody may have with all of them listed; None: any number. Who did not log in can't
        look for others, and has any number."""
        self._names = names
        self._authorizer = authorizer
        self._tools_max = tools_max
        self._told_at: dict[str, float] = {}

    def tools(self, principal: Principal) -> dict[str, Listed]:
        """What is listed for somebody, by the names that it is listed by, in order."""
        space = self._names.name_space
        promoted = self._usable(principal, space.promoted)
        tools = {each.tool for each in promoted.values()}
        found = self._usable(principal, space.listed)
        if self._tools_max is None or principal.anonymous or len(found) <= self._tools_max:
            others = {name: each for name, each in found.items() if each.tool not in tools}
            promoted = dict(sorted({**others, **promoted}.items())) if promoted else others
        if len(promoted) > MANY:
            self._tell(principal, len(promoted))
        return promoted

    def _usable(self, principal: Principal, listed: Mapping[str, Listed]) -> dict[str, Listed]:
        may_use = self._authorizer.judge(principal)
        return {name: each for name, each in listed.items() if may_use(each.tool.name, each.tool.access)}

    def _tell(self, principal: Principal, count: int) -> None:
        """Warn the operator, once in an hour for each user."""
        who, now = share_of(principal), time.monotonic()
        if now - self._told_at.get(who, -_TOLD_AGAIN_S) < _TOLD_AGAIN_S:
            return
        if len(self._told_at) >= _TOLD_MAX:
            self._told_at.clear()
        self._told_at[who] = now
        log.warning(
            "many tools listed",
            user=principal.subject[:128],
            count=count,
            hint=f"Models choose badly among more than {MANY}, and clients cut long lists. List fewer with expose_tools, "
            "include_tools or rules, or lower TOOLMESH_DIRECT_TOOLS: the others are found with discover_tools "
            "(docs/code-mode.md).",
        )
