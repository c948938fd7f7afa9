"""Arguments under the names that a tool's properties are listed by, put back under those that the backend knows."""

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from edge.parse import CallParams
from shared.errors import InvalidArguments

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def under_own_names(params: CallParams, renamed: Mapping[str, str]) -> CallParams:
    """The same call in the backend's words; values stay the bytes that they are.

    `renamed`: as it is listed → as the backend knows it. The backend's own names are taken as well. Raises InvalidArguments
    where one property comes under both.
    """
    arguments = params.arguments
    for alias, own in renamed.items():
        if alias in arguments and own in arguments:
            text = f"The arguments name one property twice: as {alias} and as {own[:128]}. Give one of them."
            problem = {"pointer": f"/{alias}", "message": "the same property is given under another name"}
            raise InvalidArguments(text, data={"pointer": problem["pointer"], "problems": [problem]})
    if renamed.keys().isdisjoint(arguments):
        return params
    raw = {renamed.get(name, name): value for name, value in _members.decode(params.raw_arguments).items()}
    return replace(
        params,
        arguments={renamed.get(name, name): value for name, value in arguments.items()},
        raw_arguments=_encode(raw),
    )
