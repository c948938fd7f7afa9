"""What an edge asks its rules: of tools, prompts, resources, whole backends, and of scopes."""

import pytest

from edge.authorize import check_scope
from edge.introduction import Introduction
from edge.shelf import Shelf
from shared.authorization import Authorization, Rule
from shared.catalogue import Catalogue, define
from shared.errors import InsufficientScope
from shared.identity import Principal
from shared.messages import CallClass
from tests.edge.rules import Offers, ruled

SCHEMA = b'{"inputSchema":{"type":"object"}}'
OFFERS = Offers(
    Shelf(
        "default",
        Catalogue(
            backend="notes",
            at_ms=1,
            tools=(define("find", "read", SCHEMA), define("add", "write", SCHEMA)),
            prompts=(b'{"name":"tidy"}',),
            hash="h",
            server=b'{"capabilities":{"tools":{},"prompts":{},"resources":{},"completions":{}}}',
        ),
    ),
    Shelf(
        "default",
        Catalogue(
            backend="mail",
            at_ms=1,
            tools=(define("send", "write", SCHEMA),),
            hash="h",
            server=b'{"capabilities":{"tools":{},"logging":{}},"instructions":"Of the mail."}',
        ),
    ),
)
ADA = Principal(subject="ada")


def entered(*allow: str, deny: tuple[str, ...] = (), principal: Principal = ADA) -> list[str]:
    """The backends that ada may enter by one rule."""
    authorizer = ruled(Authorization(users={"ada": Rule(allow=allow, deny=deny)}), OFFERS)
    return [name for name in ("notes", "mail", "new") if authorizer.may_enter(principal, name)]


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        ((), (), []),
        (("notes_find",), (), ["notes"]),
        (("notes_tidy",), (), ["notes"]),
        (("notes_resources",), (), ["notes"]),
        (("notes_gone", "mail_get"), (), []),
        (("access:read",), (), ["notes", "mail", "new"]),
        (("access:write",), (), ["notes", "mail"]),
        (("access:idempotent",), (), []),
        (("**",), ("mail_*",), ["notes", "new"]),
        (("**",), ("access:read",), ["notes", "mail"]),
        (("**",), ("access:read", "*_send"), ["notes"]),
        (("new_*",), (), ["new"]),
    ],
)
def test_a_backend_may_be_entered_by_who_may_use_anything_of_it(
    allow: tuple[str, ...], deny: tuple[str, ...], expected: list[str]
) -> None:
    assert entered(*allow, deny=deny) == expected


def test_the_owner_may_enter_every_backend_and_others_none_of_which_they_may_use_nothing() -> None:
    assert entered(principal=Principal(subject="owner", owner=True)) == ["notes", "mail", "new"]
    assert entered("**", principal=Principal(subject="eve")) == []
    assert entered("**", principal=Principal(subject="ada", anonymous=True)) == []


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        ((), {"tools"}),
        (("mail_send",), {"tools", "logging"}),
        (("notes_add",), {"tools", "prompts", "completions"}),
        (("notes_resources",), {"tools", "prompts", "completions", "resources"}),
        (("access:read",), {"tools", "prompts", "completions", "resources", "logging"}),
    ],
)
def test_an_introduction_tells_of_backends_that_the_caller_may_use_and_of_no_others(
    allow: tuple[str, ...], expected: set[str]
) -> None:
    introduction = Introduction(OFFERS, ruled(Authorization(users={"ada": Rule(allow=allow)}), OFFERS))
    assert introduction.initialized(ADA, None, "2025-11-25")["capabilities"].keys() == expected
    assert introduction.discovered(ADA, None)["capabilities"].keys() == expected | {"extensions"}
    said = introduction.initialized(ADA, "mail", "2025-11-25")
    assert ("instructions" in said) is bool({"mail_send", "access:read"} & set(allow))


@pytest.mark.parametrize(
    ("held", "access", "missing"),
    [
        (None, "write", None),
        (("tools:read",), "read", None),
        (("tools:write", "tools:read"), "idempotent", None),
        (("tools:read",), "write", "tools:read tools:write"),
        (("offline_access", "tools:read"), "idempotent", "tools:read tools:write offline_access"),
        (("tools:write",), "read", "tools:read tools:write"),
        ((), "read", "tools:read"),
        (("tools:reading", "openid"), "read", "tools:read"),
    ],
)
def test_a_scope_that_is_missing_is_asked_for_beside_those_that_are_there(
    held: tuple[str, ...] | None, access: CallClass, missing: str | None
) -> None:
    principal = Principal(subject="ada", scopes=held)
    if missing is None:
        check_scope(principal, access)
        return
    with pytest.raises(InsufficientScope) as caught:
        check_scope(principal, access)
    assert caught.value.data == {"scope": missing}
