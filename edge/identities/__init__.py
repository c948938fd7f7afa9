"""Who may come in: users, their passwords, API keys, classes of callers, as the operator's files say it at the moment."""
