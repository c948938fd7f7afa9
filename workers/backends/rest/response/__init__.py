"""Results out of answers (DADL 0.2, response): `pipeline` has the steps in their order."""
