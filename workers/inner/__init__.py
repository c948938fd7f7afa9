"""Further calls of a running call (a script, a composite), from its worker's side. Edges make them (`shared/inner.py`).

`asking` sends the requests and hears what comes of them, `inner` is what one running call sees, `pending` a request without
an answer.
"""
