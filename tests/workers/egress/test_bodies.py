"""How much may come back; what is over a limit, cut or damaged is never taken for the whole."""

import asyncio
import contextlib
import gzip
import subprocess
import sys
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import MeshError, UpstreamBadResponse, UpstreamTimeout, UpstreamTooLarge
from shared.settings import Settings
from tests.source_tree import ROOT
from tests.upstreams.started import run
from tests.workers.egress.peer import HEAD, Say, egress, get, serving, whole
from workers.egress.body import Body, BrokenBody
from workers.egress.decoding import BadCompression, Decoder, decoder_of

MIB = 1024 * 1024
SMALL = Settings(upstream_idle_s=0.3)


def raw(data: bytes) -> bytes:
    """Deflate without the zlib format around it, as some servers send it."""
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(data) + squeeze.flush()


WAYS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
TEXT = b"".join(b"%d," % n for n in range(200_000))


def said(answer: bytes, *, ends: bool = False) -> Say:
    async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        if ends:
            await writer.drain()
            writer.close()

    return say


async def fetched(say: Say, settings: Settings = SMALL, bytes_max: int = 10 * MIB) -> bytes:
    """The body that a caller gets."""
    async with serving(say) as peer, egress(settings=settings) as opened:
        response = await opened.send(get(peer.url()))
        try:
            return await Body(response, settings, bytes_max=bytes_max, idle_s=settings.upstream_idle_s).read()
        finally:
            response.close()


def ends_with(expected: type[MeshError], say: Say, match: str = ".", bytes_max: int = 10 * MIB) -> None:
    async def test() -> None:
        with pytest.raises(expected, match=match):
            await fetched(say, bytes_max=bytes_max)

    run(test)


@pytest.mark.parametrize("way", [*WAYS, "raw deflate", "several members", "identity", ""])
def test_what_is_within_the_limits_comes_whole(way: str) -> None:
    pressed = {
        **{name: press(TEXT) for name, press in WAYS.items()},
        "raw deflate": raw(TEXT),
        "several members": b"".join(gzip.compress(TEXT[at : at + 300_000]) for at in range(0, len(TEXT), 300_000)),
    }
    coding = {"raw deflate": "deflate", "several members": "GZip", "": ""}.get(way, way)
    say = whole(pressed.get(way, TEXT), *([f"Content-Encoding: {coding}"] if coding else []))

    async def test() -> None:
        assert await fetched(say) == TEXT

    run(test)


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_in_small_pieces_comes_whole(way: str) -> None:
    pressed = WAYS[way](TEXT)

    async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + f"Content-Encoding: {way}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for at in range(0, len(pressed), 999):
            piece = pressed[at : at + 999]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    async def test() -> None:
        assert await fetched(say) == TEXT

    run(test)


def test_an_empty_body_is_empty_whatever_its_compression() -> None:
    async def test() -> None:
        assert await fetched(whole(b"", "Content-Encoding: gzip")) == b""

    run(test)


@pytest.mark.parametrize("way", ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "deflate;q=1", "x-br"])
def test_what_was_not_asked_for_is_refused(way: str) -> None:
    ends_with(UpstreamBadResponse, whole(b"\x00" * 100, f"Content-Encoding: {way}"), "not asked for")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cut", [1, 5, 1000])
def test_a_compressed_body_that_is_cut_is_an_error(way: str, cut: int) -> None:
    ends_with(BrokenBody, whole(WAYS[way](TEXT)[:-cut], f"Content-Encoding: {way}"), "cut")


