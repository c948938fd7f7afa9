"""Settings out of the environment: what is taken, what stops the start and what it then says."""

import re
from pathlib import Path

import pytest

from shared.durations import parse_duration
from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.known_names import FIELDS, INERT, KNOWN
from shared.mesh_keys import generate_key_ring
from shared.unbuilt import notes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def problems(**environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment)
    return problems_of(caught.value)


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load_settings({})
    assert settings.port == 8123
    assert settings.api_key is None


def test_values_are_read_by_their_type() -> None:
    settings = load_settings(
        {
            "TOOLMESH_QUEUE_DEPTH_MAX": "7",
            "TOOLMESH_LEASE_S": "1m",
            "TOOLMESH_AUTH_ROLES": "a, b,,c",
            "TOOLMESH_ISSUER": "https://mesh.example/",
            "TOOLMESH_BACKENDS_CONFIG": "/x/b.yaml",
            "TOOLMESH_MESH_KEYS": generate_key_ring(["edge", "default"]),
        }
    )
    assert settings.queue_depth_max == 7
    assert settings.lease_s == 60.0
    assert settings.auth_roles == ("a", "b", "c")
    assert settings.issuer == "https://mesh.example"
    assert settings.backends_config == Path("/x/b.yaml")
    assert settings.mesh_keys is not None
    assert settings.mesh_keys.groups == {"edge", "default"}


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_an_empty_variable_counts_as_unset(name: str) -> None:
    assert load_settings({name: " "}) == load_settings({})


def test_an_override_wins_over_the_environment_and_none_is_no_override() -> None:
    environment = {"TOOLMESH_PORT": "9000"}
    assert load_settings(environment, port=9001).port == 9001
    assert load_settings(environment, port=None).port == 9000


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30), ("0.5", 0.5), ("300ms", 0.3), ("1h30m", 5400), ("1.5h", 5400), ("2µs", 2e-6)]
)
def test_durations_are_seconds_or_gos_syntax(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 s", "1x", "1s2", "inf", "nan", "1e3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["true", "True", "ON", "yes", "1", " on "])
def test_a_switch_is_on(text: str) -> None:
    assert load_settings({"TOOLMESH_QUEUE_ENCRYPT": text}).queue_encrypt is True


@pytest.mark.parametrize("text", ["false", "FALSE", "Off", "no", "0", ""])
def test_a_switch_is_off(text: str) -> None:
    assert load_settings({"TOOLMESH_QUEUE_ENCRYPT": text}).queue_encrypt is False


@pytest.mark.parametrize("text", ["maybe", "2", "y", "t", "enabled", "true,false"])
def test_a_switch_that_is_neither_on_nor_off_is_refused(text: str) -> None:
    (problem,) = problems(TOOLMESH_QUEUE_ENCRYPT=text)
    assert f"TOOLMESH_QUEUE_ENCRYPT is {text!r}; write true or false." == problem


@pytest.mark.parametrize(("switch", "encrypts"), [("true", True), ("false", False), ("", False)])
def test_every_role_that_loads_its_settings_gets_a_ring_that_encrypts_as_the_switch_says(
    switch: str, encrypts: bool
) -> None:
    keys = generate_key_ring(["edge", "default"])
    settings = load_settings({"TOOLMESH_QUEUE_ENCRYPT": switch, "TOOLMESH_MESH_KEYS": keys})
    assert settings.mesh_keys is not None
    assert settings.mesh_keys.encrypts is encrypts
    assert settings.mesh_keys.groups == {"edge", "default"}


def test_the_switch_without_keys_is_taken_for_who_has_none_yet() -> None:
    assert load_settings({"TOOLMESH_QUEUE_ENCRYPT": "true"}).mesh_keys is None


def test_an_unknown_name_stops_the_start_and_names_the_nearest() -> None:
    (problem,) = problems(TOOLMESH_API_KEEY="x")
    assert "TOOLMESH_API_KEEY" in problem
    assert "`TOOLMESH_API_KEY`" in problem


