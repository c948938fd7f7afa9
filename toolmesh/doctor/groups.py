"""The groups, in the order in which a client comes by them, and all ids."""

from toolmesh.doctor import url
from toolmesh.doctor.group import Group

GROUPS: tuple[Group, ...] = (Group("url", "The URL", url.look, url.CHECKS),)

CHECKS: frozenset[str] = frozenset(check for group in GROUPS for check in group.ids)
"""Every id that there is."""
