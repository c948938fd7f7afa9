"""What an operator lists as private and reachable: the forms that are read, and those that are not."""

import ipaddress

import pytest

from shared.private_hosts import PrivateHosts


@pytest.mark.parametrize(
    ("text", "host", "port", "address"),
    [
        ("db", "db", 1, None),
        ("DB.Example.", "db.example", 1, None),
        ("db.example:81", "db.example", 81, None),
        ("a_b.example", "a_b.example", 1, None),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", 1, None),
        ("10.0.0.7", None, 1, "10.0.0.7"),
        ("10.0.0.7:81", None, 81, "10.0.0.7"),
        ("10.0.0.0/8", None, 1, "10.255.0.1"),
        ("::1", None, 1, "::1"),
        ("[::1]", None, 1, "::1"),
        ("[fd00::7]:81", None, 81, "fd00::7"),
        ("fd00::/8", None, 1, "fd12::1"),
    ],
)
def test_hosts_addresses_and_networks_are_read(text: str, host: str | None, port: int, address: str | None) -> None:
    listed = PrivateHosts.parse([text])
    if host is not None:
        assert listed.has_name(host, port)
        assert listed.has_name(host.upper() + ".", port)
        assert listed.has_name(host, port + 1) is (":" not in text)
        assert not listed.has_name("other." + host, port)
    if address is not None:
        assert listed.has_address(ipaddress.ip_address(address), port)
        assert listed.has_address(ipaddress.ip_address(address), port + 1) is (":81" not in text)
        assert not listed.has_address(ipaddress.ip_address("192.168.0.1"), port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "https://a.example",
        "a.example/x",
        "10.0.0.7/8",
        "10.0.0.0/33",
        "127.1",
        "2130706433",
        "256.0.0.1",
        "a:",
        "a:0",
        "a:65536",
        "a:x",
        "[::1",
        "[::1]x",
        "[::1]:",
        "*.example",
        "bücher.example",
        "a..b",
        "user@a.example",
        "::1:81:x",
    ],
)
def test_what_is_none_of_them_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|network|port|brackets"):
        PrivateHosts.parse(["fine.example", text])


def test_nothing_is_listed_by_default() -> None:
    assert not PrivateHosts().has_name("localhost", 80)
    assert not PrivateHosts().has_address(ipaddress.ip_address("127.0.0.1"), 80)
