"""identity-providers.yaml and the secrets beside it: what is taken, and what a broken one is told."""

from pathlib import Path

import pytest

from shared.claims_mapping import Allowed
from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.identity_providers_file import load_identity_providers
from shared.identity_secrets import parse_identity_secrets

CORP = "name: corp, issuer: 'https://idp.example', client_id: mesh, allow: {everyone: true}"


def told(directory: Path, text: str) -> list[str]:
    """The problems of a file."""
    (directory / "identity-providers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_identity_providers(directory)
    return problems_of(caught.value)


def test_providers_are_read_whole_and_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "identity-providers.yaml").write_text(
        """
        providers:
          - name: corp
            label: The Corp
            issuer: https://login.example/realms/one
            client_id: mesh
            client_auth: client_secret_post
            scopes: [openid, profile, groups]
            groups_claim: realm_access.roles
            name_claim: preferred_username
            roles: {ops: [operator, reader]}
            plans: {ops: pro}
            plan: basic
            company: acme
            allow: {groups: [staff], domains: [host.example]}
            blocked: [x-1]
          - {name: github, kind: github, client_id: Iv1.abc, allow: {groups: [acme/core]}}
          - {name: ghe, kind: github, issuer: 'https://ghe.example', api_url: 'https://api.ghe.example', client_id: x,
             allow: {everyone: true}}
        """
    )
    corp, github, ghe = load_identity_providers(tmp_path)
    assert (corp.shown, corp.site, corp.roles, corp.plans, corp.plan) == (
        "The Corp",
        "https://login.example/realms/one",
        {"ops": ("operator", "reader")},
        {"ops": "pro"},
        "basic",
    )
    assert corp.allow == Allowed(groups=("staff",), domains=("host.example",))
    assert (github.site, github.shown, ghe.site) == ("https://github.com", "github", "https://ghe.example")


def test_no_file_means_no_provider_and_a_named_one_must_be_there(tmp_path: Path) -> None:
    assert load_identity_providers(tmp_path) == ()
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_identity_providers(tmp_path, tmp_path / "other.yaml")


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        pytest.param(f"{CORP}, nam: x", "unknown key `nam`", id="unknown key"),
        pytest.param(CORP.replace("client_id: mesh, ", ""), "`client_id`", id="no client"),
        pytest.param(CORP.replace("name: corp", "name: Corp"), "`Corp` is not a provider's name", id="name"),
        pytest.param(CORP.replace("name: corp", "name: a/../b"), "is not a provider's name", id="path as name"),
        pytest.param(CORP.replace("https://idp.example", "http://idp.example"), "is not https", id="http"),
        pytest.param(CORP.replace("idp.example", "idp.example/{tenantid}/v2.0"), "placeholder", id="template"),
        pytest.param(
            CORP.replace("idp.example", "login.microsoftonline.com/common/v2.0"), "several tenants", id="no tenant"
        ),
        pytest.param(CORP.replace("issuer: 'https://idp.example', ", ""), "is missing", id="no issuer"),
        pytest.param(CORP.replace("allow: {everyone: true}", "plan: pro"), "nobody may come in", id="nobody allowed"),
        pytest.param(f"{CORP}, scopes: [profile]", "`openid` is not among them", id="no openid"),
        pytest.param(f"{CORP}, scopes: [openid, 'a b']", "no scope", id="two scopes in one"),
        pytest.param(f"{CORP}, subject_claim: email", "somebody else's tomorrow", id="e-mail as subject"),
        pytest.param(f"{CORP}, api_url: 'https://x.example'", "is of GitHub alone", id="api of no GitHub"),
        pytest.param(f"{CORP}, kind: saml", "`kind` must be one of", id="kind"),
        pytest.param(f"{CORP}, kind: github, groups_claim: orgs", "GitHub has no claims", id="claims of GitHub"),
        pytest.param(f"{CORP}, kind: github, client_auth: none", "without a secret", id="GitHub without a secret"),
        pytest.param(f"{CORP}, label: '{'x' * 61}'", "more than 60", id="long label"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(entry: str, named: str, tmp_path: Path) -> None:
    (problem,) = told(tmp_path, f"providers:\n  - {{{entry}}}\n")
    assert problem.startswith("identity-providers.yaml:2: ")
    assert named in problem


def test_two_providers_share_neither_name_nor_issuer(tmp_path: Path) -> None:
    name, issuer = told(tmp_path, f"providers:\n  - {{{CORP}}}\n  - {{{CORP}}}\n")
    assert name.startswith("identity-providers.yaml:3: a second provider is called `corp`")
    assert issuer.startswith("identity-providers.yaml:3: an earlier entry has the same issuer")


def test_secrets_are_one_for_each_provider_and_no_message_shows_one() -> None:
    found = parse_identity_secrets("corp=s3cr=t==\n github=other ")
    assert {name: secret.reveal() for name, secret in found.items()} == {"corp": "s3cr=t==", "github": "other"}
    for text in ("hunter2", "corp=", "=hunter2", "corp=hunter2 corp=hunter3"):
        with pytest.raises(ConfigurationError) as caught:
            load_settings({"TOOLMESH_IDENTITY_SECRETS": text})
        assert "TOOLMESH_IDENTITY_SECRETS" in caught.value.detail
        assert "hunter" not in caught.value.detail


def test_secrets_may_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text("corp=hunter2\ngithub=hunter3\n")
    settings = load_settings({"TOOLMESH_IDENTITY_SECRETS_FILE": str(path)})
    assert settings.identity_secrets is not None
    assert list(parse_identity_secrets(settings.identity_secrets.reveal())) == ["corp", "github"]
    assert "hunter" not in repr(settings)
