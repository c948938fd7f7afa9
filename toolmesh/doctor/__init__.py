"""`toolmesh doctor`: looks at a server from outside, as a client would, and says why a connector does not work."""
