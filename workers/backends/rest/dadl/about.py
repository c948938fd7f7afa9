"""What a file says for people: examples, coverage, how to set up credentials (DADL 0.2). None of it changes requests."""

from workers.backends.rest.dadl.part import Part


class Example(Part, frozen=True, kw_only=True):
    """A script over several tools, for models to learn from."""

    name: str
    description: str
    code: str


class Coverage(Part, frozen=True, kw_only=True):
    """How much of the API the file describes."""

    endpoints: int | None = None
    total_endpoints: int | None = None
    percentage: int | None = None
    focus: str = ""
    missing: str = ""
    last_reviewed: str = ""


class Setup(Part, frozen=True, kw_only=True):
    """What an operator does before the first call."""

    credential_steps: tuple[str, ...] = ()
    env_var: str = ""
    backends_yaml: str = ""
    required_scopes: tuple[str, ...] = ()
    optional_scopes: tuple[str, ...] = ()
    docs_url: str = ""
    notes: str = ""
