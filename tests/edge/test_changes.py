"""What changes at backends: whose word counts, who hears of it, and what the workers are told of who wants to."""

import hashlib
from typing import Any

import pytest

from edge.authorize import Authorizer
from edge.sessions.changes import Changes
from edge.sessions.event_ids import ChangePosition
from edge.sessions.feed import Feed, Heard, Wants
from edge.sessions.replay import Replay
from edge.sessions.wanted import Wanted
from edge.shelf import Shelf
from shared import keys
from shared.authorization import Authorization, Rule
from shared.catalogue import Catalogue, define
from shared.clock import BrokerClock
from shared.codec import frame, seal, unframe, unseal
from shared.identity import Principal
from shared.line import RedisLine
from shared.messages import Cancel, Changed, Message
from shared.messages import Wanted as WantedMessage
from tests.contract.hop import RING, open_line, run
from tests.edge.rules import Offers, ruled
from tests.mesh import Broker

GROUP_OF = {"notes": "default", "mail": "other", "elsewhere": "unknown"}
OWNER = Principal(subject="owner", owner=True)
GUEST = Principal(subject="guest")
OWNER_ALONE = ruled()


class Bench:
    """Changes with all that they need, on a real broker."""

    def __init__(self, line: RedisLine, principal_max: int = 1000, authorizer: Authorizer = OWNER_ALONE) -> None:
        self.refusals: list[str] = []
        self.wakes = 0
        self.wanted = Wanted(line, RING, BrokerClock(), GROUP_OF, principal_max=principal_max)
        self.changes = Changes(RING, GROUP_OF, self.wanted, authorizer, refused=self._refuse)
        self.replay = Replay(line, RING, GROUP_OF, authorizer, refused=self._refuse)

    def _refuse(self, kind: str, detail: str) -> None:
        self.refusals.append(f"{kind}: {detail}")

    def _wake(self) -> None:
        self.wakes += 1

    def open(self, *uris: str, principal: Principal = OWNER, backend: str | None = None, **wants: Any) -> Feed:
        followed = {("notes", uri): f"notes+{uri}" for uri in uris}
        return self.changes.open(principal, backend, Wants(uris=followed, **wants), self._wake)


def publication(message: Message, group: str = "default", entry: str = "7-0") -> bytes:
    return frame(entry.encode()) + frame(seal(RING, group, message))


def updated(uri: str, backend: str = "notes") -> Changed:
    return Changed(backend=backend, at_ms=1, kind="resource", uri=uri)


def taken(feed: Feed) -> list[Heard]:
    found = []
    while (heard := feed.take()) is not None:
        found.append(heard)
    return found


