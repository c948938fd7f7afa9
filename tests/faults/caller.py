"""A client of either era: calls on connections that may break or be cut, and the same call again at another edge."""

import http.client
import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.client import MODERN, Client, messages_of
from tests.faults.trail import digest_of
from tests.mesh import API_KEY

Era = Literal["modern", "legacy"]
LEGACY = "2025-11-25"
_WRITER = Client("", API_KEY)
"""Writes requests; sends none."""
_WRITER.close()
_PIECE = 64 * 1024


class Broken(Exception):
    """The connection broke before the answer was whole; or there was none to be had."""


class Silent(Exception):
    """The answer did not come in time, and the connection stood."""


class Refused(Exception):
    """An HTTP answer that is no answer to a call: `status`."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body[:200]}")
        self.status = status


@dataclass(frozen=True)
class Answer:
    """What came back for a call."""

    code: str
    """`ok`, `error` (the tool's own), or a slug."""
    text: str
    call_id: str
    attached: bool
    body: dict[str, Any]
    """The whole JSON-RPC response."""
    took_s: float = 0.0

    @property
    def error(self) -> dict[str, Any]:
        """The facts of an error."""
        return dict(self.body["result"]["structuredContent"]["error"])


def read_answer(body: dict[str, Any], took_s: float = 0.0) -> Answer:
    """A JSON-RPC response as an answer."""
    if "error" in body:
        data = body["error"].get("data") or {}
        code = data.get("code") or f"rpc {body['error']['code']}"
        return Answer(code, "", data.get("call_id", ""), False, body, took_s)
    result = body["result"]
    call = (result.get("_meta") or {}).get("toolmesh/call") or {}
    text = "".join(block.get("text", "") for block in result.get("content") or ())
    call_id, attached = str(call.get("callId", "")), bool(call.get("attached"))
    if not result.get("isError"):
        return Answer("ok", text, call_id, attached, body, took_s)
    facts = (result.get("structuredContent") or {}).get("error") or {}
    return Answer(facts.get("code", "error"), text, call_id or facts.get("call_id", ""), attached, body, took_s)


class Sending:
    """One request on a connection of its own, which can be cut from another thread."""

    def __init__(self, url: str, body: bytes, headers: dict[str, str], limit_s: float) -> None:
        where = urlsplit(url)
        assert where.hostname is not None
        self._until = time.monotonic() + limit_s
        self._connection = http.client.HTTPConnection(where.hostname, where.port, timeout=limit_s)
        self._path, self._body, self._headers = where.path, body, headers
        self.cut_by_us = False
        self.sent = threading.Event()
        """The request is in the system's hands; whether anybody reads it is another matter."""

    def exchange(self) -> tuple[int, dict[str, str], bytes]:
        """Send, and read the whole answer: status, headers (names in lower case) and body. Raises Broken, Silent."""
        try:
            self._connection.request("POST", self._path, self._body, self._headers)
            self.sent.set()
            answer = self._connection.getresponse()
            content = b""
            while piece := self._read(answer):
                content += piece
            if len(content) < int(answer.getheader("content-length") or 0):
                raise Broken("the answer is cut off")
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content
        except TimeoutError:
            raise Silent from None
        except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
            # A connection that is closed under its reader shows itself in many ways.
            raise Broken(f"{type(error).__name__}: {error}") from None
        finally:
            self._connection.close()

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self._connection.sock is not None:
            self._connection.sock.settimeout(left)
        return answer.read1(_PIECE)

    def cut(self) -> None:
        """Close the connection, as a client does that has waited for long enough."""
        self.cut_by_us = True
        if (sock := self._connection.sock) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class Caller:
    """A client with a conversation; of the 2025 era with a session that all edges know."""

    def __init__(self, era: Era, *urls: str, limit_s: float = 40.0) -> None:
        """`limit_s`: after this time without an end a call counts as unanswered."""
        self.era = era
        self.urls = [f"{url}/mcp" for url in urls]
        self._limit_s = limit_s
        self._session = ""
        self._lock = threading.Lock()

    def message(self, tool: str, arguments: dict[str, Any], **meta: Any) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a call."""
        name = f"book_{tool}"
        era = MODERN if self.era == "modern" else LEGACY
        body = _WRITER.body("tools/call", {"name": name, "arguments": arguments}, 1, era, **meta)
        headers = _WRITER.headers("tools/call", name, era)
        if self._session:
            headers["Mcp-Session-Id"] = self._session
        return body, headers

    @staticmethod
    def digest(arguments: dict[str, Any]) -> str:
        """How the audit names them."""
        return digest_of(json.dumps(arguments).encode())

    def open(self, tool: str, arguments: dict[str, Any], edge: int = 0, **meta: Any) -> Sending:
        """A call that is ready to be sent to that edge. Raises Broken where the session can't be made."""
        if self.era == "legacy":
            self._ensure_session(edge)
        return Sending(self.urls[edge], *self.message(tool, arguments, **meta), self._limit_s)

    def answer(self, sending: Sending) -> Answer:
        """Send it and wait. Raises Broken, Silent, Refused."""
        began = time.monotonic()
        status, headers, content = sending.exchange()
        text = content.decode()
        try:
            streamed = headers.get("content-type", "").startswith("text/event-stream")
            body = [m for m in messages_of(text) if "id" in m and "method" not in m][-1] if streamed else json.loads(text)
        except (ValueError, IndexError):
            raise Refused(status, text) from None
        if status == 404:
            self._session = ""
            raise Refused(status, text)
        return read_answer(body, time.monotonic() - began)

    def call(self, tool: str, arguments: dict[str, Any], edge: int = 0, **meta: Any) -> Answer:
        """One sending. Raises Broken, Silent, Refused."""
        return self.answer(self.open(tool, arguments, edge, **meta))

    def _ensure_session(self, edge: int) -> None:
        with self._lock:
            if self._session:
                return
            params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "tests", "version": "0"}}
            body = _WRITER.body("initialize", params, 0, LEGACY)
            headers = _WRITER.headers("initialize", None, "")
            status, answered, content = Sending(self.urls[edge], body, headers, self._limit_s).exchange()
            if status != 200:
                raise Refused(status, content.decode())
            session = answered["mcp-session-id"]
            note = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
            headers = _WRITER.headers("", None, LEGACY) | {"Mcp-Session-Id": session}
            Sending(self.urls[edge], note, headers, self._limit_s).exchange()
            self._session = session


