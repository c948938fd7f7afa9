"""What lasts longer than one request: 2025-era sessions, standing streams, subscriptions, and legacy HTTP+SSE.

`lasting` puts it together. `records` (reading them back), `store` (the sessions), `requests` (what one asked and was
asked), `edges_channel` (what edges tell one another). Streams: `streams` (how many there may be), `event_stream` (one),
`event_ids`, `session_streams` (which edge has a session's), `standing` (the GET of a session), `resumption` and `replay`
(`Last-Event-ID`), `listen` (`subscriptions/listen`). What is told on them: `changes`, `feed`, `wanted`. `legacy_sse/`:
`/sse` and `/messages`.
"""
