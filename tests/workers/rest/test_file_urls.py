"""Files that callers name by URL: fetched from where they may be, within limits, before anything is sent to the API."""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.mesh import free_port
from tests.upstreams.invocations import Caller
from tests.upstreams.recorder import Answers, Recorded, Recorder, Reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.parts import parts_of
from tests.workers.rest.planned import tool_of
from tests.workers.rest.written import V2

ID = "id: {type: string, in: query}"
FILE = "file: {type: file_url, in: body, required: true}"
SECOND = "second: {type: file_url, in: body}"
PARTS = {"content_type": "multipart/form-data"}
DADL = (
    V2
    + "requires: {features: [file_url]}\nbackend:\n  name: wx\n  type: rest\n  description: Weather\n"
    + "  auth: {type: bearer, credential: wx}\n  tools:\n"
    + f"    attach: {tool_of('POST', '/files', ID, FILE, SECOND, 'note: {type: string, in: body}', **PARTS)}\n"
    + f"    put: {tool_of('PUT', '/blob', FILE, content_type='application/octet-stream')}\n"
    + f"    small: {tool_of('POST', '/files', FILE, SECOND, max_body_size='2000', **PARTS)}\n"
)
NOT_PUBLIC = (
    "[invalid_input] The file of `file` can't be fetched: its URL leads to an address that is not public, or to a host "
    + "that the operator does not list. Give a URL that anyone on the internet can open. The worker's log names the "
    + "address; the operator can allow it (`file_url_allowed_hosts`, `private_hosts`, `allow_private_file_url`)."
)


@asynccontextmanager
async def placed(
    directory: Path, host: Answers | None = None, *, settings: dict[str, Any] | None = None, **entry: Any
) -> AsyncIterator[tuple[Caller, Recorder, Recorder]]:
    """A backend, its API, and a host of files; files may be private unless `entry` says otherwise."""
    async with recording() as api, recording(host) as files:
        how = {"allow_private_file_url": True} | entry
        async with opened(
            directory, DADL, api.url, environment={"CREDENTIAL_WX": "canary"}, settings=settings, **how
        ) as caller:
            yield caller, api, files


def refused(
    directory: Path,
    told: str,
    host: Answers | None = None,
    *,
    url: Callable[[Recorder], str] = lambda files: f"{files.url}/a.png",
    tool: str = "attach",
    settings: dict[str, Any] | None = None,
    fetched: int | None = None,
    **entry: Any,
) -> dict[str, Any]:
    """The error of a call whose file is not had: nothing reaches the API, and no mark is set."""
    errors: list[dict[str, Any]] = []

    async def test() -> None:
        async with placed(directory, host, settings=settings, **entry) as (caller, api, files):
            result = msgspec.json.decode(await caller.call(tool, {"file": url(files)}))
            assert result["isError"] is True
            assert re.search(told, result["content"][0]["text"]), result["content"][0]["text"]
            assert api.requests == []
            assert caller.dispatched == 0
            assert fetched is None or len(files.requests) == fetched
            errors.append(result["structuredContent"]["error"])

    run(test)
    return errors[0]


def test_a_file_goes_into_a_part_of_the_form(tmp_path: Path) -> None:
    async def test() -> None:
        headers = {"Content-Type": "image/png", "Content-Disposition": "attachment; filename*=UTF-8''%C3%BC%2f%22b.png"}
        async with placed(tmp_path, lambda request: Reply(200, b"\x89PNG", headers)) as (caller, api, files):
            await caller.call("attach", {"file": f"{files.url}/a%20b.bin?signed=1#x", "note": "hello", "id": "7"})
            (sent,) = api.requests
            assert sent.target == "/files?id=7"
            assert parts_of(sent.header("Content-Type") or "", sent.body) == [
                (
                    {"content-disposition": 'form-data; name="file"; filename="%22b.png"', "content-type": "image/png"},
                    b"\x89PNG",
                ),
                ({"content-disposition": 'form-data; name="note"'}, b"hello"),
            ]
            (fetched,) = files.requests
            assert (fetched.method, fetched.target) == ("GET", "/a%20b.bin?signed=1")
            assert {name.lower() for name, _ in fetched.headers} == {"host", "accept", "accept-encoding", "user-agent"}
            assert b"canary" not in fetched.raw

    run(test)


def test_a_file_is_a_body_as_it_is(tmp_path: Path) -> None:
    async def test() -> None:
        async with placed(tmp_path, lambda request: Reply(200, b"\x00\xff" * 100)) as (caller, api, files):
            await caller.call("put", {"file": f"{files.url}/x"})
            assert (api.last.method, api.last.body) == ("PUT", b"\x00\xff" * 100)
            assert api.last.header("Content-Type") == "application/octet-stream"
            large = b"0123456789abcdef" * 100_000
            files.answers = lambda request: Reply(200, large)
            await caller.call("put", {"file": f"{files.url}/large"})
            assert (api.last.body, api.last.header("Content-Length")) == (large, "1600000")
            files.answers = lambda request: Reply(200, b"")
            await caller.call("put", {"file": f"{files.url}/empty"})
            assert (api.last.body, api.last.header("Content-Length")) == (b"", "0")

    run(test)


