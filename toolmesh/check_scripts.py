"""What `toolmesh check` says of scripts: whether anybody can run them."""

from shared.code_mode import CODE, offers_code
from shared.settings import Settings
from toolmesh.mesh_keys_file import EDGE_GROUP


def warnings_of_scripts(settings: Settings) -> list[str]:
    """An edge's key ring needs a key for the workers that run scripts; `toolmesh up` makes its own."""
    ring = settings.mesh_keys
    if not settings.code_mode or ring is None or EDGE_GROUP not in ring.groups or offers_code(settings):
        return []
    return [
        f"TOOLMESH_MESH_KEYS has no key of the group `{CODE.group}`, so nobody can run scripts (`execute_code`). Add one, "
        "here and at the workers that are to run them (`toolmesh secrets` makes it), or set TOOLMESH_CODE_MODE=off."
    ]
