"""What a user may be called."""

import unicodedata

USERNAME_CHARS_MAX = 128


def problem_of(username: str) -> str | None:
    """What is wrong with a name, as the end of a sentence; None where nothing is."""
    if not username:
        return "is empty"
    if len(username) > USERNAME_CHARS_MAX:
        return f"has more than {USERNAME_CHARS_MAX} characters"
    if not username.isprintable():
        return "holds a character that can't be seen"
    if username != username.strip():
        return "begins or ends with a space"
    if likeness(username).startswith(("https://", "http://")):
        # `shared/foreign_identity.py`: nobody here may be taken for one of them.
        return "begins like a web address, as names of those do who log in elsewhere"
    return None


def likeness(username: str) -> str:
    """The same for two names that a person takes for one: they differ in case alone, or in how a letter is encoded."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())
