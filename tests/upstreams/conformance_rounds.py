"""The multi-round tools of the conformance suite (SEP-2322, MCP 2026-07-28), for `conformance.py`.

Each asks for what is still missing with an `InputRequiredResult`. States are plain here: the SDK's `RequestStateBoundary`
seals them on their way out and refuses a changed one before a tool sees it.
"""

from typing import Any

import mcp_types as types

from tests.upstreams.conformance_tools import Context, Handler, Tool, text

Params = types.CallToolRequestParams | types.GetPromptRequestParams


def elicit(message: str, name: str, kind: str = "string") -> types.ElicitRequest:
    """A form with one required field."""
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str, max_tokens: int = 100) -> types.CreateMessageRequest:
    """A question to the client's model."""
    asked = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[asked], max_tokens=max_tokens))


def answered(params: Params, *keys: str) -> bool:
    """Whether all of these inputs are there."""
    return set(keys) <= set(params.input_responses or {})


def _one_round(requests: dict[str, types.InputRequest], done: str, state: str | None = None) -> Handler:
    """Asks once; completes when everything is answered, and the state came back where there is one."""

    async def handler(
        _context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        if answered(params, *requests) and params.request_state == state:
            return text(f"{done}: {sorted(params.input_responses or {})}")
        return types.InputRequiredResult(input_requests=requests, request_state=state)

    return handler


async def _two_rounds(
    _context: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    if params.request_state == "round-2" and answered(params, "step2"):
        return text("Both steps done")
    if params.request_state == "round-1" and answered(params, "step1"):
        return types.InputRequiredResult(
            input_requests={"step2": elicit("Step 2: What is your favorite color?", "color")}, request_state="round-2"
        )
    return types.InputRequiredResult(
        input_requests={"step1": elicit("Step 1: What is your name?", "name")}, request_state="round-1"
    )


async def _by_capability(
    context: Context, params: types.CallToolRequestParams
) -> types.CallToolResult | types.InputRequiredResult:
    if params.input_responses:
        return text(f"answered: {sorted(params.input_responses)}")
    declared = context.session.client_capabilities
    requests: dict[str, types.InputRequest] = {}
    if declared is not None and declared.sampling is not None:
        requests["question"] = sample("What is the capital of France?")
    if declared is not None and declared.elicitation is not None:
        requests["user_name"] = elicit("What is your name?", "name")
    return types.InputRequiredResult(input_requests=requests) if requests else text("nothing to ask with")


_NAME = elicit("What is your name?", "name")
_CONFIRM = elicit("Please confirm", "ok", "boolean")
_ROOTS = types.ListRootsRequest()
_THREE: dict[str, Any] = {"user_name": _NAME, "greeting": sample("Generate a greeting", 50), "client_roots": _ROOTS}

ROUNDS: dict[str, Tool] = {
    "test_input_required_result_elicitation": Tool(_one_round({"user_name": _NAME}, "Hello")),
    "test_input_required_result_sampling": Tool(
        _one_round({"capital_question": sample("What is the capital of France?")}, "sampled")
    ),
    "test_input_required_result_list_roots": Tool(_one_round({"client_roots": _ROOTS}, "roots")),
    "test_input_required_result_request_state": Tool(_one_round({"confirm": _CONFIRM}, "state-ok", "confirmed-once")),
    "test_input_required_result_multiple_inputs": Tool(_one_round(_THREE, "all", "three-asked")),
    "test_input_required_result_multi_round": Tool(_two_rounds),
    "test_input_required_result_tampered_state": Tool(_one_round({"confirm": _CONFIRM}, "intact", "untouched")),
    "test_input_required_result_capabilities": Tool(_by_capability),
    "test_streaming_elicitation": Tool(_one_round({"user_name": _NAME}, "streamed")),
}
