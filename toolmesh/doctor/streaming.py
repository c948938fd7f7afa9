"""12: whether a stream comes through as it is written: what a proxy holds back, or cuts (HTML, server-sent events).

Seen on a stream that every server of the protocol may have and that changes nothing: `subscriptions/listen` (2026-07-28),
which says at once what it honours, or the GET of a session (2025-11-25). To a proxy it is a call that reports progress.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import msgspec

from toolmesh.doctor.answer import Unanswered, events_of
from toolmesh.doctor.behind import credential, is_open
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import EVENTS, LEGACY, MODERN, Visit

CHECKS = {
    "stream.unbuffered": "The first event of a stream arrives while the stream is open.",
    "stream.heartbeat": "A silent stream has a sign of life every 30 s (--slow).",
    "stream.lasts": "A stream lives for 55 s, as long as a call may take (--slow).",
}
_KEPT_BYTES = 64 * 1024
"""Of a stream, to look for an event in."""
_UNBUFFER = (
    "Switch off buffering for /mcp: nginx `proxy_buffering off;` (or the header `X-Accel-Buffering: no`), Apache "
    "`flushpackets=on`; and no compression of text/event-stream. Caddy needs no setting."
)
_LASTING = (
    "Raise the proxy's time for a silent answer: nginx `proxy_read_timeout 120s;`, load balancers: idle timeout 120 s."
)


@dataclass(frozen=True, slots=True)
class _Way:
    """A request whose answer is a stream that stays open."""

    name: str
    method: str
    body: bytes | None
    headers: Mapping[str, str]
    speaks_first: bool
    """Whether the server has to say something at once."""


@dataclass(slots=True)
class _Seen:
    """A stream as far as it was read."""

    status: int = 0
    media_type: str = ""
    first_s: float | None = None
    """From the request to the first event, or to the first byte where none has to come."""
    pause_s: float = 0.0
    """The longest time without a byte since then."""
    lived_s: float = 0.0
    ended: str = ""
    """Why it ended before we closed it."""


async def look(visit: Visit, report: Report) -> None:
    """Look at it."""
    if not is_open(visit, report, "stream.answered"):
        return
    async with visit.apart():
        async for way in _ways(visit):
            seen = await _watch(visit, way, visit.bounds.first_event_s)
            if seen.status and not (seen.status == 200 and seen.media_type == EVENTS):
                continue  # it has no such stream, and said so
            if _check_unbuffered(visit, report, way, seen) and visit.wanted.slow:
                await _check_lasting(visit, report, way)
            elif not visit.wanted.slow:
                report.skipped("stream.lasts", "Not looked at: it takes a minute. With --slow it is.")
            return
    report.skipped("stream.unbuffered", "The server has no stream that could be looked at without calling a tool.")


async def _ways(visit: Visit) -> AsyncIterator[_Way]:
    rpc_id = "toolmesh-doctor-listen"
    token = credential(visit)
    if visit.learned.notes.get("mcp.era") == MODERN:
        params = {"notifications": {"toolsListChanged": True}, "_meta": visit.envelope()}
        message = {"jsonrpc": "2.0", "id": rpc_id, "method": "subscriptions/listen", "params": params}
        headers = visit.rpc_headers("subscriptions/listen", params, token=token)
        yield _Way("subscriptions/listen", "POST", msgspec.json.encode(message), headers, True)
    began = await visit.rpc("initialize", visit.initialize(), era=LEGACY, rpc_id=rpc_id, token=token)
    session_id = began.headers.get("mcp-session-id") or None
    changes = {"Mcp-Session-Id": session_id, "Accept": EVENTS, "MCP-Protocol-Version": LEGACY, "Content-Type": None}
    yield _Way("GET", "GET", None, visit.rpc_headers("", era=LEGACY, token=token, changes=changes), False)


async def _watch(visit: Visit, way: _Way, first_s: float, until_s: float = 0.0) -> _Seen:
    """Read a stream: up to its first event, and then until it is `until_s` old."""
    seen, started, began_s = _Seen(), time.monotonic(), asyncio.get_running_loop().time()
    read, spoke_s = b"", started
    try:
        async with visit.stream(way.method, visit.url, way.body, way.headers, timeout_s=max(first_s, until_s)) as response:
            seen.status = response.status_code
            seen.media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if seen.status != 200 or seen.media_type != EVENTS:
                return seen
            seen.first_s = None if way.speaks_first else time.monotonic() - started
            async with asyncio.timeout_at(began_s + (first_s if seen.first_s is None else until_s)) as end:
                async for chunk in response.aiter_raw():
                    now_s = time.monotonic()
                    seen.pause_s, spoke_s = max(seen.pause_s, now_s - spoke_s), now_s
                    read = (read + chunk)[-_KEPT_BYTES:]
                    if seen.first_s is None and any(True for _ in events_of(read)):
                        seen.first_s, seen.pause_s = now_s - started, 0.0
                        end.reschedule(began_s + until_s)
                seen.ended = "it ended"
    except Unanswered as why:
        if why.kind != "time":
            seen.ended = str(why)
    seen.lived_s = time.monotonic() - started
    seen.pause_s = max(seen.pause_s, time.monotonic() - spoke_s)
    return seen


def _check_unbuffered(visit: Visit, report: Report, way: _Way, seen: _Seen) -> bool:
    limit_s = visit.bounds.first_event_s
    if seen.first_s is not None:
        what = "The first event" if way.speaks_first else "A stream"
        report.passed(
            "stream.unbuffered", f"{what} came after {seen.first_s:.1f} s, and the stream stayed open ({way.name})."
        )
        return True
    if seen.ended:
        report.failed(
            "stream.unbuffered", f"A stream ({way.name}) broke off before its first event: {seen.ended}.", _LASTING
        )
        return False
    how_far = "only its headers" if seen.status else "nothing"
    report.failed(
        "stream.unbuffered",
        f"Of a stream ({way.name}) that says something at once, {how_far} arrived within {limit_s:g} s: something between "
        "holds it back. Progress and signs of life don't reach the client, and long calls look dead.",
        _UNBUFFER,
    )
    return False


async def _check_lasting(visit: Visit, report: Report, way: _Way) -> None:
    bounds = visit.bounds
    seen = await _watch(visit, way, bounds.first_event_s, bounds.lasting_s)
    if seen.ended:
        report.failed(
            "stream.lasts",
            f"A stream was cut after {seen.lived_s:.0f} s: {seen.ended}. A call that takes as long fails.",
            _LASTING,
        )
    else:
        report.passed("stream.lasts", f"A stream lived for {bounds.lasting_s:g} s.")
    if seen.pause_s > bounds.heartbeat_s:
        report.warned(
            "stream.heartbeat",
            f"For {seen.pause_s:.0f} s a stream gave no sign of life: proxies and load balancers cut what is silent.",
            "Send a comment (`: keep-alive`) at least every 30 s; if the server does, something between holds it back.",
        )
    elif not seen.ended:
        report.passed("stream.heartbeat", f"It was never silent for more than {seen.pause_s:.0f} s.")
