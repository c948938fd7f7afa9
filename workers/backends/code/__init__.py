"""The backend `code`: runs a script in a child; each of its calls is a further call of the mesh (`workers/inner`).

`backend` is the kind, `report` what a script's caller sees.
"""

from shared.configuration import BackendEntry
from shared.settings import Settings
from workers.backends.code.backend import CodeBackend
from workers.credentials import Credentials
from workers.equipment import Equipment


def open_backend(entry: BackendEntry, settings: Settings, credentials: Credentials, *, equipment: Equipment) -> CodeBackend:
    """Entry point `code` of the group `toolmesh.backends`."""
    return CodeBackend(settings, equipment.children)
