"""What the environment says of scripts and transforms, and of the processes that they run in: a part of `Settings`."""

from pathlib import Path
from typing import Annotated

import msgspec

from shared.access_settings import AccessSettings, Count, Positive, Seconds


class CodeSettings(AccessSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of what models and files write and workers run (docs/sandbox.md)."""

    # Children: processes that can be killed.
    sandbox: Path | None = None
    """Unix socket of a `toolmesh sandbox` whose children are used; None: the worker has its own."""
    children_max: Positive = 32
    """Children of one engine at a time, of one worker or sandbox."""
    children_spare: Count = 2
    """Children of one engine that stand ready beside those that run something."""
    children_tenant_max: Positive = 8
    """Children of one engine that one tenant may have at work at a time; what is more waits."""
    children_queue_max: Positive = 256
    """Runs of one engine that wait for a child; more are told to come again."""
    children_wait_s: Seconds = 10.0
    """How long a run waits for a child."""
    children_start_s: Seconds = 10.0
    """How long a child may take until it is ready."""
    children_idle_s: Seconds = 60.0
    """How long a child waits for a further run of the tenant that it had."""
    children_poll_s: Seconds = 0.1
    """Between two looks at the CPU time and memory of the children that run something (Linux)."""
    child_runs_max: Positive = 50
    """Runs of one child, all of one tenant; then it is replaced."""
    child_memory_mib: Positive = 256
    """Memory of a child beyond what it has when it is ready."""
    child_frame_bytes_max: Positive = 8 * 1024 * 1024
    """Largest message to or from a child."""
    code_cpu_s: Seconds = 10.0
    """CPU time of one run."""

    # Transforms: jq programs.
    transform_timeout_s: Seconds = 1.0
    """Time of one jq program on one document, once it has a child."""
    transform_s_per_mib: Seconds = 5.0
    """Beside it, for each MiB of the document."""
    transform_input_bytes_max: Positive = 4 * 1024 * 1024
    transform_output_bytes_max: Positive = 4 * 1024 * 1024
    transform_results_max: Positive = 100_000
    """Results that one program may give."""
    transform_program_chars_max: Positive = 16 * 1024

    # Code mode: scripts, and the calls that they make.
    code_mode: bool = True
    """Whether there are `discover_tools` and `execute_code`, and a short list of tools."""
    direct_tools_max: Annotated[int, msgspec.Meta(ge=0, extra={"env": "TOOLMESH_DIRECT_TOOLS"})] = 30
    """Tools that somebody may have with all of them listed; who has more sees those of `expose_tools` alone."""
    hint_ttl_s: Seconds = 24 * 3600.0
    """How long it is remembered that a user was given a backend's `hint`."""
    search_fetch: bool = False
    """Whether there are `search` and `fetch` as OpenAI's deep research wants them, over the tools that one may use."""
    code_timeout_s: Annotated[float, msgspec.Meta(gt=0, extra={"env": "TOOLMESH_CODE_TIMEOUT"})] = 120.0
    """Time of one script, with all of its calls."""
    code_calls_max: Positive = 50
    """Calls of tools that one script may make."""
    code_in_flight_max: Positive = 50
    """Calls of one script that run at a time; further ones wait inside it."""
    code_discoveries_max: Positive = 100
    """`toolmesh.discover` and `toolmesh.describe` together, of one script."""
    code_bytes_max: Positive = 256 * 1024
    """Source text of one script."""
    code_argument_bytes_max: Positive = 1024 * 1024
    """Arguments of one call of a script."""
    code_result_bytes_max: Positive = 1024 * 1024
    """What one script returns."""
    code_log_bytes_max: Positive = 64 * 1024
    """What one script logs."""
    code_log_lines_max: Positive = 1_000
    code_steps_max: Positive = 500_000
    """Steps of promises that one script may go without waiting for a call."""
    code_echo_bytes_max: Positive = 4 * 1024 * 1024
    """Results of a script's calls that are given beside what it returns, all together."""
    code_heap_mib: Positive = 64
    """JavaScript heap of one script."""
    code_stack_kib: Positive = 512
    """JavaScript stack of one script."""
    code_concurrency: Positive = 128
    """Scripts that one worker runs, or has waiting for a child, at a time, beside its other calls."""
    inner_requests_max: Positive = 500
    """Requests of one script: its calls, also those that were refused, and `discover` and `describe`."""
    inner_running_max: Positive = 2_048
    """Requests of scripts that one edge has in hand at a time; more stay on the broker."""
    inner_principal_max: Positive = 512
    """Of them, those of one principal; more are told to come again."""
    inner_depth_max: Positive = 1_000
    """Requests of scripts that wait on the broker for an edge; more are told to come again."""
    inner_age_s_max: Seconds = 10.0
    """An older request is not answered: its worker has sent it again since, or is gone."""
    inner_sign_s: Seconds = 1.0
    """How often an edge says of which calls of a script it knows that they run."""
    inner_quiet_s: Seconds = 2.5
    """A request of which its worker heard nothing for this long is sent again: the edge that has it may be gone."""
