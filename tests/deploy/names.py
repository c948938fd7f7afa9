"""A name server on loopback that knows one name, as an engine's does: its addresses are whoever runs now (RFC 1035)."""

import ipaddress
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.mesh import WAIT_S

_A = 1
_HEAD = struct.Struct(">HHHHHH")
_ANSWER = struct.Struct(">HHHIH4s")
_RECURSIVE_ANSWER = 0x8180
_NAME_OF_THE_QUESTION = 0xC00C
_BYTES_MAX = 512


class Names:
    """Answers every question for an address with those in `addresses`."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.place = "udp/{}:{}".format(*self.socket.getsockname())

    def serve(self) -> None:
        """Until an empty datagram comes."""
        while True:
            question, client = self.socket.recvfrom(_BYTES_MAX)
            if not question:
                return
            self.socket.sendto(self._answer(question), client)

    def _answer(self, question: bytes) -> bytes:
        end = question.index(b"\0", _HEAD.size) + 5
        (kind,) = struct.unpack_from(">H", question, end - 4)
        found = [ipaddress.IPv4Address(each).packed for each in self.addresses] if kind == _A else []
        head = _HEAD.pack(struct.unpack_from(">H", question)[0], _RECURSIVE_ANSWER, 1, len(found), 0, 0)
        answers = [_ANSWER.pack(_NAME_OF_THE_QUESTION, _A, 1, 1, 4, address) for address in found]
        return b"".join([head, question[_HEAD.size : end], *answers])


@contextmanager
def names(addresses: list[str]) -> Iterator[Names]:
    """A name server that ends with the test."""
    server = Names(addresses)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.socket.sendto(b"", server.socket.getsockname())
        thread.join(WAIT_S)
        server.socket.close()
