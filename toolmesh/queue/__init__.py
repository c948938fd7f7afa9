"""`toolmesh queue`: what waits, what runs, and what was set aside (docs/operate.md)."""
