"""Keeps one stdio server and everything that it starts, and lets none of it outlive the worker.

A program of its own (`python -I -S keeper.py …`, about 4 MB): a worker that is killed can't clean up, and the kernel's
parent-death signal (prctl(2), PR_SET_PDEATHSIG) reaches a child but not its children. The keeper is the subreaper of the
server (PR_SET_CHILD_SUBREAPER): whoever daemonises or leaves the process group becomes its child, so it knows for certain
when nothing is left. The server has the keeper's stdin, stdout and stderr; nothing that is said passes through here.

Arguments: CONTROL_FD MEMORY_MIB PROCESSES POLL_S STOP_S COMMAND ARGUMENT…. On the control socket the worker says `s` (stop:
its stdin is closed; SIGTERM after STOP_S, SIGKILL after another) or `k` (kill); the worker's end closed means that the
worker is gone: kill. The keeper says, a line each: `exec ERRNO`, `exit CODE`, `signal NUMBER`, `memory MIB`, `processes
COUNT`, and at last `gone`. Without /proc and prctl (macOS) it has the process group alone, and no limits.
"""

import os
import select
import signal
import sys
import time
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILL_PAUSE_S = 0.005
_KILL_PAUSE_S_MAX = 0.25
_NOT_STARTED = 127
_OURS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that Python or the keeper treats in a way of its own."""


_HAS_PROC = os.path.isdir("/proc/self/task")
_HAS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

if sys.platform == "linux":
    import ctypes

    _libc = ctypes.CDLL(None)

    def _prctl(option: int, value: int) -> None:
        """Ask the kernel for something about this process."""
        _libc.prctl(option, value, 0, 0, 0)

else:

    def _prctl(option: int, value: int) -> None:
        """Only Linux has it."""


class Keeper:
    """One server: started, watched, stopped."""

    def __init__(self, control: int, memory_mib: int, processes_max: int, poll_s: float, stop_s: float) -> None:
        self._control = control
        self._memory_mib = memory_mib
        self._processes_max = processes_max
        self._poll_s = poll_s
        self._stop_s = stop_s
        self._server = 0
        self._server_runs = True
        self._alone = False
        """Nothing that was started is left."""
        self._kill = False
        self._stopping = False
        self._term_sent = False
        self._next_step = 0.0
        self._next_look = time.monotonic() + poll_s

    def run(self, command: list[str]) -> None:
        """From the start to the end of the last process."""
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self._on_child)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # whoever stops a whole service stops the worker, which then tells us
        self._start(command)
        ears = select.poll()
        ears.register(wake, select.POLLIN)
        ears.register(self._control, select.POLLIN)
        while not self._kill:
            for heard, _ in ears.poll(self._wait_ms()):
                if heard == wake:
                    os.read(wake, 4096)
                else:
                    self._hear()
            self._reap()
            if self._alone or not (self._server_runs or self._stopping):
                break
            self._take_steps()
        self._kill_all()
        self._say("gone")

    def _start(self, command: list[str]) -> None:
        """Start the server; this process lets go of what it has inherited from the keeper."""
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        keeper = os.getpid()
        self._server = os.fork()
        if self._server == 0:
            try:
                os.setsid()
                _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != keeper:
                    os._exit(_NOT_STARTED)
                for number in _OURS:
                    signal.signal(number, signal.SIG_DFL)
                os.execve(command[0], command, os.environ)  # noqa: S606 (the operator's command, never through a shell)
            except OSError as cause:
                self._say(f"exec {cause.errno}")
            finally:
                os._exit(_NOT_STARTED)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)

    def _on_child(self, number: int, frame: FrameType | None) -> None:
        """The wake-up pipe has it."""

    def _wait_ms(self) -> int:
        due = self._next_look
        if self._stopping:
            due = min(due, self._next_step)
        return max(0, int((due - time.monotonic()) * 1000) + 1)

    def _hear(self) -> None:
        try:
            said = os.read(self._control, 16)
        except OSError:
            said = b""
        if b"k" in said or not said:
            self._kill = True
        elif b"s" in said and not self._stopping:
            self._stopping = True
            self._next_step = time.monotonic() + self._stop_s

    def _say(self, text: str) -> None:
        try:
            os.write(self._control, text.encode() + b"\n")
        except OSError:
            return  # the worker is gone

    def _reap(self) -> None:
        """Take note of everyone who has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._alone = True
                return
            if pid == 0:
                return
            if pid == self._server:
                self._server_runs = False
                code = os.waitstatus_to_exitcode(status)
                self._say(f"exit {code}" if code >= 0 else f"signal {-code}")

    def _take_steps(self) -> None:
        """What is due: the next step of stopping, a look at the limits."""
        now = time.monotonic()
        if self._stopping and now >= self._next_step:
            if self._term_sent:
                self._kill = True
                return
            self._term_sent = True
            self._next_step = now + self._stop_s
            self._signal_group(signal.SIGTERM)
        if now >= self._next_look:
            self._next_look = now + self._poll_s
            self._check_limits()

    def _check_limits(self) -> None:
        if not _HAS_PROC:
            return
        tree = descendants(os.getpid())
        if len(tree) > self._processes_max:
            self._say(f"processes {len(tree)}")
            self._kill = True
        mib = sum(map(resident_bytes, tree)) >> 20
        if mib > self._memory_mib:
            self._say(f"memory {mib}")
            self._kill = True

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self._server, number)
        except OSError:
            return  # it is empty

    def _kill_all(self) -> None:
        """SIGKILL, until nothing is left: what forks meanwhile is found by the next look."""
        pause_s = _KILL_PAUSE_S
        while not self._alone:
            self._signal_group(signal.SIGKILL)
            for pid in descendants(os.getpid()) if _HAS_PROC else []:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    continue  # ended by itself
            self._reap()
            if not self._alone:
                time.sleep(pause_s)
                pause_s = min(pause_s * 1.5, _KILL_PAUSE_S_MAX)
                self._reap()


def descendants(root: int, *, has_children: bool = _HAS_CHILDREN) -> list[int]:
    """Process ids of everything below a process (proc(5)); what comes and goes meanwhile may be missing.

    `has_children`: whether the kernel has the `children` files, which spare the look at every process of the machine.
    """
    parents = None if has_children else _all_parents()
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        children = _children(pid) if parents is None else parents.get(pid, [])
        found += children
        waiting += children
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found  # it ended
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += map(int, file.read().split())
        except OSError:
            continue
    return found


def _all_parents() -> dict[int, list[int]]:
    """Parent to children, of all processes: for kernels without the `children` files."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError):
                continue
            found.setdefault(parent, []).append(int(name))
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory of a process; 0 for one that is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def main(arguments: list[str]) -> None:
    """Run as a program."""
    control = int(arguments[0])
    os.set_inheritable(control, False)
    # Not every way to start a process closes what the worker has open: above all no other keeper's lifeline may stay.
    os.closerange(3, control)
    os.closerange(control + 1, os.sysconf("SC_OPEN_MAX"))
    limits = int(arguments[1]), int(arguments[2]), float(arguments[3]), float(arguments[4])
    Keeper(control, *limits).run(arguments[5:])


if __name__ == "__main__":
    main(sys.argv[1:])
