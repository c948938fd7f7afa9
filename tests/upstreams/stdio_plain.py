"""An MCP server over stdio in plain Python, which starts in no time, and misbehaves when it is asked to.

    python tests/upstreams/stdio_plain.py [--start-s 1.5] [--era legacy|modern] [--exit 3] [--banner 5] [--garbage]
                                          [--stubborn] [--silent] [--note PATH] [--odd TEXT]

`--start-s`: answers nothing before that; `--exit`: ends at once; `--banner`: so many lines of text on stdout first;
`--garbage`: nothing but text on stdout; `--stubborn`: ignores SIGTERM and the end of stdin; `--silent`: answers nothing;
`--note`: a line with its process id and the time is appended to the file at the start;
`--odd`: nothing.

Tools are the functions whose names begin with `tool_`; each takes its arguments as they come and gives a text.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

Arguments = dict[str, Any]

_writing = threading.Lock()
_answers: dict[str, dict[str, Any]] = {}
_answered = threading.Condition()


def say(message: dict[str, Any]) -> None:
    """Write a message."""
    shout(json.dumps({"jsonrpc": "2.0", **message}).encode())


def shout(line: bytes) -> None:
    """Write a line, whatever it is."""
    with _writing:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def for_seconds(seconds: float, what: Callable[[], None]) -> None:
    """Do it again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        what()


class Call:
    """One call of a tool."""

    def __init__(self, request_id: Any, params: dict[str, Any]) -> None:
        self.id = request_id
        self.arguments: Arguments = params.get("arguments", {})
        self.meta: dict[str, Any] = params.get("_meta", {})


def tool_echo(call: Call) -> str:
    return str(call.arguments["message"])


def tool_pid(call: Call) -> str:
    return str(os.getpid())


def tool_environment(call: Call) -> str:
    return json.dumps(
        {"variables": dict(os.environ), "arguments": sys.argv[1:], "fds": sorted(os.listdir("/proc/self/fd"))}
    )


def tool_meta(call: Call) -> str:
    return json.dumps(call.meta)


def tool_sleep(call: Call) -> str:
    time.sleep(call.arguments["s"])
    return "slept"


def tool_write_line(call: Call) -> str:
    with open(call.arguments["path"], "a") as file:
        file.write(call.arguments["text"] + "\n")
    if call.arguments.get("then_die"):
        os._exit(9)
    return "written"


def tool_fail(call: Call) -> str:
    raise ValueError("on purpose")


def tool_die(call: Call) -> str:
    os._exit(call.arguments["code"])


def tool_spawn(call: Call) -> str:
    """Start processes that leave the group and the session, ignore SIGTERM and hold no pipe; gives their ids."""
    program = (
        "import os,signal,time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "os.write(1, str(os.getpid()).encode()); os.closerange(0, 3)\n"
        "while True: time.sleep(60)\n"
    )
    return " ".join(
        subprocess.run([sys.executable, "-I", "-S", "-c", program], stdout=subprocess.PIPE, check=True).stdout.decode()
        for _ in range(call.arguments["count"])
    )


def tool_fork(call: Call) -> str:
    """Start many processes at once."""
    for _ in range(call.arguments["count"]):
        if os.fork() == 0:
            while True:
                time.sleep(60)
    time.sleep(call.arguments.get("then_s", 0))
    return "forked"


_hoard: list[bytes] = []


def tool_hog(call: Call) -> str:
    _hoard.append(os.urandom(1 << 20) * call.arguments["mib"])
    time.sleep(call.arguments.get("then_s", 0))
    return "full"


def tool_flood(call: Call) -> str:
    """Write a line again and again; the file `counted` says after each thousand how many there were."""
    line = call.arguments["line"].encode()

    def shout_a_thousand() -> None:
        for _ in range(1000):
            shout(line)
        if "counted" in call.arguments:
            with open(call.arguments["counted"], "a") as file:
                file.write("x")

    for_seconds(call.arguments["s"], shout_a_thousand)
    return "flooded"


def tool_flood_stderr(call: Call) -> str:
    line = call.arguments["line"].encode() + b"\n"
    for_seconds(call.arguments["s"], lambda: void(os.write(2, line)))
    return "flooded"


def void(value: object) -> None:
    """Nothing."""


def tool_stderr(call: Call) -> str:
    os.write(2, call.arguments["text"].encode())
    return "said"


def tool_raw(call: Call) -> str:
    """Write a text as it is before the answer."""
    shout(call.arguments["text"].encode("latin-1"))
    return "raw"


def tool_answer(call: Call) -> str:
    """Answer with this text in place of an answer; `ID` stands for the request's id."""
    shout(call.arguments["text"].replace("ID", json.dumps(call.id)).encode("latin-1"))
    raise SystemExit


def tool_long_line(call: Call) -> str:
    shout(b'{"jsonrpc":"2.0","method":"notifications/x","params":"' + b"x" * call.arguments["bytes"] + b'"}')
    return "long"


def tool_large(call: Call) -> str:
    return "x" * int(call.arguments["bytes"])


