"""A DADL file that changes under a running backend."""

import asyncio
from pathlib import Path

import pytest

from shared.errors import ConfigurationError, UnknownTool
from tests.upstreams.invocations import Caller
from tests.upstreams.recorder import Recorded, Reply, Writes, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import AUTH, HEAD, V1

QUICK = {"dadl_poll_s": 0.05}
INCLUDES = "includes:\n  - {path: more.dadl, merge_into: backend.tools}\n"


def file(*paths: str, top: str = "") -> str:
    """A file with a tool for each path, `t0`, `t1`, …"""
    tools = "".join(
        f"    t{n}: {{method: GET, path: {path}, access: read, description: Read}}\n" for n, path in enumerate(paths)
    )
    return f"{V1}{top}{HEAD}{AUTH}  tools:\n{tools}"


async def changed(caller: Caller) -> None:
    """Wait until the backend says that its offer changed."""
    async with asyncio.timeout(20):
        await caller.changes.wait()
    caller.changes.clear()
    await caller.offer()


async def names(caller: Caller) -> list[str]:
    return [tool.name for tool in (await caller.offer()).tools]


def test_a_changed_file_is_the_backends_from_then_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as upstream:
            async with opened(tmp_path, file("/a"), upstream.url, settings=QUICK) as caller:
                await caller.text("t0")
                (tmp_path / "dadl" / "wx.dadl").write_text(file("/b", "/c"))
                await changed(caller)
                assert await names(caller) == ["t0", "t1"]
                await caller.text("t0")
            assert [request.path for request in upstream.requests] == ["/a", "/b"]

    run(test)


def test_calls_are_made_by_what_was_listed_last_which_they_were_checked_against(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as upstream, opened(tmp_path, file("/a"), upstream.url, settings=QUICK) as caller:
            (tmp_path / "dadl" / "wx.dadl").write_text(file("/b"))
            async with asyncio.timeout(20):
                await caller.changes.wait()
            await caller.text("t0")
            await caller.offer()
            await caller.text("t0")
            assert [request.path for request in upstream.requests] == ["/a", "/b"]

    run(test)


def test_a_bad_edit_keeps_what_was_and_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def test() -> None:
        async with recording() as upstream:
            async with opened(tmp_path, file("/a"), upstream.url, settings=QUICK) as caller:
                (tmp_path / "dadl" / "wx.dadl").write_text(file("/b").replace("GET", "FETCH"))
                said = ""
                async with asyncio.timeout(20):
                    while "was not taken over" not in said:
                        said += capfd.readouterr().out
                        await asyncio.sleep(0.02)
                assert "wx.dadl:9:" in said
                assert "FETCH" in said
                assert await names(caller) == ["t0"]
                await caller.text("t0")
                (tmp_path / "dadl" / "wx.dadl").write_text(file("/c"))
                await changed(caller)
                await caller.text("t0")
            assert [request.path for request in upstream.requests] == ["/a", "/c"]

    run(test)


def test_a_file_without_a_url_is_not_taken_over(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def test() -> None:
        async with recording() as upstream:
            mine = file("/a").replace("https://wx.example", upstream.url)
            async with opened(tmp_path, mine, settings=QUICK) as caller:
                without = "".join(line for line in mine.splitlines(keepends=True) if "base_url" not in line)
                (tmp_path / "dadl" / "wx.dadl").write_text(without)
                said = ""
                async with asyncio.timeout(20):
                    while "base_url is required" not in said:
                        said += capfd.readouterr().out
                        await asyncio.sleep(0.02)
                await caller.text("t0")

    run(test)


def test_a_changed_fragment_counts_too(tmp_path: Path) -> None:
    async def test() -> None:
        fragment = tmp_path / "dadl" / "more.dadl"
        fragment.parent.mkdir()
        body = "_fragment: true\nmore: {method: GET, path: /PATH, access: read, description: Read}\n"
        fragment.write_text(body.replace("PATH", "one"))
        async with recording() as upstream:
            async with opened(tmp_path, file("/a", top=INCLUDES), upstream.url, settings=QUICK) as caller:
                await caller.text("more")
                for path in ("two", "three"):
                    fragment.write_text(body.replace("PATH", path))
                    await changed(caller)
                    await caller.text("more")
            assert [request.path for request in upstream.requests] == ["/one", "/two", "/three"]

    run(test)


def test_a_call_ends_with_the_definition_that_it_began_with(tmp_path: Path) -> None:
    async def test() -> None:
        go_on = asyncio.Event()

        def answers(request: Recorded) -> Reply | Writes:
            async def later(writer: asyncio.StreamWriter) -> None:
                await go_on.wait()
                writer.write(json_reply("late").raw)

            return later if request.path == "/a" else Reply()

        async with recording(answers) as upstream, opened(tmp_path, file("/a"), upstream.url, settings=QUICK) as caller:
            call = asyncio.create_task(caller.text("t0"))
            async with asyncio.timeout(20):
                while not upstream.requests:
                    await asyncio.sleep(0.01)
            (tmp_path / "dadl" / "wx.dadl").write_text(file("/b").replace("t0", "other"))
            await changed(caller)
            go_on.set()
            assert await call == '"late"'
            with pytest.raises(UnknownTool):
                await caller.text("t0")

    run(test)


@pytest.mark.parametrize("listed", [False, True])
def test_a_call_shows_no_credential_of_the_file_that_it_began_with(tmp_path: Path, listed: bool) -> None:
    """`listed`: the new file counts already when the answer comes."""

    async def test() -> None:
        go_on = asyncio.Event()

        def answers(request: Recorded) -> Writes:
            async def later(writer: asyncio.StreamWriter) -> None:
                await go_on.wait()
                writer.write(json_reply(request.header("Authorization")).raw)

            return later

        before = file("/a").replace(AUTH, "  auth: {type: bearer, credential: one}\n")
        given = {"CREDENTIAL_ONE": "canary-of-the-first", "CREDENTIAL_TWO": "canary-of-the-second"}
        async with (
            recording(answers) as upstream,
            opened(tmp_path, before, upstream.url, settings=QUICK, environment=given) as caller,
        ):
            call = asyncio.create_task(caller.text("t0"))
            async with asyncio.timeout(20):
                while not upstream.requests:
                    await asyncio.sleep(0.01)
            (tmp_path / "dadl" / "wx.dadl").write_text(before.replace("one}", "two}"))
            async with asyncio.timeout(20):
                await caller.changes.wait()
            if listed:
                await caller.offer()
            go_on.set()
            assert await call == '"Bearer ***"'
            assert await caller.text("t0") == '"Bearer ***"'
            assert upstream.last.header("Authorization") == f"Bearer canary-of-the-{'second' if listed else 'first'}"

    run(test)


def test_a_file_that_is_bad_from_the_start_is_read_again_by_the_next_try(tmp_path: Path) -> None:
    async def test() -> None:
        async with recording() as upstream:
            with pytest.raises(ConfigurationError, match=r"wx\.dadl:1:"):
                async with opened(tmp_path, "backend: {}\n", upstream.url):
                    pass
            async with opened(tmp_path, file("/a"), upstream.url) as caller:
                assert await names(caller) == ["t0"]

    run(test)
