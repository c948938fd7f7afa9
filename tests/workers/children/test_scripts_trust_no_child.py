"""A child that was taken over can say what it likes: its worker ends it, and believes nothing that can't be."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.errors import QueueFull, SandboxUnavailable
from tests.workers.children.house_of_scripts import House, answered, echo
from workers.children.engine import Engine
from workers.children.pool import Pool
from workers.children.scripts import Answered, Asked, Scripts

LIAR = Engine("javascript", "liar", paths=(str(Path(__file__).parent),))
CALL = [1, "call", "x", "{}"]


@pytest.fixture(scope="module")
def liars() -> Iterator[House]:
    """A house whose children are all taken over."""
    house = House(children_spare=2)
    house.pool = Pool(house.settings, {"javascript": LIAR})
    house.scripts = Scripts(house.pool)
    yield house
    house.close()


def calls(*asked: Any, **more: Any) -> dict[str, Any]:
    return {"calls": list(asked), "logs": [], **more}


def done(**more: Any) -> dict[str, Any]:
    return {"done": {"value": None, "error": None, "logs": [], **more}}


@pytest.mark.parametrize(
    "said",
    [
        calls([2, "call", "x", "{}"]),
        calls([0, "call", "x", "{}"]),
        calls([-1, "call", "x", "{}"]),
        calls([1e9, "call", "x", "{}"]),
        calls(["1", "call", "x", "{}"]),
        calls([True, "call", "x", "{}"]),
        calls(CALL, CALL),
        calls([1, "run", "x", "{}"]),
        calls([1, "call", "", "{}"]),
        calls([1, "call", None, "{}"]),
        calls([1, "call", "x" * 257, "{}"]),
        calls([1, "call", "a\nb", "{}"]),
        calls([1, "discover", "x", "{}"]),
        calls([1, "call", "x", "[]"]),
        calls([1, "call", "x", "{"]),
        calls([1, "call", "x", "{} {}"]),
        calls([1, "call", "x", {}]),
        calls([1, "call", "x", json.dumps({"a": "x" * 2_000})]),
        calls([1, "call", "x"]),
        calls(*([n, "call", "x", "{}"] for n in range(1, 18))),
        calls(CALL, grant="me"),
        calls(logs=["x" * 70_000]),
        calls(logs=["x"] * 1_100),
        calls(logs=[1]),
        {"calls": 1},
        {"results": []},
        {},
        done(value=1),
        done(value="{"),
        done(value=json.dumps("x" * 2_000)),
        done(value="1", error={"code": "x", "message": "y"}),
        done(error={"code": 1, "message": "y"}),
        done(error={"code": "x", "message": "y" * 20_000}),
        done(logs=["x" * 70_000]),
        done(more=1),
        "exit",
    ],
    ids=lambda said: json.dumps(said)[:60],
)
def test_a_child_that_says_what_can_not_be_is_ended(liars: House, said: Any) -> None:
    ran = liars.ran(json.dumps([said, "wait"]), argument_bytes_max=1_000, result_bytes_max=1_000)
    assert ran.error is not None
    assert (ran.error.code, ran.value) == ("sandbox_crashed", None)
    assert liars.asked == []
    assert all(len(line) <= 70_000 for line in ran.logs)


def test_more_calls_than_a_script_may_make_are_not_made_for_a_liar(liars: House) -> None:
    said = [calls([n, "call", "x", "{}"]) for n in range(1, 10)]
    error = liars.error(json.dumps([step for one in said for step in (one, "wait")]), calls_max=3)
    assert (error.code, len(liars.asked)) == ("sandbox_crashed", 3)
    said = [calls([n, "discover", "", "{}"]) for n in range(1, 10)]
    error = liars.error(json.dumps([step for one in said for step in (one, "wait")]), discoveries_max=2)
    assert (error.code, len(liars.asked)) == ("sandbox_crashed", 2)


def test_what_is_true_of_a_liar_is_believed(liars: House) -> None:
    ran = liars.ran(json.dumps([calls(CALL, logs=["a"]), "wait", done(value="[2]", logs=["b"])]))
    assert (ran.value, ran.error, ran.logs, len(liars.asked)) == (b"[2]", None, ("a", "b"), 1)


def test_an_answer_that_fails_is_thrown_to_the_script_and_a_defect_ends_it(house: House) -> None:
    async def failing(asked: Asked) -> Answered:
        if asked.name == "full":
            raise QueueFull("Come again.", data={"depth": 1})
        if asked.name == "broken":
            raise ZeroDivisionError
        return await echo(asked)

    code = "try { await toolmesh.full() } catch (e) { return [e.code, e.message, e.retryable, e.data] }"
    assert house.value(code, failing) == ["queue_full", "Come again.", True, {"depth": 1}]
    with pytest.raises(ZeroDivisionError):
        house.ran("try { await toolmesh.broken() } catch { return 1 }", failing)
    assert house.value("return 1") == 1


def test_a_script_for_which_there_is_no_child_says_so_and_ran_nothing() -> None:
    house = House(children_spare=0)
    house.pool = Pool(house.settings, {"javascript": Engine("javascript", "no_such_module", paths=LIAR.paths)})
    house.scripts = Scripts(house.pool)
    try:
        with pytest.raises(SandboxUnavailable):
            house.ran("return 1")
    finally:
        house.close()


def test_many_scripts_run_at_a_time_and_get_each_its_own(house: House) -> None:
    async def own(asked: Asked) -> Answered:
        await asyncio.sleep(0)
        return answered(json.loads(asked.arguments)["n"])

    async def test() -> None:
        code = "const all = await Promise.all([1, 2, 3].map(() => toolmesh.x({n: %d}))); return all"
        rans = await asyncio.gather(*(house.run(code % n, own, tenant=f"tenant {n % 5}") for n in range(40)))
        assert [json.loads(ran.value or b"0") for ran in rans] == [[n, n, n] for n in range(40)]

    house.wait(test())
