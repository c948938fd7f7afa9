"""The arguments of an inner call: as strictly read as those of a client's request (edge/parse.py)."""

from typing import Any

import msgspec

from edge.accepted.arguments import under_own_names
from edge.parse import CallParams
from edge.tool import Tool
from shared.errors import InvalidArguments
from shared.json_text import depth_exceeds, repeats_a_name

_decoder = msgspec.json.Decoder()


def read_object(raw: bytes, *, bytes_max: int, depth_max: int) -> dict[str, Any]:
    """A JSON object. Raises InvalidArguments for what is none, is too large or too deep, or names a member twice."""
    if len(raw) > bytes_max:
        raise InvalidArguments(f"The arguments have {len(raw):,} bytes; at most {bytes_max:,} are taken.")
    try:
        value = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidArguments("The arguments are not JSON.") from None
    if not isinstance(value, dict):
        raise InvalidArguments("The arguments must be one object, as in `toolmesh.name({…})`.")
    if depth_exceeds(raw, depth_max):
        raise InvalidArguments(f"The arguments nest deeper than {depth_max}.")
    if repeats_a_name(raw, value):
        raise InvalidArguments("An object in the arguments names a member twice.")
    return value


def checked(tool: Tool, raw: bytes, *, own_names: bool, bytes_max: int, depth_max: int) -> bytes:
    """The arguments in the backend's own words. `own_names`: they are in these already, and not as they are listed. Raises
    InvalidArguments, which names the place."""
    value = read_object(raw, bytes_max=bytes_max, depth_max=depth_max)
    params = CallParams(tool.name, value, raw, {}, {})
    if tool.accepted.renamed and not own_names:
        params = under_own_names(params, tool.accepted.renamed)
    tool.validate(params.arguments)
    return params.raw_arguments
