"""Results out of answers (DADL 0.2, response).

`pipeline` has the steps in their order: `selection` (`result_path`, `max_items`), the program of `transform` and the
caller's (`programs`), `redaction`. `text` is what is read as text, `presentation` the result as MCP has it.
"""
