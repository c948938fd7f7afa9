"""`users.yaml`: who may log in with a password (`shared/configuration.py`). In upstream's format."""

from pathlib import Path

from shared.configuration import UserEntry
from shared.findings import Findings
from shared.password_hashes import ARGON2_MEMORY_KIB_MAX, BCRYPT_COST_MAX, kind_of
from shared.usernames import likeness, problem_of
from shared.yaml_entries import EntriesFile, Report, load_entries

USERS_FILE = "users.yaml"
USERS_MAX = 10_000

_USERS = EntriesFile(
    name=USERS_FILE, key="users", kind=UserEntry, noun="user", named_by="username", entries_max=USERS_MAX, secret=True
)


def load_users(config_dir: Path, file: Path | None = None) -> tuple[UserEntry, ...]:
    """The users; none where the file is missing. `file` stands for `users.yaml` of the directory.

    Raises ConfigurationError with all problems of the file, whose text shows no hash.
    """
    findings = Findings()
    entries: list[UserEntry] = []
    names: set[str] = set()
    alike: dict[str, str] = {}
    for entry, report in load_entries(_USERS, config_dir, file, findings):
        _check(entry, report)
        other = alike.setdefault(likeness(entry.username), entry.username)
        if other != entry.username:
            report("username", f"`{entry.username[:40]}` looks like the user `{other[:40]}` above. Rename one of them.")
        elif entry.username in names:
            report("username", f"a second user is called `{entry.username[:40]}`. Keep one of the two.")
        names.add(entry.username)
        entries.append(entry)
    findings.stop()
    return tuple(entries)


def _check(entry: UserEntry, report: Report) -> None:
    if problem := problem_of(entry.username):
        report("username", f"the name {problem}. Write 1 to 128 visible characters.")
    if entry.password_hash is not None and kind_of(entry.password_hash) not in ("argon2id", "bcrypt"):
        report(
            "password_hash",
            f"neither a bcrypt hash (`$2a$`, `$2b$` or `$2y$`, of a cost up to {BCRYPT_COST_MAX}) nor one of argon2id "
            f"(version 19, up to {ARGON2_MEMORY_KIB_MAX} KiB). `toolmesh user passwd` writes one; by hand, put it in "
            "single quotes.",
        )
