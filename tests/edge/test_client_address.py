"""Whose address counts: the peer's, and only behind a trusted proxy what that says."""

import pytest

from edge.client_address import ClientAddresses

PROXIES = ("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48")


def address(peer: str | None, *forwarded: str, trusted: tuple[str, ...] = PROXIES) -> str:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return ClientAddresses(trusted).of({"client": (peer, 1) if peer else None, "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.1", (), "198.51.100.1"),
        # Who is no trusted proxy may say what they like.
        ("198.51.100.1", ("203.0.113.9",), "198.51.100.1"),
        ("192.0.2.8", ("203.0.113.9",), "192.0.2.8"),
        ("10.1.2.3", (), "10.1.2.3"),
        ("10.1.2.3", ("203.0.113.9",), "203.0.113.9"),
        # The client itself may have sent the first ones; only what a trusted proxy added counts.
        ("10.1.2.3", ("1.1.1.1, 203.0.113.9",), "203.0.113.9"),
        ("10.1.2.3", ("1.1.1.1, 203.0.113.9, 10.9.9.9, 192.0.2.7",), "203.0.113.9"),
        ("10.1.2.3", ("1.1.1.1", "203.0.113.9", "10.9.9.9"), "203.0.113.9"),
        ("10.1.2.3", ("10.4.4.4, 10.5.5.5",), "10.4.4.4"),
        # What is no address ends the chain: what stands before it was said by nobody we trust.
        ("10.1.2.3", ("203.0.113.9, unknown",), "10.1.2.3"),
        ("10.1.2.3", ("203.0.113.9, nonsense, 10.5.5.5",), "10.5.5.5"),
        ("10.1.2.3", ("203.0.113.9, _hidden",), "10.1.2.3"),
        ("10.1.2.3", (" , ,",), "10.1.2.3"),
        ("10.1.2.3", ("203.0.113.9:49152",), "203.0.113.9"),
        ("10.1.2.3", ("203.0.113.9:x",), "10.1.2.3"),
        ("10.1.2.3", ("203.0.113.9:1:2",), "10.1.2.3"),
        ("10.1.2.3", ("[2001:db8:9:8:7:6:5:4]:49152",), "2001:db8:9:8::"),
        # One customer of IPv6 has a network of 64 bits.
        ("2001:db8:9:8::1", (), "2001:db8:9:8::"),
        ("2001:db8:9:8:ffff::2", (), "2001:db8:9:8::"),
        ("2001:db8:1::1", ("2001:db8:9:8::1",), "2001:db8:9:8::"),
        ("::ffff:198.51.100.1", (), "198.51.100.1"),
        ("::ffff:10.1.2.3", ("::ffff:203.0.113.9",), "203.0.113.9"),
        (None, ("203.0.113.9",), "unknown"),
        ("a-socket", ("203.0.113.9",), "unknown"),
    ],
)
def test_the_last_address_that_no_trusted_proxy_has_is_the_clients(
    peer: str | None, forwarded: tuple[str, ...], expected: str
) -> None:
    assert address(peer, *forwarded) == expected


def test_without_trusted_proxies_the_header_is_of_no_account() -> None:
    assert address("127.0.0.1", "203.0.113.9", trusted=()) == "127.0.0.1"


@pytest.mark.parametrize("wrong", ["nowhere", "10.0.0.0/33", "10.0.0.*", ""])
def test_what_is_no_address_or_network_is_no_proxy(wrong: str) -> None:
    with pytest.raises(ValueError, match="IPv4 or IPv6 network"):
        ClientAddresses([wrong])
