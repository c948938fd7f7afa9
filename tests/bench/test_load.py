"""What the bench makes of the load generator's output, and what it takes for a good answer."""

import json

import pytest

from bench.connection import BadAnswer
from bench.load import read_output
from bench.target import COUNTER, Target

ECHO = Target(name="echo", url="http://127.0.0.1:1/mcp", tool="echo_echo", arguments={"message": f"{COUNTER}!"})


def test_a_run_without_bad_answers_gives_rate_and_percentiles() -> None:
    load = read_output("echo", "Running 2s test\n\nBENCH 6000 2000000 0 1.500 9.000 12.000 0\n")
    assert (load.calls, load.per_s, load.p50_ms, load.p99_ms) == (6000, 3000.0, 1.5, 9.0)


@pytest.mark.parametrize(
    "line", ["BENCH 6000 2000000 0 1.5 9 12 1", "BENCH 6000 2000000 3 1.5 9 12 0", "BENCH 0 2000000 0 0 0 0 0", "nothing"]
)
def test_one_bad_answer_one_socket_error_or_no_answer_spoils_the_run(line: str) -> None:
    with pytest.raises(BadAnswer, match="echo"):
        read_output("echo", f"{line}\n")


def test_the_first_bad_answer_is_shown() -> None:
    with pytest.raises(BadAnswer, match="503 busy"):
        read_output("echo", "BENCH 9 2000000 0 1 2 3 9\nSAMPLE 503 busy\n")


def test_the_body_is_json_with_a_new_number_in_id_and_argument() -> None:
    body = json.loads(ECHO.template("tag").replace(COUNTER, "17"))
    assert body["id"] == 17
    assert body["params"]["arguments"] == {"message": "17 tag"}


@pytest.mark.parametrize(
    ("status", "body", "good"),
    [
        (200, '{"result":{"isError":false}}', True),
        (200, '{"result":{"isError":true}}', False),
        (200, '{"error":{"code":-32602}}', False),
        (503, '{"result":{}}', False),
    ],
)
def test_an_error_in_any_form_is_no_answer(status: int, body: str, good: bool) -> None:
    assert ECHO.accepts(status, body) is good
