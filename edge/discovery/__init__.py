"""Finding tools: what an agent asks instead of reading a list of thousands."""
