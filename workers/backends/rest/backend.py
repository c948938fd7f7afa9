"""The backend of kind `rest`: what it is made of, its deadline, its offer."""

import asyncio
import weakref
from collections.abc import Callable, Collection
from dataclasses import replace

from shared.configuration import BackendEntry
from shared.errors import BackendUnavailable, UnknownTool, UpstreamError, UpstreamTimeout
from shared.settings import Settings
from workers.backends.backend import Invocation, Offer
from workers.backends.rest.attempts.attempts import Attempts
from workers.backends.rest.attempts.rate_limits import RateLimits
from workers.backends.rest.auth.authenticator import Authenticator, Unauthenticated
from workers.backends.rest.auth.opening import open_authenticator
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.definitions import Definitions
from workers.backends.rest.failed import Failed
from workers.backends.rest.held import Held, base_url_of
from workers.backends.rest.operation import Parts, arguments_of
from workers.backends.rest.requests.fetching import Files
from workers.backends.rest.response.pipeline import Pipeline
from workers.backends.rest.wire import Wire
from workers.backends.timeout import timeout_s
from workers.blobs import Blobs
from workers.children.scripts import COMPOSITES, Scripts
from workers.children.transforms import Transforms
from workers.credentials import Credentials
from workers.equipment import Equipment
from workers.masking import Mask


class RestBackend:
    """One REST API."""

    def __init__(self, entry: BackendEntry, settings: Settings, credentials: Credentials, equipment: Equipment) -> None:
        """Raises ConfigurationError for an entry that can't work."""
        self._entry = entry
        self._settings = settings
        self._timeout_s = timeout_s(entry, settings)
        self._credentials = credentials
        self._equipment = equipment
        self._authenticator: Authenticator = Unauthenticated()
        self._authenticators: weakref.WeakSet[Authenticator] = weakref.WeakSet()
        """Also those of before: calls that run may be signed by them."""
        self._mask = Mask(self._secrets)
        self._wire = Wire(entry, settings, self._mask)
        self._files = Files(entry, settings)
        self._slots = asyncio.Semaphore(entry.options.connections or settings.upstream_connections)
        self._rate_limits = RateLimits(equipment.line, entry, settings)
        blobs = Blobs(entry, settings, equipment)
        self._pipeline = Pipeline(Transforms(equipment.children, settings), blobs, self._mask)
        self._scripts = Scripts(equipment.children, COMPOSITES)
        self._held: Held | None = None
        """What calls that begin now are made by: what was listed last, since that is what they were checked against."""
        self._newest: Held | None = None
        """What the file says; counts from the next listing on."""
        self._watching: asyncio.Task[None] | None = None

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Read the file. Raises ConfigurationError where it can't be used: it is read again when this is tried again."""

        def take_over(definition: Definition) -> None:
            self._hold(definition)
            changed()

        definitions = await asyncio.to_thread(Definitions, self._entry, self._settings, take_over)
        self._hold(definitions.newest)
        self._wire.open()
        self._files.open()
        self._watching = asyncio.create_task(definitions.keep_current(), name=f"dadl-{self._entry.name}")

    async def list_all(self) -> Offer:
        """What the file says. Calls are made by it from now on."""
        self._held = self._newest
        return self._in_force().offer

    async def call(self, invocation: Invocation) -> bytes:
        """Run a call; what an API answers as a failure is a result that says so. See the seam for what it raises."""
        if invocation.method != "tools/call":
            raise UpstreamError("Method not found", data={"error": {"code": -32601, "message": "Method not found"}})
        if (composed := self._in_force().composed(invocation.tool)) is not None:
            return await composed.run(invocation, arguments_of(invocation))
        until = min(invocation.deadline, asyncio.get_running_loop().time() + self._timeout_s)
        try:
            async with asyncio.timeout_at(until):
                return await self._run(replace(invocation, deadline=until))
        except Failed as failed:
            return self._mask(failed.result())
        except TimeoutError:
            raise UpstreamTimeout(f"Backend {self._entry.name!r} did not answer in time.") from None

    async def watch(self, uris: frozenset[str]) -> None:
        """There are no resources."""

    async def close(self) -> None:
        """Look at the file no longer, and close every connection."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for authenticator in list(self._authenticators):
            await authenticator.close()
        await self._wire.close()
        await self._files.close()

    async def _run(self, invocation: Invocation) -> bytes:
        operation = self._in_force().operation(invocation.tool)
        if operation is None:
            raise UnknownTool(f"The backend {self._entry.name!r} has no tool {invocation.tool!r}.")
        return await operation.run(invocation)

    def _hold(self, definition: Definition) -> None:
        """Get a definition ready. What authenticates goes on as long as nothing about that changes: it has tokens."""
        base_url = base_url_of(definition, self._entry)
        before, authenticator = self._newest, self._authenticator
        if before is None or (before.definition.auth, before.base_url) != (definition.auth, base_url):
            authenticator = open_authenticator(
                *(definition.auth, self._entry, self._credentials, self._wire, self._equipment, self._settings, base_url)
            )
        attempts = Attempts(
            *(self._wire, authenticator),
            slots=self._slots,
            rate_limits=self._rate_limits,
            redirects_max=self._settings.upstream_redirects_max,
        )
        bytes_max = self._settings.upstream_answer_bytes_max
        parts = Parts(
            attempts=attempts,
            pipeline=self._pipeline,
            answer_bytes_max=bytes_max,
            wire=self._wire,
            authenticator=authenticator,
            files=self._files,
            scripts=self._scripts,
            settings=self._settings,
        )
        self._newest = Held(definition, self._entry, base_url, parts)
        self._authenticator = authenticator
        self._authenticators.add(authenticator)
        if definition.composites:
            self._scripts.prepare()

    def _secrets(self) -> Collection[str]:
        """What no answer may show."""
        return [secret for each in self._authenticators for secret in each.secrets()]

    def _in_force(self) -> Held:
        if self._held is None:
            raise BackendUnavailable(f"The DADL file of backend {self._entry.name!r} is not read yet.")
        return self._held


def open_backend(entry: BackendEntry, settings: Settings, credentials: Credentials, *, equipment: Equipment) -> RestBackend:
    """Entry point `rest` of the group `toolmesh.backends`. Raises ConfigurationError for an entry that can't work."""
    return RestBackend(entry, settings, credentials, equipment)
