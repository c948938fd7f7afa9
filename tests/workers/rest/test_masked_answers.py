"""What an upstream echoes of our credential is gone before anybody has its answer."""

import base64

import pytest
import yarl

from shared.configuration import BackendEntry
from shared.settings import Settings
from tests.upstreams.recorder import Recorded, Reply, recording
from tests.upstreams.started import run
from workers.backends.rest.wire import Wire
from workers.egress.outgoing import Outgoing
from workers.masking import Mask

TOKEN = "canary-0123456789/abc+def"
BASIC = base64.b64encode(f"user:{TOKEN}".encode()).decode()


def _echo(request: Recorded) -> Reply:
    said = f'{{"token":"{TOKEN}","basic":"{BASIC}","rows":[1]}}'
    headers = {"X-Echo": f"Bearer {TOKEN}", "X-Plain": "seen", "Set-Cookie": f"session={TOKEN}"}
    return Reply(400, said.encode(), headers)


def test_body_and_headers_are_without_it_and_cookies_are_as_they_came() -> None:
    async def test() -> None:
        async with recording(_echo) as upstream:
            wire = Wire(BackendEntry(name="wx", transport="rest"), Settings(), Mask(lambda: (TOKEN,)))
            wire.open()
            request = Outgoing(method="GET", url=yarl.URL(upstream.url))
            try:
                answer = await wire.send(request)
                plain = await wire.send(request, masked=False)
            finally:
                await wire.close()
        assert b"canary" not in answer.body
        assert BASIC[8:].encode() not in answer.body
        assert answer.body.endswith(b'"rows":[1]}')
        assert answer.headers["x-echo"] == "Bearer ***"
        assert answer.headers["X-Plain"] == "seen"
        assert TOKEN not in repr(answer)
        assert answer.cookies == (f"session={TOKEN}",)
        assert TOKEN.encode() in plain.body
        assert plain.headers["X-Echo"] == f"Bearer {TOKEN}"

    run(test)


WIDE = {
    "utf-16 by its word": ("utf-16", "text/plain; charset=utf-16"),
    "utf-16 as python does not spell it": ("utf-16-le", "text/plain; charset=utf16le"),
    "utf-32 as python does not spell it": ("utf-32-be", "text/plain; charset=UTF32BE"),
    "utf-16 by its mark": ("utf-16", "text/plain"),
    "json in utf-16": ("utf-16-le", "application/json"),
    "json in utf-32": ("utf-32", "application/json"),
}


@pytest.mark.parametrize("case", WIDE)
def test_it_is_found_where_characters_have_several_bytes(case: str) -> None:
    encoding, content_type = WIDE[case]
    body = f'{{"seen":"{TOKEN}","\u00fc":1}}'.encode(encoding)

    async def test() -> None:
        async with recording(lambda request: Reply(500, body, {"Content-Type": content_type})) as upstream:
            wire = Wire(BackendEntry(name="wx", transport="rest"), Settings(), Mask(lambda: (TOKEN,)))
            wire.open()
            try:
                answer = await wire.send(Outgoing(method="GET", url=yarl.URL(upstream.url)))
            finally:
                await wire.close()
        assert answer.body.decode() == '{"seen":"***","\u00fc":1}'
        assert answer.headers["Content-Type"].endswith("charset=utf-8")

    run(test)
