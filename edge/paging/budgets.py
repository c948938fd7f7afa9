"""How much of a result each client takes: known by name, without a limit for all that are not named."""

import sys

from edge.client_name import names_of
from edge.exchange import Exchange
from shared.result_budgets import parse_result_budgets
from shared.settings import Settings


class ResultBudgets:
    """Knows it for one edge."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError."""
        known = parse_result_budgets("TOOLMESH_RESULT_CHARS_MAX", settings.result_chars_max)
        # The longest first: it says the most of a client.
        self._limits = sorted(known.items(), key=lambda entry: -len(entry[0]))
        self.least = min((chars for chars in known.values() if chars), default=sys.maxsize)
        """The smallest of all. What has no more bytes than that has no more characters either, whoever asked for it."""

    def of(self, exchange: Exchange) -> int | None:
        """Characters of one result that the client of a request takes; None for no limit.

        Where its User-Agent and its name are of two clients that are known, the smaller one counts.
        """
        limits = (self._limit(name) for name in names_of(exchange) if name)
        return min((chars for chars in limits if chars), default=None)

    def _limit(self, name: str) -> int:
        return next((chars for beginning, chars in self._limits if name.startswith(beginning)), 0)
