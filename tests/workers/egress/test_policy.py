"""Which addresses may be reached: nothing that is, or stands for, one that is not public, unless it is listed."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.addresses import Address, is_public, unwrapped
from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from workers.egress.policy import policy_of_operator, policy_of_strangers

ENTRY = BackendEntry(name="up", transport="http", url="https://up.example/", allow_private_url=False)
STRICT = policy_of_strangers(ENTRY)

v4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)
inner = st.sampled_from(
    [
        ipaddress.IPv4Network(net)
        for net in ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "100.64.0.0/10")
    ]
).flatmap(lambda net: st.integers(0, net.num_addresses - 1).map(lambda n: net[n]))


def wrapped(address: ipaddress.IPv4Address) -> list[ipaddress.IPv6Address]:
    """All that stands for an IPv4 address."""
    low = int(address)
    return [
        ipaddress.IPv6Address(number)
        for number in (
            low,  # compatible, of old
            (0xFFFF << 32) | low,  # mapped
            (0x0064FF9B << 96) | low,  # NAT64, well known
            (0x0064FF9B0001 << 80) | low,  # NAT64, local
            (0x2002 << 112) | (low << 80) | 1,  # 6to4
            (0x20010000 << 96) | (0x08080808 << 64) | (low ^ 0xFFFF_FFFF),  # Teredo
        )
    ]


@given(st.one_of(v4, st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address)), st.integers(1, 65535))
@example(ipaddress.IPv6Address("fd00:ec2::254"), 80)
def test_nothing_that_stands_for_a_private_address_is_let_through(address: Address, port: int) -> None:
    if STRICT.allows("any.example", port, address):
        assert is_public(address)
        assert is_public(unwrapped(address))
        assert address.is_global
        assert not address.is_multicast


@given(st.one_of(v4, inner))
def test_no_address_in_the_clothes_of_another_is_let_through(address: ipaddress.IPv4Address) -> None:
    for each in wrapped(address):
        assert not STRICT.allows("any.example", 443, each)


@given(inner)
def test_who_lists_a_network_lists_what_stands_for_its_addresses(address: ipaddress.IPv4Address) -> None:
    everything = policy_of_strangers(
        BackendEntry(name="up", transport="http", private_hosts=("10.0.0.0/8", "192.168.0.0/16", "127.0.0.1"))
    )
    listed = any(address in ipaddress.ip_network(net) for net in ("10.0.0.0/8", "192.168.0.0/16", "127.0.0.1/32"))
    assert everything.allows("any.example", 80, address) is listed
    for each in wrapped(address)[1:]:
        assert everything.allows("any.example", 80, each) is listed


@given(st.one_of(v4, inner))
def test_who_lists_a_translator_lists_what_is_public_behind_it(address: ipaddress.IPv4Address) -> None:
    policy = policy_of_strangers(BackendEntry(name="up", transport="http", private_hosts=("64:ff9b::/96",)))
    behind = ipaddress.IPv6Address((0x0064FF9B << 96) | int(address))
    assert policy.allows("any.example", 443, behind) is is_public(address)


@pytest.mark.parametrize("host", ["db.example", "DB.example", "db.example."])
@pytest.mark.parametrize(("port", "allowed"), [(5432, True), (80, False)])
def test_a_listed_name_may_be_anywhere_on_its_port(host: str, port: int, allowed: bool) -> None:
    policy = policy_of_strangers(BackendEntry(name="up", transport="http", private_hosts=("db.example:5432",)))
    assert policy.allows(host, port, ipaddress.ip_address("10.1.1.1")) is allowed
    assert not policy.allows("x" + host, port, ipaddress.ip_address("10.1.1.1"))


def test_the_operators_own_url_may_lead_anywhere_unless_the_entry_says_otherwise() -> None:
    plain = policy_of_operator(BackendEntry(name="up", transport="http", url="http://10.0.0.7"))
    assert plain.allows("10.0.0.7", 80, ipaddress.ip_address("10.0.0.7"))
    assert not policy_of_operator(ENTRY).allows("up.example", 443, ipaddress.ip_address("10.0.0.7"))
    assert policy_of_operator(ENTRY).allows("up.example", 443, ipaddress.ip_address("8.8.8.8"))


def test_a_list_that_can_not_be_read_lets_nobody_through() -> None:
    with pytest.raises(ConfigurationError, match="private_hosts"):
        policy_of_strangers(BackendEntry(name="up", transport="http", private_hosts=("not a host",)))
