"""What the bench of log-ins takes for the right answer, how it does many things at once, and what it makes of figures."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench import __main__ as run
from bench.connection import BadAnswer
from bench.figures import Figures
from bench.log_ins import at_once, come_in
from bench.parts import PARTS
from bench.person import Page, Web, hidden_fields, tokens_of

FORM = '<form><input type="hidden" name="csrf" value="c&amp;d"><input type="hidden" name="rid" value="r">{}</form>'
FIGURES = (
    "refresh/p50_ms",
    "refresh/p99_ms",
    "refresh_parallel/per_s",
    "refresh_parallel/edge_us",
    "check_token/us",
    "check_key/us",
    "check_jwt/us",
    "check_new_rs256/us",
    "check_new_es256/us",
    "bearer/added_us",
    "crowd/per_s",
    "crowd/livez_p50_ms",
    "crowd/livez_p99_ms",
)


def page(status: int = 200, text: str = "") -> Page:
    return Page(status=status, text=text, location="", cookie="", retry_after_s=0.0)


@contextmanager
def edge_that_answers(*answers: tuple[int, dict[str, str], str]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn; gives its URL, and the cookies that it was sent."""
    left, cookies = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            cookies.append(self.headers.get("Cookie", ""))
            status, headers, body = left.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/mcp", cookies
        finally:
            server.shutdown()
            thread.join(5)


def test_the_hidden_fields_of_a_form_are_sent_back_as_they_were_meant() -> None:
    more = '<input type="text" name="username" value="ada">'
    assert hidden_fields(page(text=FORM.format(more))) == {"csrf": "c&d", "rid": "r"}


@pytest.mark.parametrize("answer", [page(text="<form></form>"), page(403, FORM.format("")), page(text="")])
def test_a_page_that_is_no_form_of_ours_ends_the_run(answer: Page) -> None:
    with pytest.raises(BadAnswer, match="no form"):
        hidden_fields(answer)


def test_an_error_of_the_token_endpoint_is_no_token() -> None:
    assert tokens_of(page(text='{"access_token": "a"}')) == {"access_token": "a"}
    with pytest.raises(BadAnswer, match="invalid_grant"):
        tokens_of(page(400, json.dumps({"error": "invalid_grant"})))


@pytest.mark.parametrize("wanted", [303, 401])
def test_who_is_told_to_come_again_comes_again_with_the_cookie_that_it_has(wanted: int) -> None:
    busy = (503, {"Retry-After": "0.01", "Set-Cookie": "toolmesh=abc; Path=/"}, "too many")
    with edge_that_answers(busy, (wanted, {}, "")) as (url, cookies), Web(url) as web:
        assert come_in(web, {"username": "ada"}, wanted).status == wanted
    assert cookies == ["", "toolmesh=abc"]


@pytest.mark.parametrize("answer", [(401, {}, ""), (429, {"Retry-After": "1"}, ""), (503, {}, "away"), (200, {}, "")])
def test_a_log_in_that_is_answered_otherwise_spoils_the_run(answer: tuple[int, dict[str, str], str]) -> None:
    with (
        edge_that_answers(answer) as (url, _),
        Web(url) as web,
        pytest.raises(BadAnswer, match=f"303 was answered {answer[0]}"),
    ):
        come_in(web, {"username": "ada"}, 303)


def test_all_jobs_run_at_the_same_time() -> None:
    meeting = threading.Barrier(20)
    assert at_once([lambda: meeting.wait(10)] * 20) > 0


def test_one_job_that_fails_fails_all() -> None:
    def fail() -> None:
        raise BadAnswer("no tokens")

    with pytest.raises(BadAnswer, match="no tokens"):
        at_once([lambda: None, fail])


def test_the_rows_hold_the_figures_against_their_goals() -> None:
    figures = Figures()
    for name in FIGURES:
        figures.add(f"log_in/{name}", 200.0)
    rows = PARTS[0].rows(figures)
    assert len(rows) == len(FIGURES)
    assert {row.what.partition(",")[0]: row.goal.met for row in rows if row.goal} == {
        "`/token` refresh": False,
        "CPU of the check of an access token": True,
        "CPU of the check of another server's token": True,
        "CPU of the edge per echo call: token less key": True,
        "`/livez` during 200 log-ins at once": True,
    }


@pytest.mark.parametrize("missing", FIGURES)
def test_no_row_is_made_of_what_was_not_measured(missing: str) -> None:
    figures = Figures()
    for name in FIGURES:
        if name != missing:
            figures.add(f"log_in/{name}", 1.0)
    with pytest.raises(KeyError, match=missing):
        PARTS[0].rows(figures)


def test_a_part_alone_is_never_written_into_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "--only", "log-ins", "--write-docs"])
    with pytest.raises(SystemExit):
        run.main()
    assert "--write-docs" in capsys.readouterr().err
