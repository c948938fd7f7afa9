"""4: what can be wrong with the authorization server's metadata."""

from typing import Any

import pytest

from tests.doctor import bends
from tests.doctor.bends import Bend
from tests.doctor.broken import BrokenHouse
from tests.doctor.examined import Doctor, assert_found, levels, shown
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.finding import Level
from toolmesh.doctor.metadata import places

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
OAUTH, OPENID = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
UNKNOWN = "/.well-known/toolmesh-doctor-asks-for-nothing"
OF_OPENID = {
    "jwks_uri": "https://a.example/jwks",
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
}


def test_where_the_documents_of_an_issuer_are() -> None:
    assert places("https://a.example") == (f"https://a.example{OAUTH}", [f"https://a.example{OPENID}"])
    assert places("https://a.example/t") == (
        f"https://a.example{OAUTH}/t",
        [f"https://a.example{OPENID}/t", f"https://a.example/t{OPENID}"],
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(bends.Instead(404, b"{}"), ("answered 404",), id="404"),
        pytest.param(bends.page(), ("not a JSON object",), id="a website"),
        pytest.param(bends.Instead(401, b"{}"), ("discovery itself wants a log-in",), id="401"),
        pytest.param(bends.redirect("https://a.example/"), ("follow no redirect",), id="a redirect"),
    ],
)
def test_no_document(doctor: Doctor, change: bends.Change, words: tuple[str, ...]) -> None:
    report = doctor.look("authorize", Bend(OAUTH, "GET", change))
    assert_found(report, "metadata.found", FAIL, *words, "“does not implement OAuth”", "/.well-known/ to it")
    assert levels(report, FAIL) == ["metadata.found"], shown(report)
    assert_found(report, "registration.open", SKIP)
    assert_found(report, "cimd.fetched", SKIP)
    assert_found(report, "authorize.answered", SKIP)


def test_a_document_of_another_type(doctor: Doctor) -> None:
    report = doctor.look("metadata", Bend(OAUTH, "GET", bends.Header("content-type", "text/plain")))
    assert_found(report, "metadata.found", WARN, "text/plain")


@pytest.mark.parametrize(
    ("bounds", "level", "words"),
    [
        (Bounds(brisk_s=0.01, late_s=0.02), FAIL, ("Claude after 10 s", "a sleeping host")),
        (Bounds(brisk_s=0.01), WARN, ("clients give up",)),
    ],
    ids=["too late", "slow"],
)
def test_a_document_that_takes_its_time(doctor: Doctor, bounds: Bounds, level: Level, words: tuple[str, ...]) -> None:
    report = doctor.look("metadata", Bend(OAUTH, "GET", bends.Delayed(0.1)), bounds=bounds)
    assert_found(report, "metadata.time", level, *words)


@pytest.mark.parametrize(
    ("check", "level", "change", "words"),
    [
        pytest.param(
            "metadata.issuer",
            FAIL,
            bends.Edited(lambda said: said | {"issuer": f"{said['issuer']}/"}),
            ("a slash at the end", "TOOLMESH_ISSUER"),
            id="an issuer with a slash more",
        ),
        pytest.param(
            "metadata.issuer",
            FAIL,
            bends.with_members(issuer="http://edge:8123"),
            ("they differ", "`http://edge:8123`"),
            id="an issuer of inside",
        ),
        pytest.param("metadata.issuer", FAIL, bends.without("issuer"), ("`None`",), id="no issuer"),
        pytest.param(
            "metadata.pkce",
            FAIL,
            bends.without("code_challenge_methods_supported"),
            ("ChatGPT and Claude refuse to begin", '["S256"]'),
            id="no PKCE",
        ),
        pytest.param(
            "metadata.pkce",
            FAIL,
            bends.with_members(code_challenge_methods_supported=["plain"]),
            ("without S256",),
            id="plain alone",
        ),
        pytest.param(
            "metadata.code", FAIL, bends.with_members(response_types_supported=["token"]), ("`['token']`",), id="no codes"
        ),
        pytest.param(
            "metadata.code",
            FAIL,
            bends.with_members(grant_types_supported=["client_credentials"]),
            ("authorization_code",),
            id="no redeeming",
        ),
        pytest.param(
            "metadata.endpoints",
            FAIL,
            bends.without("token_endpoint"),
            ("There is no token_endpoint",),
            id="no endpoint",
        ),
        pytest.param(
            "metadata.endpoints",
            FAIL,
            bends.with_members(token_endpoint="http://localhost/token"),
            ("which is not https", "TOOLMESH_ISSUER"),
            id="an endpoint with http",
        ),
        pytest.param(
            "metadata.endpoints",
            WARN,
            bends.with_members(token_endpoint="https://edge.internal/token"),
            ("another host than the issuer", "internal name"),
            id="an endpoint elsewhere",
        ),
        pytest.param(
            "metadata.clients",
            WARN,
            bends.without("client_id_metadata_document_supported"),
            ("Clients have to register",),
            id="no documents",
        ),
        pytest.param(
            "metadata.clients",
            FAIL,
            bends.without("client_id_metadata_document_supported", "registration_endpoint"),
            ("no client becomes known here", "toolmesh client add"),
            id="no way in",
        ),
        pytest.param(
            "metadata.none",
            FAIL,
            bends.with_members(token_endpoint_auth_methods_supported=["client_secret_basic"]),
            ("without `none` ChatGPT and Claude don't use theirs",),
            id="documents without `none`",
        ),
        pytest.param(
            "metadata.none",
            WARN,
            bends.Edited(
                lambda said: (
                    said
                    | {
                        "client_id_metadata_document_supported": False,
                        "token_endpoint_auth_methods_supported": ["client_secret_post"],
                    }
                )
            ),
            ("can keep no secret",),
            id="registration without `none`",
        ),
        pytest.param(
            "metadata.signing",
            FAIL,
            bends.without("token_endpoint_auth_signing_alg_values_supported"),
            ("signs with RS256", "don't offer"),
            id="signing without a method",
        ),
        pytest.param(
            "metadata.iss",
            WARN,
            bends.without("authorization_response_iss_parameter_supported"),
            ("Couldn't create MCP app", "Missing OAuth callback data"),
            id="no iss",
        ),
        pytest.param(
            "metadata.refresh",
            WARN,
            bends.with_members(grant_types_supported=["authorization_code"]),
            ("has no `refresh_token`", "log in again"),
            id="no refresh tokens",
        ),
        pytest.param(
            "metadata.refresh",
            WARN,
            bends.with_members(scopes_supported=["tools:read"]),
            ("no `offline_access`",),
            id="no offline_access",
        ),
    ],
)
def test_a_member_that_stops_a_client(
    doctor: Doctor, check: str, level: Level, change: bends.Change, words: tuple[str, ...]
) -> None:
    report = doctor.look("metadata", Bend(OAUTH, "GET", change))
    assert_found(report, check, level, *words)


