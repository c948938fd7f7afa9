"""What is connected to: what was looked at, when it is connected to, and nothing else."""

import asyncio

import pytest
import structlog

from shared.errors import EgressDenied, MeshError, UpstreamUnreachable
from tests.upstreams.started import run
from tests.workers.egress.peer import Names, egress, get, serving, stranger, whole
from workers.egress.lookups import addresses_of

FINE = whole(b"fine")

INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.0.192",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a9fe:a9fe",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
"""security of outbound requests: every class of address that no stranger may have us connect to."""

ODD = [
    "127.1",
    "0x7f000001",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "0",
    "127.0.0.1.",
    "①②⑦.⓪.⓪.①",
    "".join(chr(0xFEE0 + ord(each)) for each in "127.0.0.1"),  # full width
    "127。0。0。1",
    "[::ffff:127.0.0.1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::1]",
    "[::]",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_with_an_address_that_is_not_public_is_refused(address: str) -> None:
    async def test() -> None:
        names = Names(up_example=[[address]], link_example=[["8.8.8.8", address]])
        async with egress(names, allow_private_url=False) as opened:
            with pytest.raises(EgressDenied):
                await opened.send(get("http://up.example:9/"))
            with pytest.raises(EgressDenied):
                await opened.send(stranger("https://link.example/"))
        async with egress(names) as opened:  # what strangers name is held to it whatever the operator's own URL may be
            with pytest.raises(EgressDenied):
                await opened.send(stranger("http://up.example:9/"))

    run(test)


@pytest.mark.parametrize("address", INSIDE)
def test_such_an_address_itself_is_refused(address: str) -> None:
    async def test() -> None:
        host = f"[{address}]" if ":" in address else address
        async with egress(allow_private_url=False) as opened:
            for request in (get(f"http://{host}:9/"), stranger(f"http://{host}:9/")):
                with pytest.raises(EgressDenied):
                    await opened.send(request)

    run(test)


def _resolves(host: str) -> bool:
    try:
        return bool(addresses_of(host, 80))
    except OSError:
        return False


@pytest.mark.parametrize("host", ODD)
def test_how_an_address_is_written_makes_no_difference(host: str) -> None:
    async def test() -> None:
        async with serving(FINE) as peer, egress() as opened:
            # A system may know no `localhost.` with a dot at its end.
            with pytest.raises(UpstreamUnreachable if host == "localhost." and not _resolves(host) else EgressDenied):
                await opened.send(stranger(peer.url(host)))
            assert peer.connections == 0

    run(test)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "http://user:canary@a.example/",
        "//a.example",
        "http://300.1.1.1/",
        "unix://x",
    ],
)
def test_what_is_no_plain_web_address_is_refused_and_not_repeated(url: str) -> None:
    async def test() -> None:
        async with egress(Names(a_example=[["8.8.8.8"]])) as opened:
            with structlog.testing.capture_logs() as logs, pytest.raises(EgressDenied) as raised:
                await opened.send(stranger(url))
        assert "canary" not in raised.value.detail + str(logs)

    run(test)


def test_callers_are_not_told_which_address_it_was_and_the_log_is() -> None:
    async def test() -> None:
        names = Names(inner_example=[["10.9.8.7"]])
        async with egress(names, allow_private_url=False) as opened:
            with structlog.testing.capture_logs() as logs, pytest.raises(EgressDenied) as raised:
                await opened.send(get("http://inner.example/"))
        assert "10.9.8.7" not in raised.value.detail
        assert "inner" not in raised.value.detail
        assert [("inner.example" in each["why"], "10.9.8.7" in each["why"]) for each in logs] == [(True, True)]

    run(test)


def test_a_name_that_leads_elsewhere_a_moment_later_gains_nothing() -> None:
    async def test() -> None:
        once = whole(b"fine", "Connection: close")
        async with serving(once) as listed, serving(once, "::1", port=listed.port) as inner:
            names = Names(flips_example=[["127.0.0.1"], ["::1"], ["127.0.0.1"]])
            async with egress(names, allow_private_url=False, private_hosts=["127.0.0.1"]) as opened:
                (await opened.send(get(listed.url("flips.example")))).close()
                assert (names.asked, listed.connections) == (["flips.example"], 1), "looked up once, and connected to that"
                with pytest.raises(EgressDenied):
                    await opened.send(get(listed.url("flips.example")))
                (await opened.send(get(listed.url("flips.example")))).close()
            assert (listed.connections, inner.connections) == (2, 0)

    run(test)


