"""Ways in which a server, or the proxy in front of it, is really broken: one thing is bent, the rest is as it is."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from multidict import CIMultiDict


@dataclass(frozen=True)
class Asked:
    """A request that came to the front."""

    method: str
    path: str
    query: str
    headers: CIMultiDict[str]
    body: bytes
    connection: int
    """Number of the connection that it came over."""

    @property
    def message(self) -> dict[str, Any]:
        """The JSON object in its body; empty where there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def form(self) -> dict[str, str]:
        """The fields of its body."""
        return {name: values[0] for name, values in parse_qs(self.body.decode("latin-1")).items()}


@dataclass
class Answer:
    """What is answered, and how."""

    status: int
    headers: CIMultiDict[str]
    body: bytes = b""


class Change:
    """What becomes different. This one changes nothing."""

    whole = False
    """Whether the answer is collected until its end before anything of it is passed on."""
    dropped = False
    """Whether the connection is closed instead of an answer."""
    delay_s = 0.0
    """How long the answer is kept back."""
    cut_s: float | None = None
    """After what time the answer is broken off."""

    def instead(self, asked: Asked) -> Answer | None:
        """An answer that is given without the house being asked."""

    def sent(self, headers: CIMultiDict[str]) -> None:
        """Change the headers of the request on its way to the house."""

    def came(self, answer: Answer) -> None:
        """Change the answer; its body is there only where it is taken whole."""


@dataclass(frozen=True)
class Status(Change):
    """Another status, the rest as it was."""

    status: int

    def came(self, answer: Answer) -> None:
        answer.status = self.status


@dataclass(frozen=True)
class Header(Change):
    """A header of the answer has this value, or is not there."""

    name: str
    value: str | None

    def came(self, answer: Answer) -> None:
        _put(answer.headers, self.name, self.value)


@dataclass(frozen=True)
class Sent(Change):
    """A header of the request reaches the house with this value, or not at all."""

    name: str
    value: str | None

    def sent(self, headers: CIMultiDict[str]) -> None:
        _put(headers, self.name, self.value)


@dataclass(frozen=True)
class Replaced(Change):
    """A text of a header is another one. `pattern`: a regular expression."""

    name: str
    pattern: str
    by: str

    def came(self, answer: Answer) -> None:
        if (value := answer.headers.get(self.name)) is not None:
            answer.headers[self.name] = re.sub(self.pattern, self.by, value)


@dataclass(frozen=True)
class Edited(Change):
    """The JSON of the body is another one: `edit` changes it in its place, or gives what is to stand there."""

    edit: Callable[[Any], Any]
    whole = True

    def came(self, answer: Answer) -> None:
        value = json.loads(answer.body)
        given = self.edit(value)
        answer.body = json.dumps(value if given is None else given).encode()


def without(*names: str) -> Edited:
    """Members of the body's JSON object that are not there."""

    def edit(value: Any) -> None:
        for name in names:
            value.pop(name, None)

    return Edited(edit)


def with_members(**members: Any) -> Edited:
    """Members of the body's JSON object that have these values."""
    return Edited(lambda value: value | members)


def in_result(edit: Callable[[Any], Any]) -> Edited:
    """As `Edited`, of the result of a JSON-RPC answer, where it has one."""

    def change(message: Any) -> None:
        if "result" in message:
            given = edit(message["result"])
            message["result"] = message["result"] if given is None else given

    return Edited(change)


@dataclass(frozen=True)
class Streamed(Change):
    """A JSON answer comes as an event stream."""

    whole = True

    def came(self, answer: Answer) -> None:
        answer.headers["content-type"] = "text/event-stream"
        answer.body = b"event: message\ndata: " + answer.body + b"\n\n"


@dataclass(frozen=True)
class Instead(Change):
    """Another answer, without the house being asked."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def instead(self, asked: Asked) -> Answer:
        return Answer(self.status, CIMultiDict({"content-type": self.content_type, **self.headers}), self.body)


def page(status: int = 200, text: str = "<!doctype html><title>Just a moment</title>") -> Instead:
    """A page of HTML."""
    return Instead(status, text.encode(), "text/html")


def redirect(location: str, status: int = 307) -> Instead:
    """A redirect."""
    return Instead(status, b"", "text/plain", {"location": location})


@dataclass(frozen=True)
class Computed(Change):
    """An answer that depends on the request; None: the house's own."""

    answer: Callable[[Asked], Answer | None]

    def instead(self, asked: Asked) -> Answer | None:
        return self.answer(asked)


def json_answer(said: Any, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, CIMultiDict({"content-type": "application/json"}), json.dumps(said).encode())


@dataclass(frozen=True)
class Delayed(Change):
    """The answer is kept back."""

    delay_s: float


@dataclass(frozen=True)
class Buffered(Change):
    """Nothing is passed on before the house has ended its answer, as a proxy does that buffers."""

    whole = True


@dataclass(frozen=True)
class Cut(Change):
    """The answer is broken off after a time, as a proxy does that waits so long at most."""

    cut_s: float | None


@dataclass(frozen=True)
class Dropped(Change):
    """The connection is closed without an answer."""

    dropped = True


When = Callable[[Asked], bool]


def always(_asked: Asked) -> bool:
    """Each request."""
    return True


def rpc(*methods: str) -> When:
    """Requests of these JSON-RPC methods."""
    return lambda asked: asked.message.get("method") in methods


def fields(**wanted: str) -> When:
    """Forms with these fields."""
    return lambda asked: wanted.items() <= asked.form.items()


@dataclass(frozen=True)
class Bend:
    """One thing that is bent. `path`: exactly, or of all paths where it is `*`; `method` likewise; `when`: further what
    the request has to be like."""

    path: str
    method: str
    change: Change
    when: When = always

    def meets(self, asked: Asked) -> bool:
        """Whether a request is bent."""
        return self.path in ("*", asked.path) and self.method in ("*", asked.method) and self.when(asked)


def changes_for(bends: tuple[Bend, ...], asked: Asked) -> Iterator[Change]:
    """All that is to be changed, in the order of the bends."""
    return (bend.change for bend in bends if bend.meets(asked))


def _put(headers: CIMultiDict[str], name: str, value: str | None) -> None:
    headers.popall(name, None)
    if value is not None:
        headers[name] = value
