"""Which addresses are of the public internet, and what an address stands for."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.addresses import is_loopback, is_public, unwrapped

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.1",
    "192.88.98.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
    "3ffe::1",
]
NOT_PUBLIC = [
    # this network, private, shared, loopback, link-local
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    # protocols, documentation, benchmarking, relays
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.255",
    # a cloud's own
    "168.63.129.16",
    # multicast, reserved, broadcast
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    # IPv6: unspecified, loopback, local, multicast
    "::",
    "::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "5f00::1",
    "4000::1",
    "100::1",
    # IPv6 that stands for IPv4, whichever address it is
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.5",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    # IPv6 for protocols and documentation
    "2001:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "3fff::1",
    "3fff:fff::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_host_of_the_public_internet_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_every_other_address_is_not(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_knows_to_be_special(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not any((address.is_multicast, address.is_reserved, address.is_link_local, address.is_loopback))


@given(st.ip_addresses(v=4))
def test_an_address_that_stands_for_another_is_never_public(inner: ipaddress.IPv4Address) -> None:
    for prefix in ("::", "::ffff:", "64:ff9b::", "64:ff9b:1::"):
        outer = ipaddress.IPv6Address(f"{prefix}{inner}")
        assert not is_public(outer)
        if int(inner) > 1:
            assert unwrapped(outer) == inner


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::127.0.0.1", "127.0.0.1"),
        ("64:ff9b::7f00:1", "127.0.0.1"),
        ("64:ff9b:1::a9fe:a9fe", "169.254.169.254"),
        ("2002:7f00:1::", "127.0.0.1"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
        ("::", "::"),
        ("::1", "::1"),
        ("2606:4700::1", "2606:4700::1"),
        ("8.8.8.8", "8.8.8.8"),
    ],
)
def test_an_address_is_unwrapped_to_what_it_stands_for(text: str, inner: str) -> None:
    assert unwrapped(ipaddress.ip_address(text)) == ipaddress.ip_address(inner)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"])
def test_a_host_that_is_this_machine_is_known_as_such(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "example.com", "localhost.example.com", "128.0.0.1", "0.0.0.0", "10.0.0.1", "[::2]"])
def test_any_other_host_is_not_taken_for_this_machine(host: str) -> None:
    assert not is_loopback(host)
