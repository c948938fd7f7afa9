"""Every Redis key of REST backends: what their workers share, each group for itself."""


def rate_limit(group: str, backend: str) -> str:
    """There as long as the API of a backend wants no more requests; its life is what says until when.

    The `b-` keeps a backend that is called `dead` or `workers` from keys that end so.
    """
    return f"tm:{group}:rest-limit:b-{backend}"
