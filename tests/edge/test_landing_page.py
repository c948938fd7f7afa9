"""What a browser is told of where people log in."""

import pytest

from edge.pages.landing import LandingView, landing_page

URL = "https://mesh.example/mcp"


def page(**view: object) -> str:
    answer = landing_page(LandingView(mcp_url=URL, **view), https=True)  # type: ignore[arg-type]
    return bytes(answer.body).decode()


@pytest.mark.parametrize(
    ("view", "said", "not_said"),
    [
        ({}, ("user name and password", "Log in here, and allow it.", "have you log in"), ("You log in at",)),
        (
            {"log_in_at": "login.example"},
            ("You log in at <strong>login.example</strong>", "Log in there, and allow it.", "have you log in"),
            ("user name and password", " here, and allow"),
        ),
        (
            {"log_in_at": None},
            ("Nobody can log in here", "TOOLMESH_API_KEY"),
            ("Developer mode", "have you log in", "allow it"),
        ),
        ({"anonymous": True}, ("Nobody has to log in here", "No authentication"), ("TOOLMESH_API_KEY", "allow it")),
        ({"anonymous": True, "log_in_at": None}, ("Nobody has to log in here",), ("Nobody can log in here",)),
    ],
    ids=["here", "elsewhere", "keys alone", "anonymous", "anonymous without a server"],
)
def test_people_are_sent_to_where_they_log_in(
    view: dict[str, object], said: tuple[str, ...], not_said: tuple[str, ...]
) -> None:
    found = page(**view)
    assert URL in found
    assert [words for words in said if words not in found] == []
    assert [words for words in not_said if words in found] == []


def test_the_host_of_another_server_is_text() -> None:
    assert "<b>" not in page(log_in_at="<b>x</b>")