def test_an_update_goes_to_who_follows_that_resource_under_the_name_that_its_client_knows(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            feed, other, nobody = bench.open("x://1"), bench.open("x://2"), bench.open()
            bench.changes.on_message(publication(updated("x://1"), entry="123-4"))
            assert taken(feed) == [Heard("resource", "notes+x://1", "c-123-4")]
            assert taken(other) == taken(nobody) == []
            bench.changes.close(feed)
            bench.changes.on_message(publication(updated("x://1")))
            assert taken(feed) == []
            assert bench.refusals == []

    run(main)


def test_what_waits_already_is_not_queued_again_and_keeps_its_place(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            feed = bench.open("x://1", "x://2")
            for entry, uri in (("1-0", "x://1"), ("2-0", "x://2"), ("3-0", "x://1"), ("3-1", "x://1")):
                bench.changes.on_message(publication(updated(uri), entry=entry))
            for _ in range(1000):
                bench.changes.on_catalogue("notes", {"tools", "resources"})
            assert [(h.kind, h.uri, h.event_id) for h in taken(feed)[:2]] == [
                ("resource", "notes+x://1", "c-1-0"),
                ("resource", "notes+x://2", "c-2-0"),
            ]
            bench.changes.on_catalogue("notes", {"tools"})
            assert [h.kind for h in taken(feed)] == ["tools"]

    run(main)


def test_a_list_is_told_of_when_its_new_catalogue_is_here_and_not_by_the_channel(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            everything, one, tools = bench.open(), bench.open(backend="notes"), bench.open(lists=frozenset({"tools"}))
            guest = bench.open(principal=GUEST)
            bench.changes.on_message(publication(Changed(backend="notes", at_ms=1, kind="tools"), entry="5-0"))
            assert taken(everything) == []
            bench.changes.on_catalogue("notes", {"tools", "prompts"})
            assert {h.kind for h in taken(everything)} == {"tools", "prompts"}
            assert {h.kind for h in taken(one)} == {"tools", "prompts"}
            assert [h.kind for h in taken(tools)] == ["tools"]
            bench.changes.on_catalogue("mail", {"tools"})
            assert [h.kind for h in taken(everything)] == ["tools"]
            assert taken(one) == [], "another backend's"
            assert taken(guest) == [], "not this principal's to know"

    run(main)


NOTES = Shelf(
    "default",
    Catalogue(
        backend="notes",
        at_ms=1,
        tools=(define("find", "read", b'{"inputSchema":{"type":"object"}}'),),
        prompts=(b'{"name":"tidy up"}',),
        hash="h",
    ),
)


@pytest.mark.parametrize(
    ("patterns", "heard"),
    [
        (("notes_find",), {"tools", "prompts"}),
        (("notes_tidy up",), {"tools", "prompts"}),
        (("notes_resources",), {"tools", "prompts", "resources", "resource"}),
        (("notes_other", "mail_*", "access:write"), set()),
    ],
)
def test_a_change_is_heard_by_who_may_use_something_there_and_one_of_resources_by_who_may_reach_them(
    broker: Broker, patterns: tuple[str, ...], heard: set[str]
) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            rules = Authorization(users={"guest": Rule(allow=patterns)})
            for offers, former in ((Offers(NOTES), None), (Offers(), NOTES)):
                bench = Bench(line, authorizer=ruled(rules, offers))
                feed = bench.open("x://1", principal=GUEST)
                bench.changes.on_catalogue("notes", {"tools", "prompts", "resources"}, former)
                bench.changes.on_message(publication(updated("x://1")))
                assert {h.kind for h in taken(feed)} == heard, "also of what was there and is not any more"

    run(main)


def test_other_rules_are_told_to_everybody_as_lists_to_be_read_again(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            guest = bench.open(principal=GUEST)
            tools = bench.open(principal=GUEST, backend="notes", lists=frozenset({"tools"}))
            none = bench.open(lists=frozenset())
            bench.changes.on_rules()
            assert {h.kind for h in taken(guest)} == {"tools", "prompts", "resources"}
            assert [h.kind for h in taken(tools)] == ["tools"]
            assert taken(none) == []

    run(main)


FORGED = {
    "not frames": b"\x00\x00\x00\x09short",
    "one frame": frame(seal(RING, "default", updated("x://1"))),
    "three frames": publication(updated("x://1")) + frame(b"x"),
    "no entry id": publication(updated("x://1"), entry="a-b"),
    "an entry id that is not ASCII": frame(b"\xff-1") + frame(seal(RING, "default", updated("x://1"))),
    "unsigned": frame(b"1-0") + frame(b"not an envelope"),
    "another group's backend": publication(updated("x://1"), "other"),
    "the edges' own key": publication(updated("x://1"), "edge"),
    "an unknown backend": publication(updated("x://1", "nowhere")),
    "another message": publication(Cancel(call_id="c", backend="notes", at_ms=1)),
}

IN_THE_COPY = {"unsigned", "another group's backend", "the edges' own key", "an unknown backend", "another message"}
"""Those that are told apart by what lies in the durable copy, too."""


@pytest.mark.parametrize("name", FORGED)
def test_what_is_not_a_workers_word_on_its_own_backend_is_refused(broker: Broker, name: str) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            feed = bench.open("x://1")
            bench.changes.on_message(FORGED[name])
            assert taken(feed) == []
            assert len(bench.refusals) == 1
            assert bench.refusals[0].startswith("change: ")
            if name in IN_THE_COPY:
                await line.cmd("XADD", keys.changes("default"), "*", "c", unframe(FORGED[name])[1])
                await bench.replay.into(feed, ChangePosition(0, 0))
                assert len(bench.refusals) == 2
                assert taken(feed) == []

    run(main)


def test_the_replay_gives_what_came_after_and_is_wanted_and_lists_a_little_earlier(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)

            async def add(at_ms: int, changed: Changed, group: str = "default") -> None:
                await line.cmd("XADD", keys.changes(group), f"{at_ms}-0", "c", seal(RING, group, changed))

            await add(1_000, Changed(backend="notes", at_ms=1, kind="prompts"))
            await add(99_000, Changed(backend="notes", at_ms=1, kind="tools"))
            await add(99_500, updated("x://1"))
            await add(100_000, updated("x://2"))
            await add(100_001, updated("x://3"))
            await add(100_002, updated("x://unwanted"))
            await add(100_003, updated("x://1", "mail"), "other")
            await add(100_004, updated("x://1", "mail"))  # not its word to say
            feed = bench.open("x://1", "x://2", "x://3")
            await bench.replay.into(feed, ChangePosition(100_000, 0))
            assert taken(feed) == [Heard("tools", "", ""), Heard("resource", "notes+x://3", "c-100001-0")]
            assert len(bench.refusals) == 1
            guest = bench.open("x://3", principal=GUEST)
            await bench.replay.into(guest, ChangePosition(0, 0))
            assert taken(guest) == []

    run(main)


def test_an_id_that_two_groups_entries_have_is_told_again(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            for group, backend in (("default", "notes"), ("other", "mail")):
                await line.cmd("XADD", keys.changes(group), "5-0", "c", seal(RING, group, updated("x://1", backend)))
            feed = bench.changes.open(
                OWNER, None, Wants(uris={("notes", "x://1"): "n", ("mail", "x://1"): "m"}), lambda: None
            )
            await bench.replay.into(feed, ChangePosition(4, 0))
            assert {h.uri for h in taken(feed)} == {"n", "m"}

    run(main)


def test_workers_are_told_what_is_wanted_once_however_many_want_it(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            feeds = [bench.open("x://1") for _ in range(3)]
            bench.open("x://1", principal=GUEST)
            await line.cmd("PING")
            stored = await line.cmd("HGETALL", keys.wanted("default", "notes"))
            assert [name.decode() for name in stored[::2]] == [hashlib.sha256(b"x://1").hexdigest()[:32]]
            wish = unseal(RING, "default", stored[1], WantedMessage)
            assert (wish.backend, wish.uri) == ("notes", "x://1")
            ttl_ms = await line.cmd("PTTL", keys.wanted("default", "notes"))
            assert 0 < ttl_ms <= keys.WANTED_TTL_S * 1000
            for feed in feeds:
                bench.changes.close(feed)
                bench.changes.close(feed)
            assert bench.wanted.add(OWNER, []) == frozenset()

    run(main)


def test_one_principal_follows_only_so_many_resources(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line, principal_max=3)
            first = bench.open("x://1", "x://2")
            second = bench.open("x://2", "x://3", "x://4")
            assert list(second.wants.uris.values()) == ["notes+x://2", "notes+x://3"]
            other = bench.open("x://4", principal=Principal(subject="another", owner=True))
            assert list(other.wants.uris.values()) == ["notes+x://4"]
            bench.changes.close(first)
            bench.changes.follow(second, {("notes", "x://4"): "four"})
            assert list(second.wants.uris.values()) == ["four"]

    run(main)
