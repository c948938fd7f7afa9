"""Where a worker may reach, and what it takes in."""
