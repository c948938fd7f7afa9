"""The project's own source as data: which modules there are and what each imports."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("edge", "workers", "shared", "toolmesh")
BESIDE = ("bench", "tests")


@dataclass(frozen=True, eq=False)
class Source:
    """One Python file of ours."""

    module: str
    """Dotted name, as it is imported; a package stands for its `__init__`."""
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def shown(self) -> str:
        """Path relative to the project, for messages."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def room(self) -> str:
        return self.module.partition(".")[0]


@cache
def sources(*tops: str) -> tuple[Source, ...]:
    """Every Python file under those top-level folders, in a stable order."""
    return tuple(_read(path) for top in tops for path in sorted((ROOT / top).rglob("*.py")))


@cache
def _read(path: Path) -> Source:
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Source(module=module, path=path)


@cache
def imported_names(source: Source) -> tuple[str, ...]:
    """Dotted names that a file imports, anywhere in it: `from a.b import c` counts as `a.b.c`."""
    return tuple(_imports(source))


def _imports(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, [_anchor(source, node.level), node.module]))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _anchor(source: Source, level: int) -> str | None:
    """The package that a relative import starts from; None for an absolute one."""
    if level == 0:
        return None
    parts = source.module.split(".")
    is_package = source.path.name == "__init__.py"
    return ".".join(parts[: len(parts) - level + is_package])


def imported_modules(source: Source, known: frozenset[str]) -> frozenset[str]:
    """Which of the known modules a file imports itself."""
    found = set()
    for name in imported_names(source):
        module = name if name in known else name.rpartition(".")[0]
        if module in known and module != source.module:
            found.add(module)
    return frozenset(found)
