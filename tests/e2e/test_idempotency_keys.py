"""A POST with an idempotency key, whose worker dies, is run again with the same key: the API does it once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.client import Client
from tests.e2e.keyed_upstream import DADL, KeyedUpstream
from tests.e2e.test_worker_dies import LEASE, Asked, holder_of
from tests.mesh import Mesh, mesh, wait_until


@dataclass
class House:
    """A mesh with two workers, and the API behind them, which two backends call: `hasty` gives it half a second."""

    running: Mesh
    edge: Client
    upstream: KeyedUpstream


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("keyed")
    upstream = KeyedUpstream()
    try:
        entry = f"transport: rest, dadl: bills.dadl, url: '{upstream.url}'"
        backends = f"backends:\n  - {{name: bills, {entry}}}\n  - {{name: hasty, {entry}, options: {{timeout: 500ms}}}}\n"
        with mesh(directory, backends, **LEASE) as running:
            (running.config / "dadl").mkdir()
            (running.config / "dadl" / "bills.dadl").write_text(DADL)
            running.start_worker()
            running.start_worker()
            edge = running.start_edge()
            running.wait_for_tools(edge, "bills_make", "hasty_make")
            yield House(running, edge, upstream)
    finally:
        upstream.close()


def code_of(answer: dict[str, Any]) -> str:
    return str(answer["result"]["structuredContent"]["error"]["code"])


def test_a_call_whose_worker_is_killed_is_run_again_and_the_api_does_it_once(house: House) -> None:
    upstream = house.upstream
    upstream.answers.clear()
    asked = Asked(house.edge, "bills_make", {"for": "killed"})
    wait_until(lambda: upstream.keys, "the API has the request")
    house.running.workers[holder_of(house.running)].kill()
    result = asked.result()
    assert result["content"][0]["text"] == '{"bill":"killed","known":true}'
    first, second = upstream.keys
    assert first == second, "another worker sends the same key"
    assert list(upstream.made.values()) == ["killed"]


def test_two_calls_have_two_keys(house: House) -> None:
    upstream = house.upstream
    upstream.answers.set()
    before = len(upstream.made)
    for _ in range(2):
        answer = house.edge.call("bills_make", {"for": "twice"})
        assert answer["result"]["content"][0]["text"] == '{"bill":"twice","known":false}'
    assert len(upstream.made) == before + 2


def test_clients_are_told_that_a_further_call_is_a_further_change(house: House) -> None:
    listed = {tool["name"]: tool for tool in house.edge.request("tools/list", {})["result"]["tools"]}
    hints = listed["bills_make"]["annotations"]
    assert (hints["readOnlyHint"], hints["idempotentHint"]) == (False, False)
    assert listed["bills_make"]["_meta"]["toolmesh/keyed"] is True


def test_who_calls_is_told_that_nobody_knows_where_the_api_gave_no_answer(house: House) -> None:
    house.upstream.breaks = True
    try:
        answer = house.edge.call("bills_make", {"for": "broken"})
    finally:
        house.upstream.breaks = False
    assert code_of(answer) == "outcome_unknown"
    assert house.upstream.keys[-1] == house.upstream.keys[-2], "it was tried once more, with the same key"
    house.upstream.answers.clear()
    try:
        assert code_of(house.edge.call("hasty_make", {"for": "late"})) == "outcome_unknown"
    finally:
        house.upstream.answers.set()
