"""The grammar of `text/event-stream` (WHATWG HTML, section 9.2.6), incrementally and with a bounded buffer."""

from shared.errors import UpstreamTooLarge

_ID_BYTES_MAX = 1024
_RETRY_MS_MAX = 60_000


class EventParser:
    """Feed it what comes in; it gives the data of the `message` events that are complete."""

    def __init__(self, event_bytes_max: int) -> None:
        self.last_id: str | None = None
        """Id of the last event that had one."""
        self.retry_s: float | None = None
        """How long the upstream wants us to wait before we take up the stream again."""
        self.endpoint: bytes | None = None
        """Data of the last `endpoint` event (HTTP+SSE, MCP 2024-11-05)."""
        self._event_bytes_max = event_bytes_max
        self._buffer = bytearray()
        self._ended_in_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next piece. Raises UpstreamTooLarge where an event does not come to an end."""
        if self._ended_in_cr and chunk[:1] == b"\n":
            chunk = chunk[1:]
            self._ended_in_cr = False
        if b"\r" in chunk:
            self._ended_in_cr = chunk[-1:] == b"\r"
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif chunk:
            self._ended_in_cr = False
        searched = max(len(self._buffer) - 1, 0)
        self._buffer += chunk
        end = self._buffer.rfind(b"\n\n", searched)
        if end < 0:
            if len(self._buffer) > self._event_bytes_max:
                raise UpstreamTooLarge(f"The upstream sent an event of more than {self._event_bytes_max} bytes.")
            return []
        complete = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        found = (self._event(lines) for lines in complete.split(b"\n\n"))
        return [data for data in found if data]

    def _event(self, lines: bytes) -> bytes:
        """The data of one event; empty where it has none or is not a message."""
        data: list[bytes] = []
        kind = b""
        for line in lines.split(b"\n"):
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if field == b"data":
                data.append(value)
            elif field == b"event":
                kind = value
            elif field == b"id":
                self._note_id(value)
            elif field == b"retry" and value.isdigit() and len(value) < 10:
                self.retry_s = min(int(value), _RETRY_MS_MAX) / 1000
        if kind == b"endpoint":
            self.endpoint = b"\n".join(data)
        return b"\n".join(data) if kind in (b"", b"message") else b""

    def _note_id(self, value: bytes) -> None:
        """Keep an id only if it can go back in a header."""
        if len(value) <= _ID_BYTES_MAX and value.isascii() and value.decode("ascii", "replace").isprintable():
            self.last_id = value.decode()
