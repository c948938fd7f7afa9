"""What pagination, errors and response are told when they are broken."""

from tests.workers.rest.written import V2, Case, backend, tool

CASES = (
    Case(
        "default header of HTTP",
        backend("defaults: {headers: {Content-Length: '5'}}"),
        "10:40 warning: `Content-Length` is what HTTP itself says of each request, so it is not sent. Remove it.",
    ),
    Case(
        "json path",
        tool("{method: GET, path: /a, description: A, response: {result_path: data.rows}}"),
        "9:72 error: `result_path` of `response` of `x` in `tools` is not a JSONPath that is understood: a "
        "path begins with `$`, as in `$.data.items`.",
    ),
    Case(
        "json path descendants",
        tool("{method: GET, path: /a, description: A, response: {redact: ['$..token']}}"),
        "9:68 error: item 1 of `redact` of `response` of `x` in `tools` is not a JSONPath that is understood: "
        "`..` (descendants) is not supported; name each member on the way, as in `$.data.items`.",
    ),
    Case(
        "json path filter",
        tool("{method: GET, path: /a, description: A, response: {result_path: '$.a[?(@.b)]'}}"),
        "9:72 error: `result_path` of `response` of `x` in `tools` is not a JSONPath that is understood: "
        "`[?(@.b)]` is no part of a path that is supported; there are `.name`, `['name']`, `[0]`, `[-1]` and "
        "`[*]`.",
    ),
    Case(
        "max_items",
        tool("{method: GET, path: /a, description: A, response: {max_items: 0}}"),
        "9:70 error: `max_items` must be 1 or more.",
    ),
    Case(
        "max_items text",
        tool("{method: GET, path: /a, description: A, response: {max_items: many}}"),
        "9:70 error: `max_items` of `response` of `x` in `tools` must be a whole number, found `many`.",
    ),
    Case(
        "stream_handling",
        tool("{method: GET, path: /a, description: A, response: {streaming: true, stream_handling: colect}}"),
        "9:93 error: `stream_handling` of `response` of `x` in `tools` must be one of `collect`, `skip`, found "
        "`colect`. Did you mean `collect`?",
    ),
    Case(
        "ttl",
        tool("{method: GET, path: /a, description: A, response: {ttl: soon}}"),
        "9:64 error: `ttl` of `response` of `x` in `tools` must be a duration above 0, for instance `500ms`, "
        "`30s` or `1h30m`, found `soon`.",
    ),
    Case(
        "response type",
        tool("{method: GET, path: /a, description: A, response: {type: file}}"),
        "9:65 warning: `type` of `response` of `x` in `tools` should be `file_url`, found `file`, which is "
        "ignored. Did you mean `file_url`?",
    ),
    Case(
        "strategy",
        tool("{method: GET, path: /a, description: A, pagination: {strategy: curser}}"),
        "9:71 error: `strategy` of `pagination` of `x` in `tools` must be one of `cursor`, `offset`, `page`, "
        "`link_header`, found `curser`. Did you mean `cursor`?",
    ),
    Case(
        "strategy missing",
        tool("{method: GET, path: /a, description: A, pagination: {behavior: auto}}"),
        "9:60 error: `pagination` of `x` in `tools` has no `strategy`. Add it.",
    ),
    Case(
        "behavior",
        backend("defaults: {pagination: {strategy: page, behavior: automatic}}"),
        "10:53 error: `behavior` of `pagination` of `defaults` must be one of `auto`, `expose`, found "
        "`automatic`. Did you mean `auto`?",
    ),
    Case(
        "pagination word",
        tool("{method: GET, path: /a, description: A, pagination: off}"),
        "9:60 error: `pagination` of `x` in `tools` must be `none` or a mapping, found `off`.",
    ),
    Case(
        "pagination no param",
        tool("{method: GET, path: /a, description: A, pagination: {strategy: offset}}"),
        "9:71 warning: pagination of strategy `offset` has no `offset_param` in `request`, so no further page "
        "can be asked for.",
    ),
    Case(
        "cursor auto",
        tool(
            "{method: GET, path: /a, description: A, pagination: {strategy: cursor, "
            "behavior: auto, request: {cursor_param: c}}}"
        ),
        "9:71 error: pagination of strategy `cursor` has no `next_cursor` in `response`. Add its JSONPath.",
    ),
    Case(
        "max_pages",
        tool(
            "{method: GET, path: /a, description: A, pagination: {strategy: page, request: {page_param: p}, max_pages: 99}}"
        ),
        "9:114 warning: `max_pages` is more than 50, and counts as 50.",
    ),
    Case(
        "has_more",
        tool(
            "{method: GET, path: /a, description: A, pagination: {strategy: cursor, request: "
            "{cursor_param: c}, response: {has_more: '$.n < many'}}}"
        ),
        "9:128 error: `has_more` of `response` of `pagination` of `x` in `tools` is not a JSONPath, or a "
        "comparison with one, that is understood: `many` can't be compared with; there are paths, numbers, "
        "`'texts'`, `true`, `false` and `null`.",
    ),
    Case(
        "retry and terminal",
        tool("{method: GET, path: /a, description: A, errors: {retry_on: [429], terminal: [429]}}", V2),
        "9:85 error: status 429 is in `retry_on` too, so it can't be said whether it is tried again.",
    ),
    Case(
        "retry_on",
        tool("{method: GET, path: /a, description: A, errors: {retry_on: [9]}}"),
        "9:68 error: `retry_on`: 9 is no HTTP status. Write one from 100 to 599.",
    ),
    Case(
        "retry_on words",
        tool("{method: GET, path: /a, description: A, errors: {retry_on: [busy]}}"),
        "9:68 error: item 1 of `retry_on` of `errors` of `x` in `tools` must be a whole number, found `busy`.",
    ),
    Case(
        "map",
        tool("{method: GET, path: /a, description: A, errors: {map: {200: fine}}}", V2),
        "9:68 error: `map`: `200` is no status of a failure (400 to 599).",
    ),
    Case(
        "initial_delay",
        tool("{method: GET, path: /a, description: A, errors: {retry_strategy: {initial_delay: -1s}}}"),
        "9:89 error: `initial_delay` of `retry_strategy` of `errors` of `x` in `tools` must be a duration "
        "above 0, for instance `500ms`, `30s` or `1h30m`, found `-1s`.",
    ),
    Case(
        "max_retries",
        tool("{method: GET, path: /a, description: A, errors: {retry_strategy: {max_retries: 100}}}"),
        "9:87 warning: `max_retries` is more than 10, and counts as 10.",
    ),
    Case(
        "backoff",
        tool("{method: GET, path: /a, description: A, errors: {retry_strategy: {backoff: quadratic}}}"),
        "9:83 warning: `backoff` of `retry_strategy` of `errors` of `x` in `tools` should be one of "
        "`exponential`, `linear`, `fixed`, found `quadratic`, which is ignored.",
    ),
)