def test_a_compressed_file_is_sent_as_what_it_is(tmp_path: Path) -> None:
    async def test() -> None:
        packed = Reply(200, zlib.compress(b"x" * 1000), {"Content-Encoding": "deflate"})
        async with placed(tmp_path, lambda request: packed) as (caller, api, files):
            await caller.call("put", {"file": f"{files.url}/x"})
            assert api.last.body == b"x" * 1000

    run(test)


def test_a_data_url_is_its_own_file(tmp_path: Path) -> None:
    async def test() -> None:
        async with placed(tmp_path) as (caller, api, files):
            await caller.call("attach", {"file": "DATA:text/csv;charset=utf-8;base64,YSxi", "second": "data:,a%20b"})
            assert parts_of(api.last.header("Content-Type") or "", api.last.body) == [
                (
                    {
                        "content-disposition": 'form-data; name="file"; filename="file"',
                        "content-type": "text/csv;charset=utf-8",
                    },
                    b"a,b",
                ),
                (
                    {
                        "content-disposition": 'form-data; name="second"; filename="second"',
                        "content-type": "text/plain;charset=US-ASCII",
                    },
                    b"a b",
                ),
            ]
            assert files.requests == []

    run(test)


@pytest.mark.parametrize("url", ["data:text/plain", "data:text/plain;base64,a!b", "data:text/plain;base64,a"])
def test_what_is_no_data_url_is_refused(tmp_path: Path, url: str) -> None:
    error = refused(tmp_path, r"^\[invalid_input\] The data URL of `file` can't be read: ", url=lambda files: url)
    assert error["retryable"] is False


@pytest.mark.parametrize(
    "url",
    [
        *("", "a.png", "/etc/passwd", "file:///etc/passwd", "ftp://x.example/a", "tm-blob://1", "http://", "http://[::1"),
        *("http://user:secret@x.example/a", "https://x.example/" + "a" * 9000, "javascript:alert(1)"),
    ],
)
def test_what_is_no_url_of_a_file_is_refused(tmp_path: Path, url: str) -> None:
    told = r"^\[invalid_input\] `file` is not the URL of a file\. Give one that begins with `https://`"
    error = refused(tmp_path, told, url=lambda files: url)
    assert "secret" not in error["message"]


def test_no_private_address_is_asked_for_a_file(tmp_path: Path) -> None:
    refused(tmp_path, f"^{re.escape(NOT_PUBLIC)}$", allow_private_file_url=False, fetched=0)


@pytest.mark.parametrize("host", ["localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0.0.0.0", "2130706433"])
def test_no_private_address_is_asked_for_a_file_however_it_is_written(tmp_path: Path, host: str) -> None:
    def url(files: Recorder) -> str:
        return f"http://{host}:{files.port}/a"

    refused(tmp_path, "can't be fetched", url=url, allow_private_file_url=False, fetched=0)


def test_a_private_host_that_is_listed_has_files(tmp_path: Path) -> None:
    async def test() -> None:
        listed = ("127.0.0.1",)
        async with placed(tmp_path, allow_private_file_url=False, private_hosts=listed) as (caller, api, files):
            await caller.call("put", {"file": f"{files.url}/x"})
            assert api.last.body == b"{}"

    run(test)


def test_files_come_from_the_hosts_that_are_listed_alone(tmp_path: Path) -> None:
    refused(tmp_path, "to a host that the operator does not list", file_url_allowed_hosts=("localhost",), fetched=0)
    refused(tmp_path, "to a host that the operator does not list", file_url_allowed_hosts=("127.0.0.1:1",), fetched=0)

    async def test() -> None:
        async with placed(tmp_path, file_url_allowed_hosts=("127.0.0.1",)) as (caller, api, files):
            await caller.call("put", {"file": f"{files.url}/x"})
            assert api.last.body == b"{}"

    run(test)


def test_a_redirect_is_followed_to_where_files_may_be(tmp_path: Path) -> None:
    def answer(request: Recorded) -> Reply:
        return Reply(200, b"there") if request.target == "/b/c.txt" else Reply(302, b"", {"Location": "/b/c.txt"})

    async def test() -> None:
        async with placed(tmp_path, answer) as (caller, api, files):
            await caller.call("attach", {"file": f"{files.url}/a"})
            ((headers, content),) = parts_of(api.last.header("Content-Type") or "", api.last.body)
            assert headers["content-disposition"] == 'form-data; name="file"; filename="c.txt"'
            assert content == b"there"

    run(test)


