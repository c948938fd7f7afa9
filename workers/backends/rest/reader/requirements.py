"""Whether we are what a file requires. Nobody but us can say so, so what is not known or not built refuses the file."""

from collections.abc import Mapping

from workers.backends.rest.reader.document import Requires
from workers.backends.rest.reader.features import FEATURES, MATCHED_VERSION, own_version
from workers.backends.rest.reader.problem import Problems
from workers.backends.rest.reader.versions import parse_version, satisfies


def check_requirements(requires: Requires, problems: Problems, features: Mapping[str, str] = FEATURES) -> None:
    """Note an error for each thing that the file requires and that is missing here."""
    if requires.toolmesh is not None:
        _check_version(requires.toolmesh, problems)
    for at, feature in enumerate(requires.features):
        way = ("requires", "features", at)
        if feature not in features:
            problems.error(
                f"the file requires the feature `{feature[:40]}`, which is not known.{problems.nearest(feature, features)} "
                f"Known are {', '.join(f'`{name}`' for name in features)}.",
                *way,
            )
        elif reason := features[feature]:
            problems.error(f"the file requires `{feature}`, which is not built in this release: {reason}.", *way)


def _check_version(wanted: str, problems: Problems) -> None:
    own = max(own_version(), MATCHED_VERSION, key=parse_version)
    try:
        if not satisfies(own, wanted):
            problems.error(
                f"the file requires ToolMesh {wanted[:60]}, and files run here as in {own}. Update ToolMesh, or take an "
                "older file.",
                "requires",
                "toolmesh",
            )
    except ValueError as reason:
        problems.error(
            f"`toolmesh` of `requires` is no range of versions: {reason}. Write for instance `>=0.3, <2`.",
            "requires",
            "toolmesh",
        )
