"""From a DADL file to a checked `Definition` (docs/dadl.md).

`loading` is the way in: `including` puts fragments in, `reading` turns nodes into the structs of `document`, `checking`
and its like say what is wrong beyond the shape, `defining` puts defaults into the tools. `store` keeps what was read by
the hash of its bytes.
"""
