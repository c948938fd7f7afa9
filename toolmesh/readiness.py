"""Whether the edge can take calls: its /readyz, asked without a thread."""

import asyncio

_ANSWER_S = 2.0
_ANSWER_BYTES_MAX = 64 * 1024


async def edge_is_ready(host: str, port: int) -> bool:
    """Whether the edge answers /readyz with 200."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                shown = f"[{host}]" if ":" in host else host
                writer.write(f"GET /readyz HTTP/1.1\r\nHost: {shown}:{port}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read(_ANSWER_BYTES_MAX)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return answer.split(b" ", 2)[1:2] == [b"200"]
