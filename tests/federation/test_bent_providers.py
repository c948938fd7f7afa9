"""A provider that answers other than it should: nobody is logged in, the person can try again, the operator is told why."""

import hashlib
import hmac
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from tests.federation.authorization_server import new_key
from tests.federation.bent_provider import SECRET, Bent, unsigned
from tests.federation.sso_house import Sso, text_of, ways_of
from tests.mesh import wait_until
from tests.oauth.person import OAuthClient, Person

UNTRUE, AWAY, SETUP, REFUSED = "can't be trusted", "can't be reached at the moment", "is not set up right", "refused to log"
STATUSES = {UNTRUE: 400, AWAY: 503, SETUP: 500, REFUSED: 403}
Bend = Callable[[Bent], None]


@pytest.fixture
def bent(sso: Sso) -> Bent:
    """The provider, straight."""
    sso.bent.straighten()
    return sso.bent


def other(what: str, **members: Any) -> Bend:
    """Other members of one of its answers."""
    return lambda bent: bent.changes.setdefault(what, {}).update(members)


def signed_with(kid: str) -> Bend:
    """A key that it does not publish, under that id."""

    def bend(bent: Bent) -> None:
        bent.signs_with = new_key(kid)

    return bend


def token(make: Callable[[dict[str, Any], Bent], str]) -> Bend:
    """An id_token that no library would write; its claims are right, but for a nonce that nobody can know beforehand."""

    def bend(bent: Bent) -> None:
        now = int(time.time())
        claims = {"iss": bent.issuer, "sub": "ada", "aud": "mesh at bent", "iat": now, "exp": now + 300, "nonce": "n"}
        bent.raw_token = make(claims, bent)

    return bend


def _by_secret(claims: dict[str, Any], bent: Bent) -> str:
    """HS256 with the client's secret, as OpenID Connect allows it."""
    header = {"alg": "HS256"}
    text = unsigned(claims, header).removesuffix(".")
    mac = hmac.digest(SECRET.encode(), text.encode(), hashlib.sha256)
    return f"{text}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def answers(path: str, answer: Any) -> Bend:
    """Another answer at a path."""
    return lambda bent: bent.answers.update({path: answer})


def all_of(*bends: Bend) -> Bend:
    """Several of them."""

    def bend(bent: Bent) -> None:
        for each in bends:
            each(bent)

    return bend


SECONDS = int(time.time())
CASES: dict[str, tuple[Bend, str, str]] = {
    "no id_token": (other("token", id_token=None), UNTRUE, "no id_token"),
    "an empty id_token": (other("token", id_token=""), UNTRUE, "no id_token"),
    "an id_token that is no text": (other("token", id_token={"sub": "ada"}), UNTRUE, "no id_token"),
    "an id_token that is none": (other("token", id_token="x.y"), UNTRUE, "no signed JWT"),
    "no access_token": (other("token", access_token=None), UNTRUE, "no access_token"),
    "another nonce": (other("claims", nonce="n" * 43), UNTRUE, "the claim nonce"),
    "no nonce": (other("claims", nonce=None), UNTRUE, "the claim nonce"),
    "another audience": (other("claims", aud="somebody else"), UNTRUE, "the claim aud"),
    "another audience, and azp of ours": (other("claims", aud="else", azp="mesh at bent"), UNTRUE, "the claim aud"),
    "no audience": (other("claims", aud=None), UNTRUE, "the claim aud"),
    "several audiences without azp": (other("claims", aud=["mesh at bent", "x"]), UNTRUE, "the claim azp"),
    "azp of another": (other("claims", azp="x"), UNTRUE, "the claim azp"),
    "another issuer": (other("claims", iss="https://evil.example"), UNTRUE, "the claim iss"),
    "no issuer": (other("claims", iss=None), UNTRUE, "the claim iss"),
    "expired": (other("claims", iat=SECONDS - 900, exp=SECONDS - 600), UNTRUE, "Set the clocks of both machines right"),
    "of the future": (other("claims", iat=SECONDS + 7200, exp=SECONDS + 9000), UNTRUE, "Set the clocks"),
    "no end": (other("claims", exp=None), UNTRUE, "the claim exp"),
    "an end that is no number": (other("claims", exp="never"), UNTRUE, "the claim exp"),
    "no subject": (other("claims", sub=None), UNTRUE, "the claim sub"),
    "an empty subject": (other("claims", sub=""), UNTRUE, "the claim sub"),
    "a subject that is no text": (other("claims", sub=["ada"]), UNTRUE, "the claim sub"),
    "at_hash of another token": (other("claims", at_hash="x" * 22), UNTRUE, "the claim at_hash"),
    "groups that are no list": (other("claims", groups={"staff": True}), UNTRUE, "`groups_claim`"),
    "too many groups to tell": (
        all_of(other("claims", groups=None, _claim_names={"groups": "src1"}), other("userinfo", groups=None)),
        UNTRUE,
        "too many to be told",
    ),
    "signed by another": (signed_with("first"), UNTRUE, "not signed with a key that the provider publishes"),
    "signed by an unknown key": (signed_with("unheard of"), UNTRUE, "not signed with a key"),
    "not signed": (token(lambda claims, bent: unsigned(claims, {"alg": "none"}, "x")), UNTRUE, "algorithm"),
    "not signed at all": (token(lambda claims, bent: unsigned(claims, {"alg": "none"})), UNTRUE, "no signed JWT"),
    "signed with the client's secret": (token(_by_secret), UNTRUE, "algorithm"),
    "an algorithm that it does not name": (
        other("metadata", id_token_signing_alg_values_supported=["ES256"]),
        UNTRUE,
        "algo",
    ),
    "an access token as id_token": (other("header", typ="at+jwt"), UNTRUE, "another kind"),
    "userinfo of somebody else": (all_of(other("claims", groups=None), other("userinfo", sub="eve")), UNTRUE, "somebody"),
    "userinfo that fails": (
        all_of(other("claims", groups=None), answers("/userinfo", PlainTextResponse("", 500))),
        AWAY,
        "/userinfo answered 500",
    ),
    "userinfo that refuses": (
        all_of(other("claims", groups=None), answers("/userinfo", PlainTextResponse("", 403))),
        REFUSED,
        "/userinfo answered 403",
    ),
    "iss of another in the answer": (other("callback", iss="https://evil.example"), UNTRUE, "RFC 9207"),
    "no iss, although it says there is one": (
        other("metadata", authorization_response_iss_parameter_supported=True),
        UNTRUE,
        "RFC 9207",
    ),
    "neither code nor error": (other("callback", code=None), UNTRUE, "neither a code nor an error"),
    "an error": (other("callback", code=None, error="server_error"), REFUSED, "server_error"),
    "an error that is none": (other("callback", code=None, error="<b>x\n" * 30), REFUSED, "an error without a name"),
    "a code that it does not know": (other("callback", code="another code"), REFUSED, "invalid_grant"),
    "a client that it does not know": (
        answers("/token", JSONResponse({"error": "invalid_client"}, 401)),
        SETUP,
        "invalid_client",
    ),
    "a token answer that is no JSON": (answers("/token", PlainTextResponse("access_token=x")), UNTRUE, "can't be read"),
    "a token answer that is a list": (answers("/token", JSONResponse([1])), UNTRUE, "can't be read"),
    "a token answer that is deep": (answers("/token", PlainTextResponse("[" * 100_000)), UNTRUE, "can't be read"),
    "a token answer that is huge": (answers("/token", PlainTextResponse("x" * 300_000)), AWAY, "more than 262144 bytes"),
    "a token answer that leads on": (answers("/token", RedirectResponse("/jwks")), UNTRUE, "can't be read"),
    "a failure": (answers("/token", PlainTextResponse("", 503)), AWAY, "answered 503"),
}


