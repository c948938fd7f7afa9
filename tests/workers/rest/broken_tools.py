"""What tools and their parameters are told when they are broken."""

from tests.workers.rest.written import AUTH, HEAD, V1, V2, Case, backend, tool

CASES = (
    Case(
        "tools is a list",
        V1 + HEAD + AUTH + "  tools: [a]\n",
        "8:10 error: `tools` must be a mapping, for instance `{a: b}`, found a list.",
    ),
    Case(
        "tool is a text",
        tool("GET"),
        "9:8 error: `x` in `tools` must be a mapping of keys and values, found `GET`.",
    ),
    Case(
        "tool is empty",
        tool(""),
        "9:5 error: `x` in `tools` is empty. Give it a value, or remove it.",
    ),
    Case(
        "tool name",
        V1 + HEAD + AUTH + "  tools:\n    'a b': {method: GET, path: /a, description: A}\n",
        "9:5 error: `a b` is no name of a tool. Use at most 128 letters, digits, `_`, `.` and `-`.",
    ),
    Case(
        "method missing",
        tool("{path: /a, description: A}"),
        "9:8 error: `x` in `tools` has no `method`. Add it.",
    ),
    Case(
        "method unknown",
        tool("{method: TRACE, path: /a, description: A}"),
        "9:17 error: tool `x`: unsupported method `TRACE`. Write one of GET, POST, PUT, PATCH, DELETE, HEAD.",
    ),
    Case(
        "path missing",
        tool("{method: GET, description: A}"),
        "9:8 error: `x` in `tools` has no `path`. Add it.",
    ),
    Case(
        "path empty",
        tool("{method: GET, path: '', description: A}"),
        "9:28 error: tool `x`: path is required. Write for instance `/items/{id}`.",
    ),
    Case(
        "placeholder undeclared",
        tool("{method: GET, path: '/a/{id}', description: A, params: {idd: {type: string, in: query}}}"),
        "9:28 error: path parameter {id} not declared in params. Did you mean `idd`?",
    ),
    Case(
        "placeholder elsewhere",
        tool("{method: GET, path: '/a/{id}', description: A, params: {id: {type: string, in: query}}}"),
        '9:87 error: parameter "id" is used in path but declared as in="query". Write `in: path`.',
    ),
    Case(
        "placeholder odd",
        tool("{method: GET, path: '/a/{a-b}', description: A}"),
        "9:28 error: the path has braces that hold no name of letters, digits and `_`. Write `{name}`.",
    ),
    Case(
        "path dots",
        tool("{method: GET, path: /a/../b, description: A}"),
        "9:28 error: the path has `.` or `..` as a part. Write the path that is meant.",
    ),
    Case(
        "path file url",
        tool("{method: GET, path: 'file:///etc/passwd', description: A}"),
        "9:28 error: the path is a URL that is neither http nor https. Write a path, as `/items`.",
    ),
    Case(
        "path whole url",
        tool("{method: GET, path: 'https://other.example/a', description: A}"),
        "9:28 warning: the path is a whole URL, so `base_url` does not count. The credential goes along only where scheme, "
        "host and port are those of `base_url`, or `credential_hosts` in backends.yaml lists the host.",
    ),
    Case(
        "path host",
        tool("{method: GET, path: 'https://{a}.example/a', description: A, params: {a: {type: string, in: path}}}"),
        "9:28 error: the host depends on a parameter. Write a tool for each host.",
    ),
    Case(
        "path host end",
        tool("{method: GET, path: 'https://x.{a}/a', description: A, params: {a: {type: string, in: path}}}"),
        "9:28 error: the host depends on a parameter. Write a tool for each host.",
    ),
    Case(
        "path whole url dots",
        tool("{method: GET, path: 'https://wx.example/a/../b', description: A}"),
        "9:28 warning: the path is a whole URL, so `base_url` does not count. The credential goes along only where scheme, "
        "host and port are those of `base_url`, or `credential_hosts` in backends.yaml lists the host.",
        "9:28 error: the path has `.` or `..` as a part. Write the path that is meant.",
    ),
    Case(
        "file beside others",
        tool(
            "{method: PUT, path: /a, description: A, content_type: application/json, params: "
            "{f: {type: file_url, in: body}, n: {type: string, in: body}}}"
        ),
        "9:62 warning: a body of type `application/json` is the file alone, so a call that gives another parameter of the "
        "body too is refused. Write `content_type: multipart/form-data`, which has a part for each.",
    ),
    Case(
        "param holds credential",
        V1
        + HEAD
        + "  auth: {type: apikey, credential: wx, inject_into: query, query_param: key}\n"
        + "  tools:\n    x: {method: GET, path: /a, description: A, params: {key: {type: string, in: query}}}\n",
        "7:53 warning: a credential in the query of a URL ends up in logs of servers and proxies. Use a header, where the "
        "API takes one.",
        "9:57 warning: `key` holds the credential, which no caller may fill, so this parameter is not offered. Remove it.",
    ),
    Case(
        "header holds credential",
        V1
        + HEAD
        + "  auth: {type: apikey, credential: wx}\n"
        + "  tools:\n    x: {method: GET, path: /a, description: A, params: {x-api-key: {type: string, in: header}}}\n",
        "9:57 warning: no caller may fill the header `x-api-key`, so this parameter is not offered. Put it into "
        "`defaults.headers` or `auth`.",
    ),
    Case(
        "path space",
        tool("{method: GET, path: '/a b', description: A}"),
        "9:28 error: the path has a `#`, a space or a control character. Percent-encode it.",
    ),
    Case(
        "no tool description",
        tool("{method: GET, path: /a}"),
        "9:5 warning: tool `x` has no `description`, so nobody knows what it is for.",
    ),
    Case(
        "unknown key of a tool",
        tool("{method: GET, path: /a, description: A, acces: read}"),
        "9:48 warning: `x` in `tools` has the unknown key `acces`, which is ignored. Did you mean `access`?",
    ),
    Case(
        "param no type",
        tool("{method: GET, path: /a, description: A, params: {q: {in: query}}}"),
        "9:57 error: parameter `q` has no `type`. Write one of `string`, `integer`, `number`, `boolean`, "
        "`array`, `object`, `file_url`.",
    ),
    Case(
        "param no place",
        tool("{method: GET, path: /a, description: A, params: {q: {type: string}}}"),
        "9:57 error: parameter `q` has no `in`. Write `in: path`, `query`, `header` or `body`.",
    ),
    Case(
        "param place",
        tool("{method: GET, path: /a, description: A, params: {q: {type: string, in: cookie}}}"),
        "9:79 error: `in` of `q` in `params` of `x` in `tools` must be one of `path`, `query`, `header`, "
        "`body`, found `cookie`.",
    ),
    Case(
        "param type",
        tool("{method: GET, path: /a, description: A, params: {q: {type: integr, in: query}}}", V2),
        "9:67 error: `integr` is no type of a parameter; without one it is a text. Did you mean `integer`?",
    ),
    Case(
        "param type in 0.1",
        tool("{method: GET, path: /a, description: A, params: {q: {type: int, in: query}}}"),
        "9:67 warning: `int` is no type of a parameter; without one it is a text. Did you mean `integer`?",
    ),
    Case(
        "param type file",
        tool("{method: POST, path: /a, description: A, params: {q: {type: file, in: body}}}"),
        "9:68 error: the type `file` means a file on the disk of the mesh, which no caller may name. Write `file_url`.",
    ),
    Case(
        "param required",
        tool("{method: GET, path: /a, description: A, params: {q: {type: string, in: query, required: 'true'}}}"),
        '9:96 error: `required` of `q` in `params` of `x` in `tools` must be `true` or `false`, found the text "true".',
    ),
    Case(
        "param required yes",
        tool("{method: GET, path: /a, description: A, params: {q: {type: string, in: query, required: yes}}}"),
        "9:96 warning: `required` of `q` in `params` of `x` in `tools` is written `yes`, which YAML 1.2 takes "
        "for a text. Write `true`.",
    ),
    Case(
        "param default",
        tool("{method: GET, path: /a, description: A, params: {q: {type: integer, in: query, default: two}}}"),
        "9:96 warning: the default of `q` is not of its type, integer.",
    ),
    Case(
        "param is a list",
        tool("{method: GET, path: /a, description: A, params: [q]}"),
        "9:56 error: `params` of `x` in `tools` must be a mapping, for instance `{a: b}`, found a list.",
    ),
    Case(
        "param not in path",
        tool("{method: GET, path: /a, description: A, params: {q: {type: string, in: path}}}"),
        "9:57 warning: parameter `q` is not in the path, so it is never sent.",
    ),
    Case(
        "header name",
        tool("{method: GET, path: /a, description: A, params: {'X Y': {type: string, in: header}}}"),
        "9:57 error: this parameter can't be sent: `X Y` is no name of a header.",
    ),
    Case(
        "header reserved",
        tool("{method: GET, path: /a, description: A, params: {Host: {type: string, in: header}}}"),
        "9:57 warning: no caller may fill the header `Host`, so this parameter is not offered. Put it into "
        "`defaults.headers` or `auth`.",
    ),
    Case(
        "default header",
        backend('defaults: {headers: {X-A: "a\\r\\nb"}}'),
        "10:29 error: this header can't be sent: the value of `X-A` has a control character, or one that is not ASCII.",
    ),
    Case(
        "max_body_size",
        tool("{method: POST, path: /a, description: A, max_body_size: big}"),
        "9:64 error: `max_body_size` of `x` in `tools` must be a size above 0, for instance `50MB` or "
        "`128KiB`, found `big`.",
    ),
    Case(
        "returns",
        backend("types: {Reading: {type: object}}").replace(
            "description: Latest}", "description: Latest, returns: Readin}"
        ),
        "9:80 error: `returns` can't be understood: `Readin` is no type. Did you mean `Reading`?",
    ),
    Case(
        "returns no types",
        tool("{method: GET, path: /a, description: A, returns: Reading}"),
        "9:57 error: `returns` can't be understood: `Reading` is no type. The file has no `types`.",
    ),
    Case(
        "type unknown",
        backend("types: {A: {type: array, items: B}}"),
        "10:11 error: the type `A` can't be understood: `B` is no type. Types of this file are `A`.",
    ),
    Case(
        "replaced_by",
        tool("{method: GET, path: /a, description: A, deprecated: true, replaced_by: y}", V2),
        "9:79 error: `y` is no tool.",
    ),
    Case(
        "depends_on",
        tool("{method: GET, path: /a, description: A, depends_on: [y]}"),
        "9:61 warning: `y` is no tool.",
    ),
    Case(
        "idempotency no header",
        tool("{method: POST, path: /a, description: A, idempotency: {generate: uuid_v4}}"),
        "9:62 error: `idempotency` of `x` in `tools` has no `header`. Add it.",
    ),
    Case(
        "idempotency generate",
        tool("{method: POST, path: /a, description: A, idempotency: {header: K, generate: uuid_v7}}"),
        "9:84 error: `generate` of `idempotency` of `x` in `tools` must be `uuid_v4`, found `uuid_v7`. Did you "
        "mean `uuid_v4`?",
    ),
    Case(
        "idempotency header of http",
        tool("{method: POST, path: /a, description: A, idempotency: {header: Transfer-Encoding}}"),
        "9:71 error: `idempotency` names a header that can't be sent: `Transfer-Encoding` is what HTTP itself says of each "
        "request.",
    ),
    Case(
        "idempotency collides",
        tool(
            "{method: POST, path: /a, description: A, idempotency: {header: K}, params: {k: {type: string, in: header}}}",
            V2 + "requires: {features: [idempotency]}\n",
        ),
        "10:71 error: the header `K` is sent already, by a parameter, a default or the runtime. Name another one.",
    ),
)
