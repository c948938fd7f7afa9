"""What is said before an edge runs of providers where people log in, and of people who come from elsewhere."""

from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from toolmesh.check import examine
from toolmesh.configured import load_configuration
from toolmesh.edge import require_authentication

CORP = "name: corp, issuer: 'https://idp.example', client_id: mesh, allow: {groups: [staff]}"
SECRET = {"TOOLMESH_IDENTITY_SECRETS": "corp=hunter2-hunter2"}
RULES = "plans: {free: {allow: ['access:read']}}\n"


def write(directory: Path, entry: str = CORP, rules: str = RULES, more: str = "") -> None:
    (directory / "identity-providers.yaml").write_text(f"providers:\n  - {{{entry}{more}}}\n")
    (directory / "authorization.yaml").write_text(rules)


def test_a_provider_that_is_set_up_right_needs_no_word(tmp_path: Path) -> None:
    write(tmp_path)
    report = examine(SECRET, tmp_path)
    assert (report.errors, report.warnings) == ([], [])


def test_what_is_wrong_with_the_file_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, CORP.replace("corp", "Corp"))
    (error,) = examine({}, tmp_path).errors
    assert error.startswith("identity-providers.yaml:2: `Corp` is not a provider's name")


@pytest.mark.parametrize(
    ("more", "environment", "rules", "expected"),
    [
        pytest.param("", {}, RULES, "`corp` has no secret here", id="no secret"),
        pytest.param("", {"TOOLMESH_IDENTITY_SECRETS": "corp=a crop=b"}, RULES, "Did you mean `corp`?", id="other secret"),
        pytest.param("", SECRET | {"TOOLMESH_AUTH": "none"}, RULES, "does nothing", id="nobody logs in"),
        pytest.param(
            "", SECRET | {"TOOLMESH_OWN_AUTHORIZATION_SERVER": "off"}, RULES, "does nothing", id="nobody logs in here"
        ),
        pytest.param("", SECRET, "plans: {pro: {allow: ['**']}}\n", "lets nobody from `corp` use a tool", id="no rule"),
        pytest.param(
            ", plans: {staff: pro}", SECRET, "roles: {x: {allow: ['**']}}\n", "lets nobody from `corp`", id="no such rule"
        ),
        pytest.param(
            "", SECRET, f"{RULES}users: {{'https://other.example#1': {{deny: ['**']}}}}\n", "no user or key", id="no issuer"
        ),
    ],
)
def test_what_would_let_nobody_in_or_too_many_is_warned_of(
    more: str, environment: dict[str, str], rules: str, expected: str, tmp_path: Path
) -> None:
    write(tmp_path, rules=rules, more=more)
    report = examine(environment, tmp_path)
    assert [text for text in report.warnings if expected in text], report
    assert "hunter2" not in str(report)


def test_everybody_of_a_provider_is_worth_a_warning(tmp_path: Path) -> None:
    write(tmp_path, CORP.replace("groups: [staff]", "everyone: true"))
    (warning,) = examine(SECRET, tmp_path).warnings
    assert "`everyone` lets in whoever can log in there" in warning


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param("roles: {ops: {allow: ['**']}}\n", id="role"),
        pytest.param("companies: {acme: {allow: ['**']}}\n", id="company"),
        pytest.param("users: {'https://idp.example#1': {allow: ['**']}}\n", id="person"),
    ],
)
def test_one_rule_that_fits_somebody_from_there_is_enough(rules: str, tmp_path: Path) -> None:
    write(tmp_path, rules=rules, more=", roles: {staff: [ops]}, company: acme")
    assert examine(SECRET, tmp_path).warnings == []


def test_passwords_off_without_a_provider_let_nobody_in(tmp_path: Path) -> None:
    (warning,) = examine({"TOOLMESH_PASSWORD_LOGIN": "off"}, tmp_path).warnings
    assert "nobody can log in" in warning
    for environment in ({"TOOLMESH_AUTH_PASSWORD": "a password of the owner"}, {}):
        configured = load_configuration(tmp_path, {"TOOLMESH_PASSWORD_LOGIN": "off", **environment})
        with pytest.raises(ConfigurationError, match="Nobody could call this edge"):
            require_authentication(configured)


def test_an_edge_does_not_start_without_a_providers_secret(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ConfigurationError, match=r"no secret of `corp`. Write `corp=…` into TOOLMESH_IDENTITY_SECRETS"):
        require_authentication(load_configuration(tmp_path, {}))
    require_authentication(load_configuration(tmp_path, SECRET))
    write(tmp_path, more=", client_auth: none")
    require_authentication(load_configuration(tmp_path, {}))
