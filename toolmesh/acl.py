"""The broker's users: what each role may do in Redis, and nothing else (ACLs of Redis 7 and Valkey).

Signatures already make a write into Redis no tool call; these users are the second wall. They say by key pattern what is
whose: a group of workers reaches the keys of its own group only, an edge can neither claim nor finish a call. A Redis
Function runs with its caller's rights, each of its commands is checked; so that the function call itself may name any
key, and what it does is what counts.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from shared import keys, log_in_keys, rest_keys
from shared.functions import LIBRARY

INIT_USER = "init"
EDGE_USER = "edge"
HEALTH_USER = "health"
"""May only PING, without a password: for the health check of the broker's container."""

_IN_FUNCTIONS = frozenset(
    "|".join(found).strip("|").lower() for found in re.findall(r"redis\.p?call\('([A-Z]+)'(?:, '(NUMSUB)')?", LIBRARY)
)
"""What our Redis Functions do: read off their source, so that the users fit the release that makes them."""
_CONNECTION = frozenset({"ping", "subscribe", "unsubscribe", "info|server"})
_AN_EDGE = "e-" + "?" * 12
"""An edge's id. What edges tell one another goes over channels with other endings, where workers have no voice."""
EDGE_COMMANDS = (
    _CONNECTION
    | _IN_FUNCTIONS
    | {"get", "time", "xadd", "xrange", "zrange"}
    | {"del", "pexpire", "sadd", "scard", "set", "smembers", "srem", "zadd", "zcard", "zrem", "zremrangebyscore"}
    | {"getdel", "getex", "lpop", "lrem", "rpush", "hset", "hdel", "exists", "hmget"}
    | {"blmpop"}
)
"""Beside PUBLISH and FCALL, which have rules of their own. The lines but the last are for sessions, inboxes and what is
wanted; the last is for requests of running calls."""
WORKER_COMMANDS = (
    _CONNECTION
    | _IN_FUNCTIONS
    | {"blpop", "get", "pexpire", "rpush", "set", "time", "xadd", "zadd", "zremrangebyscore"}
    | {"hdel", "hscan"}
    | {"pttl"}
    | {"xack", "xautoclaim", "xdel", "xgroup|create", "xreadgroup"}
)
"""Beside PUBLISH and FCALL. The second line is for what is wanted, the third for rest backends, the last for the audit
store `log`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Keys that a role may reach."""

    pattern: str
    access: Literal["R", "W", "RW"]
    """Read what is there; write; both."""
    why: str

    @property
    def rule(self) -> str:
        """As the ACL has it."""
        return f"~{self.pattern}" if self.access == "RW" else f"%{self.access}~{self.pattern}"


EDGE_GRANTS = (
    Grant("arq:queue:*", "RW", "enqueue and cancel on every queue"),
    Grant("arq:job:*", "W", "put a job there, take a cancelled one away; never read what others asked"),
    Grant("arq:in-progress:*", "R", "see whether a call runs; writing it would be claiming"),
    Grant("arq:retry:*", "W", "a cancelled call takes its counter away"),
    Grant("tm:final:*", "RW", "read results; a cancelled call gets its end"),
    Grant("tm:dispatched:*", "R", "see whether a write was sent: it is not cancelled then"),
    Grant("tm:events:*", "R", "read progress that was missed"),
    Grant("tm:*:in-flight:*", "RW", "count what a principal has under way"),
    Grant("tm:*:catalogue:*", "R", "read what workers serve"),
    Grant("tm:*:heartbeat:*", "R", "read who lives"),
    Grant("tm:*:workers", "R", "read who lives"),
    Grant("tm:*:changes", "R", "read changes that were missed"),
    Grant("tm:*:holder:*", "R", "see which worker holds an owner's upstream session"),
    Grant("tm:*:wanted:*", "RW", "say which resources clients want to hear of"),
    Grant("tm:answer:*", "W", "hand a client's answer to the call that asked"),
    Grant("tm:session:*", "RW", "sessions of the 2025 era are the edges' own"),
    Grant("tm:sessions:*", "RW", "sessions of the 2025 era are the edges' own"),
    Grant("tm:inbox:*", "RW", "messages from edge to edge"),
    Grant("tm:reattach:*", "RW", "find the call that is sent again"),
    Grant("tm:alive:*", "RW", "say that it lives, see who does"),
    Grant("tm:blob:*", "R", "give files that tools gave to who has their URL"),
    Grant("tm:handle:*", "RW", "handles and tasks are the edges' own"),
    Grant("tm:names:listed:*", "RW", "what was listed before is the edges' own"),
    Grant("tm:hinted:*", "RW", "remember who was given a hint"),
    Grant("tm:dead:*", "RW", "send a dead letter again, and take it away then"),
    Grant("tm:*:dead", "RW", "take a dead letter off the list"),
    Grant(keys.INNER, "RW", "take requests of running calls for further calls"),
    Grant("tm:inner-calls:*", "RW", "count the calls of a running call"),
    Grant("tm:*:inner-body:*", "W", "hand a large result to the call that asked"),
    Grant(keys.AUDIT_STREAM, "W", "append records; reading and deleting is the store's"),
    Grant("tm-auth:*", "RW", "log-ins are the edges' own: no worker can see that somebody logged in, or end it"),
)
EDGE_SUBSCRIBES = (keys.reply_channel("*"), keys.HEARTBEATS, keys.CHANGES, keys.INNER_CANCELS, log_in_keys.REVOKED)
EDGE_PUBLISHES = (
    keys.reply_channel("*"),
    keys.control_channel("*"),
    keys.inner_channel("*", "*"),
    keys.FUNCTIONS_WANTED,
    log_in_keys.REVOKED,
)


