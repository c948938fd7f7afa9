"""The sequential client: HTTP/1.1 over one blocking socket, so that little more than the server's own time is measured."""

import secrets
import socket
import time
from itertools import count
from typing import Self
from urllib.parse import urlsplit

from bench.target import COUNTER, Target


class BadAnswer(Exception):
    """A server answered something else than what the bench asked for."""


class Connection:
    """One kept-alive connection to a target. One call at a time."""

    def __init__(self, target: Target, timeout_s: float = 30.0) -> None:
        address = urlsplit(target.url)
        assert address.hostname is not None
        self._target = target
        self._socket = socket.create_connection((address.hostname, address.port or 80), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._body = target.template(secrets.token_hex(4))
        lines = [f"POST {address.path} HTTP/1.1", f"Host: {address.netloc}"]
        lines += [f"{name}: {value}" for name, value in target.headers().items()]
        self._head = "\r\n".join(lines)
        self._numbers = count(1)
        self.answer = ""
        """The body of the last answer."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def call(self) -> float:
        """Make one call; seconds from the first byte sent to the last one read. Raises BadAnswer."""
        body = self._body.replace(COUNTER, str(next(self._numbers)))
        request = f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        begun = time.perf_counter()
        self._socket.sendall(request)
        status, self.answer = self._read()
        taken = time.perf_counter() - begun
        if not self._target.accepts(status, self.answer):
            raise BadAnswer(f"{self._target.name}: {status} {self.answer[:300]}")
        return taken

    def _read(self) -> tuple[int, str]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "content-length" in headers:
            while len(body) < int(headers["content-length"]):
                body += self._more()
        elif headers.get("transfer-encoding") == "chunked":
            while not body.endswith(b"0\r\n\r\n"):
                body += self._more()
        return int(status_line.split()[1]), body.decode()

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise BadAnswer(f"{self._target.name}: the connection was closed in the middle of an answer")
        return data
