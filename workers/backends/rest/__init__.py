"""REST APIs as backends. `dadl` reads the files that describe them, `tools` makes tool definitions out of what it read.

Requests come with a later release: until then a backend of transport `rest` fails with a word that says so.
"""
