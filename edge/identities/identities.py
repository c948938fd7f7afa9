"""Who may come in, as settings and files say it at one moment; a change of a file makes a new one (`shared/watched.py`).

Roles and plan are looked up in it at each request, also of somebody who logged in long ago: who is not in it any more, or
is disabled, is out at once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edge.identities.caller_classes import CallerClasses
from edge.identities.passwords import dummy_like
from shared.api_keys import digest
from shared.caller_classes_file import CALLER_CLASSES_FILE, load_caller_classes
from shared.claims_mapping import principal_of as mapped
from shared.configuration import ApiKeyEntry, UserEntry
from shared.errors import ConfigurationError
from shared.findings import Findings
from shared.foreign_identity import Subject
from shared.identity import Principal
from shared.identity_providers_file import IDENTITY_PROVIDERS_FILE, IdentityProviderEntry, load_identity_providers
from shared.settings import Secret, Settings
from shared.users_file import USERS_FILE, load_users
from shared.yaml_files import API_KEYS_FILE, load_api_keys

T = TypeVar("T")

_PRINCIPALS_MAX = 10_000
_Caller = tuple[Subject, str, str, tuple[str, ...] | None]
"""User, caller_id, caller_name, scopes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may come in after a log-in, or might if the account was not disabled."""

    username: str
    tenant: str
    plan: str
    roles: tuple[str, ...]
    owner: bool
    disabled: bool


class Identities:
    """Never changed: whoever asks takes the newest as a whole."""

    def __init__(
        self,
        settings: Settings,
        users: Iterable[UserEntry] = (),
        keys: Iterable[ApiKeyEntry] = (),
        classes: Mapping[str, Iterable[str]] | None = None,
        providers: Iterable[IdentityProviderEntry] = (),
    ) -> None:
        users = tuple(users)
        self.password_log_in = settings.password_login
        """Whether anybody can log in with a password."""
        self._issues_tokens = settings.own_authorization_server != "off"
        self.providers = tuple(providers)
        """Where people can log in elsewhere."""
        self._by_issuer = {provider.site: provider for provider in self.providers}
        self._classes = CallerClasses(classes or {})
        self._accounts = {user.username: _account(user) for user in users}
        self._hashes = {u.username: u.password_hash for u in users if u.password_hash is not None and not u.disabled}
        self._passwords: dict[str, Secret] = {}
        self._principals: dict[_Caller, Principal] = {}
        self._add_owner(settings)
        self.dummy_hash = dummy_like(next(iter(self._hashes.values()), ""))
        """Checked where there is nothing to check. It costs what the file's first hash does, so that time tells least."""
        self._by_digest: dict[str, Principal] = {}
        slow: dict[str, Principal] = {}
        for entry in keys:
            principal = self._principal_of_key(entry)
            if principal is not None and entry.key_sha256 is not None:
                self._by_digest[entry.key_sha256.lower()] = principal
            elif principal is not None and entry.key_hash is not None:
                slow[entry.key_hash] = principal
        self.slow_keys: Mapping[str, Principal] = slow
        """bcrypt hash of a key → whose it is. Only `edge/identities/slow_keys.py` asks."""
        self._add_owners_keys(settings)

    def account(self, username: str) -> Account | None:
        """The account of that very name. The owner has one as long as there is a password to log in with."""
        return self._accounts.get(username)

    def standing(self, subject: Subject) -> Account | None:
        """What somebody who logged in is now; None for who may not come in any more, or is disabled."""
        if isinstance(subject, str):
            account = self._accounts.get(subject)
            return None if account is None or account.disabled else account
        provider = self._by_issuer.get(subject.issuer)
        found = mapped(subject, provider, caller_id="") if provider is not None else None
        if found is None:
            return None
        return Account(
            username=found.subject, tenant=found.tenant, plan=found.plan, roles=found.roles, owner=False, disabled=False
        )

    def called(self, subject: Subject) -> str:
        """What somebody who logged in is told of whom they are here."""
        if isinstance(subject, str):
            return subject
        provider = self._by_issuer.get(subject.issuer)
        return f"{subject.name or subject.email or subject.subject} ({provider.shown if provider else subject.issuer})"

    def principal_of(
        self, subject: Subject, *, caller_id: str, caller_name: str, scopes: tuple[str, ...] | None
    ) -> Principal | None:
        """Whom a client acts for, as roles and plan are now; None where they may not come in any more."""
        caller = (subject, caller_id, caller_name, scopes)
        known = self._principals.get(caller)
        if known is not None:
            return known
        account = self.standing(subject)
        if account is None:
            return None
        if len(self._principals) >= _PRINCIPALS_MAX:
            self._principals.clear()
        principal = self._principals[caller] = Principal(
            tenant=account.tenant,
            subject=account.username,
            roles=account.roles,
            plan=account.plan,
            caller_id=caller_id,
            owner=account.owner,
            caller_name=caller_name,
            caller_class=self.caller_class(caller_id),
            scopes=scopes,
        )
        return principal

    def by_key(self, key_digest: str) -> Principal | None:
        """Whose API key has that SHA-256, in 64 lower-case hex digits."""
        return self._by_digest.get(key_digest)

    def caller_class(self, caller_id: str) -> str:
        """The class of `caller-classes.yaml` that a client or key is of."""
        return self._classes.of(caller_id)

    def password_hash(self, username: str) -> str | None:
        """The hash to check a password of that user against; None where there is none, or the account is disabled."""
        return self._hashes.get(username)

    def plain_password(self, username: str) -> Secret | None:
        """The owner's password, where the environment gives it as it is."""
        return self._passwords.get(username)

    @property
    def anybody(self) -> bool:
        """Whether there is anybody who could come in."""
        by_password = self.password_log_in and (self._hashes or self._passwords)
        by_log_in = self._issues_tokens and (by_password or self.providers)
        return any((self._by_digest, self.slow_keys, by_log_in))

    def _add_owner(self, settings: Settings) -> None:
        """A user of that very name in users.yaml is that user, and no owner."""
        name, password, stored = settings.auth_user, settings.auth_password, settings.owner_password_hash
        if name in self._accounts or (password is None and stored is None):
            return
        self._accounts[name] = Account(
            username=name,
            tenant=Principal(subject=name).tenant,
            plan=settings.auth_plan,
            roles=settings.auth_roles,
            owner=True,
            disabled=False,
        )
        if password is not None:
            self._passwords[name] = password
        elif stored is not None:
            self._hashes[name] = stored.reveal()

    def _add_owners_keys(self, settings: Settings) -> None:
        if self._is_disabled(settings.auth_user):
            return
        owner = Principal(
            subject=settings.auth_user,
            plan=settings.auth_plan,
            roles=settings.auth_roles,
            caller_id=settings.auth_user,
            owner=True,
            caller_class=self.caller_class(settings.auth_user),
        )
        if settings.api_key is not None:
            self._by_digest[digest(settings.api_key.reveal())] = owner
        if settings.owner_key_sha256 is not None:
            self._by_digest[settings.owner_key_sha256.lower()] = owner

    def _principal_of_key(self, entry: ApiKeyEntry) -> Principal | None:
        if self._is_disabled(entry.user_id):
            return None
        caller_id = entry.caller_id or entry.user_id
        return Principal(
            tenant=entry.company_id,
            subject=entry.user_id,
            plan=entry.plan,
            roles=entry.roles,
            caller_id=caller_id,
            caller_class=self.caller_class(caller_id),
        )

    def _is_disabled(self, username: str) -> bool:
        account = self._accounts.get(username)
        return account is not None and account.disabled


