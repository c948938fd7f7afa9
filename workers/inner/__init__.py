"""Further calls of a running call (a script, a composite), from its worker's side. Edges make them (`shared/inner.py`).

`asking` sends the requests and hears what comes of them, `inner` is what one running call sees, `pending` a request without
an answer. `script_run` is one run of a script, `called` a call of it, `values` what it gets for one.
"""