@pytest.mark.parametrize("way", WAYS)
def test_a_compressed_body_that_is_damaged_is_an_error(way: str) -> None:
    pressed = bytearray(WAYS[way](TEXT))
    pressed[len(pressed) // 2] ^= 0xFF
    ends_with(UpstreamBadResponse, whole(bytes(pressed), f"Content-Encoding: {way}"))
    ends_with(UpstreamBadResponse, whole(b"no such thing at all", f"Content-Encoding: {way}"))
    ends_with(UpstreamBadResponse, whole(WAYS[way](TEXT) + b"more", f"Content-Encoding: {way}"))


@pytest.mark.parametrize("length", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_is_cut_is_an_error(length: str) -> None:
    body = b"x" * 50 if "100" in length else b"32\r\n" + b"x" * 50 + b"\r\n"
    ends_with(BrokenBody, said(HEAD + length.encode() + b"\r\n\r\n" + body, ends=True), "broke off")


def test_a_body_of_the_limit_comes_whole_and_one_byte_more_does_not() -> None:
    async def test() -> None:
        assert len(await fetched(whole(b"x" * 1000), bytes_max=1000)) == 1000
        assert len(await fetched(whole(gzip.compress(b"x" * 1000), "Content-Encoding: gzip"), bytes_max=1000)) == 1000

    run(test)
    ends_with(UpstreamTooLarge, whole(b"x" * 1001), "1001 bytes", bytes_max=1000)
    ends_with(UpstreamTooLarge, said(HEAD + b"\r\n" + b"x" * 1001, ends=True), "more than 1000", bytes_max=1000)
    ends_with(UpstreamTooLarge, whole(gzip.compress(b"x" * 1001), "Content-Encoding: gzip"), bytes_max=1000)


def test_a_megabyte_may_come_of_anything_and_more_only_within_the_ratio() -> None:
    async def test() -> None:
        assert len(await fetched(whole(gzip.compress(b"x" * MIB), "Content-Encoding: gzip"))) == MIB

    run(test)
    ends_with(UpstreamTooLarge, whole(gzip.compress(b"x" * 2 * MIB), "Content-Encoding: gzip"), "100 times")


def test_empty_members_without_end_are_too_large() -> None:
    member = gzip.compress(b"")
    ends_with(UpstreamTooLarge, whole(member * (2 * MIB // len(member)), "Content-Encoding: gzip"), bytes_max=MIB)


def test_silence_in_mid_answer_is_a_time_out() -> None:
    ends_with(UpstreamTimeout, said(HEAD + b"Content-Length: 10\r\n\r\nabc"), "silent")


def test_a_drip_is_bounded_by_the_time_of_the_call() -> None:
    async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def test() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await fetched(drip)

    run(test)


def test_a_flood_of_interim_answers_is_refused_and_a_few_are_not() -> None:
    few = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * Settings().upstream_interim_max

    async def test() -> None:
        assert await fetched(said(few + HEAD + b"Content-Length: 2\r\n\r\nok")) == b"ok"
        both = few + HEAD + b"Content-Length: 2\r\n\r\nok"
        async with serving(said(both)) as peer, egress() as opened:
            for _ in range(3):  # counted anew for each answer, over one connection
                assert await (await opened.send(get(peer.url()))).read() == b"ok"
            assert peer.connections == 1

    run(test)
    ends_with(UpstreamBadResponse, said(few + b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"\r\n"), "interim")


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"y" * 20_000 + b"\r\n",
        b"X: y\r\n" * 200,
        b"X" * 20_000 + b": y\r\n",
        b"no header\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 0x10\r\n",
    ],
    ids=["long value", "many", "long name", "none", "two lengths", "below zero", "hexadecimal"],
)
def test_a_head_that_is_too_large_or_not_http_is_refused(head: bytes) -> None:
    ends_with(UpstreamBadResponse, said(HEAD + head + b"\r\n", ends=True))


def test_what_upstreams_send_without_end_costs_little_memory() -> None:
    command = [sys.executable, "-m", "tests.workers.egress.floods"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == 11, done.stdout
    for name, code, mib in rows:
        assert code in ("upstream_too_large", "upstream_bad_response"), name
        assert float(mib) < 50, f"{name} cost {mib} MiB"


@given(st.binary(max_size=3000), st.sampled_from([*WAYS, "raw"]), st.integers(1, 500))
def test_what_was_compressed_comes_back(data: bytes, way: str, step: int) -> None:
    pressed = raw(data) if way == "raw" else WAYS[way](data)
    decoder = decoder_of("deflate" if way == "raw" else way)
    assert decoder is not None
    pieces = [piece for at in range(0, len(pressed), step) for piece in decoder.feed(pressed[at : at + step])]
    assert b"".join(pieces) == data
    assert decoder.complete


@given(st.binary(max_size=3000), st.sampled_from(["gzip", "deflate"]))
def test_anything_is_decompressed_or_refused(data: bytes, way: str) -> None:
    decoder = Decoder(way)
    with contextlib.suppress(BadCompression):
        assert all(len(piece) <= 64 * 1024 for piece in decoder.feed(data))
