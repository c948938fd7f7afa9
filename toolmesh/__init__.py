"""The operator's command: `__main__` names the commands; `up` runs a whole mesh, `roles` one role, `check` reads the
configuration, `key` makes API keys. `broker`, `owner`, `child`, `roll_call` and `console` serve them.
"""
