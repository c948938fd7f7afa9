"""A small REST API to try things with: a help desk. `toolmesh up` starts it for the example that ToolMesh brings."""
