"""Requests out of tools and arguments (DADL 0.2, tools and params). `plan` is one tool, got ready once; it builds them."""
