"""What authentication and requirements are told when they are broken."""

from tests.workers.rest.written import HEAD, PLAIN, TOOLS, V1, V2, Case, auth

CASES = (
    Case(
        "auth type",
        auth("{type: digest}"),
        "7:16 error: `type` of `auth` must be one of `bearer`, `basic`, `apikey`, `api_key`, `oauth2`, "
        "`session`, found `digest`.",
    ),
    Case(
        "auth is a text",
        auth("bearer"),
        "7:9 error: `auth` must be a mapping of keys and values, found `bearer`.",
    ),
    Case(
        "no auth",
        V1 + HEAD + TOOLS,
        "2:1 warning: the backend has no `auth`, so its requests carry no credential. Where that is right, "
        "write `auth: {type: apikey, credential: none}`, as published files do.",
    ),
    Case(
        "bearer without credential",
        auth("{type: bearer}"),
        "7:3 error: `auth` of type `bearer` has no `credential`. Add it.",
    ),
    Case(
        "basic without user",
        auth("{type: basic, password_credential: p}"),
        "7:3 error: `auth` of type `basic` has no `username_credential`. Add it.",
    ),
    Case(
        "oauth2 flow",
        auth("{type: oauth2, flow: password}"),
        "7:30 error: `flow` of `auth` must be one of `client_credentials`, `refresh_token`, `jwt_bearer`, "
        "`authorization_code`, found `password`.",
    ),
    Case(
        "oauth2 client_credentials",
        auth("{type: oauth2, token_url: 'https://a.example/token'}"),
        "7:3 error: `auth` of flow `client_credentials` has no `client_id_credential`. Add it.",
        "7:3 error: `auth` of flow `client_credentials` has no `client_secret_credential`. Add it.",
    ),
    Case(
        "oauth2 authorization_code",
        auth("{type: oauth2, flow: authorization_code, token_url: 'https://a.example/token'}"),
        "7:3 error: `auth` of flow `authorization_code` has no `authorize_url`. Add it.",
        "7:3 error: `auth` of flow `authorization_code` has no `client_id_credential`. Add it.",
        "7:3 error: `auth` of flow `authorization_code` has no `refresh_token_credential`. Add it.",
    ),
    Case(
        "oauth2 jwt",
        auth("{type: oauth2, flow: jwt_bearer}"),
        "7:3 error: `auth` of flow `jwt_bearer` has no `service_account_credential`. Add it.",
    ),
    Case(
        "oauth2 url",
        auth("{type: oauth2, token_url: 'file:///t', client_id_credential: a, client_secret_credential: b}"),
        "7:35 error: `token_url` of `auth` is not an http or https URL. Write for instance `https://…/token`.",
    ),
    Case(
        "session without login",
        auth("{type: session, inject: [{header: X, value: y}]}"),
        "7:3 error: `auth` of type `session` has no `login`. Add it.",
    ),
    Case(
        "session token",
        auth(
            "{type: session, login: {method: POST, path: /login, extract: {tok: $.t}}, "
            "inject: [{header: X-T, value: '{{tokn}}'}]}"
        ),
        "7:113 error: `{{tokn}}` stands for no token: `extract` of `login` has none of that name.",
    ),
    Case(
        "session spec body",
        auth(
            "{type: session, login: {method: POST, path: /login, body: {username_credential: "
            "u}}, inject: [{header: X, value: y}]}"
        ),
        "7:89 warning: `username_credential` in the body of `login` is sent as it is written. To send a "
        "credential, write `the_name_in_the_api: credential:the_name_of_the_credential`.",
    ),
    Case(
        "auth other keys",
        auth("{type: bearer, credential: wx, token_url: 'https://a.example'}", V2),
        "7:51 error: `token_url` has no effect in `auth` of type `bearer`. Remove it.",
    ),
    Case(
        "auth header",
        auth("{type: apikey, credential: wx, header_name: 'X Y'}"),
        "7:53 error: `auth` would send a header that can't be sent: `X Y` is no name of a header.",
    ),
    Case(
        "auth header of http",
        auth("{type: apikey, credential: wx, header_name: Content-Length}"),
        "7:53 error: `auth` would send a header that can't be sent: `Content-Length` is what HTTP itself says of each "
        "request.",
    ),
    Case(
        "session header of http",
        auth("{type: session, login: {method: POST, path: /login}, inject: [{header: Transfer-Encoding, value: chunked}]}"),
        "7:80 error: `auth` would send a header that can't be sent: `Transfer-Encoding` is what HTTP itself says of each "
        "request.",
    ),
    Case(
        "inject_into",
        auth("{type: apikey, credential: wx, inject_into: body}"),
        "7:53 error: `inject_into` of `auth` must be one of `header`, `query`, found `body`.",
    ),
    Case(
        "credential name",
        auth("{type: bearer, credential: vault/x-y}"),
        "7:3 warning: `vault/x-y` can't be the name of a variable, so no `CREDENTIAL_…` gives this credential. "
        "Use letters, digits and `_`.",
    ),
    Case(
        "credential in query",
        auth("{type: apikey, credential: wx, inject_into: query, query_param: key}"),
        "7:53 warning: a credential in the query of a URL ends up in logs of servers and proxies. Use a "
        "header, where the API takes one.",
    ),
    Case(
        "requires newer",
        PLAIN + "requires: {toolmesh: '>=99'}\n",
        "10:22 error: the file requires ToolMesh >=99, and files run here as in 0.4.1. Update ToolMesh, "
        "or take an older file.",
    ),
    Case(
        "requires odd range",
        PLAIN + "requires: {toolmesh: newest}\n",
        "10:22 error: `toolmesh` of `requires` is no range of versions: `newest` is no version. Write for "
        "instance `>=0.3, <2`.",
    ),
    Case(
        "requires unknown feature",
        PLAIN + "requires: {features: [refresh_tokens]}\n",
        "10:23 error: the file requires the feature `refresh_tokens`, which is not known. Did you mean "
        "`refresh_token`? Known are `returns`, `deprecation`, `composites`, `file_url`, `health`, "
        "`idempotency`, `redact`, `semantic_errors`, `refresh_token`, `jwt_bearer`, `authorization_code`, "
        "`refresh_token_rotation`.",
    ),
)