def tool_close_stdout(call: Call) -> str:
    os.close(1)
    time.sleep(60)
    return "closed"


def tool_deaf(call: Call) -> str:
    """Stop reading stdin for a while."""
    _deaf_until[0] = time.monotonic() + call.arguments["s"]
    return "deaf"


_deaf_until = [0.0]


def tool_progress(call: Call) -> str:
    token = call.arguments.get("token", call.meta.get("progressToken"))
    for step in range(1, call.arguments["steps"] + 1):
        say({"method": "notifications/progress", "params": {"progressToken": token, "progress": step}})
    return "done"


def tool_log(call: Call) -> str:
    for level in call.arguments["levels"]:
        say({"method": "notifications/message", "params": {"level": level, "data": f"a {level}"}})
    return "logged"


def tool_notify(call: Call) -> str:
    say({"method": call.arguments["method"], "params": call.arguments.get("params", {})})
    return "told"


def tool_ask(call: Call) -> str:
    """Ask the client; gives what it answered."""
    return json.dumps(ask(f"ask-{call.id}", call.arguments["method"], call.arguments.get("params", {})))


def ask(request_id: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """A request to the client, until its answer."""
    say({"id": request_id, "method": method, "params": params})
    with _answered:
        if not _answered.wait_for(lambda: request_id in _answers, 10):
            return {"none": True}
    return _answers.pop(request_id)


TOOLS = {name.removeprefix("tool_"): tool for name, tool in sorted(globals().items()) if name.startswith("tool_")}
CAPABILITIES = {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "logging": {}}
LOG: list[str] = []
"""Every message that came from the client but calls, as `method detail`."""


def tool_heard(call: Call) -> str:
    return json.dumps(LOG)


TOOLS["heard"] = tool_heard


def run_tool(request_id: Any, params: dict[str, Any]) -> None:
    """One call, in a thread of its own."""
    try:
        text, failed = TOOLS[params["name"]](Call(request_id, params)), False
    except SystemExit:
        return
    except Exception as cause:
        text, failed = repr(cause), True
    result = {"content": [{"type": "text", "text": text}], "isError": failed, "resultType": "complete"}
    say({"id": request_id, "result": result})


def result_of(method: str, given: argparse.Namespace) -> dict[str, Any] | None:
    """The answer to a method other than `tools/call`; None where there is no such method."""
    info = {"name": "plain", "version": "1"}
    if method == "initialize" and given.era == "legacy":
        return {"protocolVersion": "2025-11-25", "capabilities": CAPABILITIES, "serverInfo": info}
    if method == "server/discover" and given.era == "modern":
        return {
            "supportedVersions": ["2026-07-28"],
            "capabilities": CAPABILITIES,
            "serverInfo": info,
            "resultType": "complete",
        }
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in sorted(TOOLS)]}
    if method == "resources/list":
        return {"resources": [{"uri": "test://a", "name": "a"}]}
    if method == "resources/templates/list":
        return {"resourceTemplates": []}
    if method in ("ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"):
        return {}
    return None


def handle(message: dict[str, Any], given: argparse.Namespace) -> None:
    """One message of the client."""
    method, request_id, params = message.get("method"), message.get("id"), message.get("params", {})
    if method != "tools/call":
        LOG.append(" ".join(str(p) for p in (method, params.get("uri"), params.get("level"), params.get("requestId")) if p))
    if method is None:
        with _answered:
            _answers[str(request_id)] = {k: v for k, v in message.items() if k in ("result", "error")}
            _answered.notify_all()
    elif given.silent:
        return
    elif method == "tools/call":
        threading.Thread(target=run_tool, args=(request_id, params), daemon=True).start()
    elif method == "subscriptions/listen":
        LOG.append("listen " + json.dumps(params["notifications"], sort_keys=True))
    elif request_id is not None:
        result = result_of(method, given)
        outcome = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
        say({"id": request_id, **outcome})


def main() -> None:
    """Serve until the end of stdin."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--start-s", type=float, default=0.0)
    parser.add_argument("--era", choices=("legacy", "modern"), default="legacy")
    parser.add_argument("--exit", type=int)
    parser.add_argument("--banner", type=int, default=0)
    parser.add_argument("--garbage", action="store_true")
    parser.add_argument("--stubborn", action="store_true")
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--note")
    parser.add_argument("--odd")
    given = parser.parse_args()
    if given.note:
        with open(given.note, "a") as file:
            file.write(f"{os.getpid()} {time.monotonic()}\n")
    if given.exit is not None:
        sys.exit(given.exit)
    if given.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for number in range(given.banner):
        shout(f"welcome {number}".encode())
    while given.garbage:
        shout(b"this is not JSON-RPC " * 10)
    time.sleep(given.start_s)
    for line in sys.stdin.buffer:
        handle(json.loads(line), given)
        while time.monotonic() < _deaf_until[0]:
            time.sleep(0.01)
    while given.stubborn:
        time.sleep(60)


if __name__ == "__main__":
    main()
