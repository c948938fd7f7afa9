"""`authorization.yaml`: from the file to checked rules (`shared/authorization.py`). Edge and worker read it, each its own.

Every problem is found before loading stops, and names file, line and what to write instead: a rule that says something else
than it seems to is worse than none.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from shared.authorization import Authorization, Evaluator, Rule
from shared.errors import ConfigurationError
from shared.findings import Findings
from shared.patterns import BY_CLASS, CLASS_PATTERNS, PATTERN_CHARS_MAX
from shared.settings import Settings
from shared.watched import Watched
from shared.yaml_nodes import Mapping, Node, Scalar, Sequence, read_yaml
from shared.yaml_structs import StructReader, nearest

AUTHORIZATION_FILE = "authorization.yaml"
PATTERNS_MAX = 10_000
RULES_MAX = 10_000

_TABLES = ("plans", "roles", "companies", "users")
_ANONYMOUS = "anonymous"
_KNOWN = (*_TABLES, _ANONYMOUS)
_EXAMPLE = "`pro: {allow: ['**']}`"


def watched_rules(settings: Settings, *, changed: Callable[[Evaluator], None] = lambda rules: None) -> Watched[Evaluator]:
    """The evaluator of the file as it is, anew after each change of it; `changed` is told of each new one.

    Raises ConfigurationError.
    """
    directory, file = settings.config_dir, settings.authorization_config
    return Watched(
        [file or directory / AUTHORIZATION_FILE],
        lambda: Evaluator(load_authorization(directory, file)),
        poll_s=settings.identities_poll_s,
        changed=changed,
    )


def load_authorization(config_dir: Path, file: Path | None = None) -> Authorization:
    """The rules; none where the directory has no such file. `file` stands for it, and must be there.

    Raises ConfigurationError with all problems of the file.
    """
    path = file or config_dir / AUTHORIZATION_FILE
    try:
        root = read_yaml(path)
    except FileNotFoundError:
        if file is None:
            return Authorization()
        raise ConfigurationError(
            f"{path.name}: {path} does not exist. Create it, or correct the variable that names it."
        ) from None
    findings = Findings()
    found = _Reader(path.name, findings).read(root)
    findings.stop()
    return found


class _Reader:
    """Reads one file."""

    def __init__(self, name: str, findings: Findings) -> None:
        self._reader = StructReader(name, findings)
        self._rules = 0
        self._patterns = 0

    def read(self, root: Node | None) -> Authorization:
        """The rules, which count only if nothing was found."""
        if root is None:
            return Authorization()
        if not isinstance(root, Mapping):
            self._reader.problem(root.line, f"the file must be a mapping. Start it with `plans:` and {_EXAMPLE} below.")
            return Authorization()
        for name in root.entries:
            # Names that start with _ hold what anchors refer to, as upstream's files use them.
            if name not in _KNOWN and not name.startswith("_"):
                advice = nearest(name, _KNOWN) or f" Known are {', '.join(f'`{known}`' for known in _KNOWN)}."
                self._reader.problem(root.keys[name].line, f"unknown key `{name}`.{advice}")
        tables = {name: self._table(name, node) for name in _TABLES if (node := _present(root, name)) is not None}
        anonymous = _present(root, _ANONYMOUS)
        return Authorization(**tables, anonymous=None if anonymous is None else self._rule(anonymous, f"`{_ANONYMOUS}`"))

    def _table(self, table: str, node: Node) -> dict[str, Rule]:
        if not isinstance(node, Mapping):
            self._reader.problem(node.line, f"`{table}` must be a mapping from names to rules, for instance {_EXAMPLE}.")
            return {}
        found: dict[str, Rule] = {}
        for name, rule_node in node.entries.items():
            self._rules += 1
            if self._rules > RULES_MAX:
                self._reader.problem(node.keys[name].line, f"more than {RULES_MAX} rules. Remove some.")
                break
            if not name:
                self._reader.problem(node.keys[name].line, f"a rule of `{table}` has an empty name. Write whom it is for.")
            rule = self._rule(rule_node, f"`{table}`, `{name[:40]}`")
            if rule is not None:
                found[name] = rule
        return found

    def _rule(self, node: Node, what: str) -> Rule | None:
        if isinstance(node, Scalar) and node.is_null:
            self._reader.problem(node.line, f"{what} says nothing. Write `{{allow: [...], deny: [...]}}`, or remove it.")
            return None
        rule = self._reader.struct(node, Rule, what)
        if isinstance(node, Mapping):
            for member in ("allow", "deny"):
                for line, pattern in _texts(node.entries.get(member)):
                    self._check(line, pattern, denies=member == "deny")
        return rule

    def _check(self, line: int, pattern: str, *, denies: bool) -> None:
        self._patterns += 1
        shown = f"`{pattern[:60]}`"
        if self._patterns > PATTERNS_MAX:
            if self._patterns == PATTERNS_MAX + 1:
                self._reader.problem(line, f"more than {PATTERNS_MAX} patterns. Use globs, or remove some.")
        elif not pattern:
            self._reader.problem(line, "an empty pattern, which no tool is called. Write a name, a glob, or remove it.")
        elif pattern != pattern.strip():
            self._reader.problem(line, f"the pattern {shown} begins or ends with a space. Remove it.")
        elif len(pattern) > PATTERN_CHARS_MAX:
            self._reader.problem(line, f"a pattern of more than {PATTERN_CHARS_MAX} characters. Use a glob.")
        elif pattern.lower().startswith(BY_CLASS):
            if pattern not in CLASS_PATTERNS:
                known = ", ".join(f"`{name}`" for name in CLASS_PATTERNS)
                advice = nearest(pattern, CLASS_PATTERNS)
                self._reader.problem(line, f"{shown} is not a class of calls.{advice} There are {known}.")
        elif denies and can_never_match(pattern):
            # In `allow` the like of it lets nobody do anything; here somebody relies on it.
            self._reader.problem(
                line,
                f"{shown} denies nothing: all names are `<backend>_<tool>`. Write `{pattern[:30]}_*` for all of a backend, "
                "or the whole name of a tool.",
            )


def can_never_match(pattern: str) -> bool:
    """Whether no canonical name and no class can be of a pattern: each has an underscore behind its backend's name."""
    head = pattern.partition("_")[0]
    if pattern in CLASS_PATTERNS or "*" in head or "?" in head:
        return False
    return head == pattern or ":" in head


def _present(root: Mapping, name: str) -> Node | None:
    node = root.entries.get(name)
    return None if isinstance(node, Scalar) and node.is_null else node


def _texts(node: Node | None) -> Iterator[tuple[int, str]]:
    """The texts of a list with their lines; what is no text the reader of structs has complained of."""
    if isinstance(node, Sequence):
        yield from ((item.line, item.text) for item in node.items if isinstance(item, Scalar))
