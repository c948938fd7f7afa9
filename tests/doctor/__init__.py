"""`toolmesh doctor` at whole and at broken servers."""
