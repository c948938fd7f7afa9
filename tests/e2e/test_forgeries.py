"""A write into Redis is not a tool call: nothing that an intruder there can put is run, and each try is recorded."""

import os
import pickle
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from arq.jobs import serialize_job

from shared import keys
from shared.catalogue import Catalogue, catalogue_hash, define
from shared.codec import frame, open_envelope, pack, seal, unpack
from shared.identity import Principal
from shared.mesh_keys import KeyRing, parse_key_ring
from shared.messages import BackendState, Cancel, Heartbeat, ToolCall, ToolResult
from tests.client import Client
from tests.mesh import Mesh, mesh, mesh_keys, wait_until
from tests.own_tools import OWN

RING = parse_key_ring(mesh_keys())
STRANGER = KeyRing({group: {"k1": b"not the key of this mesh at all!"} for group in ("default", "edge", "other")})
QUEUE = keys.queue("default", "echo", "read")


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def _call(**fields: Any) -> ToolCall:
    values: dict[str, Any] = {
        "call_id": os.urandom(16).hex(),
        "queue": QUEUE,
        "backend": "echo",
        "tool": "echo",
        "definition": "unknown",
        "access": "read",
        "principal": Principal(subject="intruder", owner=True),
        "arguments": b'{"message":"forged"}',
        "deadline_ms": int(time.time() * 1000) + 60_000,
        "reply": "e-intruder",
    }
    return ToolCall(**{**values, **fields})


def _plant(running: Mesh, jid: str, payload: bytes, queue: str = QUEUE) -> None:
    """What an intruder with write access to Redis would do, the way arq itself enqueues."""
    with running.broker.client() as redis:
        redis.set(keys.job(jid), payload, px=60_000)
        redis.zadd(queue, {jid: 1})


def _job(envelope: object) -> bytes:
    return serialize_job(keys.JOB_NAME, (envelope,), {}, None, 0, serializer=pack)


def _not_text(envelope: bytes) -> bytes:
    """An envelope whose group is not UTF-8."""
    return envelope.replace(b"default", b"\xff" * 7, 1)


def _refused(running: Mesh, kind: str) -> list[dict[str, object]]:
    return [line for line in running.audit() if line["phase"] == "refused" and line["tool"] == kind]


