"""Log-ins, tokens and clients at real edges."""
