"""`make bench`: what the mesh costs on this machine, against the same servers without it, in one run.

Reading order: `__main__` (the run), `scenarios` (what is measured in every round) and `single` (what is measured once),
`stage`, `mesh` and `process` (what runs), `target`, `load` and `connection` (who calls), `figures`, `rows`, `table` and
`plot` (what comes out).
"""
