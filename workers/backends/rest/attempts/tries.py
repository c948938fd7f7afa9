"""Whether and when a request is sent again (DADL 0.2, errors; the classes of calls: docs/guarantees.md)."""

import asyncio
import random

from shared.errors import MeshError, UpstreamTimeout, UpstreamUnreachable
from workers.backends.backend import Invocation
from workers.backends.rest.answer import Answer
from workers.backends.rest.attempts.refusal import failed_of
from workers.backends.rest.attempts.retry_after import wait_of
from workers.backends.rest.attempts.statuses import PASSING
from workers.backends.rest.dadl.failures import RETRIES_MAX, RetryStrategy
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.failed import Failed
from workers.egress.body import BrokenBody
from workers.egress.failures import BrokenConnection

TRIED_AGAIN = (UpstreamUnreachable, BrokenConnection, BrokenBody, UpstreamTimeout)
"""What may go better another time."""
_REFUSED = 429
"""Nothing was done: whoever asked may ask again, whatever it was."""
_SERVER_ERROR = 500
_JITTER = 0.2


class Tries:
    """Mutable: those of one request."""

    def __init__(self, tool: Tool, invocation: Invocation) -> None:
        self._errors = tool.errors
        self._strategy = tool.errors.retry_strategy if tool.errors is not None else None
        self._deadline = invocation.deadline
        self._keyed = tool.idempotency is not None
        self._redacts = bool(tool.response.redact)
        self._may_run_twice = invocation.access != "write"
        self._may_be_repeated = self._may_run_twice or tool.retry_unsafe
        self._retries = 0
        self._broken = False
        self._unsure: MeshError | None = None
        """Why it is not known what became of one of them."""
        self.renewed = False
        """Whether it was signed anew after a 401."""

    def pause_after(self, error: MeshError) -> float:
        """Seconds until it is sent again after there was no answer. Raises an error where it is not: what says most of the
        whole."""
        sent = not isinstance(error, UpstreamUnreachable)
        if sent:
            self._unsure = error
        if isinstance(error, BrokenConnection) and self._may_run_twice and not self._broken:
            self._broken = True  # a connection that was kept open, most likely: its end and the request crossed
            return 0.0
        pause = self._next_pause()
        if pause is None or (sent and not self._may_run_twice) or pause >= self.left_s():
            raise self._unsure or error
        self._retries += 1
        return pause

    def pause_after_answer(self, answer: Answer) -> float:
        """Seconds until it is sent again after an answer that is a failure. Raises Failed where it is not."""
        asked = wait_of(answer.headers, self._errors.rate_limit if self._errors is not None else None)
        pause = self._next_pause() if self._is_listed(answer.status) and self._may_be_repeated else None
        if pause is not None and asked is not None:
            pause = asked * random.uniform(1.0, 1.0 + _JITTER / 2)  # noqa: S311 (jitter, not a secret)
        if pause is None or pause >= self.left_s():
            if self._unsure is not None and self._keyed and answer.status >= _SERVER_ERROR:
                raise self._unsure  # this one failed; whether the one before did anything is what counts
            raise self._failed(answer, asked)
        self._retries += 1
        return pause

    @property
    def began(self) -> bool:
        """Whether it was sent before."""
        return self._retries > 0 or self._broken

    def left_s(self) -> float:
        """What is left of the call's time."""
        return self._deadline - asyncio.get_running_loop().time()

    def _failed(self, answer: Answer, asked_s: float | None) -> Failed:
        passing = self._is_listed(answer.status) or (answer.status in PASSING and not self._is_terminal(answer.status))
        retryable = passing and (self._may_be_repeated or answer.status == _REFUSED)
        after_s = asked_s if retryable else None
        return failed_of(answer, self._errors, retryable=retryable, retry_after_s=after_s, redacts=self._redacts)

    def _is_listed(self, status: int) -> bool:
        return self._errors is not None and status in self._errors.retry_on and not self._is_terminal(status)

    def _is_terminal(self, status: int) -> bool:
        return self._errors is not None and status in self._errors.terminal

    def _next_pause(self) -> float | None:
        """What the file wants before the next one; None where there is none left."""
        strategy = self._strategy
        if strategy is None or self._retries >= min(strategy.max_retries, RETRIES_MAX):
            return None
        return backoff_s(strategy, self._retries) * random.uniform(1.0 - _JITTER, 1.0 + _JITTER)  # noqa: S311 (jitter)


def backoff_s(strategy: RetryStrategy, retries: int) -> float:
    """Seconds before the next attempt, after so many retries."""
    if strategy.backoff == "fixed":
        return strategy.initial_delay
    if strategy.backoff == "linear":
        return strategy.initial_delay * (retries + 1)
    return float(strategy.initial_delay * 2**retries)
