"""H22, H27 and H28: what a child can do once somebody has broken out of its engine. There the script is Python.

What it tries to reach is refused by the system; what it says to its worker and may not say ends it.
"""

from tests.hostile.case import Case, fails, gives

_ENDED = "sandbox_crashed"
_REFUSED = """
def tried():
    {lines}
try:
    tried()
    found = '"it was let"'
except OSError as cause:
    found = '"refused"' if cause.errno in (1, 11, 12, 13, 24, 101) else repr(cause).join(('"', '"'))
except (RuntimeError, ImportError, MemoryError) as cause:
    found = '"refused"'
"""


def _refused(number: str, name: str, *lines: str) -> Case:
    return gives(number, name, _REFUSED.format(lines="\n    ".join(lines)), "refused")


def _library(name: str, call: str) -> Case:
    """A call of the C library's own."""
    lines = (
        "libc = ctypes.CDLL(None, use_errno=True)",
        f"if libc.{call} != -1: return",
        "raise OSError(ctypes.get_errno(), '')",
    )
    return _refused("H27", name, *lines)


_HEARD = "\nif 'done' not in locals(): port.receive()"
"""It waits for an answer, unless it has said that it is done."""
_DONE = '{"value": None, "error": None, "logs": []}'
_LARGE = """port.send({"calls": [[1, "call", "echo_time", '{"a":"' + "x" * (4 << 20) + '"}']]})"""
_MANY = 'port.send({"calls": [[number, "call", "echo_time", "{}"] for number in range(1, 1001)]})'
_DEEP = 'b = b"[" * 1000000; os.write(0, len(b).to_bytes(4, "big"))\nwhile b: b = b[os.write(0, b):]'
_COUNTED = """
found = 0
for number in range(3, 4096):
    try: os.fstat(number)
    except OSError: continue
    found += 1
found = str(found)
"""
_FORGED: dict[str, str] = {
    "a call out of turn": 'port.send({"calls": [[7, "call", "book_write", "{}"]]})',
    "a call that was made": 'for _ in (1, 2): port.send({"calls": [[1, "call", "echo_time", "{}"]]})',
    "a call with number -1": 'port.send({"calls": [[-1, "call", "echo_time", "{}"]]})',
    "a call of an unknown kind": 'port.send({"calls": [[1, "sign", "book_write", "{}"]]})',
    "a call with a principal": 'port.send({"calls": [[1, "call", "book_write", "{}", "owner"]]})',
    "a call of a tool with a line break": 'port.send({"calls": [[1, "call", "a\\nb", "{}"]]})',
    "arguments that are no object": 'port.send({"calls": [[1, "call", "echo_time", "[1]"]]})',
    "arguments that are no JSON": 'port.send({"calls": [[1, "call", "echo_time", "{\\"a\\":"]]})',
    "arguments of 4 MB": _LARGE,
    "a thousand calls at once": _MANY,
    "a message with more than it has": 'port.send({"calls": [], "grant": "x"})',
    "a message that is none": 'port.send({"ready": {"given": {}, "refused": {}}})',
    "a frame of 4 GB": 'os.write(0, b"\\xff\\xff\\xff\\xff")',
    "a frame of nonsense": 'os.write(0, b"\\0\\0\\0\\4\\xff\\xfe\\xfd\\xfc")',
    "a frame that is a list": 'os.write(0, b"\\0\\0\\0\\2[]")',
    "a frame with NaN": 'b = b\'{"done":NaN}\'; os.write(0, len(b).to_bytes(4, "big") + b)',
    "a frame that is nested deeply": _DEEP,
    "a value that is no JSON": f'done = {_DONE} | {{"value": "}}{{"}}',
    "a value of 3 MB": f'done = {_DONE} | {{"value": \'"\' + "x" * (3 << 20) + \'"\'}}',
    "a value and an error": f'done = {_DONE} | {{"value": "1", "error": {{"code": "x", "message": "y"}}}}',
    "a value that is a number": f'done = {_DONE} | {{"value": 1}}',
    "an error of 1 MB": f'done = {_DONE} | {{"error": {{"code": "x", "message": "y" * (1 << 20)}}}}',
    "a hundred thousand lines of log": f'done = {_DONE} | {{"logs": ["x"] * 100000}}',
    "a log without an end": 'while True: port.send({"calls": [], "logs": ["x" * 1000]})',
    "its line closed": "os.close(0)",
    "its end": "os._exit(3)",
    "a fault of memory": "ctypes.string_at(0)",
    "a frame cut off by its end": 'os.write(0, b"\\0\\0\\1\\0{"); os._exit(0)',
}