def _outcomes(running: Mesh) -> list[dict[str, object]]:
    return [line for line in running.audit() if line["phase"] == "outcome"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with mesh(tmp_path_factory.mktemp("mesh")) as live:
        live.start_worker()
        client = live.start_edge()
        live.wait_for_tools(client, "echo_echo")
        yield live


@pytest.fixture
def client(running: Mesh) -> Client:
    return running.clients[0]


def test_forged_jobs_are_thrown_away_counted_and_never_run(running: Mesh, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    moved = _call(queue=keys.queue("default", "echo", "write"))
    other_id = _call()
    good = _call()
    flipped = bytearray(seal(RING, "default", _call()))
    flipped[len(flipped) // 2] ^= 1
    other_backend = _call(backend="github")
    planted = {
        "default.pickle": pickle.dumps({"t": 1, "f": "call", "a": (Bomb(trace),), "k": {}, "et": 0}),
        "default.noise": os.urandom(64),
        "default.unsigned": _job(msgspec.msgpack.encode(good)),
        "default.no-bytes": _job({"call": "echo"}),
        "default.no-list": pack({"t": None, "f": keys.JOB_NAME, "a": 5, "k": {}, "et": 0}),
        "default.not-text": _job(_not_text(seal(RING, "default", good))),
        keys.job_id("default", good.call_id): _job(seal(STRANGER, "default", good)),
        "default.flipped": _job(bytes(flipped)),
        keys.job_id("default", moved.call_id): _job(seal(RING, "default", moved)),
        "default.under-another-id": _job(seal(RING, "default", other_id)),
        keys.job_id("default", other_backend.call_id): _job(seal(RING, "default", other_backend)),
        "default.another-group": _job(seal(RING, "other", _call())),
        "default.a-result": _job(seal(RING, "default", ToolResult(call_id="x", backend="echo", seq=1, body=b"{}"))),
    }
    before, ran = len(_refused(running, "job")), len(_outcomes(running))
    for jid, payload in planted.items():
        _plant(running, jid, payload)
    with running.broker.client() as redis:
        redis.lpush(keys.job("default.wrong-type"), "x")
        redis.zadd(QUEUE, {"default.wrong-type": 1})
        wait_until(lambda: len(_refused(running, "job")) == before + len(planted) + 1, "all are refused")
        assert redis.zcard(QUEUE) == 0
        assert redis.keys("arq:job:*") == []
    assert len(_outcomes(running)) == ran
    assert not trace.exists()
    assert running.workers[0].running


def test_a_replayed_job_is_not_run_again(running: Mesh) -> None:
    ran = len(_outcomes(running))
    before = len(_refused(running, "job"))
    call = _call(definition=_definition(running, "echo"))
    jid = keys.job_id("default", call.call_id)
    signed = _job(seal(RING, "default", call))
    _plant(running, jid, signed)
    wait_until(lambda: len(_outcomes(running)) > ran, "the signed call ran once")
    ran = len(_outcomes(running))
    _plant(running, jid, signed)
    wait_until(lambda: len(_refused(running, "job")) == before + 1, "the replay is refused")
    with running.broker.client() as redis:
        redis.delete(keys.final(jid))  # an intruder may remove the mark as well
    _plant(running, jid, signed)
    wait_until(lambda: len(_refused(running, "job")) == before + 2, "the replay without the mark is refused")
    assert len(_outcomes(running)) == ran


def _definition(running: Mesh, tool: str) -> str:
    with running.broker.client() as redis:
        _, catalogue = open_envelope(RING, redis.get(keys.catalogue("default", "echo")))
    assert isinstance(catalogue, Catalogue)
    return next(t.hash for t in catalogue.tools if t.name == tool)


def test_forged_heartbeats_and_catalogues_change_nothing(running: Mesh, client: Client) -> None:
    tools = client.tool_names()
    planted = define("planted", "read", b'{"name":"planted","inputSchema":{"type":"object"}}')
    now = int(time.time() * 1000)

    def beat(at_ms: int, name: str = "echo") -> Heartbeat:
        state = BackendState(name=name, state="up", catalogue=catalogue_hash((planted,)))
        return Heartbeat(worker="w-forged", at_ms=at_ms, backends=(state,))

    catalogue = Catalogue(backend="echo", at_ms=now, tools=(planted,), hash=catalogue_hash((planted,)))
    before_beats = len(_refused(running, "heartbeat"))
    with running.broker.client() as redis:
        redis.publish(keys.HEARTBEATS, b"noise")
        redis.publish(keys.HEARTBEATS, _not_text(seal(RING, "default", beat(now))))
        redis.publish(keys.HEARTBEATS, seal(STRANGER, "default", beat(now)))
        redis.publish(keys.HEARTBEATS, seal(RING, "default", beat(now - 60_000)))
        redis.publish(keys.HEARTBEATS, seal(RING, "other", beat(now)))
        redis.publish(keys.HEARTBEATS, seal(RING, "default", Cancel(call_id="x", backend="echo", at_ms=now)))
        wait_until(lambda: len(_refused(running, "heartbeat")) == before_beats + 6, "forged heartbeats are refused")
        # Signed rightly, but older than what runs: put back where the edge looks.
        genuine = redis.get(keys.catalogue("default", "echo"))
        redis.set(keys.catalogue("default", "echo"), seal(STRANGER, "default", catalogue))
        edge = running.start_edge()
        assert edge.tool_names() == sorted(OWN)
        redis.set(keys.catalogue("default", "echo"), seal(RING, "default", catalogue))
        stale = running.start_edge()
        assert "echo_planted" not in stale.tool_names()
        assert isinstance(genuine, bytes)
        redis.set(keys.catalogue("default", "echo"), genuine, px=60_000)
        running.wait_for_tools(edge, "echo_echo")
    assert client.tool_names() == tools


def test_forged_cancels_and_results_reach_nobody(running: Mesh, client: Client) -> None:
    now = int(time.time() * 1000)
    edge_id = next(part.split('"')[3] for part in running.edges[0][0].output().split(",") if '"role"' in part)
    channel = keys.reply_channel(edge_id)
    before = (len(_refused(running, "cancel")), len(_refused(running, "result")))
    result = ToolResult(call_id="f" * 32, backend="echo", seq=1, body=b"{}")
    with running.broker.client() as redis:
        for cancel in (
            b"noise",
            _not_text(seal(RING, "default", Cancel(call_id="x", backend="echo", at_ms=now))),
            seal(STRANGER, "default", Cancel(call_id="x", backend="echo", at_ms=now)),
            seal(RING, "other", Cancel(call_id="x", backend="echo", at_ms=now)),
            seal(RING, "default", Cancel(call_id="x", backend="echo", at_ms=now - 3_600_000)),
        ):
            redis.publish(keys.control_channel("default"), cancel)
        for event in (b"noise", frame(b"noise"), frame(seal(STRANGER, "default", result)), b"\0\0\0\xff"):
            redis.publish(channel, event)
        redis.publish(channel, frame(seal(RING, "default", Cancel(call_id="x", backend="echo", at_ms=now))))
    wait_until(lambda: len(_refused(running, "cancel")) == before[0] + 5, "forged cancels are refused")
    wait_until(lambda: len(_refused(running, "result")) == before[1] + 5, "forged results are refused")
    assert client.text("echo_echo", {"message": "still here"}) == "still here"


def test_nothing_in_redis_is_a_pickle_or_without_an_end(running: Mesh, client: Client) -> None:
    assert client.text("echo_echo", {"message": "x"}) == "x"
    with running.broker.client() as redis:
        for key in redis.scan_iter():
            if redis.type(key) == b"string":
                value = redis.get(key)
                assert isinstance(value, bytes)
                assert not value.startswith(b"\x80\x04")
            if key != keys.AUDIT_STREAM.encode():
                assert redis.pttl(key) > 0, key
    assert unpack(pack({"a": 1})) == {"a": 1}
