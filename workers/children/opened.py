"""Children as the settings want them: of a sandbox service, or of this process."""

from shared.settings import Settings
from workers.children.children import Children
from workers.children.pool import Pool
from workers.children.remote import RemoteChildren


def open_children(settings: Settings) -> Children:
    """Nothing is connected or started before they are wanted."""
    if settings.sandbox is not None:
        return RemoteChildren(settings.sandbox, settings)
    return Pool(settings)
