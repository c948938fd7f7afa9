"""What `toolmesh check` says of code mode."""

from shared.code_mode import CODE, offers_code
from shared.settings import Settings


def warnings_of_code(settings: Settings) -> list[str]:
    """Scripts that nobody will run. Without keys of its own nothing is said: `toolmesh up` makes them all."""
    if settings.mesh_keys is None or not settings.code_mode or offers_code(settings):
        return []
    return [
        f"TOOLMESH_MESH_KEYS has no key of the group `{CODE.group}`: there is no execute_code. Add a key to edges and to "
        "the workers that are to run scripts, or set TOOLMESH_CODE_MODE=off."
    ]