def assert_turned_away(sso: Sso, person: Person, client: OAuthClient, text: str, reason: str) -> None:
    """The person is told on the log-in page, the operator by the audit."""
    before = len(sso.failures())
    answer = sso.returned(person, client, "bent")
    assert answer.status_code == STATUSES[text], f"{answer.status_code}: {answer.headers}"
    assert ("retry-after" in answer.headers) is (text == AWAY)
    assert text in text_of(answer.text)
    assert "Log in with bent" in text_of(answer.text)
    wait_until(lambda: len(sso.failures()) > before, "the audit has it", 10)
    (found,) = sso.failures()[before:]
    assert (found[0], found[1].startswith("bent: "), reason in found[1]) == ("", True, True), found


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_as_it_must_be_logs_nobody_in(
    case: str, sso: Sso, client: OAuthClient, person: Person, bent: Bent
) -> None:
    bend, text, reason = CASES[case]
    bend(bent)
    assert_turned_away(sso, person, client, text, reason)


def test_as_it_is_without_any_bend_it_logs_people_in(sso: Sso, client: OAuthClient, bent: Bent) -> None:
    """Or what the cases say of it would say nothing."""
    assert sso.tools(sso.tokens(client, "bent")["access_token"]) == ["echo_add"]
    query = bent.queries[-1]
    assert {"client_id": "mesh at bent", "response_type": "code", "scope": "openid profile email"}.items() <= query.items()


def test_what_the_id_token_leaves_out_comes_from_userinfo_and_only_then(sso: Sso, client: OAuthClient, bent: Bent) -> None:
    sso.tokens(client, "bent")
    assert "/userinfo" not in bent.asked
    other("claims", groups=None, name=None)(bent)
    assert sso.tools(sso.tokens(client, "bent")["access_token"]) == ["echo_add"]
    assert bent.asked.count("/userinfo") == 1


def test_a_name_alone_is_not_worth_a_failure(sso: Sso, client: OAuthClient, bent: Bent, person: Person) -> None:
    all_of(other("claims", name=None), answers("/userinfo", PlainTextResponse("", 500)))(bent)
    arrived = sso.returned(person, client, "bent")
    assert "ada (bent)" in text_of(person.get(arrived.headers["location"]).text)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        pytest.param({"issuer": "https://evil.example"}, "is of the issuer 'https://evil.example'", id="another issuer"),
        pytest.param({"token_endpoint": "http://evil.example/token"}, "no https URL", id="an endpoint without TLS"),
        pytest.param({"authorization_endpoint": "javascript:alert(1)"}, "no https URL", id="no endpoint"),
        pytest.param({"jwks_uri": None}, "lacks an endpoint", id="no keys"),
        pytest.param({"token_endpoint": 1}, "lacks an endpoint", id="an endpoint that is no text"),
    ],
)
def test_nobody_is_sent_to_a_provider_whose_metadata_can_not_be_right(
    metadata: dict[str, Any], reason: str, sso: Sso, client: OAuthClient, person: Person, bent: Bent
) -> None:
    bent.changes["metadata"] = metadata
    way = ways_of(sso.arrive(person, client).text)["bent"]
    with sso.fails(reason):
        answer = person.get(way)
    assert (answer.status_code, SETUP in text_of(answer.text)) == (500, True)


def test_a_provider_that_does_not_answer_is_given_up_in_time(
    sso: Sso, client: OAuthClient, person: Person, bent: Bent
) -> None:
    gate = threading.Event()
    bent.stalls = gate
    try:
        with sso.fails("within 3 s"):
            answer = sso.returned(person, client, "bent")
        assert (answer.status_code, AWAY in text_of(answer.text)) == (503, True)
    finally:
        bent.stalls = None
        gate.set()
