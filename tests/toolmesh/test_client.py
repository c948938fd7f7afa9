"""`toolmesh client`: clients of clients.yaml, and those in the store of a real mesh in which people log in."""

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import keys, log_in_keys
from shared.api_keys import digest
from shared.audit import decode_record
from shared.clients_file import load_clients
from shared.codec import seal
from shared.grants import RegisteredClient
from tests.letters import RING, STRANGER
from tests.mesh import Broker, mesh_keys, wait_until
from tests.oauth.house import PASSWORD, House, house
from tests.oauth.person import OAuthClient
from tests.toolmesh.command import Done, refused, toolmesh
from toolmesh.acl import edge_rules

CALLBACK = "https://agent.example/callback"
FILE = f"""\
# Set up by hand.
clients:
  # the old desktop
  - client_id: desk   # no secret
    redirect_uris: ["http://127.0.0.1/cb"]
  - {{client_id: web, client_name: The web, token_endpoint_auth_method: client_secret_post,
     client_secret_sha256: {"a" * 64}, redirect_uris: [{CALLBACK}]}}
# the end
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "clients.yaml").write_text(FILE)
    return tmp_path


def client(*arguments: str, config: Path, **environment: str) -> Done:
    return toolmesh("client", *arguments, "--config", str(config), **environment)


@pytest.mark.parametrize(
    ("options", "method", "scope"),
    [
        ((), "client_secret_basic", ""),
        (("--method", "client_secret_post", "--scopes", "offline_access, tools:read"), "client_secret_post", None),
        (("--public",), "none", ""),
    ],
)
def test_a_secret_is_alone_on_stdout_and_only_its_digest_is_stored(
    options: tuple[str, ...], method: str, scope: str | None, tmp_path: Path
) -> None:
    done = client("add", "agent", "--name", "The agent", "--redirect", CALLBACK, *options, config=tmp_path)
    assert done.code == 0, done.err
    (entry,) = load_clients(tmp_path)
    assert (entry.client_id, entry.client_name, entry.redirect_uris) == ("agent", "The agent", (CALLBACK,))
    assert entry.token_endpoint_auth_method == method
    assert entry.scope == ("tools:read offline_access" if scope is None else scope)
    secret = done.out.strip()
    file = tmp_path / "clients.yaml"
    if method == "none":
        assert (secret, entry.client_secret_sha256) == ("", None)
    else:
        assert done.out == f"{secret}\n"
        assert len(secret) == 43
        assert entry.client_secret_sha256 == digest(secret)
        assert secret not in file.read_text() + done.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_redirect_uris_are_added_later_and_all_else_of_the_file_stays(config: Path) -> None:
    made = client("add", "chatgpt", config=config)
    assert "no redirect URI yet" in made.err
    for uri in (f"{CALLBACK}/1", f"{CALLBACK}/2", f"{CALLBACK}/2"):
        assert client("redirect", "chatgpt", uri, config=config).code == 0
    assert client("redirect", "desk", "cursor://anysphere.cursor-mcp/cb", config=config).code == 0
    assert client("redirect", "web", f"{CALLBACK}/3", config=config).code == 0
    assert [entry.redirect_uris for entry in load_clients(config, schemes=("cursor",))] == [
        ("http://127.0.0.1/cb", "cursor://anysphere.cursor-mcp/cb"),
        (CALLBACK, f"{CALLBACK}/3"),
        (f"{CALLBACK}/1", f"{CALLBACK}/2"),
    ]
    assert client("remove", "web", config=config).code == 0
    text = (config / "clients.yaml").read_text()
    for comment in ("# Set up by hand.", "# the old desktop", "# no secret", "# the end"):
        assert comment in text


def test_list_shows_the_files_clients_and_says_why_it_shows_no_others(config: Path, tmp_path: Path) -> None:
    elsewhere = ("--data", str(tmp_path / "none"))
    found = client("list", "--json", *elsewhere, config=config)
    assert json.loads(found.out)["registered"] is None
    assert [each["client_id"] for each in json.loads(found.out)["clients"]] == ["desk", "web"]
    assert "REDIS_URL is not set" in found.err
    table = client("list", *elsewhere, config=config)
    assert [line.split()[0] for line in table.out.splitlines()[1:]] == ["desk", "web"]
    assert "agent.example" in table.out
    assert "a" * 20 not in found.out + table.out
    away = client("list", config=config, REDIS_URL="redis://127.0.0.1:1/0", TOOLMESH_MESH_KEYS=mesh_keys())
    assert away.code == 0
    assert "can't be reached" in away.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("add", "desk"), "has a client `desk` already"),
        (("add", "a b"), "use 1 to 128 letters"),
        (("add", "https://agent.example/client.json"), "use 1 to 128 letters"),
        (("add", "agent", "--redirect", "http://agent.example/cb"), "must be of a loopback address"),
        (("add", "agent", "--redirect", f"{CALLBACK}#x"), "no fragment"),
        (("add", "agent", "--redirect", "https://*.example/cb"), "without wildcards"),
        (("add", "agent", "--redirect", "javascript:alert(1)"), "must begin with https://"),
        (("add", "agent", "--method", "private_key_jwt"), "client_secret_basic"),
        (("add", "agent", "--scopes", "tools:raed"), "Did you mean `tools:read`?"),
        (("add", "agent", "--name", "a\x1b[31m"), "can't be seen"),
        (("redirect", "desc", CALLBACK), "Did you mean `desk`?"),
        (("redirect", "desk", "ftp://x"), "must begin with https://"),
        (("remove", "desc"), "Did you mean `desk`?"),
    ],
)
def test_what_can_not_be_done_is_refused_and_the_file_stays(
    arguments: tuple[str, ...], expected: str, config: Path
) -> None:
    said = refused(client(*arguments, config=config, TOOLMESH_DATA_DIR=str(config / "none")))
    assert expected in said
    assert "\x1b" not in said
    assert (config / "clients.yaml").read_text() == FILE


# With people who log in.


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house"), workers=0, TOOLMESH_IDENTITIES_POLL_S="0.1") as running:
        yield running


def of(home: House, *arguments: str, **environment: str) -> Done:
    """The command as the operator of that mesh runs it."""
    where = {"REDIS_URL": home.running.broker.url, "TOOLMESH_MESH_KEYS": mesh_keys()}
    return client(*arguments, config=home.running.config, **{**where, **environment})


def works(home: House, tokens: dict[str, str]) -> bool:
    bearer = home.bearer(tokens["access_token"])
    try:
        return bearer.post(bearer.body("tools/list"), bearer.headers("tools/list")).status_code == 200
    finally:
        bearer.close()


def test_a_client_of_the_file_logs_somebody_in_and_nobody_any_more_when_it_is_removed(home: House) -> None:
    secret = of(home, "add", "agent", "--name", "The agent", "--method", "client_secret_post").out.strip()
    agent = OAuthClient(home.url, "agent", CALLBACK, secret)
    person = home.person()
    assert of(home, "redirect", "agent", CALLBACK).code == 0
    wait_until(lambda: "/login" in person.get(agent.authorize_path()).headers.get("location", ""), "its URI is known")
    tokens, other = home.tokens(agent), home.tokens(home.client())
    assert works(home, tokens)
    removed = of(home, "remove", "agent")
    assert "1 connection of 1 person ended, on every edge at once" in removed.err
    wait_until(lambda: not works(home, tokens), "its token is refused")
    assert agent.refresh(tokens["refresh_token"]).status_code in (400, 401)
    assert works(home, other), "another client's tokens are none of its"
    with home.running.broker.client() as redis:
        records = [decode_record(fields[b"r"]) for _, fields in redis.xrange(keys.AUDIT_STREAM)]
    assert [(r.subject, r.caller_id) for r in records if (r.code, r.role) == ("revoked", "operator")] == [("ada", "agent")]
    person.close()


def test_a_client_that_registered_itself_is_listed_and_can_be_forgotten_with_all_that_came_of_it(home: House) -> None:
    mine, other = home.client(client_name="Mine \x1b[31m"), home.client()
    tokens, others = home.tokens(mine), home.tokens(other)
    table = of(home, "list")
    assert table.err == ""
    assert "\x1b" not in table.out
    row = next(line for line in table.out.splitlines() if mine.client_id in line)
    assert '"Mine [31m"' in row
    assert "client.example" in row
    listed = {each["client_id"]: each for each in json.loads(of(home, "list", "--json").out)["registered"]}
    assert listed.keys() >= {mine.client_id, other.client_id}
    assert listed[mine.client_id]["redirect_uris"] == [mine.redirect_uri]
    assert "secret" not in json.dumps(listed[mine.client_id])

    removed = of(home, "remove", mine.client_id)
    assert removed.code == 0, removed.err
    assert f"{mine.client_id} is forgotten" in removed.err
    wait_until(lambda: not works(home, tokens), "its token is refused")
    assert mine.refresh(tokens["refresh_token"]).status_code == 401
    assert works(home, others)
    assert mine.client_id not in of(home, "list", "--json").out
    assert "has no client" in refused(of(home, "remove", mine.client_id))


def test_what_a_stranger_wrote_into_the_store_is_not_believed(home: House) -> None:
    record = RegisteredClient(client_id="tmc_forged", metadata=b'{"client_name":"Forged"}')
    with home.running.broker.client() as redis:
        redis.set(log_in_keys.registered_client("tmc_forged"), seal(STRANGER, "edge", record))
        redis.set(log_in_keys.registered_client("tmc_noise"), b"noise")
        redis.zadd(log_in_keys.AUTH_CLIENTS, dict.fromkeys(("tmc_forged", "tmc_noise", "tmc_gone"), 4000000000000.0))
        redis.hset(log_in_keys.family("forged"), mapping={"r": b"noise", "n": 0})
        redis.set(log_in_keys.family("noise"), b"noise")
    found = of(home, "list", "--json")
    assert found.code == 0
    for name in ("tmc_forged", "tmc_noise", "tmc_gone", "Forged"):
        assert name not in found.out
    assert of(home, "remove", "tmc_noise").code == 0
    with home.running.broker.client() as redis:
        assert redis.exists(log_in_keys.family("forged"), log_in_keys.family("noise")) == 2


def test_where_the_brokers_user_may_not_look_for_connections_it_is_said_what_stays(home: House) -> None:
    registered = home.client()
    tokens = home.tokens(registered)
    with home.running.broker.client() as redis:
        redis.execute_command("ACL", "SETUSER", "edge", "reset", "on", ">pw", *edge_rules())
    as_edge = home.running.broker.url.replace("redis://", "redis://edge:pw@")
    assert registered.client_id in of(home, "list", "--json", REDIS_URL=as_edge).out
    removed = of(home, "remove", registered.client_id, REDIS_URL=as_edge)
    assert removed.code == 0, removed.err
    assert "work until they run out, 1.0 h at most" in removed.err
    assert "pw@" not in removed.err
    assert registered.refresh(tokens["refresh_token"]).status_code == 401
    assert works(home, tokens), "that is what stays"


def test_log_ins_on_a_broker_of_their_own_are_looked_for_there(broker: Broker, tmp_path: Path) -> None:
    record = RegisteredClient(client_id="tmc_there", metadata=b'{"client_name":"There","redirect_uris":[]}')
    with broker.client() as redis:
        redis.set(log_in_keys.registered_client("tmc_there"), seal(RING, "edge", record))
        redis.zadd(log_in_keys.AUTH_CLIENTS, {"tmc_there": (time.time() + 60) * 1000})
    found = client("list", "--json", config=tmp_path, AUTH_REDIS_URL=broker.url, TOOLMESH_MESH_KEYS=mesh_keys())
    assert [each["client_id"] for each in json.loads(found.out)["registered"]] == ["tmc_there"], found.err
    assert PASSWORD not in found.out
