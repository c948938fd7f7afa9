"""DADL files (Dunkel API Description Language 0.1 and 0.2): from YAML to a checked, frozen `Definition` (docs/dadl.md).

`loading` is the way in: `including` puts fragments in, `reading` turns nodes into the structs of `document` (its parts:
`auth`, `tool`, `pagination`, `failures`, `response`, `composite`, `health`, `about`), `checking` and its like say what is
wrong beyond the shape, `defining` puts defaults into the tools. `store` keeps what was read by the hash of its bytes.
"""
