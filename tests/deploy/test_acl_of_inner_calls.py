"""The broker's users, where a running call makes further calls: workers ask, edges take and count."""

from pathlib import Path

import pytest
import redis

from shared import keys
from shared.functions import function_name
from tests.deploy.prepared import DENIED, connect
from tests.mesh import Broker


def test_workers_ask_for_further_calls_and_edges_take_and_count_them(broker: tuple[Broker, Path]) -> None:
    with connect(broker, "worker-default") as worker, connect(broker, "edge") as edge:
        assert worker.execute_command("FCALL", function_name("ask"), 1, keys.INNER, "request", 10, 60_000) == 1
        assert edge.execute_command("BLMPOP", 1, 1, keys.INNER, "LEFT", "COUNT", 5) == [b"tm:inner", [b"request"]]
        counted = (
            "FCALL",
            function_name("count"),
            2,
            keys.inner_calls("p"),
            keys.final("default.p"),
            "c1",
            1,
            50,
            2,
            60_000,
        )
        assert edge.execute_command(*counted) == 1
        with pytest.raises(redis.ResponseError, match=DENIED):
            worker.execute_command(*counted)
