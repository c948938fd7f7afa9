"""jq programs of a file and of callers, run in children that can be killed. What goes wrong in one is a certain failure."""

from shared.errors import MeshError, SandboxBusy, SandboxUnavailable, TransformFailed
from shared.identity import share_of
from workers.backends.backend import Invocation
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.failed import Failed
from workers.children.transforms import Transforms

_DONE = "The request itself was carried out; only its answer could not be made the result."


def step_failed(code: str, message: str, status: int, *, retryable: bool = False) -> Failed:
    """A step on the way from an answer to the result has failed. The request was carried out, and the text says so."""
    ended = message if message.endswith((".", "?")) else f"{message}."  # what jq says has no full stop
    return Failed(code, f"{ended} {_DONE}", status=status, retryable=retryable)


class Programs:
    """Both kinds get a child that nobody but the caller has had: what they are run on is the caller's."""

    def __init__(self, transforms: Transforms) -> None:
        self._transforms = transforms

    def prepare(self) -> None:
        """Have a child ready before the first run."""
        self._transforms.prepare()

    async def transform(self, document: bytes, tool: Tool, invocation: Invocation, status: int) -> bytes:
        """The file's program. Raises Failed."""
        assert tool.response.transform is not None
        try:
            return await self._transforms.run(tool.response.transform, document, share_of(invocation.principal))
        except TransformFailed as error:
            # jq shows in its messages what it stumbled over, which is not looked through by `redact` yet.
            said = "What jq says of it is not shown, since the tool has `redact`." if tool.response.redact else error.detail
            raise step_failed(error.code, f"The tool's `transform` failed: {said}", status) from error
        except MeshError as error:
            raise _unrun("The tool's `transform`", error, invocation, status) from error

    async def override(self, program: str, document: bytes, invocation: Invocation, status: int) -> bytes:
        """A program of the caller's. Raises Failed."""
        try:
            return await self._transforms.run(program, document, share_of(invocation.principal))
        except TransformFailed as error:
            message = f"Your `jq` program failed: {error.detail}"
            raise step_failed("invalid_input", message, status) from error
        except MeshError as error:
            raise _unrun("Your `jq` program", error, invocation, status) from error


def _unrun(what: str, error: MeshError, invocation: Invocation, status: int) -> Failed:
    """A write is not to be sent again because its answer could not be looked at."""
    retryable = isinstance(error, SandboxBusy | SandboxUnavailable) and invocation.access == "read"
    return step_failed(error.code, f"{what} did not run to its end: {error.detail}", status, retryable=retryable)
