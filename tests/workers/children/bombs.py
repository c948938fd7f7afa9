"""Scripts that want to hang, to fill or to break what runs them: the usual attacks on embedded JavaScript engines."""

from pathlib import Path


def _read() -> dict[str, str]:
    parts = Path(__file__).with_suffix(".js").read_text(encoding="utf-8").strip().split("\n\n")
    return {name.removeprefix("// "): code for name, _, code in (part.partition("\n") for part in parts)}


BOMBS = _read()
"""What it is → the code of a script that never ends well."""
