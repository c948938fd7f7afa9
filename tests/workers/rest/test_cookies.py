"""Cookies of a session (RFC 6265): which are taken, and with which requests they go."""

import pytest
import yarl

from workers.backends.rest.auth.cookies import HEADER_CHARS_MAX, PAIR_CHARS_MAX, Jar, parsed

HOME = yarl.URL("https://api.example.org/base/api/login?x=1")


def header(*lines: str, at: str = "https://api.example.org/base/api/rows", most: int = 50) -> str:
    """What goes with a request after these `Set-Cookie` headers."""
    jar = Jar((), most)
    jar.take(HOME, lines)
    return jar.header(yarl.URL(at))


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("a=1", "a=1"),
        (" a = 1 ; Secure; HttpOnly; SameSite=Strict", "a=1"),
        ('a="b c"', 'a="b c"'),
        ("a=b=c", "a=b=c"),
        ("a=", "a="),
        ("a", ""),
        ("=b", ""),
        ("a=1; Domain=api.example.org", "a=1"),
        ("a=1; Domain=.example.org", "a=1"),
        ("a=1; Domain=ample.org", ""),
        ("a=1; Domain=evil.example", ""),
        ("a=1; Path=/base/api", "a=1"),
        ("a=1; Path=/base/ap", ""),
        ("a=1; Path=/elsewhere", ""),
        ("a=1; Path=nonsense", "a=1"),
        ("a=1; Max-Age=60", "a=1"),
        ("a=1; Max-Age=0", ""),
        ("a=1; Max-Age=-5", ""),
        ("a=1; Max-Age=soon", "a=1"),
        pytest.param("a=1; Max-Age=" + "9" * 30, "a=1", id="age of 30 digits"),
        pytest.param("a=1; Max-Age=" + "9" * 400, "a=1", id="age of 400 digits"),
        ("a=1; Expires=Fri, 31 Dec 9999 23:59:59 -2359", "a=1"),
        ("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=1"),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ""),
        ("a=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT", "a=1"),
        ("a=1; Expires=whenever", "a=1"),
        ("a=1\x00", ""),
        ("a=b\tc", ""),
        ("a=ü", ""),
        ("a=" + "x" * PAIR_CHARS_MAX, ""),
    ],
)
def test_one_cookie(line: str, sent: str) -> None:
    assert header(line) == sent


@pytest.mark.parametrize(
    ("at", "sent"),
    [
        ("https://api.example.org/base/api", "a=1"),
        ("https://api.example.org:8443/base/api", "a=1"),
        ("https://API.EXAMPLE.ORG/base/api", "a=1"),
        ("https://example.org/base/api", ""),
        ("https://www.api.example.org/base/api", ""),
        ("https://api.example.org.evil.example/base/api", ""),
        ("https://api.example.org/base/apis", ""),
        ("https://api.example.org/", ""),
    ],
)
def test_a_cookie_goes_to_the_host_and_path_that_it_is_from(at: str, sent: str) -> None:
    assert header("a=1; Domain=example.org; Path=/base/api", at=at) == sent


def test_a_secure_cookie_goes_over_https_alone_and_comes_from_there_alone() -> None:
    assert header("a=1; Secure; Path=/", at="http://api.example.org/") == ""
    assert parsed(yarl.URL("http://api.example.org/"), "a=1; Secure") is None


def test_the_newest_of_a_name_and_path_counts_and_the_longest_paths_come_first() -> None:
    assert header("a=1; Path=/", "b=2; Path=/base", "a=3; Path=/") == "b=2; a=3"


def test_an_answer_can_take_a_cookie_away() -> None:
    assert header("a=1; Path=/", "b=2; Path=/", "a=; Path=/; Max-Age=0") == "b=2"


def test_cookies_are_bounded_in_number_and_size() -> None:
    many = [f"c{number}=1; Path=/" for number in range(100)]
    assert header(*many, most=3) == "c97=1; c98=1; c99=1"
    large = [f"c{number}={'x' * 4000}; Path=/" for number in range(20)]
    assert 12_000 < len(header(*large)) <= HEADER_CHARS_MAX


def test_what_is_kept_does_not_show_itself() -> None:
    cookie = parsed(HOME, "sid=canary")
    assert "canary" not in repr(cookie)
