"""What an answer that nobody wanted is a sign of: a tunnel's page, a firewall, a proxy without its server, a wrong host."""

import html
import re
from dataclasses import dataclass

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.shown import TEXT_CHARACTERS_MAX, clean, quoted

_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_HEAD_BYTES = 64 * 1024
_WALLS = ("x-sucuri-id", "x-amzn-waf-action", "x-iinfo", "x-datadome", "x-akamai-request-id", "x-cdn")
"""Headers of firewalls in front of websites."""
_HOST_WORDS = ("invalid host", "bad_host", "misdirected", "disallowed host", "blocked host", "not allowed host")
_ORIGIN_WORDS = ("invalid origin", "bad_origin", "origin not allowed", "forbidden origin")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What it is, and what to do."""

    said: str
    fix: str


def diagnosis_of(answer: Answer, host: str) -> Diagnosis:
    """Of an answer that is neither what was asked for nor a proper refusal. `host`: of the URL."""
    for look in (_tunnel, _bot_wall, _host_protection, _login_in_front, _redirect, _gateway, _by_status):
        found = look(answer, host)
        if found is not None:
            return found
    return Diagnosis(f"{answer.summary}{words_of(answer)}", "Look into the server's log of this moment.")


def words_of(answer: Answer) -> str:
    """What its body says, to be shown behind the summary; empty where it says nothing."""
    text = answer.body[:_HEAD_BYTES].decode("utf-8", "replace")
    text = html.unescape(_TAGS.sub(" ", text)) if answer.is_page else text
    found = clean(text, TEXT_CHARACTERS_MAX)
    return f", and says {quoted(found)}" if found else ""


def _tunnel(answer: Answer, host: str) -> Diagnosis | None:
    if "ngrok-error-code" in answer.headers or (answer.is_page and b"ngrok" in answer.body[:_HEAD_BYTES].lower()):
        return Diagnosis(
            f"{answer.summary}: it is ngrok's own page, which no agent gets past",
            "See that the tunnel is up; on ngrok's free plan every first visit gets its warning page: use a paid plan, "
            "cloudflared, or a proxy of your own.",
        )
    return None


def _bot_wall(answer: Answer, host: str) -> Diagnosis | None:
    cloudflare = "cf-mitigated" in answer.headers or (
        answer.headers.get("server", "").lower() == "cloudflare" and answer.status in (403, 429, 503) and answer.is_page
    )
    walled = answer.status in (403, 406, 429, 503) and any(name in answer.headers for name in _WALLS)
    if not (cloudflare or walled):
        return None
    wall = "Cloudflare" if cloudflare else "a web application firewall"
    return Diagnosis(
        f"{answer.summary}: {wall} takes the client for a bot",
        "Make an exception from bot rules and challenges for this host's /mcp, /.well-known/*, /register, /token and "
        "/authorize, or for the agents' addresses (OpenAI publishes them at https://openai.com/chatgpt-connectors.json; "
        "Claude comes from 160.79.104.0/21).",
    )


def _host_protection(answer: Answer, host: str) -> Diagnosis | None:
    said = answer.body[:_HEAD_BYTES].decode("utf-8", "replace").lower()
    if answer.status == 421 or (answer.status in (400, 403) and any(word in said for word in _HOST_WORDS)):
        return Diagnosis(
            f"{answer.summary}: the server does not take {host} for its own name (protection against DNS rebinding)",
            f"Set TOOLMESH_ISSUER to https://{host}, or add the host to TOOLMESH_ALLOWED_HOSTS, and have the proxy pass "
            "the Host header on as it came (nginx: `proxy_set_header Host $host`). In a server of the MCP SDK: "
            "`allowed_hosts`.",
        )
    if answer.status == 403 and any(word in said for word in _ORIGIN_WORDS):
        return Diagnosis(
            f"{answer.summary}: the server takes the request for one of a foreign web page (Origin)",
            "Have the proxy add no Origin header; list origins of your own pages in TOOLMESH_ALLOWED_ORIGINS.",
        )
    return None


def _login_in_front(answer: Answer, host: str) -> Diagnosis | None:
    scheme = answer.headers.get("www-authenticate", "").strip().partition(" ")[0].lower()
    asks = answer.status == 401 and scheme not in ("", "bearer", "dpop")
    leads = answer.location.lower()
    sends = any(
        word in leads for word in ("cloudflareaccess.com", "/oauth2/start", "/login", "/signin", "authelia", "/sso")
    )
    if not (asks or sends):
        return None
    return Diagnosis(
        f"{answer.summary}: a log-in of its own stands in front of the server",
        "Take the proxy's own log-in (basic auth, forward auth, an access page) away from this host: agents can't pass it, "
        "and the server asks for log-in itself.",
    )


def _redirect(answer: Answer, host: str) -> Diagnosis | None:
    if not answer.location:
        return None
    return Diagnosis(
        f"{answer.summary}: clients follow no redirect here, or lose what they sent",
        "Answer at this very URL, without a redirect; or type the one to which it leads.",
    )


def _gateway(answer: Answer, host: str) -> Diagnosis | None:
    if answer.status in (502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 530):
        return Diagnosis(
            f"{answer.summary}{words_of(answer)}: the proxy does not reach the server, or the server is not ready",
            "See that an edge runs (`/readyz` says why it is not ready), and that the proxy has its address and port.",
        )
    return None


def _by_status(answer: Answer, host: str) -> Diagnosis | None:
    if answer.status >= 500:
        return Diagnosis(
            f"{answer.summary}{words_of(answer)}: the server failed", "Look into the server's log of this moment."
        )
    if answer.status == 429:
        return Diagnosis(
            f"{answer.summary}: it takes no more requests from here for now",
            "Wait for a minute, and run this again. If a client sees it too, raise the server's or the proxy's limit.",
        )
    if answer.status in (404, 405, 410):
        return Diagnosis(
            f"{answer.summary}{words_of(answer)}: there is nothing of the kind at this path",
            "Type the URL with its path (ToolMesh: /mcp), and have the proxy pass the whole site on, with GET and POST.",
        )
    if answer.is_page:
        return Diagnosis(
            f"{answer.summary}{words_of(answer)}: it is a web page, not what a client can read",
            "Have the proxy send this path to the server, not to a website or a single-page app's index.html.",
        )
    if answer.status == 403:
        return Diagnosis(
            f"{answer.summary}{words_of(answer)}: it is forbidden",
            "Clients begin a log-in at a 401 alone: see who refuses here, a firewall, the proxy or the server.",
        )
    return None
