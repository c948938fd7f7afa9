"""`make bench`: what the mesh costs on this machine, against the same servers without it, in one run.

Reading order: `__main__` (the run), `scenarios` (what is measured in every round), `single` (what is measured once),
`log_ins` and `bearer` (what it costs to come in), `stage`, `mesh` and `process` (what runs), `target`, `load`, `connection`
and `person` (who calls), `figures`, `rows`, `table` and `plot` (what comes out).
"""
