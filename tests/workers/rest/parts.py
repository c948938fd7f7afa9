"""The parts of a form (`multipart/form-data`), read without the code that writes them (RFC 2046, section 5.1)."""

import re


def parts_of(content_type: str, body: bytes) -> list[tuple[dict[str, str], bytes]]:
    """Headers, by their names in lower case, and content of each part."""
    found = re.fullmatch(r"multipart/form-data; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})", content_type)
    assert found is not None, content_type
    line = b"--" + found[1].encode()
    assert body.endswith(b"\r\n" + line + b"--\r\n")
    assert body.startswith(line + b"\r\n")
    inner = body[: -len(line) - 6].removeprefix(line + b"\r\n")
    parts = []
    for part in inner.split(b"\r\n" + line + b"\r\n"):
        head, _, content = part.partition(b"\r\n\r\n")
        lines = (one.partition(": ") for one in head.decode("utf-8").split("\r\n"))
        parts.append(({name.lower(): value for name, _, value in lines}, content))
    return parts
