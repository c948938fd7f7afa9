"""How a backend says that it is well (DADL 0.2, health): by one of its tools, or by a request of its own."""

from workers.backends.rest.dadl.part import Duration, JsonPath, Part

HEALTH_TOOL = "health"
"""The synthetic tool."""


class Health(Part, frozen=True, kw_only=True):
    """Either `tool` or `path` is given."""

    tool: str | None = None
    method: str = "GET"
    path: str | None = None
    expect_status: int | None = None
    """None: any 2xx."""
    expect_path: JsonPath | None = None
    """Must exist in the body."""
    auth_expires_path: JsonPath | None = None
    timeout: Duration = 5.0
    expose: bool = True
