"""The broker's users against a real server: each can do its own work and nobody's else."""

import asyncio
import inspect
import re
from pathlib import Path

import pytest
import redis

from shared import keys, log_in_keys
from shared.functions import LIBRARY, function_name
from shared.line import RedisLine
from tests.deploy.access import ACCESS, CHANNELS, MODULES, NO_KEYS
from tests.deploy.prepared import DENIED, connect
from tests.mesh import Broker
from tests.source_tree import sources
from toolmesh.acl import EDGE_COMMANDS, WORKER_COMMANDS
from toolmesh.secret_files import prepare_secrets

QUEUE = keys.queue("default", "notes", "read")
JID = keys.job_id("default", "c1")
OWNER = "w-1:1"
ARGUMENTS = {"group": "default", "jid": JID, "queue_name": QUEUE, "lane_name": "read"}

DENIED_TO_ALL = (
    "FUNCTION LOAD x",
    "FUNCTION DELETE x",
    "FUNCTION FLUSH",
    "EVAL x 0",
    "CONFIG GET *",
    "CONFIG SET appendonly no",
    "ACL SETUSER x on",
    "ACL LIST",
    "ACL WHOAMI",
    "FLUSHALL",
    "FLUSHDB",
    "KEYS *",
    "SCAN 0",
    "RANDOMKEY",
    "DBSIZE",
    "MONITOR",
    "CLIENT LIST",
    "CLIENT KILL ID 1",
    "PSUBSCRIBE *",
    "PUBSUB CHANNELS",
    "SHUTDOWN",
    "REPLICAOF NO ONE",
    "DEBUG SLEEP 0",
    "SAVE",
    "GET anything",
    "SET anything x",
    "GET tm:secret",
)
OTHERS_WORK = {
    # user: what is another's to do, as DRYRUN sees it.
    "edge": (
        f"SET {keys.lease(JID)} {OWNER}",
        f"SET {keys.catalogue('default', 'notes')} x",
        f"SET {keys.heartbeat('default', 'w-1')} x",
        f"ZADD {keys.workers('default')} 1 w-1",
        f"XADD {keys.events(JID)} * e x",
        f"SET {keys.dispatched(JID)} {OWNER}",
        f"DEL {keys.dispatched(JID)}",
        f"INCR {keys.returned(JID)}",
        f"XADD {keys.changes('default')} * e x",
        f"GET {keys.job(JID)}",
        f"XRANGE {keys.AUDIT_STREAM} - +",
        f"DEL {keys.lease(JID)}",
        f"PUBLISH {keys.HEARTBEATS} x",
        f"PUBLISH {keys.CHANGES} x",
        f"SUBSCRIBE {keys.control_channel('default')}",
        f"SUBSCRIBE {keys.FUNCTIONS_WANTED}",
        f"SUBSCRIBE {keys.inner_channel('default', 'w-1')}",
        f"PUBLISH {keys.INNER_CANCELS} x",
        f"GET {keys.inner_body('default', 'c1')}",
        f"BLPOP {QUEUE}:bell 1",
        "XGROUP CREATE tm:audit audit 0",
    ),
    "worker-internal": (
        f"GET {keys.session('d')}",
        f"SET {keys.answer(JID, '1')} x",
        f"SET {keys.handle('c1')} x",
        f"SET {keys.listed_names('notes')} x PX 1 GET",
        f"SET {keys.edge_alive('e-0123456789ab')} x",
        f"HSET {keys.reattach('share', 'digest')} {JID} x",
        f"GET {keys.dead_letter(JID)}",
        f"PUBLISH {keys.control_channel('default')} x",
        f"PUBLISH {keys.control_channel('internal')} x",
        f"SUBSCRIBE {keys.control_channel('default')}",
        f"SUBSCRIBE {keys.HEARTBEATS}",
        f"PUBLISH {keys.EDGES} x",
        f"PUBLISH {keys.edge_channel('e-0123456789ab')} x",
        f"SUBSCRIBE {keys.EDGES}",
        f"SUBSCRIBE {keys.INNER_CANCELS}",
        f"SUBSCRIBE {keys.inner_channel('default', 'w-1')}",
        f"PUBLISH {keys.inner_channel('default', 'w-1')} x",
        f"PUBLISH {keys.inner_channel('internal', 'w-1')} x",
        f"BLMPOP 1 1 {keys.INNER} LEFT",
        f"SUBSCRIBE {keys.reply_channel('e-1')}",
        f"BLPOP {QUEUE}:bell 1",
        "ZADD arq:queue:internal2:notes:read 1 x",
        "GET arq:job:internal2.c1",
        "GET tm:final:internals.c1",
        f"HGET {log_in_keys.family('f')} r",
        f"DEL {log_in_keys.family('f')}",
        f"PUBLISH {log_in_keys.REVOKED} f",
        f"SUBSCRIBE {log_in_keys.REVOKED}",
        "SET tm-auth:anything x",
    ),
}