def test_a_program_on_a_persons_machine_needs_none(doctor: Doctor) -> None:
    change = bends.with_members(
        token_endpoint_auth_methods_supported=["client_secret_post"], client_id_metadata_document_supported=False
    )
    report = doctor.look("metadata", Bend(OAUTH, "GET", change), persona="vscode")
    assert_found(report, "metadata.none", FAIL, "VS Code runs on people's machines")


@pytest.mark.parametrize("junk", [None, [], "x", 5, {"a": 1}], ids=["null", "list", "text", "number", "object"])
def test_members_of_any_shape_are_borne(doctor: Doctor, junk: Any) -> None:
    def edit(said: dict[str, Any]) -> dict[str, Any]:
        return dict.fromkeys(said, junk)

    report = doctor.look("authorize", Bend(OAUTH, "GET", bends.Edited(edit)))
    assert not [finding for finding in report.findings if "could not make sense" in finding.said], shown(report)
    assert_found(report, "metadata.issuer", FAIL)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            bends.Instead(200, b'{"issuer": "x"}'), ("lacks jwks_uri", "TOOLMESH_OPENID_CONFIGURATION"), id="no OIDC"
        ),
        pytest.param(bends.page(), ("not a JSON object",), id="a website"),
        pytest.param(bends.Instead(401, b"{}"), ("wants a log-in",), id="401"),
    ],
)
def test_an_openid_document_that_is_none(doctor: Doctor, change: bends.Change, words: tuple[str, ...]) -> None:
    report = doctor.look("metadata", Bend(OPENID, "GET", change))
    assert_found(report, "metadata.openid", FAIL, *words, "Let it be a JSON 404")


def test_an_openid_document_that_is_complete(doctor: Doctor, house: BrokenHouse) -> None:
    def as_openid(**changes: str) -> Bend:
        said = {
            "issuer": house.url,
            "authorization_endpoint": f"{house.url}/authorize",
            "token_endpoint": f"{house.url}/token",
            "registration_endpoint": f"{house.url}/register",
            **OF_OPENID,
            **changes,
        }
        return Bend(OPENID, "GET", bends.Computed(lambda _asked: bends.json_answer(said)))

    report = doctor.look("metadata", as_openid())
    assert_found(report, "metadata.openid", PASS)
    assert_found(report, "metadata.equal", PASS)
    report = doctor.look("metadata", as_openid(token_endpoint=f"{house.url}/other"))
    assert_found(report, "metadata.equal", FAIL, "differ in token_endpoint", "/other`", "one configuration")
    report = doctor.look("metadata", as_openid(), Bend(OAUTH, "GET", bends.Instead(404, b"{}")))
    assert_found(report, "metadata.found", WARN, "there is only an OpenID document", "Serve the same at")
    assert_found(report, "metadata.issuer", PASS)


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        pytest.param(bends.Instead(401, b"{}"), FAIL, ("answered 401", "without a log-in"), id="401"),
        pytest.param(bends.page(), FAIL, ("answered 200", "catch-all"), id="a website"),
        pytest.param(bends.Dropped(), FAIL, ("dropped",), id="nothing"),
        pytest.param(bends.page(404), WARN, ("but not as JSON",), id="a page with 404"),
    ],
)
def test_unknown_documents(doctor: Doctor, change: bends.Change, level: Level, words: tuple[str, ...]) -> None:
    report = doctor.look("metadata", Bend(UNKNOWN, "GET", change))
    assert_found(report, "metadata.unknown", level, *words, "JSON 404")


def test_another_host_that_is_named_is_not_asked_where_it_is_of_a_private_network(
    doctor: Doctor, house: BrokenHouse
) -> None:
    """Only a visit to a public server keeps to the public internet: the house is at this machine, so that its visitor may
    look there too. `tests/doctor/test_visit.py` has the other case."""
    named = bends.with_members(authorization_servers=[f"https://localhost:{house.front.plain_port}"])
    report = doctor.look(
        "metadata",
        Bend("/.well-known/oauth-protected-resource", "GET", named),
        Bend("/.well-known/oauth-protected-resource/mcp", "GET", named),
    )
    assert_found(report, "metadata.found", FAIL, "TLS failed", "within 10 s")
