"""Requests out of tools and arguments (DADL 0.2, tools and params).

`plan` is one tool, got ready once, and builds them: `arguments` (what was given, held against what is declared), `path`,
`query`, `headers`, `body` (which kind it is, and who writes it: `json_body`, `form_body`, `multipart_body`, `raw_body`; all
of one size at most: `body_limit`). `texts` writes single values. A parameter of type `file_url` is a `file` by then:
`fetching` got it, or `data_url` read it out of its URL; `file_names` says what it is called.
"""
