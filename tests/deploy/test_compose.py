"""compose.yaml, read: who may reach what, and that every container is locked down."""

import re
from typing import Any

import pytest

from tests.deploy.compose import mounts, read_compose
from tests.mesh import ROOT

COMPOSE = read_compose()
SERVICES: dict[str, Any] = COMPOSE["services"]
WORKERS = [name for name in SERVICES if name.startswith("worker")]
SCRIPTS = "worker-code"
OF_THE_DEMO = ("desk=http://demo:8124/v1",)
every_service = pytest.mark.parametrize("name", SERVICES)


@every_service
def test_a_service_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add", ())) <= {"NET_BIND_SERVICE"}
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].partition(":")[0] not in ("0", "root")
    assert "privileged" not in service
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"]["max-size"], "a log must not fill the disk"


@every_service
def test_a_service_can_be_scaled_and_its_image_is_pinned(name: str) -> None:
    service = SERVICES[name]
    assert "container_name" not in service
    _, _, tag = service["image"].partition(":")
    assert tag
    assert tag != "latest"
    if name not in ("secrets",):
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@every_service
def test_nothing_but_the_edge_and_what_stands_in_front_of_it_has_a_port(name: str) -> None:
    assert bool(SERVICES[name].get("ports")) == (name in ("edge", "caddy"))
    assert SERVICES[name].get("network_mode") != "host"
    assert not any(source.endswith("docker.sock") for source in mounts(SERVICES[name]).values())


def test_the_edges_port_is_this_machines_own_unless_said_otherwise() -> None:
    assert SERVICES["edge"]["ports"] == ["127.0.0.1:8123:8123"]
    given = {"PUBLISH_ADDRESS": "192.0.2.1", "PUBLISH_PORT": "9000"}
    edge = read_compose(given)["services"]["edge"]
    assert edge["ports"] == ["192.0.2.1:9000:8123"]
    assert edge["environment"]["TOOLMESH_ISSUER"] == "http://127.0.0.1:9000"


@pytest.mark.parametrize("name", ["worker", "worker-internal", "worker-code"])
def test_workers_know_where_files_that_tools_give_are_had(name: str) -> None:
    assert SERVICES[name]["environment"]["TOOLMESH_ISSUER"] == SERVICES["edge"]["environment"]["TOOLMESH_ISSUER"]
    given = read_compose({"TOOLMESH_ISSUER": "https://mesh.example"})["services"][name]
    assert given["environment"]["TOOLMESH_ISSUER"] == "https://mesh.example"


@pytest.mark.parametrize(
    "name",
    [
        "TOOLMESH_TRUSTED_PROXIES",
        "TOOLMESH_CORS_ORIGINS",
        "TOOLMESH_ALLOWED_HOSTS",
        "TOOLMESH_AUTH",
        "TOOLMESH_IDENTITY_SECRETS",
        "TOOLMESH_PASSWORD_LOGIN",
    ],
)
def test_what_the_operator_says_of_the_door_reaches_the_edge_alone(name: str) -> None:
    services = read_compose({name: "said-here"})["services"]
    assert {each for each, service in services.items() if "said-here" in str(service)} == {"edge"}
    assert f"#{name}=" in (ROOT / ".env.example").read_text(encoding="utf-8")


def test_the_broker_is_reached_by_the_roles_alone_and_workers_by_nobody() -> None:
    networks = {name: set(service.get("networks", ())) for name, service in SERVICES.items()}
    assert COMPOSE["networks"]["mesh"] == {"internal": True}
    assert networks["valkey"] == {"mesh"}
    assert {name for name, joined in networks.items() if "mesh" in joined} == {"valkey", "init", "edge", *WORKERS}
    assert {name for name, joined in networks.items() if "front" in joined} == {"edge", "caddy"}
    assert networks["edge"] == {"front", "mesh"}
    for name in WORKERS:
        assert networks[name] - {"demo"} == ({"mesh"} if name == SCRIPTS else {"mesh", "egress"})
    assert COMPOSE["networks"]["demo"] == {"internal": True}
    assert {name for name, joined in networks.items() if "demo" in joined} == {"demo", "worker"}
    assert networks["demo"] == {"demo"}
    assert SERVICES["secrets"]["network_mode"] == "none"


def test_each_service_mounts_its_own_secrets_and_cannot_write_them() -> None:
    own = {"edge": "edge", "init": "init", "worker": "worker-default", "valkey": "broker", "postgres": "postgres"}
    own |= {name: name for name in WORKERS if name != "worker"}
    for name, service in SERVICES.items():
        held = {m["volume"]["subpath"] for m in service.get("volumes", ()) if m["source"] == "secrets" and "volume" in m}
        assert held - ({"broker"} if name == "init" else set()) == {own[name]} - {None} if name in own else not held
        for mount in service.get("volumes", ()):
            if mount["source"] == "secrets" and name != "secrets":
                assert mount["read_only"] is True
                # Else the engine would copy into a part of the volume that is not there before `secrets` has run.
                assert mount["volume"]["nocopy"] is True
            if mount["type"] == "bind":
                assert mount["read_only"] is True


def test_the_sandbox_has_nothing_but_its_socket_which_workers_alone_can_reach() -> None:
    sandbox = SERVICES["sandbox"]
    assert sandbox["network_mode"] == "none"
    assert "networks" not in sandbox
    assert "env_file" not in sandbox
    assert mounts(sandbox) == {"/run/sandbox": "sandbox"}
    assert {name for name, service in SERVICES.items() if "sandbox" in mounts(service).values()} == {"sandbox", *WORKERS}
    for name in WORKERS:
        mount = next(m for m in SERVICES[name]["volumes"] if m["source"] == "sandbox")
        assert mount["read_only"] is True
        assert SERVICES[name]["environment"]["TOOLMESH_SANDBOX"].startswith(mount["target"] + "/")
        assert SERVICES[name]["depends_on"]["sandbox"] == {"condition": "service_healthy"}
        assert SERVICES[name]["user"].partition(":")[0] == sandbox["user"].partition(":")[0], "the socket is for its user"


def test_no_secret_stands_in_the_file() -> None:
    text = str(COMPOSE)
    assert not re.search(r"(?i)password(?!_file)['\"]?: ['\"]?\w", text)
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"KEY|PASSWORD|SECRET|URL", variable):
                assert value in ("", *OF_THE_DEMO) or value.startswith("/run/toolmesh/"), variable
            if variable.startswith("CREDENTIAL_"):
                assert value == "demo", "the one of the demo's data is known to everybody"
    assert not any("CREDENTIAL" in str(SERVICES[name]) for name in SERVICES if name not in WORKERS)


def test_each_group_of_workers_has_an_environment_file_of_its_own() -> None:
    with_credentials = [name for name in WORKERS if name != SCRIPTS]
    files = [entry["path"] for name in with_credentials for entry in SERVICES[name]["env_file"]]
    assert len(files) == len(set(files)) == len(with_credentials)
    assert not any("env_file" in service for name, service in SERVICES.items() if name not in with_credentials)


def test_scripts_have_no_way_out_no_credential_and_no_configuration() -> None:
    scripts = SERVICES[SCRIPTS]
    assert scripts["networks"] == ["mesh"]
    assert set(mounts(scripts)) == {"/run/toolmesh", "/run/sandbox"}
    assert scripts["command"] == ["worker", "--backends", "code"]
    assert "profiles" not in scripts


def test_what_is_not_always_needed_waits_in_a_profile() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {
        "worker-internal": ["internal"],
        "caddy": ["tls"],
        "openfga": ["openfga"],
        "postgres": ["postgres"],
    }
