"""A call of a REST backend, from its arguments to its result, against a real upstream."""

from pathlib import Path

from tests.upstreams.recorder import json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2

WEATHER = (
    V2
    + """backend:
  name: wx
  type: rest
  description: Weather
  tools:
    get_row:
      method: GET
      path: /rows/{id}
      access: read
      description: One row
      params: {id: {type: string, in: path, required: true}, full: {type: boolean, in: query}}
"""
)


def test_a_tool_is_called_and_its_answer_is_the_result(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording(lambda request: json_reply({"id": "a/b"})) as upstream:
            async with opened(tmp_path, WEATHER, upstream.url) as caller:
                assert await caller.text("get_row", {"id": "a/b", "full": True}) == '{"id":"a/b"}'
            assert upstream.last.method == "GET"
            assert upstream.last.target.startswith("/rows/a%2Fb?full=")

    run(test)