class Asked(threading.Thread):
    """One sending of a call in the background."""

    def __init__(self, caller: Caller, tool: str, arguments: dict[str, Any], edge: int = 0, **meta: Any) -> None:
        super().__init__(daemon=True)
        self._caller = caller
        self._sending = caller.open(tool, arguments, edge, **meta)
        self._answer: Answer | None = None
        self._failure: Exception | None = None
        self.began = time.monotonic()
        self.start()

    def run(self) -> None:
        try:
            self._answer = self._caller.answer(self._sending)
        except Exception as failure:  # whatever it is, it belongs to the one who asks
            self._failure = failure

    def wait_sent(self) -> None:
        """Wait until the whole request was sent."""
        assert self._sending.sent.wait(10), "the request was not sent"

    def cut(self) -> None:
        """Close the connection, and wait until that is done."""
        self._sending.cut()
        self._wait()

    def answer(self) -> Answer:
        """The answer; fails the test where there is none."""
        self._wait()
        assert self._answer is not None, repr(self._failure)
        return self._answer

    @property
    def broke(self) -> bool:
        """Whether its connection broke; waits for an end."""
        self._wait()
        return isinstance(self._failure, Broken)

    @property
    def ended(self) -> bool:
        """Whether it is over; does not wait."""
        return not self.is_alive()

    def _wait(self) -> None:
        self.join(60)
        assert not self.is_alive(), "the call has no end"