def worker_grants(group: str) -> tuple[Grant, ...]:
    """Keys of one group's workers. Each pattern is spelled out: a group may be called `session` or `final`."""
    return (
        Grant(f"arq:queue:{group}:*", "RW", "claim from its own queues"),
        Grant(f"arq:job:{group}.*", "RW", "read the jobs that it runs, take finished ones away"),
        Grant(f"arq:in-progress:{group}.*", "RW", "hold and renew leases"),
        Grant(f"arq:retry:{group}.*", "RW", "count runs"),
        Grant(f"tm:final:{group}.*", "RW", "store results"),
        Grant(f"tm:events:{group}.*", "W", "store progress"),
        Grant(f"tm:dispatched:{group}.*", "RW", "mark that a write may have happened"),
        Grant(f"tm:returned:{group}.*", "RW", "count what was given back unexecuted"),
        Grant(f"tm:dead:{group}.*", "W", "set aside what is not to be run again"),
        Grant(f"tm:{group}:dead", "RW", "list what was set aside"),
        Grant(f"tm:answer:{group}.*", "RW", "take clients' answers to its own calls"),
        Grant(f"tm:{group}:in-flight:*", "W", "take finished calls off the count"),
        Grant(f"tm:{group}:catalogue:*", "W", "say what it serves"),
        Grant(f"tm:{group}:heartbeat:*", "W", "say that it lives"),
        Grant(f"tm:{group}:workers", "W", "say that it lives"),
        Grant(f"tm:{group}:wanted:*", "RW", "read which resources clients want to hear of, forget old ones"),
        Grant(f"tm:{group}:changes", "W", "store changes"),
        Grant(f"tm:{group}:follower:*", "RW", "one worker follows a backend for all"),
        Grant(f"tm:{group}:holder:*", "RW", "hold upstream sessions of owners"),
        Grant(f"tm:{group}:holders:*", "RW", "count takeovers of upstream sessions"),
        Grant(rest_keys.rate_limit(group, "*"), "RW", "know until when an API wants no more requests"),
        Grant(f"tm:blob:{group}.*", "W", "keep files that its tools give"),
        Grant(f"tm:{group}:blobs:*", "RW", "count them"),
        Grant(rest_keys.upstream_token(group, "*"), "RW", "share access tokens and sessions, encrypted"),
        Grant(rest_keys.rotated_token(group, "*"), "RW", "keep the newest refresh token, encrypted"),
        Grant(rest_keys.token_turn(group, "*"), "RW", "one worker gets a token for all"),
        Grant(keys.INNER, "W", "ask for further calls of a running call"),
        Grant(f"tm:{group}:inner-body:*", "R", "read a large result of such a call"),
        Grant(keys.own_bell("*"), "RW", "wake itself"),
        Grant(keys.AUDIT_STREAM, "RW", "append records; the store `log` is written by workers"),
    )


def worker_user(group: str) -> str:
    """The user of a group's workers."""
    return f"worker-{group}"


def is_workers(user: str) -> bool:
    """Whether a user is that of a group's workers."""
    return user.startswith(worker_user(""))


def edge_rules() -> list[str]:
    """What an edge may do, as the words of ACL SETUSER."""
    return _rules(EDGE_GRANTS, EDGE_COMMANDS, EDGE_SUBSCRIBES, EDGE_PUBLISHES)


def worker_rules(group: str) -> list[str]:
    """What the workers of a group may do, as the words of ACL SETUSER."""
    subscribes = (keys.control_channel(group), keys.inner_channel(group, "*"))
    publishes = (
        keys.HEARTBEATS,
        keys.CHANGES,
        keys.INNER_CANCELS,
        keys.reply_channel(_AN_EDGE),
        keys.FUNCTIONS_WANTED,
    )
    return _rules(worker_grants(group), WORKER_COMMANDS, subscribes, publishes)


def _rules(
    grants: Iterable[Grant], commands: Iterable[str], subscribes: Iterable[str], publishes: Iterable[str]
) -> list[str]:
    return [
        *dict.fromkeys(grant.rule for grant in grants),
        *(f"&{channel}" for channel in subscribes),
        *(f"+{command}" for command in sorted(set(commands) - {"publish"})),
        # Selectors: what one may publish to is not what one may listen on, and a function call is not a read or a write.
        f"(+publish {' '.join(f'&{channel}' for channel in publishes)})",
        "(+fcall ~*)",
    ]


def users_file(passwords: Mapping[str, str], groups: Iterable[str]) -> str:
    """The file that Redis takes as `aclfile`. Holds SHA-256 sums of the passwords, never one of them."""
    rules = {
        INIT_USER: ["~*", "&*", "+@all"],
        EDGE_USER: edge_rules(),
        **{worker_user(group): worker_rules(group) for group in groups},
    }
    lines = ["user default off", f"user {HEALTH_USER} on nopass +ping"]
    for user, words in rules.items():
        digest = hashlib.sha256(passwords[user].encode()).hexdigest()
        lines.append(f"user {user} on #{digest} {' '.join(words)}")
    return "\n".join(lines) + "\n"
