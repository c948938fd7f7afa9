"""What an MCP upstream may be reached at, and how it may answer: the guard of `workers/egress` in this kind of backend."""

import pytest
import structlog

from shared.errors import EgressDenied, MeshError
from shared.settings import Settings
from tests.upstreams.evil import PLAIN
from tests.upstreams.started import Upstream, calling, run


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_private_address_is_refused_where_the_entry_says_so(evil: Upstream, host: str) -> None:
    async def test() -> None:
        async with calling(f"http://{host}:{evil.port}/mcp", allow_private_url=False) as caller:
            with structlog.testing.capture_logs() as logs:
                with pytest.raises(EgressDenied) as raised:
                    await caller.call("plain")
                with pytest.raises(EgressDenied):
                    await caller.backend.list_all()
            refused = [each["why"] for each in logs if each["log_level"] == "warning"]
            assert len(refused) == 2, "nothing is tried again"
            assert all("127.0.0.1" in why or "::1" in why for why in refused)
            assert caller.dispatched == 0
            assert host not in raised.value.detail

    run(test)


@pytest.mark.parametrize("listed", ["127.0.0.1:{port}", "127.0.0.0/8"])
def test_unless_it_is_listed(evil: Upstream, listed: str) -> None:
    async def test() -> None:
        hosts = [listed.format(port=evil.port)]
        async with calling(evil.url, allow_private_url=False, private_hosts=hosts) as caller:
            assert await caller.call("plain") == PLAIN

    run(test)


def test_an_answer_that_falls_silent_is_a_time_out_of_its_own(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url, settings=Settings(upstream_idle_s=0.3)) as caller:
            with pytest.raises(MeshError) as raised:
                await caller.call("half_body")
            assert raised.value.code == "upstream_timeout"
            assert "silent" in raised.value.detail
            assert await caller.call("plain") == PLAIN

    run(test)
