"""Our secrets at identity providers, as the environment gives them: `name=secret`, one a line or with a space between."""

from shared.access_settings import Secret
from shared.errors import ConfigurationError

VARIABLE = "TOOLMESH_IDENTITY_SECRETS"


def parse_identity_secrets(text: str) -> dict[str, Secret]:
    """By the provider's name. Raises ConfigurationError, whose text shows no secret."""
    found: dict[str, Secret] = {}
    for number, pair in enumerate(text.split(), 1):
        name, equals, secret = pair.partition("=")
        if not name or not equals or not secret:
            raise ConfigurationError(f"{VARIABLE}: entry {number} is not `name=secret`. Write one for each provider.")
        if name in found:
            raise ConfigurationError(f"{VARIABLE}: entry {number} is of a provider that has one. Keep one of the two.")
        found[name] = Secret(secret)
    return found