def may(client: "redis.Redis", user: str, command: str) -> bool:
    """Whether the broker would let the user do that."""
    answer = client.acl_dryrun(user, *command.split())  # type: ignore[no-untyped-call]
    return bool(answer in (b"OK", "OK"))


def key_of(name: str) -> str:
    function = next(getattr(module, name) for module in MODULES if hasattr(module, name))
    if isinstance(function, str):
        return function
    return str(function(*(ARGUMENTS.get(p, f"some-{p}") for p in inspect.signature(function).parameters)))


def test_every_key_of_the_mesh_has_been_thought_of() -> None:
    functions = {n for m in MODULES for n, f in vars(m).items() if inspect.isfunction(f) and f.__module__ == m.__name__}
    constants = {
        n
        for m in MODULES
        for n, value in vars(m).items()
        if isinstance(value, str) and value.startswith(("tm:", "tm-auth:", "arq:queue"))
    }
    assert (functions - NO_KEYS) | (constants - CHANNELS) == set(ACCESS), "say in toolmesh/acl.py whose the new key is"


@pytest.mark.parametrize("name", ACCESS)
def test_a_key_is_read_and_written_by_those_whose_work_it_is(name: str, broker: tuple[Broker, Path]) -> None:
    key = key_of(name)
    with broker[0].client() as client:
        for user, wanted in zip(("edge", "worker-default", "worker-internal"), ACCESS[name], strict=True):
            access = "R" * may(client, user, f"GET {key}") + "W" * may(client, user, f"SET {key} x")
            assert access == wanted, f"{user} on {key}"


@pytest.mark.parametrize("user", ["edge", "worker-default", "worker-internal"])
def test_nobody_but_the_administrator_administers(user: str, broker: tuple[Broker, Path]) -> None:
    with broker[0].client() as client:
        allowed = [command for command in DENIED_TO_ALL if may(client, user, command)]
        assert not allowed
        assert all(may(client, "init", command) for command in DENIED_TO_ALL)


@pytest.mark.parametrize("user", OTHERS_WORK)
def test_a_user_cannot_do_the_others_work(user: str, broker: tuple[Broker, Path]) -> None:
    with broker[0].client() as client:
        assert [command for command in OTHERS_WORK[user] if may(client, user, command)] == []


def two_jobs(owner: "redis.Redis") -> None:
    """A job that waits, and one that runs: either would be there to be taken."""
    owner.flushall()
    owner.set(keys.job("default.c2"), "payload")
    owner.zadd(QUEUE, {"default.c2": 1, JID: 1e15})
    owner.zadd(keys.turns(QUEUE), {"share": 1})
    owner.rpush(keys.waiting(QUEUE, "share"), "default.c2")
    owner.set(keys.job(JID), "payload")
    owner.set(keys.lease(JID), OWNER)


