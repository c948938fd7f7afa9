"""How a command gets a password: asked for twice on a terminal, else read from a line of standard input, or made."""

import getpass
import sys

from shared.errors import ConfigurationError
from shared.password_hashes import PASSWORD_BYTES_MAX
from toolmesh.owner import new_password

PASSWORD_CHARACTERS_MIN = 8


def entered_password(*, from_stdin: bool, generate: bool) -> str:
    """The password to set. Raises ConfigurationError where it can't be one."""
    if generate and from_stdin:
        raise ConfigurationError("--generate makes a password, and --password-stdin reads one. Give one of the two.")
    if generate:
        return new_password()
    password = _asked() if sys.stdin.isatty() and not from_stdin else _read()
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise ConfigurationError(
            f"The password has {len(password)} characters; use {PASSWORD_CHARACTERS_MIN} or more. --generate makes one."
        )
    if len(password.encode("utf-8", "surrogatepass")) > PASSWORD_BYTES_MAX:
        raise ConfigurationError(f"The password is longer than {PASSWORD_BYTES_MAX} bytes. Use a shorter one.")
    return password


def _asked() -> str:
    try:
        password = getpass.getpass(f"Password ({PASSWORD_CHARACTERS_MIN} characters or more): ", stream=sys.stderr)
        again = getpass.getpass("The same again: ", stream=sys.stderr)
    except EOFError:
        raise ConfigurationError("No password was given. Nothing was changed.") from None
    if again != password:
        raise ConfigurationError("The two are not the same. Nothing was changed; try again.")
    return password


def _read() -> str:
    line = sys.stdin.buffer.readline(2 * PASSWORD_BYTES_MAX)
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigurationError(
            "What came on standard input is not UTF-8. Write the password as one line of it."
        ) from None
