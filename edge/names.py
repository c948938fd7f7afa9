"""What things of a backend are called at the aggregated endpoint, where several backends share one name space.

Tools and prompts: `<backend>_<name>`. Resources: the scheme of the URI is prefixed, `<backend>+<uri>`, which is a URI again
(RFC 3986 section 3.1), and a URI template stays one (RFC 6570). An underscore can't stand in a scheme, so it becomes a dot.
"""

from shared.catalogue import canonical_name
from shared.code_mode import CODE, EXECUTE_CODE

MESH_WAIT = "mesh_wait"
"""A tool of the edge itself. At the endpoint of all backends no backend's tool is called that, nor the next one."""
MESH_MORE = "mesh_more"
DISCOVER_TOOLS = "discover_tools"
OWN_NAMES = frozenset({MESH_WAIT, MESH_MORE, DISCOVER_TOOLS, EXECUTE_CODE})
"""Names of the mesh itself there: a backend's tool whose canonical name is one of them is listed by another."""
SEARCH_FETCH = frozenset({"search", "fetch"})
"""Names of OpenAI's contract (`edge/accepted/search_fetch.py`), where the mesh answers to it. No canonical name is one of
them."""


def called(backend: str, own: str) -> str:
    """By what a tool of a backend is called at the endpoint of all of them."""
    return own if backend == CODE.name else canonical_name(backend, own)


def outer_uri(backend: str, uri: str) -> str:
    """The URI (or URI template) under which clients of the aggregated endpoint know a backend's resource."""
    return f"{backend.replace('_', '.')}+{uri}"


def inner_uri(uri: str) -> tuple[str, str] | None:
    """Backend and the backend's own URI, or None for a URI that has no prefix of ours."""
    prefix, plus, inner = uri.partition("+")
    if not plus or not inner or ":" in prefix or "/" in prefix:
        return None
    return prefix.replace(".", "_"), inner
