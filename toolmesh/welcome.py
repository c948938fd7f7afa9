"""What `toolmesh up` says once it runs: the backends, the first call to try, and the `ready` line."""

from shared.configuration import BackendEntry
from shared.settings import Settings
from toolmesh.console import say, say_table
from toolmesh.first_call import first_call
from toolmesh.owner import Owner
from toolmesh.roll_call import Presence

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (looked up, not bound)


def reachable_host(host: str) -> str:
    """The address to reach a bound address at from this machine."""
    return _ANY.get(host, host)


def endpoint(settings: Settings) -> str:
    """The MCP endpoint's URL on this machine."""
    host = reachable_host(settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/mcp"


def say_owner(settings: Settings, owner: Owner) -> None:
    """Show what was made on this start. It is not shown again."""
    if settings.api_key is not None:
        say("The owner's API key is the one in TOOLMESH_API_KEY.")
    elif owner.key_sha256 is None:
        say("API keys are those of apikeys.yaml. None of them is the owner's: set TOOLMESH_API_KEY to call as the owner.")
    elif owner.api_key is None:
        say(f"The owner's API key is the one made earlier; without {settings.data_dir / 'owner.json'} a new one is made.")
    if owner.password is None and owner.password_hash is not None:
        say("The owner's password is the one made earlier; it goes with the same file.")
    if owner.api_key is None and owner.password is None:
        return
    say()
    say("Made for you, and shown only this once:")
    if owner.password is not None:
        say(f"  owner        {settings.auth_user}")
        say(f"  password     {owner.password}    (to log in when ChatGPT or Claude connects)")
    if owner.api_key is not None:
        say(f"  API key      {owner.api_key}")
    say()


def say_backends(entries: tuple[BackendEntry, ...], roll: dict[str, Presence]) -> None:
    """The table of backends; one that no worker has told of, or that still starts, is `not yet`."""
    rows = []
    for entry in entries:
        found = roll.get(entry.name)
        state = "not yet" if found is None or found.state == "starting" else found.state
        rows.append((entry.name, entry.transport, state, found.detail if found else ""))
    say()
    say_table(("backend", "transport", "state", ""), rows)


def say_first_call(settings: Settings, api_key: str | None) -> None:
    """A line to copy that calls `echo_add`. Without the key itself it takes it from `$TOOLMESH_API_KEY`."""
    say()
    say("A first call:" if api_key else "A first call (TOOLMESH_API_KEY holds the owner's key):")
    say(first_call(endpoint(settings), api_key or "$TOOLMESH_API_KEY"))
    say()
