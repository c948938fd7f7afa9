"""What edges keep of the names that a backend's tools were last listed by, to tell when one is gone.

Signed with the edges' own key: workers can't make names look gone, nor hide that they are.
"""

import msgspec

from shared.messages import Message


class ListedName(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """What stood behind a name."""

    own: str
    """The backend's name for the tool."""
    digest: str
    """Of its definition without its name."""


class ListedNames(Message, frozen=True, kw_only=True, tag="listed-names"):
    """Of one backend, at the endpoint of all."""

    backend: str
    names: dict[str, ListedName]
    """By the names that clients saw."""
