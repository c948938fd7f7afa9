"""`authorization-servers.yaml`: what is taken, and what is said of each line that can't be."""

import textwrap
from pathlib import Path

import pytest

from shared.authorization_servers_file import load_authorization_servers
from shared.errors import ConfigurationError
from shared.findings import problems_of

GOOD = "issuer: https://one.example, allow: {everyone: true}"


def load(directory: Path, text: str, own_url: str | None = None) -> list[str]:
    """Write it; gives the issuers."""
    (directory / "authorization-servers.yaml").write_text(textwrap.dedent(text))
    return [entry.issuer for entry in load_authorization_servers(directory, own_url=own_url)]


def problems(directory: Path, text: str, own_url: str | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(directory, text, own_url)
    return problems_of(caught.value)


def test_without_the_file_there_is_no_server(tmp_path: Path) -> None:
    assert load_authorization_servers(tmp_path) == ()


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_authorization_servers(tmp_path, tmp_path / "servers.yaml")


def test_an_entry_says_whose_tokens_are_taken_and_the_rest_is_strict(tmp_path: Path) -> None:
    assert load(tmp_path, f"servers:\n  - {{{GOOD}}}\n") == ["https://one.example"]
    (entry,) = load_authorization_servers(tmp_path)
    assert (entry.types, entry.audiences, entry.client_claim) == (("at+jwt",), (), "client_id")
    assert entry.algorithms == ("RS256", "PS256", "ES256", "Ed25519")
    assert (entry.clock_leeway_s, entry.token_life_s_max) == (30, 24 * 3600)


def test_everything_can_be_said_and_order_is_kept(tmp_path: Path) -> None:
    issuers = load(
        tmp_path,
        """
        servers:
          - issuer: https://login.example/realms/one
            jwks_uri: https://keys.example/jwks?v=1
            audiences: ['api://mesh', mesh]
            types: [at+jwt, JWT]
            algorithms: [RS256, Ed25519]
            client_claim: azp
            scopes: {mesh.read: ['tools:read'], 'https://x.example/mesh.all': ['tools:read', 'tools:write']}
            scope_prefix: api://mesh/
            clock_leeway_s: 0
            token_life_s_max: 3600
            groups_claim: realm_access.roles
            roles: {ops: [operator]}
            plans: {ops: pro}
            plan: basic
            company: acme
            allow: {groups: [staff]}
          - issuer: http://127.0.0.1:9400/
            allow: {subjects: [ada]}
        """,
    )
    assert issuers == ["https://login.example/realms/one", "http://127.0.0.1:9400/"]
    first, _ = load_authorization_servers(tmp_path)
    assert first.scopes["mesh.read"] == ("tools:read",)
    assert first.allow.groups == ("staff",)


@pytest.mark.parametrize(
    ("entry", "line", "said"),
    [
        ("allow: {everyone: true}", 2, "has no `issuer`"),
        ("issuer: http://one.example", 2, "is not https"),
        ("issuer: one.example", 2, "is no URL"),
        ("issuer: 'https://one.example/?a=1'", 2, "a query or a fragment"),
        ("issuer: 'https://one.example/#a'", 2, "a query or a fragment"),
        ("issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0'", 2, "a placeholder"),
        ("issuer: 'https://user:word@one.example'", 2, "is no URL"),
        ("jwks_uri: http://keys.example/jwks", 3, "is not https"),
        ("jwks_uri: /jwks", 3, "is no URL"),
        ("types: [id_token]", 3, "must be one of `at+jwt`, `JWT`, `absent`"),
        ("types: []", 3, "is empty"),
        ("algorithms: [HS256]", 3, "must be one of `RS256`"),
        ("algorithms: [none]", 3, "must be one of `RS256`"),
        ("algorithms: []", 3, "is empty"),
        ("audiences: ['']", 3, "one is empty"),
        ("audiences: mesh", 3, "must be a list"),
        ("client_claim: ''", 3, "is empty"),
        ("scopes: {mesh.read: ['tools:raed']}", 3, "Did you mean `tools:read`?"),
        ("scopes: {mesh.read: ['offline_access']}", 3, "is no scope of ours"),
        ("scopes: {'mesh read': ['tools:read']}", 3, "without spaces"),
        ("scopes: {mesh.read: []}", 3, "stands for nothing"),
        ("scopes: {mesh.read: 'tools:read'}", 3, "must be a list"),
        ("scope_prefix: 'a b'", 3, "no scope may have"),
        ("clock_leeway_s: 301", 3, "0 to 300"),
        ("clock_leeway_s: soon", 3, "a whole number"),
        ("token_life_s_max: 0", 3, "above 0"),
        ("subject_claim: email", 3, "somebody else's tomorrow"),
        ("allow: {}", 3, "nobody may come in"),
        ("isuer: x", 3, "Did you mean `issuer`?"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_what_to_write(entry: str, line: int, said: str, tmp_path: Path) -> None:
    lines = [entry] if line == 2 else ["issuer: https://one.example", entry]
    if "allow" not in entry:
        lines.append("allow: {everyone: true}")
    found = problems(tmp_path, "servers:\n  - " + "\n    ".join(lines) + "\n")
    assert len(found) == 1, found
    assert found[0].startswith(f"authorization-servers.yaml:{line}: ")
    assert said in found[0]


def test_each_issuer_stands_once_and_none_is_ourselves(tmp_path: Path) -> None:
    text = f"servers:\n  - {{{GOOD}}}\n  - {{{GOOD}}}\n"
    (twice,) = problems(tmp_path, text)
    assert "authorization-servers.yaml:3: an earlier entry" in twice
    (ours,) = problems(tmp_path, f"servers:\n  - {{{GOOD}}}\n", "https://one.example")
    assert "ToolMesh's own URL" in ours


def test_there_are_not_endlessly_many(tmp_path: Path) -> None:
    entries = "".join(f"  - {{issuer: 'https://h{number}.example', allow: {{everyone: true}}}}\n" for number in range(21))
    (problem,) = problems(tmp_path, "servers:\n" + entries)
    assert "authorization-servers.yaml:22: more than 20 entries" in problem
