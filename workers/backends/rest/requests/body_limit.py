"""How large the body of a request may be."""

from dataclasses import dataclass

from workers.backends.rest.failed import Failed


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """Of one tool."""

    mesh_bytes: int
    """What all tools may send at most."""
    tool_bytes: int | None = None
    """What the file says of the tool."""

    @property
    def bytes_max(self) -> int:
        """The smaller of the two."""
        return self.mesh_bytes if self.tool_bytes is None else min(self.mesh_bytes, self.tool_bytes)

    @property
    def reason(self) -> str:
        """Whose limit it is, for the reader of an error."""
        if self.bytes_max == self.tool_bytes:
            return f"{self.bytes_max} bytes (`max_body_size` of the tool)"
        return f"{self.bytes_max} bytes (TOOLMESH_UPSTREAM_REQUEST_BYTES_MAX)"

    def check(self, body: bytes) -> None:
        """Raises Failed (`invalid_input`)."""
        if len(body) > self.bytes_max:
            raise Failed("invalid_input", f"The request's body has {len(body)} bytes, more than {self.reason}. Send less.")
