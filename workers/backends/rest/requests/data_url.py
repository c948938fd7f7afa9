"""`data:` URLs (RFC 2397): a file that stands in its URL."""

import base64
import binascii
from urllib.parse import unquote_to_bytes

_USUAL = "text/plain;charset=US-ASCII"


def read_data_url(url: str) -> tuple[str, bytes]:
    """Content type and content. Raises ValueError with what is wrong with it."""
    head, comma, data = url[len("data:") :].partition(",")
    if not comma:
        raise ValueError("a data URL has a comma before its data: `data:text/plain;base64,aGk=`")
    content_type, *marks = head.rsplit(";base64", 1) if head.endswith(";base64") else (head,)
    raw = unquote_to_bytes(data)
    if marks:
        try:
            digits = b"".join(raw.translate(_FROM_URL_SAFE).split()).rstrip(b"=")
            raw = base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
        except binascii.Error:
            raise ValueError("its data is not base64") from None
    return (_USUAL if not content_type or content_type.startswith(";") else content_type), raw


_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
