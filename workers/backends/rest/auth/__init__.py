"""How requests are authenticated (DADL 0.2, auth). `authenticator` is the seam and chooses the way."""
