"""A form with parts (`multipart/form-data`, RFC 7578): a part for each value.

A list has a part for each item, an object is a part of JSON, null is left out. Names are escaped as browsers do (WHATWG
HTML, multipart/form-data), so that none begins a header; no value can hold the boundary, which is 128 random bits.
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from workers.backends.rest.requests.file import File
from workers.backends.rest.requests.texts import text_of


class MultipartBody:
    """Of any tool."""

    def write(self, values: Mapping[str, Any]) -> tuple[bytes | None, str]:
        """The parts, in the order of the file; none where all is null or empty."""
        boundary = f"toolmesh-{secrets.token_hex(16)}"
        pieces: list[bytes] = []
        for name, value in values.items():
            for head, body in _parts(_escaped(name), value):
                pieces += (f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode(), body, b"\r\n")
        if not pieces:
            return None, ""
        pieces.append(f"--{boundary}--\r\n".encode())
        return b"".join(pieces), f"multipart/form-data; boundary={boundary}"


def _parts(name: str, value: Any) -> Iterator[tuple[str, bytes]]:
    """What stands behind `form-data; `, and the content."""
    for item in value if isinstance(value, list) else (value,):
        if item is None:
            continue
        if isinstance(item, File):
            filename = _escaped(item.name)
            yield f'name="{name}"; filename="{filename}"\r\nContent-Type: {item.content_type}', item.body
        elif isinstance(item, list | dict):
            yield f'name="{name}"\r\nContent-Type: application/json', text_of(item).encode()
        else:
            yield f'name="{name}"', text_of(item).encode()


def _escaped(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
