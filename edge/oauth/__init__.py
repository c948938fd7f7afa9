"""One file per OAuth endpoint, named as the RFCs name it."""
