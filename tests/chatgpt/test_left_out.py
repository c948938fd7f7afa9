"""The cells that the matrix has not (`identities.py` says why): who tries one all the same is refused cleanly, and loses
nothing by it."""

from pathlib import Path

import pytest

from shared.clients_file import load_clients
from shared.errors import ConfigurationError
from tests.chatgpt.identities import CELLS, IDENTIFY, LEFT_OUT, METHODS, WAYS, Identity, client_document
from tests.chatgpt.log_in import decide, open_link
from tests.chatgpt.stage import Stage
from tests.oauth.connections import assert_refused
from tests.oauth.person import Person

SHARED = ("client_secret_post", "client_secret_basic")


def test_the_matrix_and_what_it_leaves_out_are_all_that_there_is() -> None:
    assert {(way, method) for way in WAYS for method in METHODS} == {*CELLS, *LEFT_OUT}
    assert not set(CELLS) & LEFT_OUT


@pytest.mark.parametrize(("way", "method"), sorted(LEFT_OUT))
def test_a_code_is_not_redeemed_in_a_way_that_the_client_has_not_and_stays_good(
    at: Stage, ada: Person, way: str, method: str
) -> None:
    connector = at.connector()
    connector.identify(IDENTIFY[way](connector.wire, at.documents, "none"))
    asked = connector.link()
    code = decide(ada, asked)["code"]
    honest = connector.identity
    connector.identify(Identity(honest.client_id, honest.redirect_uri, method, "a secret that nobody agreed on"))
    assert_refused(connector.exchange(asked, code), 401, "invalid_client")
    connector.identify(honest)
    connector.take(connector.exchange(asked, code))


@pytest.mark.parametrize("method", SHARED)
def test_a_document_that_speaks_of_a_secret_alone_gets_a_page(at: Stage, ada: Person, method: str) -> None:
    path = f"/only-{method}/client.json"
    changes = {"token_endpoint_auth_method": method, "token_endpoint_auth_methods_supported": [method]}
    at.documents.put(path, {**client_document(at.documents, path), **changes})
    connector = at.connector()
    connector.identify(Identity(at.documents.url(path), connector.identity.redirect_uri, method, "a secret"))
    answer = open_link(ada, connector.link())
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "none, or private_key_jwt" in answer.text


def test_a_clients_file_that_names_keys_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "clients.yaml").write_text(
        "clients:\n  - client_id: lab\n    redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect']\n"
        "    token_endpoint_auth_method: private_key_jwt\n"
    )
    with pytest.raises(ConfigurationError, match=r"clients\.yaml.*token_endpoint_auth_method"):
        load_clients(tmp_path, None, schemes=())


def test_a_signed_assertion_opens_nothing_for_a_client_that_did_not_announce_its_key(at: Stage, ada: Person) -> None:
    """So that the cells of the matrix with a key can fail."""
    connector = at.connector()
    asked = connector.link()
    code = decide(ada, asked)["code"]
    own = connector.identity
    fields, _ = Identity(own.client_id, own.redirect_uri, "private_key_jwt").credentials(connector.found.issuer)
    sent = {"grant_type": "authorization_code", "code": code, "code_verifier": asked.verifier, **fields}
    assert_refused(connector.wire.form(connector.found.server["token_endpoint"], sent), 401, "invalid_client")
