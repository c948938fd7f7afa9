"""Log-ins on a broker with users: an edge can do all that they need, a worker can neither see nor change one."""

import asyncio
from pathlib import Path

import pytest
import redis

from edge.oauth.provider_states import ProviderStates
from edge.oauth.secret_tokens import new_family, new_refresh_token, new_token, successor_of
from edge.oauth.store import GrantStore
from shared import log_in_keys
from shared.clock import BrokerClock
from shared.functions import function_name
from shared.grants import ACCESS, CODE, Grant
from shared.line import RedisLine
from shared.mesh_keys import parse_key_ring
from shared.settings import Settings
from shared.subscription import Subscription
from tests.deploy.prepared import DENIED, connect, url_of
from tests.mesh import Broker, mesh_keys

RING = parse_key_ring(mesh_keys())
FAMILY = log_in_keys.family("ours")
TOKEN = log_in_keys.access_token("digest")
CODE_KEY = log_in_keys.authorization_code("digest")
REQUEST = log_in_keys.authorization_request("digest")
CLIENT = log_in_keys.registered_client("tmc_1")


async def a_whole_log_in(url: str) -> list[str]:
    """Everything that an edge does on the broker for log-ins, as it does it; gives the grants whose end it heard of."""
    heard: list[str] = []
    line = RedisLine(url, pending_max=100, timeout_s=2.0)
    clock = BrokerClock()

    async def nothing() -> None:
        """Nothing is missed here."""

    ends = Subscription(url, [log_in_keys.REVOKED], lambda _, data: heard.append(data.decode()), nothing, timeout_s=2.0)
    store = GrantStore(line, RING, clock, Settings(), refused=lambda kind, detail: pytest.fail(f"{kind}: {detail}"))
    family = new_family()
    grant = Grant(
        family=family,
        client_id="tmc_2",
        client_name="Agent",
        subject="ada",
        scopes=("tools:read",),
        resource="https://mesh.example/mcp",
        started_ms=clock.now_ms(),
    )
    await line.open()
    try:
        async with asyncio.timeout(10):
            await ends.open()
        assert await store.attempt([log_in_keys.failures("user", "a"), log_in_keys.failures("ip", "b")], 60, [5, 5]) == 0
        await store.forgive([log_in_keys.failures("user", "a"), log_in_keys.failures("ip", "b")])
        assert await store.use_once("an assertion", 60)
        assert await store.register("tmc_2", b"{}")
        await store.keep_client("tmc_2")
        assert await store.client("tmc_2") == b"{}"
        await store.put_request("request", "browser", {"state": "s"})
        await store.hand_request_on("request", "browser", "the next", {"state": "s"})
        assert await store.request("request") is not None
        await store.put_browser("browser", "ada")
        assert await store.subject_in("browser") == "ada"
        await store.forget_browser("browser")
        states = ProviderStates(line, RING, kept_s=60, refused=lambda kind, detail: pytest.fail(f"{kind}: {detail}"))
        await states.put("browser", "state", provider="corp", issuer="https://idp.example", rid="request")
        assert await states.take("browser", "state") is not None
        code, access, refresh = new_token(CODE, family), new_token(ACCESS, family), new_refresh_token(family)
        uri = "https://agent.example/callback"
        assert await store.decisions.allow("request", "the next", {"state": "s"}, grant, code, uri, "challenge")
        assert await store.decisions.find("request", "the next") is not None
        assert await store.code(code) is not None
        assert await store.redeem(code, grant, access, refresh) == "ok"
        assert await store.is_spent(code)
        living = await store.family(family)
        assert living is not None
        again = new_token(ACCESS, family)
        assert await store.renew(0, grant, successor_of(RING, refresh), again, ("tools:read",)) == "ok"
        assert await store.access(again, family) is not None
        await store.end(family)
        assert await store.access(again, family) is None
        assert await store.forget_client("tmc_2")
        async with asyncio.timeout(10):
            while not heard:
                await asyncio.sleep(0.01)
        assert heard == [family]
        return heard
    finally:
        await ends.close()
        await line.close()


