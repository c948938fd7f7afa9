"""Results out of answers (DADL 0.2, response).

`pipeline` has the steps in their order: `selection` (`result_path`, `max_items`), the program of `transform` and the
caller's (`programs`, `override`), `redaction`. `text` is what is read as text, `streaming` what comes bit by bit, `files`
what is kept and given as a URL, `presentation` the result as MCP has it.
"""
