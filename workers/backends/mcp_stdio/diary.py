"""What a server writes to stderr, in the worker's log: a line each, bounded, without the secrets that we gave it."""

import structlog

from shared.settings import Settings
from workers.backends.mcp_stdio.environment import ServerEnvironment
from workers.backends.mcp_stdio.lines import LineReader
from workers.backends.mcp_stdio.throttle import Throttle

log = structlog.get_logger()


def raw_line_bytes_max(environment: ServerEnvironment, settings: Settings) -> int:
    """So much of a line is read that no secret is cut in two before it is masked."""
    return settings.stdio_log_line_bytes_max + environment.fragment_bytes_max


async def keep_diary(backend: str, stderr: LineReader, environment: ServerEnvironment, settings: Settings) -> None:
    """Log until the server closes its stderr. What is over the rate is counted, and read no faster than is good for us."""
    shown = Throttle(settings.stdio_log_lines_per_s_max)
    read = Throttle(settings.stdio_strays_per_s_max)
    while (line := await stderr.line()) is not None:
        await read.pace()
        if not line.strip() or not shown.allows():
            continue
        text = environment.mask(line.decode("utf-8", "replace"))
        text = "".join(c if c.isprintable() else "\ufffd" for c in text.expandtabs(1).rstrip())
        text = text[: settings.stdio_log_line_bytes_max]
        if shown.refused:
            log.info("stderr", backend=backend, line=text, not_said=shown.refused)
            shown.refused = 0
        else:
            log.info("stderr", backend=backend, line=text)
