"""How large a listed definition may be."""

from dataclasses import dataclass

from shared.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one tool."""

    definition_tokens_max: int
    """Of name, description and input schema together, by our estimate, which is on the high side."""
    schema_bytes_max: int
    """Of the input schema as compact JSON in UTF-8."""
    description_chars_max: int
    """To this a description is cut where the definition is too large."""


def limits_of(settings: Settings) -> Limits:
    """What the operator set."""
    return Limits(
        definition_tokens_max=settings.definition_tokens_max,
        schema_bytes_max=settings.listed_schema_bytes_max,
        description_chars_max=settings.listed_description_chars_max,
    )


USUAL = limits_of(Settings())
