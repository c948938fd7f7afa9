"""The groups, in the order in which a client comes by them, and all ids."""

from toolmesh.doctor import authorize, challenge, cimd, leaving, metadata, prm, registration, url
from toolmesh.doctor.group import Group

GROUPS: tuple[Group, ...] = (
    Group("url", "The URL", url.look, url.CHECKS),
    Group("challenge", "Without a token", challenge.look, challenge.CHECKS),
    Group("prm", "What protects it", prm.look, prm.CHECKS),
    Group("metadata", "Where to log in", metadata.look, metadata.CHECKS),
    Group("registration", "Clients that register", registration.look, registration.CHECKS),
    Group("cimd", "Clients that bring a document", cimd.look, cimd.CHECKS),
    Group("authorize", "The way to the log-in", authorize.look, authorize.CHECKS),
    Group("leaving", "Afterwards", leaving.look, leaving.CHECKS),
)

CHECKS: frozenset[str] = frozenset(check for group in GROUPS for check in group.ids)
"""Every id that there is."""
