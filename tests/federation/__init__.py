"""Log-ins and tokens of other servers."""