def identity_files(settings: Settings) -> tuple[Path, ...]:
    """The files that `load_identities` reads, whether they are there or not."""
    directory = settings.config_dir
    return (
        settings.users_config or directory / USERS_FILE,
        settings.apikeys_config or directory / API_KEYS_FILE,
        settings.caller_classes_config or directory / CALLER_CLASSES_FILE,
        settings.identity_providers_config or directory / IDENTITY_PROVIDERS_FILE,
    )


def load_identities(settings: Settings) -> Identities:
    """Read the files. Raises ConfigurationError with all problems of all of them."""
    findings = Findings()
    directory = settings.config_dir
    users = _read(findings, lambda: load_users(directory, settings.users_config))
    keys = _read(findings, lambda: load_api_keys(directory, settings.apikeys_config))
    classes = _read(findings, lambda: load_caller_classes(directory, settings.caller_classes_config))
    providers = _read(findings, lambda: load_identity_providers(directory, settings.identity_providers_config))
    findings.stop()
    return Identities(settings, users or (), keys or (), classes, providers or ())


def _read(findings: Findings, load: Callable[[], T]) -> T | None:
    try:
        return load()
    except ConfigurationError as error:
        findings.take(error)
        return None


def _account(user: UserEntry) -> Account:
    return Account(
        username=user.username,
        tenant=user.company,
        plan=user.plan,
        roles=user.roles,
        owner=False,
        disabled=user.disabled,
    )