def test_no_redirect_leads_to_where_no_file_may_be(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as inner, recording() as api:
            answer = Reply(302, b"", {"Location": f"{inner.url}/latest/meta-data"})
            async with recording(lambda request: answer) as files:
                for how in (
                    {"private_hosts": (f"127.0.0.1:{files.port}",)},
                    {"allow_private_file_url": True, "file_url_allowed_hosts": (f"127.0.0.1:{files.port}",)},
                ):
                    async with opened(tmp_path, DADL, api.url, **how) as caller:
                        assert await caller.text("put", {"file": f"{files.url}/x"}) == NOT_PUBLIC
                assert len(files.requests) == 2
            assert inner.requests == api.requests == []

    run(test)


def test_a_file_that_redirects_on_and_on_is_not_had(tmp_path: Path) -> None:
    error = refused(
        tmp_path,
        r"^\[unavailable\] The file of `file` did not come whole\. .* redirects more than 3 times",
        lambda request: Reply(302, b"", {"Location": request.target + "a"}),
        fetched=4,
    )
    assert error["retryable"] is True


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path, chunked: bool) -> None:
    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    refused(
        tmp_path,
        r"^\[invalid_input\] The file of `file` is too large: a request may have 2000 bytes \(`max_body_size` of",
        (lambda request: pour) if chunked else (lambda request: Reply(200, b"x" * 2001)),
        tool="small",
    )


def test_a_file_that_is_small_as_it_is_sent_alone_is_not_had(tmp_path: Path) -> None:
    bomb = Reply(200, zlib.compress(b"\x00" * 3 * 1024 * 1024), {"Content-Encoding": "deflate"})
    refused(tmp_path, "The file of `file` is too large", lambda request: bomb)


def test_files_of_one_call_have_one_limit(tmp_path: Path) -> None:
    async def test() -> None:
        async with placed(tmp_path, lambda request: Reply(200, b"x" * 900)) as (caller, api, files):
            both = {"file": f"{files.url}/a", "second": f"{files.url}/b"}
            told = await caller.text("small", both)
            assert told.startswith("[invalid_input] The request's body has 2"), told
            assert len(files.requests) == 2
            files.answers = lambda request: Reply(200, b"x" * 1001)
            assert (await caller.text("small", both)).startswith("[invalid_input] The file of `second` is too large")
            inline = {"file": "data:," + "x" * 2001}
            assert (await caller.text("small", inline)).startswith("[invalid_input] The file of `file` is too large")
            assert api.requests == []

    run(test)


@pytest.mark.parametrize(
    ("status", "told", "retryable"),
    [
        (
            401,
            r"^\[invalid_input\] .* its host answers HTTP 401\. Give a URL that can be opened without logging in\.",
            False,
        ),
        (404, r"^\[invalid_input\] .* HTTP 404", False),
        (302, r"^\[invalid_input\] .* HTTP 302", False),
        (503, r"^\[unavailable\] .* HTTP 503\. Try again later\.", True),
        (429, r"^\[unavailable\] .* HTTP 429", True),
    ],
)
def test_a_host_that_has_no_file_for_us_is_told(tmp_path: Path, status: int, told: str, retryable: bool) -> None:
    error = refused(tmp_path, told, lambda request: Reply(status, b"no"))
    assert error["retryable"] is retryable


def test_a_host_that_does_not_answer_ends_the_call_in_time(tmp_path: Path) -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await writer.drain()

    late = r"^\[unavailable\] The file of `file` did not come within 0\.2 s\. Try again, or give another URL\."
    assert refused(tmp_path, late, lambda request: silent, settings={"upstream_file_s": 0.2})["retryable"] is True
    cut = r"^\[unavailable\] The file of `file` did not come whole\."
    assert refused(tmp_path, cut, lambda request: half)["retryable"] is True
    gone = r"^\[unavailable\] The file of `file` can't be fetched: its host does not answer\."
    assert refused(tmp_path, gone, url=lambda files: f"http://127.0.0.1:{free_port()}/a")["retryable"] is True


def test_so_many_calls_hold_files_at_a_time(tmp_path: Path) -> None:
    async def test() -> None:
        order: list[str] = []
        second = asyncio.Event()

        def host(request: Recorded) -> Callable[[asyncio.StreamWriter], Any]:
            order.append(request.target)

            async def write(writer: asyncio.StreamWriter) -> None:
                if len(order) > 1:
                    second.set()
                try:  # without the limit, the other call asks for its file now
                    async with asyncio.timeout(0.3):
                        await second.wait()
                except TimeoutError:
                    pass
                writer.write(Reply(200, b"x").raw)
                await writer.drain()

            return write

        async with placed(tmp_path, host, settings={"upstream_file_calls_max": 1}) as (caller, api, files):

            def answered(request: Recorded) -> Reply:
                order.append(request.method)
                return Reply()

            api.answers = answered
            await asyncio.gather(*(caller.call("put", {"file": f"{files.url}/{n}"}) for n in range(2)))
            assert order == ["/0", "PUT", "/1", "PUT"]

    run(test)
