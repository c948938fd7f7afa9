"""TLS to upstreams: the certificate of the name, 1.2 or newer; looked away from only where an entry says so."""

import asyncio
import ssl
import warnings
from typing import Any

import pytest
import structlog

from shared.errors import MeshError, UpstreamUnreachable
from shared.settings import Settings
from tests.certificates import Authority
from tests.upstreams.started import run
from tests.workers.egress.peer import Names, egress, get, serving, stranger, whole

FINE = whole(b"fine")
HOST = "mesh.example"
LISTED = [HOST]
BAD: dict[str, dict[str, Any]] = {
    "not signed by who is trusted": {"trusted": False},
    "expired": {"since_days": -30, "until_days": -1},
    "not valid yet": {"since_days": 1},
    "of another host": {"hosts": ("other.example",)},
    "of a host below": {"hosts": ("a.mesh.example",)},
    "of the address": {"hosts": ("127.0.0.1",)},
}


def server(authority: Authority, name: str, old: ssl.TLSVersion | None = None, **certificate: Any) -> ssl.SSLContext:
    """The TLS of a server; `old`: it speaks that version alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(name, **{"hosts": (HOST,), **certificate}))
    if old is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = old
    return context


async def version_spoken_with(port: int) -> str | None:
    """By a client that speaks everything and trusts everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    version = writer.get_extra_info("ssl_object").version()
    writer.transport.abort()
    return str(version)


@pytest.fixture(autouse=True)
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))


def test_name_and_certificate_are_those_of_the_url_whatever_the_address(authority: Authority) -> None:
    async def test() -> None:
        named: list[str | None] = []
        context = server(authority, "good")
        context.sni_callback = lambda _, name, __: named.append(name)
        async with (
            serving(FINE, tls=context) as peer,
            egress(Names(mesh_example=[["127.0.0.1"]]), private_hosts=LISTED) as opened,
        ):
            for host in (HOST, "MESH.example", "mesh.example."):
                for request in (get, stranger):
                    assert await (await opened.send(request(peer.url(host, scheme="https")))).read() == b"fine"
            assert set(named) == {HOST}

    run(test)


@pytest.mark.parametrize("what", BAD)
def test_a_certificate_that_is_not_right_is_refused_unless_the_entry_looks_away(authority: Authority, what: str) -> None:
    async def test() -> None:
        context = server(authority, "bad", **BAD[what])
        names = Names(mesh_example=[["127.0.0.1"]])
        async with serving(FINE, tls=context) as peer:
            url = peer.url(HOST, scheme="https")
            async with egress(names, private_hosts=LISTED) as opened:
                for request in (get, stranger):
                    with pytest.raises(UpstreamUnreachable, match="certificate"):
                        await opened.send(request(url))
            assert peer.requests == []
            with structlog.testing.capture_logs() as logs:
                async with egress(names, tls_skip_verify=True, private_hosts=LISTED) as opened:
                    assert await (await opened.send(get(url))).read() == b"fine"
                    with pytest.raises(UpstreamUnreachable, match="certificate"):
                        await opened.send(stranger(url))
            assert any("NOT verified" in each["event"] and each["log_level"] == "warning" for each in logs)

    run(test)


@pytest.mark.parametrize("old", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["1.0", "1.1"])
@pytest.mark.parametrize("skip", [False, True], ids=["verified", "not verified"])
def test_old_versions_are_refused_always(authority: Authority, old: ssl.TLSVersion, skip: bool) -> None:
    async def test() -> None:
        async with (
            serving(FINE, tls=server(authority, "old", old)) as peer,
            egress(Names(mesh_example=[["127.0.0.1"]]), tls_skip_verify=skip) as opened,
        ):
            with pytest.raises(UpstreamUnreachable):
                await opened.send(get(peer.url(HOST, scheme="https")))
            assert await version_spoken_with(peer.port) == ("TLSv1" if old is ssl.TLSVersion.TLSv1 else "TLSv1.1")

    run(test)


def test_a_handshake_that_does_not_end_is_given_up(authority: Authority) -> None:
    async def test() -> None:
        async def never(request: bytes, writer: asyncio.StreamWriter) -> None:
            raise AssertionError

        async with serving(never) as peer, egress(settings=Settings(upstream_connect_s=0.2)) as opened:
            with pytest.raises(MeshError) as raised:
                await opened.send(get(peer.url(scheme="https")))
            assert raised.value.code == "upstream_unreachable"

    run(test)
