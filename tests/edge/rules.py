"""Authorizers for tests of an edge's parts."""

from edge.authorize import Authorizer
from edge.shelf import Shelf
from shared.authorization import Authorization, Evaluator


class Offers:
    """What backends offer, as a test says."""

    def __init__(self, *shelves: Shelf) -> None:
        self.shelves = {shelf.backend: shelf for shelf in shelves}


def ruled(rules: Authorization | None = None, offers: "Offers | None" = None) -> Authorizer:
    """An authorizer by these rules; without any the owner may use everything and nobody else anything."""
    evaluator = Evaluator(rules or Authorization())
    return Authorizer(lambda: evaluator, offers or Offers())