def test_an_edge_may_do_all_that_log_ins_need(broker: tuple[Broker, Path]) -> None:
    with broker[0].client() as owner:
        owner.flushall()
        owner.execute_command("ACL", "LOG", "RESET")
        assert len(asyncio.run(a_whole_log_in(url_of(broker, "edge")))) == 1
        assert {entry["object"] for entry in owner.acl_log()} <= {"function|load", "client|setinfo"}


@pytest.mark.parametrize("user", ["worker-default", "worker-internal"])
@pytest.mark.parametrize(
    ("short", "function_keys", "arguments"),
    [
        (
            "decide",
            (
                REQUEST,
                log_in_keys.decided_request("digest"),
                log_in_keys.family("new"),
                log_in_keys.authorization_code("new"),
            ),
            ("record", 10_000, "record", 60_000, "record", 60_000),
        ),
        (
            "redeem",
            (CODE_KEY, log_in_keys.spent_code("digest"), FAMILY, TOKEN),
            ("record", 60_000, "record", 60_000, 60_000, log_in_keys.REVOKED, "ours"),
        ),
        ("renew_grant", (FAMILY, TOKEN), (0, "record", 60_000, "record", 60_000, 60_000, log_in_keys.REVOKED, "ours", "d")),
        ("end_grant", (FAMILY,), (log_in_keys.REVOKED, "ours")),
        ("try", (log_in_keys.failures("user", "ada"),), (60_000, 5)),
        ("forgive", (log_in_keys.failures("user", "ada"), log_in_keys.failures("ip", "one")), (1,)),
        ("register", (log_in_keys.registered_client("tmc_9"), log_in_keys.AUTH_CLIENTS), ("record", 60_000, 10, "tmc_9")),
        ("keep_client", (CLIENT, log_in_keys.AUTH_CLIENTS), (9_000_000, "tmc_1")),
    ],
)
def test_a_worker_can_call_no_function_of_log_ins(
    user: str,
    short: str,
    function_keys: tuple[str, ...],
    arguments: tuple[object, ...],
    broker: tuple[Broker, Path],
) -> None:
    with broker[0].client() as owner, connect(broker, user) as worker:
        log_ins(owner)
        before = everything(owner)
        with pytest.raises(redis.ResponseError, match=DENIED):
            worker.execute_command("FCALL", function_name(short), len(function_keys), *function_keys, *arguments)
        assert everything(owner) == before


@pytest.mark.parametrize("user", ["worker-default", "worker-internal"])
@pytest.mark.parametrize(
    "command",
    [
        f"GET {TOKEN}",
        f"GET {CODE_KEY}",
        f"EXISTS {FAMILY}",
        f"HGET {FAMILY} r",
        f"DEL {FAMILY}",
        f"DEL {log_in_keys.failures('user', 'ada')}",
        f"SET {log_in_keys.browser_session('mine')} x",
        f"ZADD {log_in_keys.AUTH_CLIENTS} 1 mine",
        f"PUBLISH {log_in_keys.REVOKED} ours",
        f"SUBSCRIBE {log_in_keys.REVOKED}",
        "KEYS tm-auth:*",
        "SCAN 0 MATCH tm-auth:*",
    ],
)
def test_a_worker_reads_and_changes_nothing_of_log_ins(user: str, command: str, broker: tuple[Broker, Path]) -> None:
    with broker[0].client() as owner, connect(broker, user) as worker:
        log_ins(owner)
        before = everything(owner)
        with pytest.raises(redis.ResponseError, match=DENIED):
            worker.execute_command(*command.split())
        assert everything(owner) == before


def log_ins(owner: "redis.Redis") -> None:
    """A code, a grant with its token, a client and a counter, all of them to be taken."""
    owner.flushall()
    owner.hset(FAMILY, mapping={"r": "record", "n": 0, "at": 0, "d": "d"})
    owner.set(TOKEN, "record")
    owner.set(CODE_KEY, "record")
    owner.set(log_in_keys.failures("user", "ada"), 4)
    owner.set(CLIENT, "record", px=60_000)
    owner.zadd(log_in_keys.AUTH_CLIENTS, {"tmc_1": 1e15})


def everything(owner: "redis.Redis") -> dict[bytes, object]:
    """All that lies there."""
    return {key: owner.dump(key) for key in owner.scan_iter("*")}