@pytest.mark.parametrize(
    ("user", "short", "function_keys", "arguments"),
    [
        ("edge", "renew", (), (10_000, QUEUE, JID, OWNER)),
        (
            "edge",
            "report",
            (keys.lease(JID), keys.events(JID)),
            (OWNER, "e", "f", keys.reply_channel("e-0123456789ab"), 1000, 10),
        ),
        (
            "edge",
            "dispatch",
            (keys.lease(JID), keys.dispatched(JID), keys.AUDIT_STREAM),
            (OWNER, JID, 1000, 1000, "r", 10, 4e12),
        ),
        ("edge", "withdraw", (keys.lease(JID), keys.dispatched(JID)), (OWNER, JID)),
        ("edge", "release", (keys.lease(JID), QUEUE), (JID, OWNER, 0, 1000)),
        ("worker-internal", "claim", (QUEUE,), ("w-1", 10_000, 60_000, 5)),
        ("worker-internal", "sweep", (QUEUE,), ("w-1", 10_000, 60_000, 5)),
        ("worker-internal", "renew", (), (10_000, QUEUE, JID, OWNER)),
        ("worker-internal", "release", (keys.lease(JID), QUEUE), (JID, OWNER, 0, 1000)),
        ("worker-internal", "withdraw", (keys.lease(JID), keys.dispatched(JID)), (OWNER, JID)),
        (
            "worker-internal",
            "report",
            (keys.lease(JID), keys.events(JID)),
            (OWNER, "e", "f", keys.reply_channel("e-0123456789ab"), 1000, 10),
        ),
        (
            "worker-internal",
            "refuse",
            (keys.lease(JID), keys.job(JID), QUEUE, keys.AUDIT_STREAM),
            (JID, OWNER, "r", 10),
        ),
        (
            "worker-internal",
            "dispatch",
            (keys.lease(JID), keys.dispatched(JID), keys.AUDIT_STREAM),
            (OWNER, JID, 1000, 1000, "r", 10, 4e12),
        ),
    ],
)
def test_a_function_has_no_more_rights_than_its_caller(
    user: str,
    short: str,
    function_keys: tuple[str, ...],
    arguments: tuple[object, ...],
    broker: tuple[Broker, Path],
) -> None:
    with broker[0].client() as owner, connect(broker, user) as client:
        two_jobs(owner)
        with pytest.raises(redis.ResponseError, match=DENIED):
            client.execute_command("FCALL", function_name(short), len(function_keys), *function_keys, *arguments)
        assert owner.get(keys.lease(JID)) == OWNER.encode()
        assert owner.get(keys.job("default.c2")) == b"payload"
        assert owner.exists(keys.lease("default.c2"), keys.final(JID), keys.dispatched(JID), keys.AUDIT_STREAM) == 0


@pytest.mark.parametrize("short", ["claim", "sweep"])
def test_an_edge_is_given_no_job(short: str, broker: tuple[Broker, Path]) -> None:
    with broker[0].client() as owner, connect(broker, "edge") as edge:
        two_jobs(owner)
        try:
            reply = edge.execute_command("FCALL", function_name(short), 1, QUEUE, "w-1", 10_000, 60_000, 5)
        except redis.ResponseError:
            reply = []
        assert b"payload" not in reply
        assert owner.exists(keys.lease("default.c2")) == 0
        assert owner.get(keys.lease(JID)) == OWNER.encode()


@pytest.mark.parametrize("user", ["edge", "worker-internal"])
def test_only_its_own_workers_finish_a_call(user: str, broker: tuple[Broker, Path]) -> None:
    function_keys = [
        *(keys.lease(JID), keys.job(JID), keys.fence(JID), keys.dispatched(JID), keys.final(JID)),
        *(QUEUE, keys.in_flight("default", "notes", "share"), keys.AUDIT_STREAM, keys.dead_letters("default")),
    ]
    arguments = [JID, OWNER, "final", "frame", keys.reply_channel("e-0123456789ab"), 60_000, "record", 100, 60_000, 10]
    call = ["FCALL", function_name("finish"), len(function_keys), *function_keys, *arguments]
    with broker[0].client() as owner, connect(broker, user) as client, connect(broker, "worker-default") as worker:
        owner.flushall()
        owner.set(keys.job(JID), "payload")
        owner.set(keys.lease(JID), OWNER)
        with pytest.raises(redis.ResponseError, match=DENIED):
            client.execute_command(*call)
        assert owner.get(keys.lease(JID)) == OWNER.encode()
        assert worker.execute_command(*call) == 1
        assert owner.get(keys.dead_letter(JID)) == b"payload"


