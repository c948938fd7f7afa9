"""Who a call is made for: what an authenticated request becomes, and what crosses to the workers."""

import hashlib

import msgspec


class Principal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """An authenticated caller. Part of the signed call, so a worker can trust it as far as the signature."""

    tenant: str = "default"
    """The company (`company_id`)."""
    subject: str
    """The user (`user_id`)."""
    roles: tuple[str, ...] = ()
    plan: str = "free"
    caller_id: str = ""
    """The client or key that acts for the user; the user itself where nothing else is known."""
    owner: bool = False
    """Whether this is the operator, who may call everything."""
    anonymous: bool = False
    """Whether nobody logged in, which only `TOOLMESH_AUTH=none` allows."""
    caller_name: str = ""
    """What the client calls itself: to be shown, never to be decided on."""
    caller_class: str = ""
    """The class of `caller-classes.yaml` that `caller_id` is of."""
    scopes: tuple[str, ...] | None = None
    """What the access token may be used for (`shared/scopes.py`); None where no token limits the caller."""


_shares: dict[tuple[str, str], str] = {}


def share_of(principal: Principal) -> str:
    """The name under which a principal's calls queue: 16 hex digits, safe inside a Redis key.

    Fairness and in-flight limits count per (tenant, subject), whichever key or client the subject uses.
    """
    who = (principal.tenant, principal.subject)
    share = _shares.get(who)
    if share is None:
        if len(_shares) >= 10_000:
            _shares.clear()
        share = hashlib.sha256(f"{len(who[0])}:{who[0]}:{who[1]}".encode()).hexdigest()[:16]
        _shares[who] = share
    return share
