"""A DADL file with every construct of a request: what published files have, and what they might."""

from tests.workers.rest.written import V2

CONSTRUCTS = (
    V2
    + """requires: {features: [file_url]}
backend:
  name: wx
  type: rest
  description: Weather
  auth: {type: bearer, credential: wx_token}
  defaults:
    headers: {Accept: application/json, X-Level: "3"}
  types:
    Row: {type: object, properties: {id: {type: string}, of: {type: integer}}, required: [id]}
  tools:
    plain: {method: GET, path: /now, access: read, description: A}
    paths:
      method: GET
      path: /a/{id}/b-{n}.json/{last}
      access: read
      description: A
      params:
        id: {type: string, in: path, required: true}
        n: {type: integer, in: path, required: true}
        last: {type: number, in: path, default: 7}
    fixed_query: {method: GET, path: '/a?kind=x', access: read, description: A, params: {q: {type: string, in: query}}}
    queries:
      method: GET
      path: rows
      access: read
      description: A
      params:
        q: {type: string, in: query, required: true}
        filter[name]: {type: string, in: query}
        id[]: {type: array, in: query}
        where: {type: object, in: query}
        size: {type: integer, in: query, default: 30}
        ratio: {type: number, in: query}
        deep: {type: boolean, in: query, default: false}
        tags: {type: array, in: query, default: [a, b]}
    pages:
      method: GET
      path: /rows
      access: read
      description: A
      pagination: {strategy: page, request: {page_param: page, limit_param: size, limit_default: 30}}
      params: {size: {type: integer, in: query}, q: {type: string, in: query}}
    headers:
      method: HEAD
      path: /rows
      access: read
      description: A
      params:
        X-Site: {type: string, in: header, required: true}
        accept: {type: string, in: header, default: text/csv}
        X-Depth: {type: integer, in: header}
    json_post:
      method: POST
      path: /rows/{id}
      access: write
      description: A
      params: &body
        id: {type: string, in: path, required: true}
        name: {type: string, in: body, required: true}
        of.size: {type: integer, in: body}
        of.way: {type: boolean, in: body}
        ratio: {type: number, in: body, default: 2}
        about: {type: object, in: body}
        tags: {type: array, in: body}
        row: {type: Row, in: body}
        dry: {type: boolean, in: query}
        X-Site: {type: string, in: header}
    json_put: {method: PUT, path: '/rows/{id}', access: write, description: A, nest_body_keys: true, params: *body}
    json_patch:
      {method: PATCH, path: '/r/{id}', access: write, description: A, content_type: application/vnd.x+json, params: *body}
    json_delete: {method: DELETE, path: '/rows/{id}', access: write, description: A, params: *body}
    json_get: {method: GET, path: '/rows/{id}', access: read, description: A, params: *body}
    form:
      method: POST
      path: /f/{id}
      access: write
      description: A
      content_type: application/x-www-form-urlencoded
      params: *body
    bodiless: {method: POST, path: /start, access: write, description: A}
    raw:
      method: POST
      path: /tx
      access: write
      description: A
      content_type: text/plain
      params: {hex: {type: string, in: body, required: true}}
    parts:
      method: POST
      path: /rows/{id}/files
      access: write
      description: A
      content_type: multipart/form-data
      params:
        id: {type: string, in: path, required: true}
        file: {type: file_url, in: body, required: true}
        second: {type: file_url, in: body}
        note: {type: string, in: body}
        about: {type: object, in: body}
        tags: {type: array, in: body}
    raw_file:
      method: PUT
      path: /blobs/{id}
      access: write
      description: A
      content_type: application/octet-stream
      params:
        id: {type: string, in: path, required: true}
        file: {type: file_url, in: body, required: true}
    unsaid_file:
      method: PUT
      path: /pictures
      access: write
      description: A
      params: {picture: {type: file_url, in: body, required: true}, of: {type: integer, in: body}}
"""
)
