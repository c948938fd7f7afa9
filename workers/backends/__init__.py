"""One file or folder per kind of backend: `builtin`, `mcp_http`. `backend` is the seam that all of them fill."""
