"""What a foreign client is asked to do at one server, and what it saw there."""

from typing import Any

import msgspec


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One tool, prompt or resource to use, and what has to come back."""

    name: str
    """Its name; of a resource the URI."""
    arguments: dict[str, Any] = {}
    said: str
    """Part of the text that must come."""
    steps: int = 0
    """Of a tool: progress notifications that must come before."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """List what a server has, and use what is asked for."""

    tool: Ask
    progress: Ask | None = None
    """A second tool, that is called with a progress token."""
    prompt: Ask | None = None
    resource: Ask | None = None

    def prefixed(self, backend: str) -> "Visit":
        """The same at the endpoint of all backends, where tools and prompts carry the backend's name."""

        def rename(ask: Ask) -> Ask:
            return msgspec.structs.replace(ask, name=f"{backend}_{ask.name}")

        return Visit(
            tool=rename(self.tool),
            progress=rename(self.progress) if self.progress else None,
            prompt=rename(self.prompt) if self.prompt else None,
        )


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a client saw of one visit."""

    error: str = ""
    """What went wrong, as the client says it; empty where nothing did."""
    protocol: str = ""
    """The negotiated version; empty where the client does not tell."""
    tools: list[str] = []
    said: str = ""
    progressed: str = ""
    steps: list[float] = []
    prompts: list[str] = []
    prompted: str = ""
    resources: list[str] = []
    read: str = ""
    asked: list[str] = []
    """Methods of the requests that the client got from the server, in their order."""


def check(visit: Visit, seen: Seen, protocol: str, *, last_step_may_be_late: bool = False) -> None:
    """That everything came that was asked for.

    The TypeScript SDKs hand over a notification a turn later than an answer: progress that comes in one piece with the
    answer finds its handler gone.
    """
    assert not seen.error, seen.error
    assert seen.protocol in ("", protocol)
    assert visit.tool.name in seen.tools
    assert visit.tool.said in seen.said
    if visit.progress:
        assert visit.progress.said in seen.progressed
        steps = [float(step + 1) for step in range(visit.progress.steps)]
        assert seen.steps == steps or (last_step_may_be_late and seen.steps == steps[:-1])
    if visit.prompt:
        assert visit.prompt.name in seen.prompts
        assert visit.prompt.said in seen.prompted
    if visit.resource:
        assert visit.resource.name in seen.resources
        assert visit.resource.said in seen.read