def test_every_problem_is_named_at_once() -> None:
    found = problems(TOOLMESH_PORT="99999", TOOLMESH_LEASE_S="soon", LOG_LEVEL="inof", TOOLMESH_DIRECT_TOOLS="many")
    assert len(found) == 4
    for name in ("TOOLMESH_PORT", "TOOLMESH_LEASE_S", "LOG_LEVEL", "TOOLMESH_DIRECT_TOOLS"):
        assert any(name in problem for problem in found)


def test_names_that_kubernetes_injects_for_a_service_called_toolmesh_are_let_pass() -> None:
    injected = {
        "TOOLMESH_SERVICE_HOST": "10.0.0.1",
        "TOOLMESH_SERVICE_PORT_HTTP": "8123",
        "TOOLMESH_PORT": "tcp://10.0.0.1:8123",
        "TOOLMESH_PORT_8123_TCP_ADDR": "10.0.0.1",
    }
    assert load_settings(injected).port == 8123


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("TOOLMESH_API_KEY", "tooshort"),
        ("TOOLMESH_API_KEY", "has a space in its middle"),
        ("TOOLMESH_API_KEY", "tmat_looks_like_a_token"),
        ("TOOLMESH_MESH_KEYS", "default:k1:hunter2hunter2"),
        ("REDIS_URL", "htp://user:hunter2@host/0"),
        ("TOOLMESH_OWNER_KEY_SHA256", "hunter2"),
    ],
)
def test_a_secret_that_does_not_fit_is_not_shown(name: str, secret: str) -> None:
    (problem,) = problems(**{name: secret})
    assert name in problem
    assert secret not in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENFGA_MODE", "restrict"),
        ("AUDIT_STORE", "sqlite"),
        ("CREDENTIAL_STORE", "vault"),
        ("GATE_EVALUATORS", "goja,compliance"),
        ("TOOLMESH_TRANSPORT", "stdio"),
    ],
)
def test_a_control_that_is_asked_for_and_not_built_stops_the_start(name: str, value: str) -> None:
    assert name in problems(**{name: value})[0]


def test_a_policy_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "guard.js").touch()
    with pytest.raises(ConfigurationError, match=re.escape("policies/guard.js")):
        load_settings({}, config_dir=tmp_path)


def test_a_policies_directory_elsewhere_is_looked_into_too(tmp_path: Path) -> None:
    (tmp_path / "p.js").touch()
    assert "p.js" in problems(TOOLMESH_POLICIES_DIR=str(tmp_path))[0]


def test_upstreams_names_that_do_nothing_yet_are_accepted_with_a_note() -> None:
    samples = {"int": "5", "seconds": "30s", "bool": "true", "text": "x"}
    environment = {name: samples[inert.kind] for name, inert in INERT.items()}
    load_settings(environment)
    said = "\n".join(notes(environment))
    assert all(name in said for name in INERT)
    assert notes({}) == ()


def test_an_alias_stands_for_its_name_and_may_not_contradict_it() -> None:
    assert load_settings({"TOOLMESH_ACTIVITY_TIMEOUT": "2m"}).exec_timeout_s == 120
    assert "TOOLMESH_EXEC_TIMEOUT" in problems(TOOLMESH_ACTIVITY_TIMEOUT="2m", TOOLMESH_EXEC_TIMEOUT="3m")[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("TOOLMESH_LEASE_S", "4"), ("TOOLMESH_HEARTBEAT_TTL_S", "0.6"), ("TOOLMESH_EXEC_TIMEOUT", "2h")],
)
def test_settings_that_do_not_fit_each_other_are_refused(name: str, value: str) -> None:
    assert name in problems(**{name: value})[0]


def test_a_configuration_directory_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a directory"):
        load_settings({}, config_dir=tmp_path / "none")


def test_the_page_lists_every_variable_exactly_once() -> None:
    listed = re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(KNOWN)


def test_the_page_gives_the_defaults_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    defaults = load_settings({})
    for variable, name in FIELDS.items():
        value = getattr(defaults, name)
        if isinstance(value, int | float):
            row = re.search(rf"^\| `{variable}` \| ([^|]*) \| ([^|]*) \|", text, re.MULTILINE)
            assert row is not None
            if isinstance(value, bool):
                assert (row[1].strip(), row[2].strip()) == (str(value).lower(), "switch"), variable
            else:
                assert float(row[1].strip()) == float(value), variable
