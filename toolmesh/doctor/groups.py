"""The groups, in the order in which a client comes by them, and all ids."""

from toolmesh.doctor import (
    authorize,
    challenge,
    cimd,
    clock,
    endpoint,
    leaving,
    metadata,
    offline,
    prm,
    registration,
    renewal,
    stateless,
    streaming,
    token_endpoint,
    tools,
    url,
)
from toolmesh.doctor.group import Group

GROUPS: tuple[Group, ...] = (
    Group("url", "The URL", url.look, url.CHECKS),
    Group("challenge", "Without a token", challenge.look, challenge.CHECKS),
    Group("prm", "What protects it", prm.look, prm.CHECKS),
    Group("metadata", "Where to log in", metadata.look, metadata.CHECKS),
    Group("registration", "Clients that register", registration.look, registration.CHECKS),
    Group("cimd", "Clients that bring a document", cimd.look, cimd.CHECKS),
    Group("authorize", "The way to the log-in", authorize.look, authorize.CHECKS),
    Group("token", "Coming to a token", token_endpoint.look, token_endpoint.CHECKS),
    Group("mcp", "The endpoint", endpoint.look, endpoint.CHECKS),
    Group("tools", "The tools", tools.look, tools.CHECKS),
    Group("stateless", "Any process, any connection", stateless.look, stateless.CHECKS),
    Group("stream", "Streams", streaming.look, streaming.CHECKS),
    Group("clock", "Clocks", clock.look, clock.CHECKS),
    Group("renewal", "Renewing and ending the log-in", renewal.look, renewal.CHECKS),
    Group("leaving", "Afterwards", leaving.look, leaving.CHECKS),
)

CHECKS: frozenset[str] = frozenset(offline.CHECKS).union(*(group.ids for group in GROUPS))
"""Every id that there is."""
