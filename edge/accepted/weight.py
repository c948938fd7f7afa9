"""How large a definition is: in bytes of its input schema, and in a model's tokens, estimated.

Nobody says with which tokenizer a definition is counted. The estimate counts pieces of at most six letters, two capitals or
signs, three digits. For 400 real JSON schemas of cloud resources it was 1.15 to 1.5 times what o200k and cl100k (OpenAI's)
make of them; text that is hardly language (random letters, base64) can have more tokens than it says.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from edge.accepted.limits import Limits

_PIECE = re.compile(
    rb" ?(?:[A-Z]?[a-z]{1,6}|[A-Z]{1,2}|[0-9]{1,3})|[^A-Za-z0-9\x80-\xff]{1,2}"
    rb"|(?:[\xc2-\xdf][\x80-\xbf]){1,2}|[\xe0-\xef][\x80-\xbf]|[\x80-\xff]"
)
_NAME = "n" * 64
"""What a tool is called is not known yet where it is weighed: as long as a name may be."""
_TOKEN_BYTES_MAX = 16
"""Text with so many bytes for each token is not worth a look."""
_encode = msgspec.json.Encoder().encode


def tokens(text: bytes) -> int:
    """How many tokens a text in UTF-8 has, by our estimate."""
    return len(_PIECE.findall(text))


def excess(described: Mapping[str, Any], limits: Limits) -> str:
    """In what a definition is too large, in words; empty where it fits."""
    schema = _encode(described["inputSchema"])
    if len(schema) > limits.schema_bytes_max:
        return f"its input schema has {len(schema)} bytes, more than {limits.schema_bytes_max}"
    words = _encode([_NAME, described.get("description", "")])
    size = len(words) + len(schema)
    if size < limits.definition_tokens_max:
        return ""  # a token has a byte at least
    if size > _TOKEN_BYTES_MAX * limits.definition_tokens_max:
        return f"name, description and input schema have {size} bytes"
    found = tokens(words) + tokens(schema)
    if found >= limits.definition_tokens_max:
        return (
            f"name, description and input schema have about {found} tokens, and {limits.definition_tokens_max} are too many"
        )
    return ""
