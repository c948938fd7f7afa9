"""Upstreams over HTTP, of every era."""
