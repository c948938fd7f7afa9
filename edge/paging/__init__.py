"""Results that are larger than what their client takes, given page by page (docs/guarantees.md, "Pages").

`budgets` (which client takes how much), `pieces` (a result taken apart), `cut` (where a text may end), `page` (one page put
together), `cursors` (what a client brings back to read on), `pager` (the first page, and those that follow), `mesh_more`
(our own tool by which it reads on).
"""
