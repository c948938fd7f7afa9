"""What a DADL file says (Dunkel API Description Language 0.1 and 0.2), as frozen structs; the whole is a `Definition`.

`tool`, `auth`, `pagination`, `failures`, `response`, `composite`, `health` and `about` are its parts, as they are written
and as they count; `json_path` and `condition` are the grammars of their texts. `rest/reader` makes them out of a file.
"""
