"""A system that refuses what a child asks of it, as some containers do: prints what its children then say.

    python tests/workers/children/poor_system.py

No namespaces, no Landlock, no filter for system calls. JSON: `{"given", "refused", "answer"}`.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from shared.settings import Settings
from tests.workers.children.payloads import PAYLOAD, told
from workers.children.child import start_child
from workers.children.inside import kernel, system_calls

_UNSHARE = (272, 97)
_LANDLOCK = (444, 444)


def refuse() -> None:
    """From now on, for this process and its children."""
    column = system_calls._ARCHITECTURES[os.uname().machine][0]
    lines = [system_calls._line(system_calls._LOAD, system_calls._AT_NUMBER)]
    for numbers in (_UNSHARE, _LANDLOCK, system_calls._SECCOMP):
        lines += [
            system_calls._line(system_calls._IF_EQUAL, numbers[column], otherwise=1),
            system_calls._line(system_calls._RETURN, system_calls._REFUSE),
        ]
    program = b"".join([*lines, system_calls._line(system_calls._RETURN, system_calls._ALLOW)])
    kernel.prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    system_calls.install(column, program)


async def main() -> None:
    """Ask one child."""
    child = await start_child(PAYLOAD, Settings())
    answer = await told(child, "found = 6 * 7")
    child.kill()
    await child.ended
    print(json.dumps({"given": child.given, "refused": child.refused, "answer": answer}))


if __name__ == "__main__":
    refuse()
    asyncio.run(main())
