"""What tells of a person or their device ends at the edge: no worker, no backend, no audit record and no log has it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared import log_in_keys
from tests.mesh import API_KEY, wait_until
from tests.oauth.house import PASSWORD
from tests.oauth.recorded import Recorded
from tests.oauth.traces import assert_in_no_log, records

LEGACY = "2025-11-25"
PLACE = {
    "openai/userLocation": {
        "city": "Vardohus",
        "region": "Finnmarkia",
        "country": "NQ",
        "latitude": "70.37051",
        "longitude": "31.11064",
        "timezone": "Arctic/Longyearbyen",
    },
    "openai/userAgent": "Agentbrowser/77.1 (a phone of mine)",
    "openai/locale": "nn-NQ",
    "openai/subject": "v1/subject-hbWOIhr6",
    "openai/session": "v1/session-0cNWkwPu",
    "openai/organization": "v1/organization-Wq1Ld",
    "timezone": "Arctic/Jan_Mayen",
}
"""As ChatGPT sends it."""
HEADERS = {
    "X_Forwarded_For": "198.51.100.77, 203.0.113.99",
    "Forwarded": "for=198.51.100.78",
    "X_Real_Ip": "198.51.100.79",
    "User_Agent": "Headerbrowser/88.2 (another phone)",
    "X_OpenAI_Session": "v1/header-session-1",
    "X_OpenAI_Subject": "v1/header-subject-1",
    "Cookie": "crumbs=of-a-cookie",
    "Referer": "https://refer.example/from-here",
    "Accept_Language": "nn-NQ;q=0.7",
}
TRACES = (
    *("Vardohus", "Finnmarkia", "70.37051", "31.11064", "Longyearbyen", "Jan_Mayen", "Agentbrowser", "nn-NQ"),
    *("subject-hbWOIhr6", "session-0cNWkwPu", "organization-Wq1Ld", "198.51.100", "203.0.113.99", "Headerbrowser"),
    *("header-session-1", "header-subject-1", "of-a-cookie", "refer.example"),
)


@pytest.fixture(scope="module")
def token(recorded: Recorded) -> str:
    return recorded.house.tokens(recorded.house.client())["access_token"]


def everything_on(recorded: Recorded) -> str:
    """All that lies on the broker: queues, envelopes, results, records, sessions, log-ins."""
    found: list[Any] = []
    with recorded.house.running.broker.client() as redis:
        for key in redis.scan_iter("*"):
            reads = {
                b"string": lambda key=key: redis.get(key),
                b"hash": lambda key=key: redis.hgetall(key),
                b"zset": lambda key=key: redis.zrange(key, 0, -1),
                b"set": lambda key=key: redis.smembers(key),
                b"list": lambda key=key: redis.lrange(key, 0, -1),
                b"stream": lambda key=key: redis.xrange(key),
            }
            read = reads.get(redis.type(key))
            found.append((key, read() if read else None))
    return repr(found)


@contextmanager
def spied(recorded: Recorded) -> Iterator[list[bytes]]:
    """What is written onto the broker while calls are on their way: all commands, as the broker itself tells of them."""
    seen: list[bytes] = []
    with recorded.house.running.broker.client() as redis, redis.monitor() as monitor:
        yield seen
        with recorded.house.running.broker.client() as other:
            other.echo("the end of what was spied on")
        for command in monitor.listen():
            if "the end of what was spied on" in command["command"]:
                break
            seen.append(command["command"].encode("latin-1", "replace"))


REQUESTS: dict[str, dict[str, Any]] = {
    "tools/call": {"name": "up_echo", "arguments": {"message": "hello"}},
    "prompts/get": {"name": "up_greet", "arguments": {"name": "you"}},
    "resources/read": {"uri": "up+note://counter"},
}


@pytest.mark.parametrize("era", ["2026-07-28", LEGACY])
@pytest.mark.parametrize("method", REQUESTS)
def test_no_worker_and_no_backend_gets_it(recorded: Recorded, token: str, method: str, era: str) -> None:
    meta = PLACE | {"example.com/kept": f"kept {method} {era}"}
    with spied(recorded) as commands:
        answer = recorded.post(method, REQUESTS[method], f"Bearer {token}", era=era, meta=meta, **HEADERS)
        assert answer.status_code == 200, answer.text
        assert '"result"' in answer.text, answer.text
    sent = b"".join(commands)
    assert b"kept " + method.encode() in sent, "the envelope of the call was seen, and can be read"
    assert [trace for trace in TRACES if trace.encode() in sent] == []
    requests = recorded.requests()
    assert any(f"kept {method} {era}" in request["body"] for request in requests), "what is not private goes through"
    said = json.dumps(requests)
    assert [trace for trace in TRACES if trace in said] == []


def test_no_audit_record_log_or_key_has_it_whether_a_request_was_let_in_or_not(recorded: Recorded, token: str) -> None:
    before = len(records(recorded.house))
    asked: list[tuple[str, dict[str, Any], str | None]] = [
        ("tools/call", REQUESTS["tools/call"], f"Bearer {token}"),
        ("tools/call", {"name": "up_nothing", "arguments": {}}, f"Bearer {token}"),
        ("tools/call", {"name": "up_echo", "arguments": {"message": 1}}, f"Bearer {token}"),
        ("tools/list", {}, f"Bearer {token}"),
        ("tools/list", {}, None),
        ("tools/call", REQUESTS["tools/call"], f"Bearer {API_KEY[1:]}"),
    ]
    for method, params, authorization in asked:
        recorded.post(method, params, authorization, meta=PLACE, **HEADERS)
        hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        recorded.post("initialize", hello, authorization, era=LEGACY, meta=PLACE, **HEADERS)
    wait_until(lambda: len(records(recorded.house)) >= before + 7, "the records of calls and refusals")
    said = json.dumps(records(recorded.house), default=repr)
    assert [trace for trace in TRACES if trace in said] == []
    assert [trace for trace in TRACES if trace in everything_on(recorded)] == []
    assert_in_no_log(recorded.house, *TRACES)


def test_the_address_by_which_log_ins_are_counted_is_written_nowhere(recorded: Recorded) -> None:
    """The edges believe the address that the proxy before them says."""
    headers = {name.replace("_", "-"): value for name, value in HEADERS.items() if name != "Cookie"}
    url, http = recorded.house.url, recorded.http
    client, person = recorded.house.client(), recorded.house.person()
    person.http.headers.update(headers)
    with spied(recorded) as commands:
        answer = person.log_in(person.get(client.authorize_path()), "ada", "not ada's password")
        assert answer.status_code == 401
        assert client.code(person, "ada", PASSWORD)
        wanted = {"client_name": "x", "redirect_uris": ["https://client.example/callback"]}
        assert http.post(f"{url}/register", json=wanted, headers=headers).status_code == 201
        for path in ("/token", "/revoke"):
            http.post(url + path, data={"client_id": client.client_id, "token": "x"}, headers=headers)
    person.close()
    sent = b"".join(commands)
    assert log_in_keys.failures("address", "").encode() in sent, "attempts were counted"
    assert [trace for trace in TRACES if trace.encode() in sent or trace in everything_on(recorded)] == []
    assert [trace for trace in TRACES if trace in json.dumps(records(recorded.house), default=repr)] == []
    assert_in_no_log(recorded.house, *TRACES)
