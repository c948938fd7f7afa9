"""The engines that a child can have: which module runs in it, and where that finds what it imports."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from shared.errors import ConfigurationError

ROOT = str(Path(__file__).resolve().parents[2])
"""Where `workers` is found; in a child it is looked for nowhere else."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`module` has `run(job: dict, port: Port) -> dict`. `packages` are what it imports beside the standard library;
    `paths` further directories to look in."""

    name: str
    module: str
    packages: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def places(self) -> list[str]:
        """Directories for the child's `sys.path`. Raises ConfigurationError where a package is not installed."""
        found = [ROOT, *self.paths]
        for package in self.packages:
            spec = importlib.util.find_spec(package)
            if spec is None or spec.origin is None:
                raise ConfigurationError(f"The package {package} is not installed here; scripts and transforms need it.")
            origin = Path(spec.origin)
            place = str(origin.parent.parent if spec.submodule_search_locations else origin.parent)
            if place not in found:
                found.append(place)
        return found


_JAVASCRIPT = "workers.children.inside.javascript", ("_quickjs", "tree_sitter", "tree_sitter_typescript")
ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine("javascript", *_JAVASCRIPT),
        Engine("composites", *_JAVASCRIPT),
        Engine("jq", "workers.children.inside.jq_programs", ("jq",)),
    )
}
