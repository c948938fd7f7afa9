"""`toolmesh queue` from outside, on a real broker: what it shows, what it keeps to itself, and what it refuses."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared import keys
from shared.audit import decode_record
from shared.codec import seal
from shared.messages import ToolResult
from tests.letters import DIED, RING, STRANGER, a_call, is_there, job, plant, set_aside
from tests.mesh import Broker, Process, free_port, mesh_keys, wait_until
from tests.prepared_start import run_toolmesh
from toolmesh.acl import edge_rules


def queue(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `toolmesh queue …` where nobody can be asked anything."""
    return run_toolmesh("queue", *arguments, environment=environment)


def on(broker: Broker, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return queue(*arguments, REDIS_URL=broker.url, TOOLMESH_MESH_KEYS=mesh_keys())


def said(broker: Broker, *arguments: str) -> str:
    done = on(broker, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(broker: Broker, *arguments: str) -> dict[str, Any]:
    return dict(json.loads(said(broker, *arguments, "--json")))


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr


def the_read_queue(broker: Broker) -> dict[str, Any]:
    return next(q for q in shown(broker, "ls")["queues"] if (q["backend"], q["lane"]) == ("echo", "read"))


def test_ls_counts_what_waits_and_what_runs_of_each_queue(broker: Broker) -> None:
    assert the_read_queue(broker) == {
        "group": "default",
        "backend": "echo",
        "lane": "read",
        "waiting": 0,
        "running": 0,
        "oldest_waiting_s": None,
        "workers": 0,
    }
    set_aside(broker, a_call(), end=False, claims=1)
    set_aside(broker, a_call(), end=False, claims=0)
    set_aside(broker, a_call(), end=False, claims=0)
    found = the_read_queue(broker)
    assert (found["waiting"], found["running"]) == (2, 1)
    assert 0 <= found["oldest_waiting_s"] < 60
    assert re.search(r"^echo +read +default +2 +1 +\d\.\d s +0$", said(broker, "ls"), re.MULTILINE)
    assert "No dead letters." in said(broker, "ls")


def test_a_dead_letter_is_listed_with_who_asked_and_how_it_died_but_not_with_what_was_asked(broker: Broker) -> None:
    call = a_call()
    set_aside(broker, call)
    (letter,) = shown(broker, "ls")["dead_letters"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", letter.pop("set_aside"))
    assert letter == {
        "call_id": call.call_id,
        "group": "default",
        "method": "tools/call",
        "backend": "echo",
        "tool": "echo",
        "class": "read",
        "tenant": "acme",
        "subject": "ada",
        "caller_id": "adas-key",
        "died": f"dead_lettered: {DIED}",
    }
    table = said(broker, "ls")
    assert re.search(rf"^{call.call_id} +\S+Z +echo +echo +read +acme/ada +dead_lettered: ", table, re.MULTILINE)
    assert "canary" not in table


def test_show_gives_arguments_only_when_they_are_asked_for(broker: Broker) -> None:
    call = a_call()
    set_aside(broker, call)
    found = shown(broker, "show", call.call_id)
    assert (found["state"], found["signature"], found["subject"], found["class"]) == ("dead_letter", "ok", "ada", "read")
    assert found["argument_bytes"] == len(call.arguments)
    assert "canary" not in json.dumps(found) + said(broker, "show", call.call_id)
    assert shown(broker, "show", call.call_id, "--arguments")["arguments"] == {"message": "canary-of-ada"}
    assert "canary-of-ada" in said(broker, "show", call.call_id, "--arguments")


def test_show_follows_a_call_from_the_queue_to_its_end(broker: Broker) -> None:
    waiting, running, over = a_call(), a_call(), a_call()
    set_aside(broker, running, end=False, claims=2)
    set_aside(broker, waiting, end=False, claims=0)
    body = b'{"content":[],"isError":true}'
    final = seal(RING, "default", ToolResult(call_id=over.call_id, backend="echo", seq=1, body=body))
    with broker.client() as redis:
        redis.set(keys.final(keys.job_id("default", over.call_id)), final)

    found = shown(broker, "show", waiting.call_id)
    assert (found["state"], found["losses"], found["subject"]) == ("queued", 0, "ada")
    assert "worker" not in found
    found = shown(broker, "show", running.call_id)
    assert (found["state"], found["worker"], found["fence"], found["losses"]) == ("running", "w-2", 2, 1)
    found = shown(broker, "show", over.call_id)
    assert (found["state"], found["code"], found["signature"]) == ("over", "error", "ok")
    unknown = on(broker, "show", "0" * 32, "--json")
    assert (unknown.returncode, json.loads(unknown.stdout)["state"]) == (2, "unknown")


def test_what_no_edge_signed_is_shown_as_such_and_nothing_that_it_says(broker: Broker) -> None:
    call = a_call()
    flipped = bytearray(job(call))
    flipped[-40] ^= 1
    forgeries = {
        "1" * 32: job(a_call(call_id="1" * 32), ring=STRANGER),
        "2" * 32: job(a_call(call_id="3" * 32)),
        "4" * 32: job(a_call(call_id="4" * 32), group="other"),
        "5" * 32: b"\x80\x04nonsense\x1b[2J",
        call.call_id: bytes(flipped),
    }
    for call_id, payload in forgeries.items():
        plant(broker, call_id, payload)
    letters = shown(broker, "ls")["dead_letters"]
    assert {letter["call_id"] for letter in letters} == set(forgeries)
    assert all(letter["forged"] for letter in letters)
    said_of_them = said(broker, "ls") + json.dumps(letters)
    for call_id in forgeries:
        found = shown(broker, "show", call_id, "--arguments")
        assert found["signature"] not in ("", "ok")
        said_of_them += json.dumps(found)
    said_of_them += said(broker, "show", call.call_id, "--arguments")
    assert "ada" not in said_of_them
    assert "\x1b" not in said_of_them


def test_a_name_that_would_move_the_cursor_does_not_reach_the_terminal(broker: Broker) -> None:
    call = a_call(tool="echo\x1b[2J\x9b31m")
    set_aside(broker, call)
    assert not {"\x1b", "\x9b"} & set(said(broker, "ls") + said(broker, "show", call.call_id))


def test_drop_forgets_a_dead_letter_and_the_audit_keeps_that(broker: Broker) -> None:
    call = a_call()
    set_aside(broker, call)
    assert "--yes" in refused(on(broker, "drop", call.call_id)), "nobody can be asked here"
    assert is_there(broker, call.call_id)
    said(broker, "drop", call.call_id, "--yes")
    assert not is_there(broker, call.call_id)
    with broker.client() as redis:
        entries: Any = redis.xrange(keys.AUDIT_STREAM)
    record = decode_record(entries[-1][1][b"r"])
    assert (record.phase, record.code, record.role) == ("outcome", "dropped", "operator")
    assert (record.call_id, record.subject, record.tool) == (call.call_id, "ada", "echo")
    assert "no dead letter" in refused(on(broker, "drop", call.call_id, "--yes"))


def test_a_forged_letter_can_be_dropped_too(broker: Broker) -> None:
    plant(broker, "6" * 32, b"nonsense")
    said(broker, "drop", "6" * 32, "--yes")
    assert not is_there(broker, "6" * 32)


def test_the_user_of_an_edge_may_do_all_of_it_but_read_jobs(broker: Broker) -> None:
    letter, waiting = a_call(), a_call()
    set_aside(broker, letter)
    set_aside(broker, waiting, end=False, claims=0)
    with broker.client() as redis:
        redis.execute_command("ACL", "SETUSER", "edge", "reset", "on", ">an-edges-password", *edge_rules())
    try:
        as_edge = {
            "REDIS_URL": f"redis://edge:an-edges-password@127.0.0.1:{broker.port}/0",
            "TOOLMESH_MESH_KEYS": mesh_keys(),
        }
        done = queue("ls", "--json", **as_edge)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert [entry["call_id"] for entry in found["dead_letters"]] == [letter.call_id]
        assert sum(entry["waiting"] for entry in found["queues"]) == 1
        done = queue("show", waiting.call_id, "--json", **as_edge)
        assert json.loads(done.stdout)["state"] == "queued", done.stderr
        assert "may not read jobs" in json.loads(done.stdout)["signature"]
        assert queue("drop", letter.call_id, "--yes", **as_edge).returncode == 0
    finally:
        with broker.client() as redis:
            redis.execute_command("ACL", "DELUSER", "edge")


@pytest.mark.parametrize("call_id", ["", "a.b", "x" * 65, "*", "../etc"])
def test_an_id_that_can_be_none_is_refused(call_id: str) -> None:
    assert "no id of a call" in refused(queue("show", call_id))


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    nowhere = ("ls", "--data", str(tmp_path))
    assert "REDIS_URL" in refused(queue(*nowhere))
    gone = f"redis://127.0.0.1:{free_port()}/0"
    assert "TOOLMESH_MESH_KEYS" in refused(queue(*nowhere, REDIS_URL=gone))
    assert "can't be reached" in refused(queue(*nowhere, REDIS_URL=gone, TOOLMESH_MESH_KEYS=mesh_keys()))
    again = ("retry", "0" * 32)
    assert "printed at its first start" in refused(queue(*again))
    key = {"TOOLMESH_API_KEY": "an-owner-key-of-a-test"}
    assert "--url" in refused(queue(*again, "--url", f"http://127.0.0.1:{free_port()}", **key))
    assert "--url" in refused(queue(*again, "--url", "ftp://127.0.0.1", **key))


def test_beside_a_running_up_nothing_has_to_be_set(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "config").mkdir()
    here = ("--config", str(tmp_path / "config"), "--data", str(data))
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("TOOLMESH_", "REDIS_", "CREDENTIAL_"))}
    command = [sys.executable, "-m", "toolmesh", "up", *here, "--port", str(free_port())]
    up = Process(command, tmp_path / "up.log", inherited)
    try:
        wait_until(lambda: "\nready " in up.output() or not up.running, "up is ready")
        assert stat.S_IMODE((data / "broker-url").stat().st_mode) == 0o600
        done = queue("ls", "--json", *here)
        assert done.returncode == 0, done.stderr
        assert [(q["backend"], q["lane"], q["workers"]) for q in json.loads(done.stdout)["queues"]] == [
            ("echo", "read", 2),
            ("echo", "write", 2),
            ("code", "write", 2),
        ]
    finally:
        up.stop()
    assert not (data / "broker-url").exists(), "it is told only while it is true"
    assert "REDIS_URL" in refused(queue("ls", *here))
