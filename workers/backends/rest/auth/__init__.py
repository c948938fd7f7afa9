"""How requests are authenticated (DADL 0.2, auth). `authenticator` is the seam, `opening` chooses the way.

`given`: the operator's credentials. `fixed`: those that stand in requests as they are (bearer, basic, apikey). `oauth2` and
`session`: what is got with them, by `token_endpoint` or `login`; `upheld` keeps it and gets it anew, once for all workers:
by `sharing`, which is the broker's side of that.
"""
