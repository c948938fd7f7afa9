"""What every edge of these tests lists of its own, for everybody who is let in."""

OWN = frozenset({"execute_code", "mesh_more", "mesh_wait"})
