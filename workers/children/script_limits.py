"""What a script may use, as the settings have it."""

from shared.settings import Settings
from workers.children.script import ScriptLimits


def limits_of(settings: Settings, *, wall_s: float, calls_max: int, discoveries_max: int) -> ScriptLimits:
    """`wall_s`: from its start to its end, in seconds."""
    return ScriptLimits(
        wall_s=wall_s,
        heap_bytes=settings.code_heap_mib * 1024 * 1024,
        stack_bytes=settings.code_stack_kib * 1024,
        calls_max=calls_max,
        in_flight_max=settings.code_in_flight_max,
        argument_bytes_max=settings.code_argument_bytes_max,
        result_bytes_max=settings.code_result_bytes_max,
        log_bytes_max=settings.code_log_bytes_max,
        log_lines_max=settings.code_log_lines_max,
        steps_max=settings.code_steps_max,
        discoveries_max=discoveries_max,
        code_bytes_max=settings.code_bytes_max,
    )
