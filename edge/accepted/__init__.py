"""What clients accept of a tool's definition, and how a definition is made to fit (docs/tool-definitions.md).

One bad tool takes a whole connector down at some clients. So each is listed as all of them take it: repaired where the
meaning stays, wider where it has to be (calls are checked against the backend's own schema), and left out of the list where
neither helps. `definition` puts it together: `root` (with `part`, `alternatives` and `references`), `property_names`,
`nested_names`, `shrinking` (with `weight`); `arguments` is the way back. `well_formed` looks at the members of a tool,
`fitted` and `tool_names` at what tools are called, `search_fetch` at two names that clients have their own idea of.
"""
