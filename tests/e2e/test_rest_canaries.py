"""No credential of a REST backend is anywhere but in the requests to its API: not in results, logs, the audit, what the
broker holds and is told, not in an edge's memory; though the API writes all of it back, in answers of every kind."""

import base64
import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from tests.e2e.echoing_api import WAYS, answers, said
from tests.mesh import Broker, Process, free_port, mesh
from tests.upstreams.recorder import Recorded, Reply, json_reply
from tests.upstreams.recorder_thread import recorder_thread
from tests.workers.rest.tokens import everything_in
from tests.workers.rest.written import V2

TOOLS = """    look:
      method: GET
      path: /api/{how}
      access: read
      description: A
      params: &how {how: {type: string, in: path}}
    put:
      method: POST
      path: /api/{how}
      description: A
      params: {how: {type: string, in: path}, x: {type: string, in: body}}
    part: &read
      method: GET
      path: /api/{how}
      access: read
      description: A
      params: *how
      response: {result_path: $.echo, metadata_path: $.base64}
    made: {<<: *read, response: {transform: ".url[0] | @uri", allow_jq_override: true}}
    told: {<<: *read, response: {}, errors: {format: json, message_path: $.echo, code_path: $.json}}
    stream: {<<: *read, response: {streaming: true}}
    file: {<<: *read, response: {binary: true}}
    pages:
      method: GET
      path: /api/headers
      access: read
      description: A
      pagination: {strategy: link_header, behavior: auto}
      response: {result_path: $.rows}
  composites:
    both:
      description: A
      code: |
        try { await api.look({how: 's401'}) } catch (error) { console.log(String(error.api_message), error.message) }
        return [await api.look({how: 's200'}), await api.part({how: 's200'})]
  health: {path: /api/s200, expect_path: $.echo, auth_expires_path: $.echo}
"""
AUTH = {
    "bearer": "{type: bearer, credential: bearer}",
    "header": "{type: apikey, credential: header, header_name: X-Key, prefix: 'Key '}",
    "query": "{type: apikey, credential: query, inject_into: query, query_param: key}",
    "basic": "{type: basic, username_credential: basic_user, password_credential: basic_password}",
    "oauth": "{type: oauth2, token_url: URL/token, client_id_credential: oauth_id, client_secret_credential: oauth_secret}",
    "refused": "{type: oauth2, token_url: URL/refusing, client_id_credential: refused_id, "
    "client_secret_credential: refused_secret}",
    "session": "{type: session, login: {method: POST, path: /login, body: {name: me, word: 'credential:session_word'}, "
    "extract: {t: $.t}}, inject: [{header: X-Session, value: 'S {{t}}'}], refresh: {trigger: '401', action: re_login}}",
    "gone": "{type: apikey, credential: gone, inject_into: query, query_param: key}",
}
CREDENTIALS = {
    **dict.fromkeys(("bearer", "header", "oauth_id", "refused_id"), "header"),
    **dict.fromkeys(("query", "basic_user", "basic_password", "oauth_secret", "refused_secret"), "text"),
    "session_word": "text",
    "gone": "text",
}
"""By name: what it may hold."""

ANSWERLESS = ("refused", "gone")
"""Backends that never come to ask the API."""
OTHER_CALLS = {
    "put": ("s200", "s401", "s500", "no_http", "cut", "redirect"),
    "told": ("s400", "s401", "no_http"),
    "part": ("s200", "text", "headers", "gzip"),
    "made": ("s200", "text"),
    "stream": ("lines", "events", "wide", "cut"),
    "file": ("picture", "s200"),
    "pages": ("",),
    "both": ("",),
}
"""By tool: the ways in which the API answers."""
ENDS = (secrets.token_hex(6), secrets.token_hex(6))
"""What each secret begins and ends with: random, so that nobody else writes any eight characters of it."""


def canary(kind: str = "header") -> str:
    """With all that is escaped somewhere."""
    between = {"header": '/+=%"\\&<', "text": '/+ =%"\\&<ä'}[kind]
    return ENDS[0] + between + secrets.token_hex(2) + ENDS[1]


def pieces(every: int) -> set[bytes]:
    """Eight characters of both ends from every so many on, plain (which escaping leaves as they are), in hex and base64."""
    written = []
    for raw in (end.encode() for end in ENDS):
        written += [raw, raw.hex().encode(), raw.hex().upper().encode()]
        for before in range(3):
            # What hangs on nothing but what is inside it.
            encoded = base64.b64encode(bytes(before) + raw)
            written.append(encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6])
    return {text[at : at + 8] for text in written for at in range(0, len(text) - 7, every)}


def seen_in(text: bytes, every: int = 1) -> list[bytes]:
    """Each piece of a secret that is there, with what is around it."""
    found = [(text.find(piece), piece) for piece in pieces(every)]
    return [text[max(0, at - 120) : at + 60] for at, _ in sorted(found) if at >= 0]


@dataclass
class Told:
    """What was found at one place; each has to hold something that shows that it was looked at."""

    text: bytes
    shows: bytes


@dataclass
class Canaries:
    """All secrets of the house. Mutable: log-ins and token endpoints give new ones."""

    given: dict[str, str] = field(default_factory=lambda: {name: canary(kind) for name, kind in CREDENTIALS.items()})
    got: list[str] = field(default_factory=list)

    def new(self) -> str:
        self.got.append(canary())
        return self.got[-1]

    @property
    def environment(self) -> dict[str, str]:
        return {f"CREDENTIAL_{name.upper()}": secret for name, secret in self.given.items()}


