"""Who may use what: the rules of `authorization.yaml`, and the one evaluator that edge and worker ask.

All rules that fit a principal count together, wherever they stand: its plan's, those of its roles, its
company's, its user's. What one of them denies is denied; what none allows is not allowed. The owner may use everything, and
the anonymous caller what the rule `anonymous` allows. Any error in here means no.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec
import structlog

from shared.catalogue import canonical_name
from shared.identity import Principal
from shared.messages import CallClass, ToolCall
from shared.patterns import NAME_CHARS_MAX, Patterns

log = structlog.get_logger()

_CALLERS_MAX = 10_000
_RULESETS_MAX = 1_000
_VERDICTS_MAX = 200_000
Judge = Callable[[str, CallClass], bool]
"""`(name, access)`: whether somebody may use the tool or prompt of that canonical name and class."""
_Caller = tuple[bool, str, tuple[str, ...], str, str]
"""Whether it is anonymous, plan, roles, company, user: all that rules look at."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is allowed and denied: patterns of `shared/patterns.py`."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


class Authorization(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file says. Without rules the owner may use everything and nobody else anything."""

    plans: Mapping[str, Rule] = {}
    roles: Mapping[str, Rule] = {}
    companies: Mapping[str, Rule] = {}
    users: Mapping[str, Rule] = {}
    anonymous: Rule | None = None

    def rules_of(self, *, plan: str, roles: Iterable[str], company: str, user: str) -> frozenset[Rule]:
        """The rules that fit somebody who logged in."""
        named = [(self.plans, plan), *((self.roles, role) for role in roles), (self.companies, company), (self.users, user)]
        return frozenset(table[name] for table, name in named if name in table)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All of them."""
        tables = (self.plans, self.roles, self.companies, self.users)
        own = () if self.anonymous is None else (self.anonymous,)
        return tuple(rule for table in tables for rule in table.values()) + own


class _Reference(msgspec.Struct):
    type: str


class _Completion(msgspec.Struct):
    """The one member of `completion/complete`'s params that tells what it is about."""

    ref: _Reference


_completions = msgspec.json.Decoder(_Completion)


class _Ruleset:
    """Rules that count together, and what they have said so far."""

    __slots__ = ("_allow", "_deny", "verdicts")

    def __init__(self, compiled: Iterable[tuple[Patterns, Patterns]]) -> None:
        pairs = tuple(compiled)
        self._allow = Patterns.joined(allow for allow, _ in pairs)
        self._deny = Patterns.joined(deny for _, deny in pairs)
        self.verdicts: dict[CallClass, dict[str, bool]] = {"read": {}, "idempotent": {}, "write": {}}

    def decide(self, name: str, access: CallClass) -> bool:
        return self._allow.match(name, access) and not self._deny.match(name, access)


class Evaluator:
    """Evaluates what one state of the file says. What it has said it remembers, within bounds, and says the same again."""

    def __init__(self, authorization: Authorization) -> None:
        self._authorization = authorization
        self._compiled = {rule: (Patterns(rule.allow), Patterns(rule.deny)) for rule in set(authorization.rules)}
        self._callers: dict[_Caller, _Ruleset] = {}
        self._rulesets: dict[frozenset[Rule], _Ruleset] = {}
        """Callers whom the same rules fit share what was said."""
        self._remembered = 0

    @property
    def admits_anonymous(self) -> bool:
        """Whether there is a rule for who brings no credential."""
        return self._authorization.anonymous is not None

    def may_use(self, principal: Principal, name: str, access: CallClass) -> bool:
        """Whether the principal may list and use the tool or prompt of that canonical name and class."""
        try:
            if principal.owner and not principal.anonymous:
                return True
            caller = (principal.anonymous, principal.plan, principal.roles, principal.tenant, principal.subject)
            rules = self._callers.get(caller) or self._fitting(caller)
            verdict = rules.verdicts[access].get(name)
            return self._decide(rules, name, access) if verdict is None else verdict
        except Exception:
            log.exception("authorization not decided, which means no", access=access)
            return False

    def judge(self, principal: Principal) -> Judge:
        """What answers as `may_use` does for this principal, over and over: for who looks through thousands of names."""
        if principal.owner and not principal.anonymous:
            return lambda name, access: True
        try:
            caller = (principal.anonymous, principal.plan, principal.roles, principal.tenant, principal.subject)
            rules = self._callers.get(caller) or self._fitting(caller)
        except Exception:
            log.exception("authorization not decided, which means no")
            return lambda name, access: False
        verdicts = rules.verdicts

        def judged(name: str, access: CallClass) -> bool:
            verdict = verdicts[access].get(name)
            return self.may_use(principal, name, access) if verdict is None else verdict

        return judged

    def may_reach(self, principal: Principal, backend: str) -> bool:
        """Whether the principal may use the resources of a backend (`resources_of`)."""
        return self.may_use(principal, resources_of(backend), "read")

    def _fitting(self, caller: _Caller) -> _Ruleset:
        if len(self._callers) >= _CALLERS_MAX or len(self._rulesets) >= _RULESETS_MAX:
            self._forget()
        fitting = self._rules_of(*caller)
        rules = self._rulesets.get(fitting)
        if rules is None:
            rules = self._rulesets[fitting] = _Ruleset(self._compiled[rule] for rule in fitting)
        self._callers[caller] = rules
        return rules

    def _rules_of(self, anonymous: bool, plan: str, roles: tuple[str, ...], company: str, user: str) -> frozenset[Rule]:
        said = self._authorization
        if not anonymous:
            return said.rules_of(plan=plan, roles=roles, company=company, user=user)
        return frozenset() if said.anonymous is None else frozenset({said.anonymous})

    def _decide(self, rules: _Ruleset, name: str, access: CallClass) -> bool:
        verdict = rules.decide(name, access)
        if len(name) <= NAME_CHARS_MAX:
            if self._remembered >= _VERDICTS_MAX:
                self._forget()
            rules.verdicts[access][name] = verdict
            self._remembered += 1
        return verdict

    def _forget(self) -> None:
        self._callers.clear()
        self._rulesets.clear()
        self._remembered = 0


def resources_of(backend: str) -> str:
    """The name by which rules speak of a backend's resources, all of them at once: `<backend>_resources`, class read.

    A tool that is really called `resources` has the same name, and the same rules.
    """
    return canonical_name(backend, "resources")


def name_asked(call: ToolCall) -> str:
    """The name by which rules speak of what a request is about; empty for a request that is about nothing known."""
    if call.method in ("tools/call", "prompts/get"):
        return canonical_name(call.backend, call.tool)
    if call.method == "resources/read":
        return resources_of(call.backend)
    if call.method == "completion/complete":
        try:
            kind = _completions.decode(call.arguments).ref.type
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ""
        if kind == "ref/prompt":
            return canonical_name(call.backend, call.tool)
        if kind == "ref/resource":
            return resources_of(call.backend)
    return ""