_FORKS = "while True:\n    try: os.fork()\n    except OSError: pass"
_THREADS = "while True:\n    try: threading.Thread(target=print).start()\n    except RuntimeError: pass"

CASES: list[Case] = [
    *(fails("H22", f"broken out: {name}", f"{code}{_HEARD}", _ENDED) for name, code in _FORGED.items()),
    fails("H22", "broken out: frames without an end", 'while True: port.send({"calls": []})', "sandbox_timeout", _ENDED),
    fails("H22", "broken out: half a frame", 'os.write(0, b"\\0\\0\\1\\0{")\nwhile True: pass', "sandbox_timeout"),
    gives("H22", "broken out: an end for the run that comes next", f'port.send({{"done": {_DONE} | {{"value": "1"}}}})', 1),
    _refused("H27", "an internet socket", "socket.socket()"),
    _refused("H27", "a unix socket", "socket.socket(socket.AF_UNIX)"),
    _refused("H27", "a raw socket", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
    _refused("H27", "reading a file", "open('/etc/passwd')"),
    _refused("H27", "reading what its worker was started with", "open(f'/proc/{os.getppid()}/environ', 'rb').read()"),
    _refused("H27", "reading its worker's memory", "open(f'/proc/{os.getppid()}/mem', 'rb')"),
    _refused("H27", "listing a directory", "os.listdir('/')"),
    _refused("H27", "writing a file", "open('/tmp/written', 'w')"),
    _refused("H27", "making a directory", "os.mkdir('/tmp/made')"),
    _refused("H27", "a file in memory", "os.memfd_create('x')"),
    _refused("H27", "a pipe", "os.pipe()"),
    _refused("H27", "another descriptor", "os.dup(0)"),
    _refused("H27", "a fork", "os.fork()"),
    _refused("H27", "a program", "os.execv('/bin/true', ['true'])"),
    _refused("H27", "a program in a child", "os.posix_spawn('/bin/true', ['true'], {})"),
    _refused("H27", "killing its worker", "os.kill(os.getppid(), signal.SIGKILL)"),
    _refused("H27", "killing everybody", "os.kill(-1, signal.SIGKILL)"),
    _refused("H27", "another user", "os.setuid(0)"),
    _refused("H27", "a thread", "threading.Thread(target=print).start()"),
    _refused("H27", "an import", "import sqlite3"),
    _refused("H27", "a gigabyte of memory", "bytearray(1 << 30)"),
    _library("tracing its worker", "ptrace(16, os.getppid(), 0, 0)"),
    _library("reading its worker's memory by a call", "process_vm_readv(os.getppid(), None, 0, None, 0, 0)"),
    _library("a new namespace", "unshare(0x10000000)"),
    _library("a mount", "mount(None, b'/', None, 0, None)"),
    _library("io_uring", "syscall(425, 8, 0)"),
    gives("H27", "the environment", "found = str(len(os.environ))", 0),
    gives(
        "H27",
        "other descriptors",
        _COUNTED,
        0,
    ),
    fails("H28", "fork bomb", _FORKS, "sandbox_timeout"),
    fails("H28", "thread bomb", _THREADS, "sandbox_timeout"),
]