def test_of_a_name_with_one_address_that_may_not_be_reached_none_is() -> None:
    async def test() -> None:
        async with serving(FINE) as listed, serving(FINE, "::1", port=listed.port) as inner:
            names = Names(two_example=[["127.0.0.1", "::1"]])
            async with egress(names, private_hosts=["127.0.0.1"]) as opened:
                with pytest.raises(EgressDenied):
                    await opened.send(stranger(listed.url("two.example")))
            assert (listed.connections, inner.connections) == (0, 0)

    run(test)


def test_a_connection_that_is_kept_open_is_to_what_was_looked_at() -> None:
    async def test() -> None:
        names = Names(kept_example=[["127.0.0.1"], ["8.8.8.8"]])
        async with serving(FINE) as peer, egress(names, private_hosts=["kept.example"]) as opened:
            for _ in range(3):
                response = await opened.send(stranger(peer.url("kept.example")))
                assert await response.read() == b"fine"
            assert (peer.connections, names.asked) == (1, ["kept.example"])

    run(test)


def test_what_the_operator_connected_to_does_not_carry_what_a_stranger_names() -> None:
    async def test() -> None:
        async with serving(FINE) as peer, egress(Names(inner_example=[["127.0.0.1"]])) as opened:
            for host in ("inner.example", "127.0.0.1"):
                assert await (await opened.send(get(peer.url(host)))).read() == b"fine"
                with pytest.raises(EgressDenied):
                    await opened.send(stranger(peer.url(host)))
            assert len(peer.requests) == 2

    run(test)


@pytest.mark.parametrize("listed", ["127.0.0.1", "127.0.0.0/8", "127.0.0.1:{port}", "name.example", "name.example:{port}"])
def test_what_is_listed_may_be_reached_there_and_nowhere_else(listed: str) -> None:
    async def test() -> None:
        async with serving(FINE) as peer, serving(FINE) as other:
            names = Names(name_example=[["127.0.0.1"]], another_example=[["127.0.0.1"]])
            text = listed.format(port=peer.port)
            async with egress(names, allow_private_url=False, private_hosts=[text]) as opened:
                for request in (get, stranger):
                    assert await (await opened.send(request(peer.url("NAME.example.")))).read() == b"fine"
                    for elsewhere, allowed in (
                        (peer.url("another.example"), "name" not in text),
                        (peer.url("127.0.0.1"), "name" not in text),
                        (other.url("name.example"), ":" not in text),
                    ):
                        if allowed:
                            assert await (await opened.send(request(elsewhere))).read() == b"fine"
                        else:
                            with pytest.raises(EgressDenied):
                                await opened.send(request(elsewhere))

    run(test)


def test_the_name_goes_along_whatever_the_address() -> None:
    async def test() -> None:
        async with serving(FINE, "::1") as peer, egress(Names(name_example=[["::1"]])) as opened:
            assert await (await opened.send(get(peer.url("name.example")))).read() == b"fine"
            assert f"Host: name.example:{peer.port}\r\n".encode() in peer.requests[0]

    run(test)


def test_all_addresses_of_a_name_are_tried() -> None:
    async def test() -> None:
        async with serving(FINE, "::1") as peer, egress(Names(name_example=[["127.0.0.1", "::1"]])) as opened:
            assert await (await opened.send(get(peer.url("name.example")))).read() == b"fine"

    run(test)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def test() -> None:
        async with serving(FINE) as peer, egress() as opened:
            assert await (await opened.send(get(peer.url()))).read() == b"fine"

    run(test)


@pytest.mark.parametrize(("method", "again"), [("PUT", False), ("DELETE", False), ("GET", False), ("GET", True)])
def test_nothing_is_sent_a_second_time_that_may_not_be(method: str, again: bool) -> None:
    async def test() -> None:
        served = 0

        async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
            nonlocal served
            served += 1
            if served == 2:
                writer.transport.abort()
            else:
                await FINE(request, writer)

        async with serving(say) as peer, egress() as opened:
            await (await opened.send(get(peer.url()))).read()
            request = get(peer.url(), method, again=again)
            if again:
                assert await (await opened.send(request)).read() == b"fine"
            else:
                with pytest.raises(MeshError) as raised:
                    await opened.send(request)
                assert raised.value.code == "upstream_bad_response"
            assert len(peer.requests) == (3 if again else 2)

    run(test)
