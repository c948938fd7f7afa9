"""The one table: every error has its row, and no row is for nothing."""

from typing import Any

import pytest

from edge.problems import INTERNAL_ERROR, RENDERINGS, Refusal, refusal_of, rendering_of
from edge.render import refusal_body
from shared.errors import BY_CODE, Internal, MeshError, PrincipalBusy, QueueFull, UnknownTool

OVERLOAD = {
    "queue_full": 503,
    "principal_busy": 429,
    "too_busy": 503,
    "broker_unavailable": 503,
    "authorization_server_away": 503,
}


def test_every_slug_has_a_row_and_every_row_a_slug() -> None:
    assert set(RENDERINGS) == set(BY_CODE)


@pytest.mark.parametrize("code", sorted(RENDERINGS))
def test_a_row_is_a_whole_one(code: str) -> None:
    row = RENDERINGS[code]
    if row.kind != "rpc":
        assert (row.http_status, row.rpc_code) == (200, INTERNAL_ERROR)
    else:
        assert row.http_status in (200, 401, 403, 429, 503)
        # -32020 and below belong to MCP; -32002 and -32042 were given up by it.
        assert row.rpc_code in (-32602, -32001, -32010, -32011, -32012, -32014, -32015, -32016)


@pytest.mark.parametrize(("code", "status"), OVERLOAD.items())
def test_overload_is_a_status_that_says_when_to_come_back(code: str, status: int) -> None:
    refusal = refusal_of(BY_CODE[code]("busy", retry_after_s=0.2), rpc_id="a")
    assert refusal.http_status == status
    assert refusal.headers == [(b"retry-after", b"1")]
    assert refusal.data == {"code": code, "retryable": True}
    assert refusal.rpc_id == "a"


def test_overload_always_knows_when_to_come_back() -> None:
    for error in (QueueFull("full", retry_after_s=7.6), PrincipalBusy("busy", retry_after_s=7.6)):
        assert refusal_of(error).headers == [(b"retry-after", b"8")]
    assert refusal_of(UnknownTool("what?")).headers == []


def test_codes_of_different_refusals_tell_them_apart() -> None:
    rows = [RENDERINGS[code] for code in OVERLOAD]
    assert len({row.rpc_code for row in rows}) == len(rows)


def test_a_slug_without_a_row_leaves_as_an_internal_error() -> None:
    class Novel(MeshError):
        code = "novel"

    try:
        assert rendering_of(Novel("x")) == RENDERINGS["internal"]
    finally:
        assert "novel" not in BY_CODE


def test_a_cause_is_never_in_a_refusal() -> None:
    try:
        try:
            raise ValueError("password=hunter2")
        except ValueError as cause:
            raise Internal("Look under the call id.") from cause
    except Internal as error:
        refusal = refusal_of(error)
    assert b"hunter2" not in refusal_body(refusal)
    assert "hunter2" not in repr(refusal)


@pytest.mark.parametrize("rpc_id", [None, 0, "", "x", 2**70])
def test_a_refusal_carries_the_id_of_its_request(rpc_id: Any) -> None:
    import json

    body = json.loads(refusal_body(Refusal(400, -32600, "no", rpc_id=rpc_id)))
    assert body == {"jsonrpc": "2.0", "id": rpc_id, "error": {"code": -32600, "message": "no"}}
