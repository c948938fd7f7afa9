"""Whole meshes, from a client's request to its answer."""
