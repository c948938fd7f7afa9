"""What every edge of these tests lists of its own, for everybody who is let in."""

OWN = frozenset({"discover_tools", "execute_code", "mesh_more", "mesh_wait"})
OF_NOBODY = OWN - {"discover_tools", "execute_code"}
"""And for who did not log in, where that is let in."""
