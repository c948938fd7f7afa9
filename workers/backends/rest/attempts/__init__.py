"""From a request to an answer that is no failure (DADL 0.2, errors): `attempts` sends, and sends again what may be."""