def upstream_of(canaries: Canaries, request: Recorded) -> Reply | bytes:
    if request.path == "/token":
        form = dict(parse_qsl(request.body.decode()))
        assert form["client_secret"] == canaries.given["oauth_secret"]
        return json_reply({"access_token": canaries.new(), "token_type": "Bearer", "expires_in": 3600})
    if request.path == "/refusing":
        secret = canaries.given["refused_secret"]
        return json_reply({"error": secret, "error_description": secret, "error_uri": said(request).decode()}, 400)
    if request.path == "/login":
        return json_reply({"t": canaries.new()}, Set_Cookie=f"sid={canaries.new()}")
    return answers(request)


class Monitor:
    """All that is said to a broker."""

    def __init__(self, broker: Broker) -> None:
        self._socket = socket.create_connection(("127.0.0.1", broker.port))
        self._socket.sendall(b"MONITOR\r\n")
        assert self._socket.recv(5) == b"+OK\r\n"
        self._came: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while came := self._socket.recv(1024 * 1024):
                self._came.append(came)
        except OSError:
            pass

    def end(self) -> bytes:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._socket.close()
        text = b"".join(self._came)
        # What is no printable ASCII is written `\xff`, and a backslash and a quote have one before them.
        return text + b"\n" + re.sub(rb"\\x([0-9a-f]{2})|\\(.)", _unescaped, text)


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if found[1] else found[2]


def memory_of(process: Process) -> bytes:
    """All that a process has written to its memory. Skips the test where the system does not let us."""
    maps = Path(f"/proc/{process.pid}/maps")
    try:
        regions = [line.split() for line in maps.read_text().splitlines()]
        found = [Path(f"/proc/{process.pid}/environ").read_bytes()]
        with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
            for where, rights, *_ in regions:
                if not rights.startswith("rw"):
                    continue
                begin, end = (int(text, 16) for text in where.split("-"))
                try:
                    found.append(os.pread(memory.fileno(), end - begin, begin))
                except OSError:
                    continue  # it is not there any more, or is the kernel's
    except (OSError, ValueError) as reason:
        pytest.skip(f"the memory of another process can't be read here: {reason}")
    return b"\n".join(found)


@dataclass
class House:
    canaries: Canaries
    requests: bytes
    places: dict[str, Told]
    edge: Process
    worker: Process


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    canaries = Canaries()
    with recorder_thread(partial(upstream_of, canaries)) as upstream:
        urls = dict.fromkeys(AUTH, upstream.url) | {"gone": f"http://127.0.0.1:{free_port()}"}
        rows = "".join(f'  - {{name: {name}, transport: rest, dadl: {name}.dadl, url: "{urls[name]}"}}\n' for name in AUTH)
        # LOG_LEVEL: what is logged for those who look for a defect.
        with mesh(tmp_path_factory.mktemp("canaries"), f"backends:\n{rows}", LOG_LEVEL="debug") as running:
            (running.config / "dadl").mkdir()
            for name, auth in AUTH.items():
                head = f"backend:\n  name: {name}\n  type: rest\n  description: Echo\n"
                text = f"{V2}{head}  auth: {auth.replace('URL', upstream.url)}\n  tools:\n{TOOLS}"
                (running.config / "dadl" / f"{name}.dadl").write_text(text)
            monitor = Monitor(running.broker)
            port = free_port()
            issuer = f"http://127.0.0.1:{port}"
            more = {"TOOLMESH_ISSUER": issuer, "TOOLMESH_DIRECT_TOOLS": "500"}
            client = running.start_edge(port, **more)
            worker = running.start_worker(**canaries.environment, **more)
            running.wait_for_tools(client, *(f"{name}_look" for name in AUTH))
            results = []

            def call(tool: str, **arguments: str) -> None:
                answer = client.call(tool, arguments)
                results.append(msgspec.json.encode(answer))
                for url in re.findall(r"http[^\"\\]*/blobs/[^\"\\]*", results[-1].decode()):
                    results.append(client.get(urlsplit(url).path).content)

            for name in AUTH:
                for way in WAYS if name not in ANSWERLESS else ("s200",):
                    call(f"{name}_look", how=way)
            for tool, ways in OTHER_CALLS.items():
                for name in ("query", "session"):
                    for way in ways:
                        call(f"{name}_{tool}", **({"how": way} if way else {}), **({"x": "a"} if tool == "put" else {}))
            for name in AUTH:
                call(f"{name}_health")
            call("query_made", how="s200", jq='error("\\(.)")')
            edge = running.edges[0][0]
            yield House(
                canaries=canaries,
                requests=b"\n".join(request.raw for request in upstream.requests),
                places={
                    "results": Told(b"\n".join(results), b"***"),
                    "the log of the edge": Told(edge.output().encode(), b"edge"),
                    "the log of the worker": Told(worker.output().encode(), b"a token was refused"),
                    "the audit": Told(msgspec.json.encode(running.audit()), b'"event":"audit"'),
                    "the broker": Told(everything_in(running.broker), b"rest-token"),
                    "what was said to the broker": Told(monitor.end(), b"FCALL"),
                },
                edge=edge,
                worker=worker,
            )


def test_the_api_had_each_credential(house: House) -> None:
    """The way in which everything else looks finds them where they are."""
    assert seen_in(house.requests)
    assert len(house.canaries.got) > 2


@pytest.mark.parametrize(
    "place",
    [
        *("results", "the log of the edge", "the log of the worker", "the audit", "the broker"),
        "what was said to the broker",
    ],
)
def test_no_part_of_a_credential_is_there(house: House, place: str) -> None:
    told = house.places[place]
    assert told.shows in told.text
    assert seen_in(told.text) == []


def test_no_part_of_a_credential_is_in_the_memory_of_an_edge(house: House) -> None:
    assert seen_in(memory_of(house.worker), 8), "they are found where they have to be"
    assert seen_in(memory_of(house.edge), 8) == []
