"""A tool that gives a file gives its URL, and who has the URL has the file, at any edge, until it expires."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest

from shared.blobs import PATH, blob_id, new_token
from tests.client import Client
from tests.mesh import Mesh, free_port, mesh, wait_until

PICTURE = bytes(range(256)) * 400
PAGE = b"<script>alert(1)</script>"
LARGE = bytes(700 * 1024)
FILE = """spec: "https://dadl.ai/spec/dadl-spec-v0.2.md"
requires: {features: [redact]}
backend:
  name: cam
  type: rest
  description: Camera
  tools:
    picture: {method: GET, path: /picture, access: read, description: A, response: {binary: true}}
    page:
      method: GET
      path: /page
      access: read
      description: A
      response: {type: file_url, content_type: text/html, ttl: 2h}
    short: {method: GET, path: /picture, access: read, description: A, response: {binary: true, ttl: 300ms}}
    unsaid: {method: GET, path: /picture, access: read, description: A}
    large: {method: GET, path: /large, access: read, description: A, response: {binary: true}}
    redacted: {method: GET, path: /picture, access: read, description: A, response: {binary: true, redact: [$.a]}}
"""
BACKENDS = """backends:
  - {{name: cam, transport: rest, dadl: cam.dadl, url: "{url}"}}
  - {{name: full, transport: rest, dadl: cam.dadl, url: "{url}", options: {{blob_ttl: 30m}}}}
"""


class Camera(BaseHTTPRequestHandler):
    """The upstream."""

    def do_GET(self) -> None:
        body, kind = {"/page": (PAGE, ""), "/large": (LARGE, "application/zip")}.get(self.path, (PICTURE, "image/png"))
        self.send_response(200)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing is logged."""


@dataclass
class House:
    mesh: Mesh
    first: Client
    second: Client

    def result(self, tool: str) -> dict[str, Any]:
        return dict(self.first.call(tool, {})["result"])

    def file(self, tool: str) -> dict[str, Any]:
        return dict(msgspec.json.decode(self.result(tool)["content"][0]["text"]))

    def had(self, url: str) -> httpx2.Response:
        """The file, from the other edge."""
        return self.second.get(urlsplit(url).path)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with mesh(tmp_path_factory.mktemp("blobs"), BACKENDS.format(url=url)) as running:
            (running.config / "dadl").mkdir()
            (running.config / "dadl" / "cam.dadl").write_text(FILE)
            port = free_port()
            first, second = running.start_edge(port), running.start_edge()
            data = str(running.directory / "data")
            running.start_worker(TOOLMESH_PORT=str(port), TOOLMESH_DATA_DIR=data, TOOLMESH_BLOBS_BYTES_MAX="1048576")
            running.wait_for_tools(first, "cam_picture", "full_large")
            yield House(running, first, second)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_the_url_gives_the_file_to_who_has_it_at_any_edge_without_a_log_in(house: House) -> None:
    told = house.file("cam_picture")
    assert told["url"].startswith(house.first.url + PATH)
    assert told["content_type"] == "image/png"
    assert told["size_bytes"] == len(PICTURE)
    left = datetime.fromisoformat(told["expires"]) - datetime.now(UTC)
    assert timedelta(minutes=58) < left <= timedelta(hours=1)
    for client in (house.first, house.second):
        answer = client.get(urlsplit(told["url"]).path)
        assert answer.status_code == 200
        assert answer.content == PICTURE


def test_it_is_handed_out_as_something_that_runs_nowhere_and_is_kept_by_nobody(house: House) -> None:
    answer = house.had(house.file("cam_picture")["url"])
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(PICTURE))
    assert answer.headers["content-disposition"] == 'attachment; filename="picture.png"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers


def test_what_a_browser_would_run_is_not_called_by_its_type(house: House) -> None:
    told = house.file("cam_page")
    assert told["content_type"] == "text/html"
    assert datetime.fromisoformat(told["expires"]) - datetime.now(UTC) > timedelta(minutes=118)
    answer = house.had(told["url"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.content == PAGE


def test_an_answer_that_is_no_text_is_a_file_though_nothing_says_so(house: House) -> None:
    assert house.had(house.file("cam_unsaid")["url"]).content == PICTURE


def test_head_tells_of_it_and_nothing_else_is_allowed(house: House) -> None:
    url = house.file("cam_picture")["url"]
    head = httpx2.head(url, trust_env=False)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(PICTURE))
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = httpx2.request(method, url, trust_env=False)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"


def test_what_is_unknown_and_what_has_expired_look_alike(house: House) -> None:
    url = house.file("cam_short")["url"]
    wait_until(lambda: house.had(url).status_code == 404, "the file expires")
    token = url.rpartition(".")[2]
    expired = house.had(url)
    unknown = [
        PATH + blob_id("default", new_token()),
        PATH + blob_id("other", new_token()),
        PATH + blob_id("nobody", new_token()),
        PATH + blob_id("other", token),
        *(PATH, PATH + "x", PATH + "default." + "a" * 42, PATH + "default.*", PATH + "default." + "%2e" * 43),
    ]
    for path in unknown:
        answer = house.second.get(path)
        assert (answer.status_code, answer.content) == (404, expired.content), path
        assert answer.headers["cache-control"] == "private, no-store"


def test_the_broker_holds_no_url_and_a_changed_file_is_not_given(house: House) -> None:
    url = house.file("cam_picture")["url"]
    token = url.rpartition(".")[2]
    with house.mesh.broker.client() as broker:
        names = [bytes(name) for name in broker.scan_iter("tm:blob:*")]
        assert names
        assert not [name for name in names if token.encode() in name]
        for name in names:
            assert 0 < int(str(broker.pttl(name))) <= 2 * 3600 * 1000
        kept = {name: broker.get(name) for name in names}
        # One file in another one's place is none, although its seal is right.
        one, *others = names
        for name in others:
            broker.set(name, kept[one] or b"", keepttl=True)
        broker.set(one, (kept[one] or b"")[:-1] + b"x", keepttl=True)
    assert house.had(url).status_code == 404


def test_a_backend_keeps_no_more_than_it_may(house: House) -> None:
    first = house.file("full_large")
    assert datetime.fromisoformat(first["expires"]) - datetime.now(UTC) < timedelta(minutes=31), "`blob_ttl` of the entry"
    result = house.result("full_large")
    assert result["isError"] is True
    error = result["structuredContent"]["error"]
    assert (error["code"], error["retryable"]) == ("file_not_kept", True)
    assert "as many files as it may" in error["message"]
    assert house.had(first["url"]).content == LARGE


def test_a_file_that_is_to_be_redacted_is_not_given(house: House) -> None:
    result = house.result("cam_redacted")
    assert result["structuredContent"]["error"]["code"] == "redact_failed"
