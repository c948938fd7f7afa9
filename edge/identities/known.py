"""Who may come in, as the files say now: read again when one of them changes."""

from collections.abc import Callable

from edge.identities.identities import Identities, identity_files, load_identities
from shared.settings import Settings
from shared.watched import Watched


def watched_identities(
    settings: Settings, *, changed: Callable[[Identities], None] = lambda value: None
) -> Watched[Identities]:
    """The users, keys and caller classes. Raises ConfigurationError with the problems of all files."""
    return Watched(
        identity_files(settings), lambda: load_identities(settings), poll_s=settings.identities_poll_s, changed=changed
    )
