"""`clients.yaml`: OAuth clients that the operator set up, from the file to checked structs."""

import re
from pathlib import Path

from shared.configuration import ClientEntry
from shared.findings import Findings
from shared.redirect_uris import problem_of
from shared.scopes import ALL
from shared.yaml_entries import EntriesFile, Report, load_entries

CLIENTS_FILE = "clients.yaml"
_FILE = EntriesFile(
    name=CLIENTS_FILE, key="clients", kind=ClientEntry, noun="client", named_by="client_id", entries_max=1_000, secret=True
)
_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def load_clients(config_dir: Path, file: Path | None = None, *, schemes: tuple[str, ...] = ()) -> tuple[ClientEntry, ...]:
    """The clients; none where the directory has no such file. Raises ConfigurationError, whose text shows no secret."""
    findings = Findings()
    found: list[ClientEntry] = []
    for entry, report in load_entries(_FILE, config_dir, file, findings):
        _check(entry, schemes, report)
        if any(entry.client_id == other.client_id for other in found):
            report("client_id", "an earlier entry has the same id. Give each client its own.")
        found.append(entry)
    findings.stop()
    return tuple(found)


def problem_of_id(client_id: str) -> str | None:
    """What is wrong with a client's id; None where nothing is."""
    return None if _ID.fullmatch(client_id) else "use 1 to 128 letters, digits and `-`, `.`, `_`, `~`."


def _check(entry: ClientEntry, schemes: tuple[str, ...], report: Report) -> None:
    if problem := problem_of_id(entry.client_id):
        report("client_id", problem)
    for uri in entry.redirect_uris:
        if problem := problem_of(uri, schemes):
            report("redirect_uris", problem)
    secret = entry.client_secret_sha256
    if (entry.token_endpoint_auth_method == "none") != (secret is None):  # noqa: S105 (a method's name)
        report(
            "token_endpoint_auth_method",
            "`none` is for a client without a secret, the other methods need `client_secret_sha256`. `toolmesh client add` "
            "writes a whole entry.",
        )
    if secret is not None and not _SHA256.fullmatch(secret):
        report("client_secret_sha256", "not 64 hex digits. Write the SHA-256 of the secret, never the secret itself.")
    if unknown := set(entry.scope.split()) - set(ALL):
        report("scope", f"`{sorted(unknown)[0][:40]}` is not a scope. There are {', '.join(ALL)}.")
