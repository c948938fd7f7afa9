"""A caller's regular expression, held against texts of others: in a time that grows with the text and no faster.

It is that of Rust's `regex` crate, which jsonschema-rs has: without look-around and back-references, and without a pattern
that takes for ever.
"""

import asyncio
from collections.abc import Iterable

import jsonschema_rs

from edge.discovery.entry import Entry
from shared.errors import InvalidArguments

_PROGRAM_BYTES_MAX = 256 * 1024
_TEXT_CHARS_MAX = 4_000
"""Of a description."""
_SLICE_S = 0.003
_ALL_S = 1.0
"""Time for all tools together."""


class Pattern:
    """Compiled. Letters of both sizes are the same to it."""

    def __init__(self, text: str) -> None:
        """Raises InvalidArguments."""
        options = jsonschema_rs.RegexOptions(size_limit=_PROGRAM_BYTES_MAX, dfa_size_limit=_PROGRAM_BYTES_MAX)
        try:
            self._validator = jsonschema_rs.validator_for(
                {"type": "string", "pattern": f"(?i){text}"}, pattern_options=options, offline=True
            )
        except (ValueError, jsonschema_rs.ValidationError):
            raise InvalidArguments(
                "pattern is no regular expression that can be used here: it must be complete, not huge, and without "
                "look-around and back-references, like create|update, ^github_.*issue or \\bmail. Words are looked for "
                "with query.",
                data={"pointer": "/pattern"},
            ) from None

    def matches(self, entry: Entry) -> bool:
        """Whether it is in the name of a tool, its name in scripts, or its description."""
        fits = self._validator.is_valid
        return (
            fits(entry.name)
            or (entry.js_name != entry.name and fits(entry.js_name))
            or fits(entry.description[:_TEXT_CHARS_MAX])
        )

    async def matching(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those that it matches, in their order; calls go on meanwhile. Raises InvalidArguments where it takes too long."""
        loop = asyncio.get_running_loop()
        pause_at = loop.time() + _SLICE_S
        worked = 0.0
        found = []
        for entry in entries:
            if self.matches(entry):
                found.append(entry)
            if (now := loop.time()) >= pause_at:
                worked += now - pause_at + _SLICE_S
                if worked > _ALL_S:
                    raise InvalidArguments(
                        "pattern takes too long over all these tools. Make it plainer, or name a backend.",
                        data={"pointer": "/pattern"},
                    )
                await asyncio.sleep(0)
                pause_at = loop.time() + _SLICE_S
        return found