def test_its_own_workers_hold_mark_withdraw_and_give_back_a_call(broker: tuple[Broker, Path]) -> None:
    marks = (keys.lease(JID), keys.dispatched(JID))
    with broker[0].client() as owner, connect(broker, "worker-default") as worker:
        two_jobs(owner)
        owner.delete(keys.lease(JID))

        def call(short: str, names: tuple[str, ...], *arguments: object) -> object:
            return worker.execute_command("FCALL", function_name(short), len(names), *names, *arguments)

        assert call("renew", (), 10_000, QUEUE, JID, OWNER) == []
        assert call("dispatch", (*marks, keys.AUDIT_STREAM), OWNER, JID, 1000, 1000, "r", 10, 4e12) == 1
        assert call("withdraw", marks, OWNER, JID) == 1
        assert call("release", (keys.lease(JID), QUEUE), JID, OWNER, 0, 1000) == 1
        assert JID.encode() in call("sweep", (QUEUE,), "w-1", 10_000, 60_000, 5)  # type: ignore[operator]


@pytest.mark.parametrize("user", ["edge", "worker-default", "worker-internal"])
def test_every_role_learns_whether_the_broker_was_restarted(user: str, broker: tuple[Broker, Path]) -> None:
    async def main() -> str:
        line = RedisLine((broker[1] / user / "redis_url").read_text().strip(), pending_max=10, timeout_s=2.0)
        await line.open()
        try:
            return line.epoch
        finally:
            await line.close()

    with broker[0].client() as owner:
        assert asyncio.run(main()) == owner.info("server")["run_id"]


def test_a_group_that_is_named_like_a_part_of_the_mesh_reaches_nothing_of_it(tmp_path: Path) -> None:
    odd = ["session", "final", "events", "answer", "dispatched", "inbox", "bell", "sessions"]
    odd += ["names", "dead", "returned", "reattach", "alive", "handle", "inner", "inner-calls", "hinted"]
    running = Broker(tmp_path)
    try:
        prepare_secrets(tmp_path / "secrets", odd, f"redis://127.0.0.1:{running.port}/0", None)
        with running.client() as client:
            for line in (tmp_path / "secrets" / "broker" / "users.acl").read_text().splitlines():
                _, name, *rules = line.split()
                if name != "default":
                    client.execute_command("ACL", "SETUSER", name, "reset", *rules)
            foreign = [n for n, access in ACCESS.items() if access[2] == ""]
            for group in odd:
                reached = [n for n in foreign if may(client, f"worker-{group}", f"SET {key_of(n)} x")]
                assert reached == [], group
    finally:
        running.process.kill()


def test_without_a_password_one_may_ask_whether_the_broker_is_there_and_nothing_else(broker: tuple[Broker, Path]) -> None:
    with redis.Redis(port=broker[0].port, username="health", password="-") as anyone:
        assert anyone.ping()
        for command in ("GET anything", "TIME", "INFO", "ACL WHOAMI", "PUBLISH tm:heartbeats x"):
            with pytest.raises(redis.ResponseError, match=DENIED):
                anyone.execute_command(*command.split())


SENT = re.compile(r"""\.(?:cmd|send|_do)\(\s*"([A-Z]+)\"""")
SHARED_ONLY_TRIED = {"function"}
"""`FUNCTION LOAD` is tried by every role, and asked for where it is denied."""


@pytest.mark.parametrize(("room", "allowed"), [("edge", EDGE_COMMANDS), ("workers", WORKER_COMMANDS)])
def test_a_role_may_send_every_command_that_stands_in_its_source(room: str, allowed: frozenset[str]) -> None:
    sent = {match[1].lower() for s in sources(room, "shared") for match in SENT.finditer(s.text)}
    assert sent
    missing = sent - {"publish", "fcall"} - SHARED_ONLY_TRIED - allowed
    assert not missing, "say in toolmesh/acl.py that the role may do this"


def test_a_role_may_do_what_the_functions_do() -> None:
    done = {name.lower() for name in re.findall(r"redis\.p?call\('([A-Z]+)'", LIBRARY)} - {"pubsub"} | {"pubsub|numsub"}
    assert len(done) > 15
    assert done <= EDGE_COMMANDS & WORKER_COMMANDS
